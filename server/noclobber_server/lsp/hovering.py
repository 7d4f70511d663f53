"""Who wrote the line under the cursor: when, in which turn, for what. Kept for as long as file and history stand still."""

from __future__ import annotations

import time

from noclobber import merge
from noclobber.errors import NoclobberError
from noclobber.guard import ConcurrencyGuard
from noclobber.records import AuthoredLine

from .documents import Document
from .state import as_bytes
from .view import normal
from .wording import ago, who

__all__ = ["LineAuthors", "line_on_disk"]


class LineAuthors:
    """Answers for the lines of open documents. Used by one thread at a time."""

    def __init__(self, agent_id: str) -> None:
        self._agent_id = agent_id
        self._held: tuple[tuple[str, str, int], list[AuthoredLine]] | None = None

    def of_line(self, document: Document, line: int) -> str | None:
        """Markdown for one line of the buffer, from 0; None where the history says nothing about it."""
        room, disk = document.room, document.disk
        if room is None or disk is None:
            return None
        on_disk = line_on_disk(normal(document.model.read()[0]), disk.shown, line)
        if on_disk is None:
            return "This line is not on disk: it is unsaved, or was changed there meanwhile."
        try:
            authored = self._authored(document, disk.hash)
        except NoclobberError:
            return None
        event = authored[on_disk].event if on_disk < len(authored) else None
        if event is None:
            return None
        text = f"**{who(event)}** wrote this line {ago(event.timestamp, time.time())} ({event.kind}, {event.timestamp})"
        return text + (f", event {event.seq}." if event.seq else ".")

    def _authored(self, document: Document, disk_hash: str) -> list[AuthoredLine]:
        assert document.room is not None
        key = document.file_path, disk_hash, document.room.workspace.store.last_seq()
        if self._held is None or self._held[0] != key:
            guard = ConcurrencyGuard(document.room.workspace, self._agent_id)
            self._held = key, guard.blame(document.file_path)
        return self._held[1]


def line_on_disk(buffer: str, disk: str, line: int) -> int | None:
    """Which line of the disk a line of the buffer is; None where it stands there no longer, or not yet."""
    if buffer == disk:
        return line
    mapped = merge.map_ranges([(line + 1, line + 1)], merge.changed_regions(as_bytes(buffer), as_bytes(disk)))
    return mapped[0][0] - 1 if mapped else None
