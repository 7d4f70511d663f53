"""Finding out what an opened text came from, so that no stale text is called fresh and no fresh one stale.

The disk, then what this editor had open before (a document closed a moment ago, a restarted server, a reopened window), then the
file's history; where none of them shows as this text, its base is unknown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from noclobber.content import hash_content
from noclobber.errors import NoclobberError
from noclobber.liveness import is_alive
from noclobber.records import Buffer
from noclobber.store.protocol import EventQuery

from .disk import refresh_disk
from .documents import Document, Version
from .rooms import Room
from .view import find_view, likely_view, normal

__all__ = ["ClosedTexts", "place", "take_up"]

_HISTORY = 40
_CLOSED = 64


class ClosedTexts:
    """What the texts that were closed unsaved had come from, the last few of them, found by the text alone.

    A client that changes a document's language, or the name of its file, closes it and opens it again with the same text.
    """

    def __init__(self) -> None:
        self._origins: OrderedDict[str, tuple[str, int]] = OrderedDict()

    def note(self, document: Document) -> None:
        """A document is being closed."""
        text = document.model.read()[0]
        if document.base_hash is None or (document.base is not None and normal(text) == document.base.shown):
            return
        self._origins[_hash_of(text)] = document.base_hash, document.seen_seq
        while len(self._origins) > _CLOSED:
            self._origins.popitem(last=False)

    def origin(self, text: str) -> tuple[str, int] | None:
        """(hash of the base, the event up to which it had seen) of the closed text that this one is."""
        return self._origins.get(_hash_of(text)) if self._origins else None


def place(document: Document, room: Room) -> bool:
    """Find the document's file in its workspace; false where it is none that can be guarded."""
    try:
        with room.workspace.locator.locate(document.path, missing_ok=True) as located:
            document.file_path = located.file_path
    except NoclobberError:
        return False
    document.room = room
    return True


def take_up(document: Document, text: str, agent_id: str, closed: ClosedTexts) -> list[Buffer]:
    """Set the document's disk, view and base; the rows of an earlier server that this document now stands for."""
    assert document.room is not None
    store = document.room.workspace.store
    rows = _former(document, agent_id)
    document.seen_seq = store.last_seq()
    refresh_disk(document)
    disk = document.disk
    if disk is not None:
        view = find_view(text, disk.content)
        document.view = view or likely_view(disk.content)
        document.disk = disk._replace(shown=document.view.shown(disk.content))
        if view is not None:
            document.base, document.base_hash = document.disk, disk.hash
            return rows
    for content_hash, seq in _candidates(document, text, rows, closed):
        content = disk.content if disk is not None and content_hash == disk.hash else store.content(content_hash)
        document.base_hash = content_hash
        document.seen_seq = seq
        if content is not None:
            document.base = Version(content, content_hash, document.view.shown(content))
        break
    return rows


def _former(document: Document, agent_id: str) -> list[Buffer]:
    """What this editor, or an earlier run of it, had of this file when its server ended; the newest first."""
    assert document.room is not None
    workspace = document.room.workspace
    if document.file_path in document.room.documents:
        return []  # open under another name: the row is of that document
    client = agent_id.rsplit(":", 1)[0]
    own_live = workspace.live().id
    found = [
        row
        for row in workspace.store.buffers(document.file_path)
        if row.agent_id.rsplit(":", 1)[0] == client
        and (row.agent_id == agent_id or (row.live_id != own_live and not is_alive(workspace.state, row.live_id)))
    ]
    return sorted(found, key=lambda row: (row.agent_id == agent_id, row.keystroke_at), reverse=True)


def _candidates(document: Document, text: str, rows: list[Buffer], closed: ClosedTexts) -> Iterator[tuple[str, int]]:
    """Versions the text may have come from, the likeliest first: (hash, the event up to which that version has seen)."""
    assert document.room is not None
    store = document.room.workspace.store
    just_closed = closed.origin(text)
    if just_closed is not None:
        yield just_closed
    events = store.events(EventQuery(file_path=document.file_path, limit=_HISTORY))
    seq_of = {event.after_hash: event.seq for event in events if event.after_hash is not None}
    for row in rows:
        if row.unsaved and row.base_hash is not None:
            yield row.base_hash, seq_of.get(row.base_hash, 0)
    plain = normal(text)
    for event in reversed(events):
        for content_hash in (event.after_hash, event.before_hash):
            content = store.content(content_hash) if content_hash is not None else None
            if content is not None and hash_content(content) == content_hash and _shows(document, content, plain):
                yield content_hash, seq_of.get(content_hash, event.seq - 1)


def _shows(document: Document, content: bytes, plain: str) -> bool:
    if document.view.shown(content) == plain:
        return True
    view = find_view(plain, content)
    if view is None:
        return False
    document.view = view
    return True


def _hash_of(text: str) -> str:
    return hash_content(normal(text).encode("utf-8", "surrogatepass"))
