"""One thread that does, in order, all that touches disk and store, so that the event loop only ever takes messages.

Jobs with a key are queued once while they wait; jobs may be put off. An idle worker sleeps without a timer. Knows
nothing of what the jobs do.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["Worker"]

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Job = Callable[[], object]


class Worker:
    """A queue and its thread. ``on_error`` is told of a job that failed; the next one is done all the same."""

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._on_error = on_error
        self._ready = threading.Condition()
        self._queue: deque[tuple[Hashable | None, Job]] = deque()
        self._waiting: set[Hashable] = set()
        self._later: list[tuple[float, int, Hashable]] = []
        self._deadline: dict[Hashable, tuple[float, Job]] = {}
        self._count = itertools.count()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="noclobber-worker", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Do it after what is queued; after ``close`` nothing is done any more."""
        self._put(None, job)

    def once(self, key: Hashable, job: Job) -> None:
        """Do it after what is queued, unless a job with this key waits already."""
        with self._ready:
            if key not in self._waiting and self._put(key, job):
                self._waiting.add(key)

    def later(self, key: Hashable, seconds: float, job: Job) -> None:
        """Do it in so many seconds, or when a job put off under this key would be done if that is sooner; not after ``close``."""
        due = time.monotonic() + seconds
        with self._ready:
            held = self._deadline.get(key)
            if self._closing or (held is not None and held[0] <= due):
                return
            self._deadline[key] = (due, job)
            heapq.heappush(self._later, (due, next(self._count), key))
            self._ready.notify()

    def forget(self, key: Hashable) -> None:
        """Drop what was put off under this key."""
        with self._ready:
            self._deadline.pop(key, None)

    def call(self, work: Callable[[], Result]) -> Future[Result]:
        """Do it after what is queued; a future of its result or its exception."""
        future: Future[Result] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
                future.set_exception(error)

        if not self._put(None, run):
            future.cancel()
        return future

    def close(self, seconds: float, last: Job | None = None) -> bool:
        """Finish what is queued and then ``last``, drop what was put off; false if that took longer than ``seconds``."""
        with self._ready:
            if last is not None:
                self._put(None, last)
            self._closing = True
            self._deadline.clear()
            self._ready.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _put(self, key: Hashable | None, job: Job) -> bool:
        """Queue it, unless this is the end: what comes after the last job would find everything let go of."""
        with self._ready:
            if not self._closing:
                self._queue.append((key, job))
                self._ready.notify()
            return not self._closing

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - one bad job must not end the server
                self._on_error(error)

    def _next(self) -> Job | None:
        with self._ready:
            while True:
                wait = self._take_due()
                if self._queue:
                    key, job = self._queue.popleft()
                    self._waiting.discard(key)
                    return job
                if self._closing:
                    return None
                self._ready.wait(wait)

    def _take_due(self) -> float | None:
        """Queue what is due; seconds until the next is, None if nothing is put off."""
        now = time.monotonic()
        while self._later:
            due, _, key = self._later[0]
            held = self._deadline.get(key)
            if held is None or held[0] != due:
                heapq.heappop(self._later)
                continue
            if due > now:
                return due - now
            heapq.heappop(self._later)
            del self._deadline[key]
            if key not in self._waiting:
                self._waiting.add(key)
                self._queue.append((key, held[1]))
        return None
