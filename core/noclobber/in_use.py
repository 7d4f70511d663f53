"""Counts the calls that are under way in a workspace, so that closing it in one thread pulls nothing from under another.

A descriptor that is closed while another thread is about to use it may by then name any other file.
"""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType

from .errors import WorkspaceError

__all__ = ["InUse"]

_PATIENCE_S = 10.0


class InUse:
    """``with in_use:`` around every call that works with descriptors. WorkspaceError once it has ended; may be nested."""

    def __init__(self, root: str) -> None:
        self.ended = False
        self._root = root
        self._changed = threading.Condition(threading.Lock())
        self._count = 0
        myself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(myself))

    def __enter__(self) -> None:
        with self._changed:
            if self.ended:
                raise WorkspaceError(f"The workspace {self._root} is closed; open it again.")
            self._count += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._changed:
            self._count = max(self._count - 1, 0)  # in a forked child the one who forked was not counted
            if self.ended:
                self._changed.notify_all()

    def end(self) -> bool:
        """Let nobody in any more, and wait for those inside, for ten seconds at most; false where it had ended before."""
        with self._changed:
            first, self.ended = not self.ended, True
            if first:
                self._changed.wait_for(lambda: not self._count, _PATIENCE_S)
            return first

    def forget_others(self) -> None:
        """In a forked child: the other threads' calls do not exist."""
        self._changed = threading.Condition(threading.Lock())
        self._count = 0


def _after_fork(reference: weakref.ref[InUse]) -> None:
    alive = reference()
    if alive is not None:
        alive.forget_others()
