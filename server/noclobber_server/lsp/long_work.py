"""Work that may take a while, as the person sees it: a bar where the editor has one, and a way to stop it.

What is over within half a second is not shown. The work counts from whatever thread it runs on; all that is said to the client is
said from the event loop. Knows nothing of what the work does.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from noclobber.errors import WorkCancelledError

if TYPE_CHECKING:
    from .calling import CommandCall
    from .server import NoclobberServer

__all__ = ["LongWork", "LongWorks", "Opening"]

_SHOWN_AFTER_S = 0.5
_BETWEEN_REPORTS_S = 0.1
_ANSWER_S = 10.0


class LongWorks:
    """The long work of one session. ``shows_progress``: the client takes bars that the server begins."""

    def __init__(self, server: NoclobberServer, shows_progress: Callable[[], bool]) -> None:
        self._server = server
        self._shows_progress = shows_progress
        self._running: set[LongWork] = set()
        self._is_ending = False

    def begin(self, title: str, call: CommandCall | None = None, *, can_stop: bool = True) -> LongWork:
        """From any thread: such work begins. ``call``: the command it is done for, whose client may have named a bar for it."""
        token = None if call is None else call.token
        work = LongWork(self._server, title, token, can_stop=can_stop, on_end=self._running.discard)
        self._running.add(work)
        if self._is_ending:
            work.cancel()
        if call is not None:
            call.when_withdrawn(work.cancel)
        if token is not None or self._shows_progress():
            self._server.in_loop(work.wait)
        return work

    def cancel_all(self) -> None:
        """The server ends: stop what can be stopped, and what is begun from now on."""
        self._is_ending = True
        for work in list(self._running):
            work.cancel()


class LongWork:
    """One piece of work; a context manager that ends it. ``work(done, total)`` counts, and raises ``WorkCancelledError`` once cancelled.

    Counting up to the total says that it cannot be stopped any more.
    """

    def __init__(
        self,
        server: NoclobberServer,
        title: str,
        token: int | str | None,
        *,
        can_stop: bool,
        on_end: Callable[[LongWork], None],
    ) -> None:
        self._server = server
        self._title = title
        self._token = token
        self._can_stop = can_stop
        self._on_end = on_end
        self._cancelled = threading.Event()
        self._percentage = 0
        self._stops_yet = can_stop
        self._reported_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_shown = False
        self._has_ended = False
        self._was_stopped = False

    def __call__(self, done: int, total: int) -> None:
        """From any thread: so much of it is done."""
        if self._can_stop and self._cancelled.is_set():
            self._was_stopped = True
            raise WorkCancelledError(f"{self._title}: stopped before anything was changed.")
        now = time.monotonic()
        if done >= total or now - self._reported_at >= _BETWEEN_REPORTS_S:
            self._reported_at = now
            percentage = 100 * done // total if total else 0
            self._server.in_loop(lambda: self._report(percentage, can_stop=self._can_stop and done < total))

    def __enter__(self) -> LongWork:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end("Stopped; nothing was changed." if self._was_stopped else None)

    def cancel(self) -> None:
        """From any thread: it is to stop, if it still can."""
        self._cancelled.set()

    def end(self, message: str | None = None) -> None:
        """From any thread: it is over; idempotent."""
        self._on_end(self)
        self._server.in_loop(lambda: self._end(message))

    # -- on the event loop --

    def wait(self) -> None:
        """Show it unless it is over soon."""
        self._timer = asyncio.get_running_loop().call_later(_SHOWN_AFTER_S, lambda: self._server.run_task(self._show()))

    async def _show(self) -> None:
        if self._token is None:
            token = str(uuid.uuid4())
            try:
                await asyncio.wait_for(self._server.work_done_progress.create_async(token), _ANSWER_S)
            except (JsonRpcException, TimeoutError):
                return  # the client does not want to show it
            self._token = token
            self._listen(token)
        if self._has_ended:
            self._forget()
            return
        self._is_shown = True
        begin = types.WorkDoneProgressBegin(self._title, cancellable=self._stops_yet, percentage=self._percentage)
        self._server.work_done_progress.begin(self._token, begin)

    def _report(self, percentage: int, *, can_stop: bool) -> None:
        self._percentage, self._stops_yet = max(percentage, self._percentage), can_stop
        if self._is_shown and not self._has_ended:
            report = types.WorkDoneProgressReport(cancellable=can_stop, percentage=self._percentage)
            assert self._token is not None
            self._server.work_done_progress.report(self._token, report)

    def _end(self, message: str | None) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._is_shown and self._token is not None:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd(message=message))
        self._forget()

    def _listen(self, token: int | str) -> None:
        """pygls cancels the token's future when the client cancels the bar."""
        future: Future[Any] = self._server.work_done_progress.tokens.setdefault(token, Future())
        future.add_done_callback(lambda _: self.cancel())

    def _forget(self) -> None:
        if self._token is not None:
            self._server.work_done_progress.tokens.pop(self._token, None)


class Opening:
    """Shows the opening of one workspace, and any later rebuilding of its history, which nobody can stop any more.

    A context manager around the opening; what core counts is told to it by calling it.
    """

    def __init__(self, works: LongWorks, root: str) -> None:
        self._works = works
        self._name = os.path.basename(root)
        self._work: LongWork | None = None
        self._is_open = False

    def __call__(self, done: int, total: int) -> None:
        """Part of a history is rebuilt."""
        if self._work is None:
            self._work = self._works.begin(f"Rebuilding the history of {self._name}", can_stop=False)
        self._work(done, total)
        if self._is_open and done >= total:
            self._end(None)

    def __enter__(self) -> Opening:
        self._work = self._works.begin(f"Opening the history of {self._name}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_open = error is None
        stopped = isinstance(error, WorkCancelledError)
        self._end("Stopped; nothing is guarded here until the server is started again." if stopped else None)

    def _end(self, message: str | None) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.end(message)
