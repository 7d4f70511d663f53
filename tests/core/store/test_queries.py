"""Whatever is asked of the history, an index answers: no filter walks the whole of it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from noclobber.records import Event
from noclobber.store import Batch, EventQuery, SqliteStore
from noclobber.store.queries import select

CHANGES: Any = ("write", "edit", "delete")
FILTERS: dict[str, Any] = {
    "file_path": "3.py",
    "agent_id": "agent1",
    "turn_id": "t7",
    "intent_id": "i1",
    "kinds": CHANGES,
    "outcomes": ("refused",),
    "after_hash": "h5",
}
COMBINATIONS = [dict(chosen) for size in (1, 2, 3) for chosen in itertools.combinations(FILTERS.items(), size)]


def some_event(number: int) -> Event:
    kind: Any = "write" if number % 5 == 0 else "read"
    outcome: Any = "refused" if number % 17 == 0 else "done"
    return Event(
        0, f"2026-05-09T10:{number // 60 % 60:02}:{number % 60:02}.000Z", kind, outcome, None, "", f"agent{number % 3}", f"t{number // 40}",
        f"i{number // 400}", f"{number % 25}.py", "3.py" if number % 50 == 7 else None, None, f"h{number % 97}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """A history that these tests only ask; made once for all of them."""
    store = SqliteStore(tmp_path_factory.mktemp("full") / "state")
    store.apply(Batch(events=[some_event(number) for number in range(2000)]))
    yield store
    store.close()


def plans(connection: sqlite3.Connection, query: EventQuery) -> list[str]:
    return [
        str(row[3])
        for statement, parameters in select(connection, query)
        for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]


@pytest.mark.parametrize("filters", COMBINATIONS, ids=lambda filters: "+".join(filters))
@pytest.mark.parametrize("more", [{"limit": 20}, {"limit": 20, "oldest": True}, {"since": "2026-05-09T10:20:00.000Z", "limit": 5}, {}])
def test_no_filter_scans_or_sorts(full: SqliteStore, filters: dict[str, Any], more: dict[str, Any]) -> None:
    with full.reading() as connection:
        steps = plans(connection, EventQuery(**filters, **more))
    assert steps
    for step in steps:
        assert step.startswith("SEARCH events USING INDEX"), steps


@pytest.mark.parametrize("filters", COMBINATIONS, ids=lambda filters: "+".join(filters))
def test_an_index_answers_the_same_as_looking_at_every_event(full: SqliteStore, filters: dict[str, Any]) -> None:
    def matches(event: Event) -> bool:
        return all(
            FILTERS["file_path"] in (event.file_path, event.to_path) if name == "file_path"
            else event.kind in value if name == "kinds"
            else event.outcome in value if name == "outcomes"
            else getattr(event, name) == value and (name != "after_hash" or event.kind != "read")
            for name, value in filters.items()
        )  # fmt: skip

    expected = [event.seq for event in full.events(EventQuery()) if matches(event)]
    assert [event.seq for event in full.events(EventQuery(**filters))] == expected
    assert [event.seq for event in full.events(EventQuery(**filters, limit=3))] == expected[-3:]
    assert [event.seq for event in full.events(EventQuery(**filters, limit=3, oldest=True))] == expected[:3]
    assert [event.seq for event in full.events(EventQuery(**filters, after_seq=500, before_seq=900))] == [
        seq for seq in expected if 500 < seq < 900
    ]


def test_a_bound_on_seq_or_time_alone_is_a_search_of_the_table(full: SqliteStore) -> None:
    with full.reading() as connection:
        for query in (EventQuery(after_seq=1990), EventQuery(before_seq=5, oldest=True), EventQuery(since="2026-05-09T10:33:00.000Z")):
            assert plans(connection, query) == [next(iter(plans(connection, query)))]
            assert plans(connection, query)[0].startswith("SEARCH events USING INTEGER PRIMARY KEY")


def test_whether_a_version_was_given_is_answered_by_an_index(full: SqliteStore) -> None:
    from noclobber.store import queries

    with full.reading() as connection:
        for statement in (queries._GIVEN_BY_FILE, queries._GIVEN_BY_MOVE):
            values = "abcd"[: statement.count("?")]
            steps = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", tuple(values))]
            searches = [step for step in steps if not step.startswith("SCALAR SUBQUERY")]
            assert searches
            for step in searches:
                assert step.startswith(("SEARCH events USING INDEX events_by_", "SEARCH events USING COVERING INDEX events_by_")), steps


def test_live_snapshots_of_a_writer_or_a_file_are_found_by_an_index(sqlite_store: SqliteStore) -> None:
    with sqlite_store.reading() as connection:
        for where in (
            "agent_id = 'a' ORDER BY file_path, agent_id",
            "file_path = 'a' ORDER BY file_path, agent_id",
            "file_path = 'a' AND agent_id = 'b'",
        ):
            steps = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM snapshots WHERE {where}")]
            assert len(steps) == 1
            assert steps[0].startswith("SEARCH snapshots USING")
