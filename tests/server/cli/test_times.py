from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from noclobber_server.cli.call import Usage
from noclobber_server.cli.times import duration, since

NOW = datetime(2026, 5, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("2h30m", 9000), ("1d", 86400), ("1W", 604800)])
def test_a_duration_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2h", "2026-05-09T10:00:00.000Z"),
        ("2026-05-09T07:35:25.042Z", "2026-05-09T07:35:25.042Z"),
        ("2026-05-09T07:35:25+02:00", "2026-05-09T05:35:25.000Z"),
    ],
)
def test_a_point_in_time_becomes_a_stamp_of_the_history(text: str, stamp: str) -> None:
    assert since(text, NOW) == stamp


@given(some.text(max_size=12))
def test_whatever_is_typed_gives_a_stamp_or_wrong_usage(text: str) -> None:
    with suppress(Usage):
        assert len(since(text, NOW)) == 24
