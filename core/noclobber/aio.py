"""The async face of the guard, for event loops: the same calls, each in a worker thread, so that no loop waits on a disk or a lock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

from .guard import ConcurrencyGuard, PathLike
from .workspace import Workspace

__all__ = ["AsyncConcurrencyGuard"]

P = ParamSpec("P")
T = TypeVar("T")


def _in_thread(method: Callable[Concatenate[ConcurrencyGuard, P], T]) -> Callable[Concatenate[AsyncConcurrencyGuard, P], Awaitable[T]]:
    async def call(own: AsyncConcurrencyGuard, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(lambda: method(own.guard, *args, **kwargs))

    call.__name__, call.__doc__ = method.__name__, method.__doc__
    return call


class AsyncConcurrencyGuard:
    """``ConcurrencyGuard`` for coroutines, around one of its kind. An async context manager: leaving it closes the workspace.

    The workspace is opened in a worker thread as well, by ``async with`` or the first call; errors of opening are raised there.
    """

    def __init__(
        self,
        workspace: PathLike | Workspace | ConcurrencyGuard,
        agent_id: str | None = None,
        *,
        turn_id: str | None = None,
        intent_id: str | None = None,
    ) -> None:
        self._opening = threading.Lock()
        self._guard: ConcurrencyGuard | None = None
        if isinstance(workspace, ConcurrencyGuard):
            self._guard = workspace
        else:
            self._open = partial(ConcurrencyGuard, workspace, agent_id, turn_id=turn_id, intent_id=intent_id)

    @property
    def guard(self) -> ConcurrencyGuard:
        """The guard that does the work, opened here if it is not open yet."""
        with self._opening:
            if self._guard is None:
                self._guard = self._open()
            return self._guard

    def as_writer(self, agent_id: str, *, turn_id: str | None = None, intent_id: str | None = None) -> AsyncConcurrencyGuard:
        """The same workspace seen by another writer."""
        return AsyncConcurrencyGuard(self.guard.as_writer(agent_id, turn_id=turn_id, intent_id=intent_id))

    async def __aenter__(self) -> AsyncConcurrencyGuard:
        await asyncio.to_thread(lambda: self.guard)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    hash_content = staticmethod(ConcurrencyGuard.hash_content)
    close = _in_thread(ConcurrencyGuard.close)
    record_snapshot = _in_thread(ConcurrencyGuard.record_snapshot)
    verify_before_write = _in_thread(ConcurrencyGuard.verify_before_write)
    read = _in_thread(ConcurrencyGuard.read)
    get_snapshot = _in_thread(ConcurrencyGuard.get_snapshot)
    get_all_snapshots = _in_thread(ConcurrencyGuard.get_all_snapshots)
    get_snapshots_by_turn = _in_thread(ConcurrencyGuard.get_snapshots_by_turn)
    get_snapshots_by_intent = _in_thread(ConcurrencyGuard.get_snapshots_by_intent)
    get_snapshots_by_file = _in_thread(ConcurrencyGuard.get_snapshots_by_file)
    clear_snapshot = _in_thread(ConcurrencyGuard.clear_snapshot)
    clear_all_snapshots = _in_thread(ConcurrencyGuard.clear_all_snapshots)
    status = _in_thread(ConcurrencyGuard.status)
    write = _in_thread(ConcurrencyGuard.write)
    edit = _in_thread(ConcurrencyGuard.edit)
    write_many = _in_thread(ConcurrencyGuard.write_many)
    delete = _in_thread(ConcurrencyGuard.delete)
    move = _in_thread(ConcurrencyGuard.move)
    restore = _in_thread(ConcurrencyGuard.restore)
    revert = _in_thread(ConcurrencyGuard.revert)
    check_write = _in_thread(ConcurrencyGuard.check_write)
    check_edit = _in_thread(ConcurrencyGuard.check_edit)
    record_change = _in_thread(ConcurrencyGuard.record_change)
    record = _in_thread(ConcurrencyGuard.record)
    keep = _in_thread(ConcurrencyGuard.keep)
    lease = _in_thread(ConcurrencyGuard.lease)
    release = _in_thread(ConcurrencyGuard.release)
    events = _in_thread(ConcurrencyGuard.events)
    content = _in_thread(ConcurrencyGuard.content)
    blame = _in_thread(ConcurrencyGuard.blame)
    why = _in_thread(ConcurrencyGuard.why)
