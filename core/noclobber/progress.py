"""How work that may take a while says how far it has come, and how whoever waits for it stops it.

A plain callable handed down to the work; nothing here knows of windows, bars or threads.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "unwatched"]

Progress = Callable[[int, int], None]
"""Called now and then with (done, total), in whatever unit the work counts. It may raise ``WorkCancelledError``: then nothing of the
work stands. Work that can no longer be taken back does not call it any more."""


def unwatched(_done: int, _total: int) -> None:
    """Nobody waits for it."""
