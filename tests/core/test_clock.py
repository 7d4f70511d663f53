from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from noclobber.clock import boot_id, format_utc, monotonic_ns, parse_utc


def test_the_time_is_utc_with_milliseconds_whatever_the_zone() -> None:
    script = "from noclobber.clock import utc_now; print(utc_now())"
    before = time.time()
    said = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "TZ": "Asia/Tokyo"}, capture_output=True, text=True, check=True
    )
    assert before - 0.001 <= parse_utc(said.stdout.strip()) <= time.time()
    assert len(said.stdout.strip()) == 24
    assert said.stdout.strip().endswith("Z")


@pytest.mark.parametrize("seconds", [0.0, 1.0, 951_782_400.25, 1_778_312_125.042, 1_800_000_000.999])
def test_a_time_survives_being_written_and_read(seconds: float) -> None:
    assert parse_utc(format_utc(seconds)) == pytest.approx(seconds, abs=0.001)


def test_order_of_text_is_order_of_time() -> None:
    moments = [0, 9.5, 999_999_999.9, 1_000_000_000, 1_778_312_125.001, 1_778_312_125.01, 1_778_312_125.1]
    assert sorted(map(format_utc, moments)) == [format_utc(moment) for moment in moments]


def test_a_time_without_a_zone_is_utc_and_other_zones_are_understood() -> None:
    assert parse_utc("2026-05-09T07:35:25") == parse_utc("2026-05-09T07:35:25Z") == parse_utc("2026-05-09T09:35:25+02:00")
    assert parse_utc("2026-05-09") == parse_utc("2026-05-09T00:00:00.000Z")


def test_what_is_no_time_is_named_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"not a time: 'yesterday'; write it like 2026-"):
        parse_utc("yesterday")


def test_monotonic_time_grows_and_is_the_same_clock_in_another_process() -> None:
    before = monotonic_ns()
    said = subprocess.run(
        [sys.executable, "-c", "from noclobber.clock import monotonic_ns, boot_id; print(monotonic_ns(), boot_id())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs, boot = said.stdout.split()
    assert before < int(theirs) < monotonic_ns()
    assert boot == boot_id()
