"""What the store is told of buffers: that one is unsaved at the first keystroke, and at most a second later what is in it.

One row for each open file, with contents only where they may be kept; an unsaved text that nothing else refers to
is dropped from the store as soon as a newer one takes its place. Where a client has a file open under two names, the row is that of
the document with unsaved text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from noclobber.clock import boot_id, format_utc, monotonic_ns, utc_now
from noclobber.content import hash_content
from noclobber.records import Buffer, Event, EventKind, Outcome, Snapshot
from noclobber.store.protocol import Batch

from .documents import Document
from .state import Assessment, unsaved_lines
from .view import normal

__all__ = ["GIVEN_UP", "Reporter"]

GIVEN_UP = "unsaved_text"
"""In the ``detail`` of a ``close``: the hash of the unsaved text that the person gave up."""

_INTERVAL_S = 1.0
_LARGE = 2_000_000  # characters; a larger text is stored less often, in proportion


class Reporter:
    """Writes the buffers of one client into the stores. Used by the worker's thread only."""

    def __init__(self, agent_id: Callable[[], str], process_id: Callable[[], int | None]) -> None:
        self._agent_id = agent_id
        self._process_id = process_id

    def due_in(self, document: Document) -> float:
        """Seconds until an unsaved text may be stored again."""
        interval = _INTERVAL_S * max(1.0, len(document.base.shown) / _LARGE if document.base else 1.0)
        return max(interval - (time.monotonic() - document.row_at), 0.0)

    def opened(self, document: Document, text: str, replaces: list[Buffer]) -> None:
        """A document was opened with this text: its row, the editor's snapshot, and the bytes it came from.

        What an editor that died had not saved, and this one does not show, is put on record, so that it can be restored.
        """
        shown = hash_content(self._written(document, text))
        standing = None if document.disk is None else document.disk.hash
        events = [
            self._event(document, "close", before=standing, detail={GIVEN_UP: row.text_hash})._replace(agent_id=row.agent_id)
            for row in replaces
            if row.unsaved and row.text_hash not in (None, shown, standing, row.base_hash)
        ]
        events.append(self._event(document, "open", after=document.base_hash))
        closed = [(row.agent_id, row.file_path) for row in replaces if row.agent_id != self._agent_id()]
        self._apply(document, self._clean_row(document), events=events, closed=closed)

    def base_moved(self, document: Document) -> None:
        """The buffer now comes from another version: the editor's snapshot follows, and the row with the next report."""
        document.row = None

    def report(self, document: Document, found: Assessment, text: str, version: int) -> float | None:
        """Tell the store what changed about the buffer, if anything did; in how many seconds to ask again, where it was too early."""
        row = document.row
        if not found.unsaved:
            if row is None or row.unsaved or row.base_hash != document.base_hash:
                self._apply(document, self._clean_row(document))
            return None
        if row is not None and row.unsaved:
            if row.base_hash == document.base_hash and document.row_version == version:
                return None
            if (wait := self.due_in(document)) > 0:
                return wait
        if (wait := self._an_agents_for(document)) > 0:
            return min(wait, _INTERVAL_S)
        self._unsaved(document, text, version)
        return None

    def flush(self, document: Document) -> None:
        """Store what is unsaved now, whenever it was last stored."""
        assessment = document.assessment
        if assessment is not None and assessment.unsaved and document.room is not None:
            self._unsaved(document, *document.model.read())

    def saved(self, document: Document, before: str | None, outcome: Outcome, detail: dict[str, object] | None) -> int:
        """A save: the event, the snapshot, the row. Its sequence number."""
        event = self._event(document, "save", before=before, after=document.base_hash, outcome=outcome, detail=detail)
        self._apply(document, self._clean_row(document), events=(event,))
        assert document.room is not None
        return document.room.workspace.store.last_seq()

    def closed(self, document: Document, *, keep_unsaved: bool) -> None:
        """A document was closed, or the server ends (``keep_unsaved``): then the claim stays for as long as its editor lives."""
        if document.room is None or (keep_unsaved and document.row is not None and document.row.unsaved):
            return
        siblings = _siblings(document)
        names = [] if siblings else [(self._agent_id(), document.file_path)]
        batch = Batch(events=(self._event(document, "close"),), forget=names, closed=names, outdated=self._outdated(document, None))
        document.room.workspace.store.apply(batch)
        document.own_text = None
        for sibling in siblings:
            sibling.row = None  # the row may have been this document's

    def given_up(self, document: Document, text: str) -> None:
        """The person's text gives way to the disk's version: kept, and on record, so that it can be restored."""
        if document.room is None or document.disk is None or normal(text) == document.disk.shown:
            return
        workspace = document.room.workspace
        content = self._written(document, text)
        text_hash = hash_content(content)
        event = self._event(document, "close", before=document.disk.hash, detail={GIVEN_UP: text_hash})
        workspace.store.apply(Batch(events=(event,), contents=workspace.keepable(document.file_path, [(text_hash, content)])))

    def _written(self, document: Document, text: str) -> bytes:
        """The bytes that saving this text would write."""
        like = document.base or document.disk
        return document.view.written(text, like.content if like else b"")

    def _unsaved(self, document: Document, text: str, version: int) -> None:
        assert document.room is not None
        base, store = document.base, document.room.workspace.store
        lines = None if base is None else unsaved_lines(base.shown, normal(text))
        content = self._written(document, text)
        text_hash = hash_content(content)
        kept = document.room.workspace.keepable(document.file_path, [(text_hash, content)])
        row = self._row(document, text_hash if kept else None, unsaved=True)._replace(lines=lines)
        newest = store.last_seq()  # before the look: who keeps the same text in between is on record after it
        own = (text_hash, newest) if kept and store.content(text_hash) is None else None
        self._apply(document, row, contents=kept, text_hash=text_hash)
        document.own_text = own or document.own_text
        document.row_version = version

    def _outdated(self, document: Document, text_hash: str | None) -> list[tuple[str, str, int]]:
        """The unsaved text of a second ago, which nothing needs any more unless it has come to be something else as well."""
        own = document.own_text
        standing = None if document.disk is None else document.disk.hash
        return [] if own is None or own[0] in (text_hash, standing) else [(document.file_path, *own)]

    def _apply(
        self,
        document: Document,
        row: Buffer,
        *,
        events: Sequence[Event] = (),
        contents: list[tuple[str, bytes]] | None = None,
        closed: list[tuple[str, str]] | None = None,
        text_hash: str | None = None,
    ) -> None:
        assert document.room is not None
        workspace = document.room.workspace
        base = document.base
        snapshots: list[Snapshot] = []
        kept = list(contents or ())
        if base is not None and (document.row is None or document.row.base_hash != base.hash):
            signature = document.read.signature if document.read and document.disk and document.disk.hash == base.hash else None
            snapshots = [Snapshot(document.file_path, base.hash, None, None, utc_now(), row.agent_id, None, signature, document.seen_seq)]
            kept += workspace.keepable(document.file_path, [(base.hash, base.content)])
        outdated = self._outdated(document, text_hash)
        claimed = not row.unsaved and any(sibling.row is not None and sibling.row.unsaved for sibling in _siblings(document))
        buffers = () if claimed else (row,)
        batch = Batch(events=events, snapshots=snapshots, contents=kept, buffers=buffers, closed=closed or (), outdated=outdated)
        workspace.store.apply(batch)
        document.row, document.row_at = row, time.monotonic()
        document.own_text = None if outdated else document.own_text

    def _clean_row(self, document: Document) -> Buffer:
        return self._row(document, document.base_hash, unsaved=document.base_hash is None)

    def _row(self, document: Document, text_hash: str | None, *, unsaved: bool) -> Buffer:
        assert document.room is not None
        typed = format_utc(document.typed_at) if document.typed_at else utc_now()
        live = document.room.workspace.live({"agent_id": self._agent_id()}).id
        return Buffer(document.file_path, self._agent_id(), document.base_hash, text_hash, unsaved, None, typed, live, self._process_id())

    def _an_agents_for(self, document: Document) -> float:
        """For how many seconds an agent's hook may say that these edits, made through the editor, are the agent's: it holds the path."""
        assert document.room is not None
        now = monotonic_ns()
        lease = document.room.workspace.store.lease(document.file_path, boot_id(), now)
        return 0.0 if lease is None or lease.agent_id.startswith("editor:") else (lease.expires_ns - now) / 1e9

    def _event(
        self,
        document: Document,
        kind: EventKind,
        *,
        before: str | None = None,
        after: str | None = None,
        outcome: Outcome = "done",
        detail: dict[str, object] | None = None,
    ) -> Event:
        assert document.room is not None
        epoch = document.room.workspace.store.epoch
        path = document.file_path
        return Event(0, utc_now(), kind, outcome, None, epoch, self._agent_id(), None, None, path, None, before, after, detail)


def _siblings(document: Document) -> list[Document]:
    """The other documents that are the same file, opened under another name."""
    room = document.room
    return [] if room is None else [other for other in room.documents.get(document.file_path, ()) if other is not document]
