"""What stands on disk at a document's path, read only where it may have changed, and who is known to have put it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noclobber.clock import format_utc, utc_now
from noclobber.content import StableRead, hash_content, same_signature
from noclobber.errors import FileAccessError, PathError, Refused
from noclobber.records import Event
from noclobber.situation import CHANGING, EFFECTIVE, OUTSIDE, hash_after, look
from noclobber.store.protocol import EventQuery

from .documents import Document, Version
from .view import find_view

__all__ = ["authors_of", "changes_since", "is_explained", "newest", "refresh_disk", "revise_view"]

_MOST_UNSEEN = 100
_UNSEEN_BYTES = 8_000_000


def refresh_disk(document: Document) -> bool:
    """Read the file again if it may have changed; whether it has. A file that cannot be read counts as it was."""
    assert document.room is not None
    locator = document.room.workspace.locator
    try:
        with locator.locate(document.file_path, missing_ok=True) as located:
            known = document.read
            if known is not None and located.stat is not None and same_signature(known.signature, located.stat):
                return False
            read = look(located)
    except (PathError, Refused):
        read = None  # something else than a file stands there now
    except FileAccessError:
        return False
    return _take(document, read)


def _take(document: Document, read: StableRead | None) -> bool:
    before = document.disk
    document.read = read
    if read is None:
        document.disk = None
        return before is not None
    content_hash = hash_content(read.content)
    if before is not None and before.hash == content_hash:
        return False
    base = document.base
    if base is not None and base.hash == content_hash:
        document.disk = base
    else:
        document.disk = Version(read.content, content_hash, document.view.shown(read.content))
    return True


def revise_view(document: Document, plain: str) -> None:
    """Find the encoding anew where the editor was told to read, or to write, the file in another one than it was opened with."""
    disk = document.disk
    if disk is None or not _is_read_otherwise(plain, disk.shown):
        return
    view = find_view(plain, disk.content)
    if view is not None:
        document.view = view
        document.disk = disk._replace(shown=view.shown(disk.content))
        if document.base is not None and document.base.hash == disk.hash:
            document.base = document.disk


def _is_read_otherwise(plain: str, shown: str) -> bool:
    """Whether two texts may be the same bytes in two encodings: all lines beyond ASCII differ then, and no others. One edit does less."""
    if plain == shown or (shown.isascii() and "\0" not in shown):
        return False
    lines, others = plain.split("\n"), shown.split("\n")
    return len(lines) == len(others) and all(
        (line != other) == (not other.isascii() or "\0" in other) for line, other in zip(lines, others, strict=True)
    )


def newest(versions: Sequence[Version]) -> list[Version]:
    """Those of the versions of a file, oldest first, that are held in memory: a save replaces the last of them, and the
    store has the others where they may be kept."""
    held: list[Version] = []
    size = 0
    for version in reversed(versions[-_MOST_UNSEEN:]):
        size += len(version.content)
        if held and size > _UNSEEN_BYTES:
            break
        held.insert(0, version)
    return held


def changes_since(document: Document, seq: int, *, but: str | None = None) -> list[Event]:
    """What the history has on the file after ``seq``, less what one writer did."""
    assert document.room is not None
    query = EventQuery(file_path=document.file_path, kinds=CHANGING, outcomes=EFFECTIVE, after_seq=seq)
    return [event for event in document.room.workspace.store.events(query) if event.agent_id != but]


def authors_of(document: Document, agent_id: str) -> tuple[Event, ...]:
    """The changes by which the disk came to be what it is since the base; the last one is an ``outside`` one where nobody is known.

    A guarded change is known from its intention before its outcome is on record.
    """
    assert document.room is not None
    store = document.room.workspace.store
    found = changes_since(document, document.seen_seq, but=agent_id)
    disk_hash = None if document.disk is None else document.disk.hash
    if found and hash_after(found[-1], document.file_path) == disk_hash:
        return tuple(found)
    for row in store.pending(document.file_path):
        if row.placing == disk_hash:
            intended = _intended(row.outcome)
            if intended is not None:
                return (*found, intended)
    by_git = _git_operation(document, disk_hash)
    if by_git is not None:
        return (*found, by_git)
    moment = _modified(document)
    nobody = Event(0, moment, "outside", "done", None, store.epoch, OUTSIDE, None, None, document.file_path, None, None, disk_hash)
    return (*found, nobody)


def is_explained(authors: Sequence[Event]) -> bool:
    """Whether somebody is known to have put there what stands on disk."""
    return not authors or authors[-1].seq > 0 or authors[-1].agent_id != OUTSIDE


def _git_operation(document: Document, disk_hash: str | None) -> Event | None:
    """The git operation that left the file as it is: one event for all its files, so not found by the file's name."""
    assert document.room is not None
    query = EventQuery(kinds=("git",), after_seq=document.seen_seq, limit=20)
    for event in reversed(document.room.workspace.store.events(query)):
        changes: dict[str, Sequence[str | None]] = (event.detail or {}).get("changes", {})
        hashes = changes.get(document.file_path)
        if hashes is not None and hashes[1] == disk_hash:
            by_git: Event = event._replace(after_hash=disk_hash)
            return by_git
    return None


def _intended(outcome: dict[str, Any]) -> Event | None:
    """The event that is to be, from a pending change."""
    events: list[Event] = [Event(*fields) for fields in outcome.get("events", ())]
    return events[-1] if events else None


def _modified(document: Document) -> str:
    return utc_now() if document.read is None else format_utc(document.read.stat.st_mtime)
