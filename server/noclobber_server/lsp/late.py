"""What was written late, into a file that a guarded change had replaced while it was still open for writing.

Such a file lies in ``kept`` until nobody writes into it any more; then what it says is kept, put on record, and told.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from noclobber.records import Event
from noclobber.recovery import settle_late
from noclobber.situation import CHANGING, EFFECTIVE, OUTSIDE
from noclobber.store.protocol import EventQuery

from .documents import Version
from .saving import Overwritten

if TYPE_CHECKING:
    from noclobber.workspace import Workspace

    from .documents import Document
    from .rooms import Room
    from .worker import Worker

__all__ = ["LateWriters", "kept_folder", "replacing"]

# The system tells that a writer has closed a file a moment before it counts as closed; and whoever put the file aside holds its lock
# for a moment longer.
_CLOSED_S = (0.05, 0.5)
_MOST = 200


class LateWriters:
    """``on_late`` is told once of each late version of an open document. Used by the worker's thread only, except ``stirred``."""

    def __init__(self, worker: Worker, on_late: Callable[[Overwritten], None]) -> None:
        self._worker = worker
        self._on_late = on_late

    def stirred(self, room: Room) -> None:
        """From any thread: a displaced file was put aside, written to or closed."""
        self._worker.once(("late", room), lambda: self.settle(room))
        for wait in _CLOSED_S:
            self._worker.later(("late", room, wait), wait, lambda: self.settle(room))

    def settle(self, room: Room) -> None:
        """Put on record what nobody writes any more; the rest waits for the next time."""
        if room.is_closed:
            return
        try:
            settle_late(room.workspace)
        except FileNotFoundError:
            return  # the state was removed meanwhile, and with it what lay there

    def recorded(self, room: Room, events: list[Event]) -> None:
        """Tell of what was put on record, by this server or by whoever else found it."""
        for event in events:
            if event.kind == "late" and event.agent_id == OUTSIDE and event.file_path is not None:
                for document in room.documents.get(event.file_path, ()):
                    self._tell(room, document, event)

    def _tell(self, room: Room, document: Document, event: Event) -> None:
        version = _version(room, document, event.after_hash)
        if version is not None:
            base = _version(room, document, event.before_hash)
            self._on_late(Overwritten(document, version, base, tuple(replacing(room.workspace, event)), late=True))


def replacing(workspace: Workspace, event: Event) -> list[Event]:
    """The change that had replaced what the late writer was writing into; none where it is not on record."""
    query = EventQuery(file_path=event.file_path, kinds=CHANGING, outcomes=EFFECTIVE, limit=_MOST)
    found = [one for one in workspace.store.events(query) if one.before_hash == event.before_hash and one.seq < event.seq]
    return found[-1:]


def kept_folder(room: Room) -> str:
    """Where displaced files with a late writer are put aside."""
    return os.path.join(room.workspace.state, "kept")


def _version(room: Room, document: Document, content_hash: str | None) -> Version | None:
    content = None if content_hash is None else room.workspace.store.content(content_hash)
    return None if content is None or content_hash is None else Version(content, content_hash, document.view.shown(content))
