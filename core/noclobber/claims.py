"""How long ago a person last typed, whatever somebody has done to the wall clock since.

A keystroke is stamped with wall-clock time only. What both clocks showed when its server began is in the server's ``live``
file: where they have moved against each other since, the clock was set, and the stamp may be from before it or after it.
"""

from __future__ import annotations

import os

from .clock import boot_id, monotonic_ns, parse_utc, wall_seconds
from .liveness import clocks_at_start
from .records import Buffer

__all__ = ["idle_seconds"]

_DRIFT_S = 2.0  # what the system corrects by itself, and what rounding makes of it


def idle_seconds(state_dir: str | os.PathLike[str], buffer: Buffer) -> float:
    """Seconds since the last keystroke in a buffer; the shortest that can be, so that a claim never lapses before its time.

    Set back by an hour, the clock would hold a claim for an hour too long; set on, it would end it at once.
    """
    by_wall = wall_seconds() - parse_utc(buffer.keystroke_at)
    start = clocks_at_start(state_dir, buffer.live_id)
    if start is None or start.boot_id != boot_id():
        return abs(by_wall)  # of a server long gone nothing is known: a stamp from the future is an old one
    now = monotonic_ns() / 1e9
    lived, set_by = now - start.monotonic, (wall_seconds() - now) - (start.wall - start.monotonic)
    if abs(set_by) < _DRIFT_S:
        return max(by_wall, 0.0)
    possible = [max(age, 0.0) for age in (by_wall, by_wall - set_by) if -_DRIFT_S <= age <= lived + _DRIFT_S]
    return min(possible, default=lived)
