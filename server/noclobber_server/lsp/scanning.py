"""The first scan: files that agents hold, in folders only now watched, compared with what is known of them.

A few at a time, so that the documents a person has open are looked at in between.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from noclobber.errors import WorkCancelledError

if TYPE_CHECKING:
    from .long_work import LongWork, LongWorks
    from .outside import OutsideChanges
    from .rooms import Room
    from .worker import Worker

__all__ = ["Scan"]

_AT_A_TIME_S = 0.02


class Scan:
    """Used by the worker's thread only."""

    def __init__(self, worker: Worker, outside: OutsideChanges, works: LongWorks) -> None:
        self._worker = worker
        self._outside = outside
        self._works = works
        self._waiting: deque[tuple[Room, str]] = deque()
        self._done = 0
        self._work: LongWork | None = None

    def add(self, room: Room, file_paths: Iterable[str]) -> None:
        """Compare these files too. Stopped before its turn has come, a file is looked at when it next stirs or is read or written."""
        self._waiting.extend((room, file_path) for file_path in file_paths)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            self._work = self._work or self._works.begin("Comparing what agents have read with the files")
            self._worker.once(self, self._look_at_some)
        elif self._work is not None:
            self._work.end()
            self._work, self._done = None, 0

    def _look_at_some(self) -> None:
        until = time.monotonic() + _AT_A_TIME_S
        try:
            while self._waiting and time.monotonic() < until:
                room, file_path = self._waiting.popleft()
                self._done += 1
                self._outside.stirred(room, file_path)
            if self._work is not None:
                self._work(self._done, self._done + len(self._waiting))
        except WorkCancelledError:
            self._waiting.clear()
        finally:
            self._go_on()
