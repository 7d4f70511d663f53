"""The only place where noclobber looks at a clock.

Wall-clock time is for people and for retention; it may be set back, so nothing that must be right
depends on it. What must be right over seconds (leases) uses ``monotonic_ns`` together with ``boot_id``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache, lru_cache

__all__ = ["boot_id", "format_utc", "monotonic_ns", "parse_utc", "utc_now", "wall_seconds"]

_BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id"
# BOOTTIME goes on while the machine sleeps: a lease of ten seconds must not outlive a night.
_MONOTONIC_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def utc_now() -> str:
    """The time, as ``2026-05-09T07:35:25.042Z``: always 24 characters, so that order of text is order of time."""
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03}Z"


@lru_cache(maxsize=2)  # every event wants it: 0.6 µs instead of 1.8
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def format_utc(seconds: float) -> str:
    """Seconds since 1970 in the form of ``utc_now``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def parse_utc(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time; one without a zone is UTC. ValueError says what was wrong with it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"not a time: {text!r}; write it like 2026-05-09T07:35:25.042Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def wall_seconds() -> float:
    """Seconds since 1970 as the wall clock shows them now; somebody may have set it a moment ago."""
    return time.time()


def monotonic_ns() -> int:
    """Nanoseconds that only grow while this boot lasts, the same for all processes of the machine."""
    return time.clock_gettime_ns(_MONOTONIC_CLOCK)


@cache  # no process outlives its boot
def boot_id() -> str:
    """Names this boot of the machine: monotonic times of different boots must not be compared."""
    try:
        with open(_BOOT_ID_FILE, encoding="ascii") as source:
            return source.read().strip()
    except OSError:
        # No Linux: the moment of the boot, to the minute, since both clocks drift against each other.
        return f"boot-{round((time.time() - monotonic_ns() / 1e9) / 60)}"
