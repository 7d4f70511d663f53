"""Keeps what comes to stand on disk as soon as it is seen there, on a thread of its own.

The worker may be held up by a lock or a merge for longer than a version stands; whoever overwrites it next keeps nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from noclobber.content import hash_content
from noclobber.errors import NoclobberError
from noclobber.situation import look
from noclobber.store.protocol import Batch

from .worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from .rooms import Room

__all__ = ["Keeper"]


class Keeper:
    """May be told from any thread that a file may have changed."""

    def __init__(self, on_error: Callable[[Exception], None]) -> None:
        self._worker = Worker(on_error)

    def stirred(self, room: Room, file_path: str) -> None:
        """Keep what stands there, if it is not kept already."""
        self._worker.once((room.root, file_path), lambda: _keep(room, file_path))

    def close(self, seconds: float) -> None:
        """Finish what is queued."""
        self._worker.close(seconds)


def _keep(room: Room, file_path: str) -> None:
    workspace = room.workspace
    if room.is_closed or workspace.secrecy.never_kept(file_path):
        return
    try:
        with workspace.locator.locate(file_path, missing_ok=True) as located:
            found = look(located)
    except NoclobberError:
        return
    if found is not None:
        content_hash = hash_content(found.content)
        if workspace.store.content(content_hash) is None:
            workspace.store.apply(Batch(contents=[(content_hash, found.content)]))
