"""Saves: merged before they happen where that can be, put on record, and what they overwrote unseen kept and told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from noclobber.content import hash_content
from noclobber.merge import is_mergeable_name
from noclobber.records import Event
from noclobber.situation import hash_after

from .disk import changes_since, refresh_disk
from .documents import Document, Version
from .merging import Edit, edits_to, merged_text
from .view import normal

if TYPE_CHECKING:
    from .outside import OutsideChanges
    from .reporting import Reporter
    from .tracking import Tracker

__all__ = ["Overwritten", "Saving"]


class Overwritten(NamedTuple):
    """A version that a save replaced and the buffer had not seen, with what the buffer came from and who wrote it."""

    document: Document
    version: Version
    base: Version | None
    authors: tuple[Event, ...]


class Saving:
    """``on_overwritten`` is told once of each version that a save replaced unseen. Used by the worker's thread only."""

    def __init__(
        self,
        tracker: Tracker,
        reporter: Reporter,
        outside: OutsideChanges,
        agent_id: Callable[[], str],
        on_overwritten: Callable[[Overwritten], None],
    ) -> None:
        self._tracker = tracker
        self._reporter = reporter
        self._outside = outside
        self._agent_id = agent_id
        self._on_overwritten = on_overwritten

    def before_save(self, document: Document) -> list[Edit]:
        """The edits that merge the disk's changes into the buffer before it is saved by hand; none where nothing can be merged."""
        found = self._tracker.look(document)
        base, disk = document.base, document.disk
        if found is None or found.state != "mergeable" or base is None or disk is None:
            return []
        text, version = document.model.read()
        merged = merged_text(base.shown, normal(text), disk.shown)
        if merged.text is None or version != document.model.version:
            return []
        return edits_to(document.model, text, merged.text)

    def saved(self, document: Document, text: str) -> None:
        """The editor says that it has written this text."""
        if document.closed or document.room is None:
            return
        base, seen_seq = document.base, document.seen_seq
        on_disk_before = document.disk
        changed = refresh_disk(document)
        disk = document.disk
        written = self._written(document, text)
        if disk is not None and disk.hash == written.hash:
            self._outside.claim(document)
        elif changed:
            self._outside.noticed(document, on_disk_before)
        if disk is not None and disk.hash == document.base_hash and self._is_recorded(document, disk.hash):
            document.overwritten = []
            self._tracker.look(document)  # nothing was written, or the editor's agent has put it on record itself
            return
        lost = self._unseen(document, base, seen_seq, written, normal(text))
        before = lost.hash if lost else None if base is None else base.hash
        authors = tuple(changes_since(document, seen_seq, but=self._agent_id()))
        self._tracker.adopt(document, written)
        document.overwritten = []
        detail: dict[str, object] | None = {"overwritten": lost.hash} if lost else None
        if lost is not None:
            self._keep(document, lost)
        document.seen_seq = self._reporter.saved(document, before, "overridden" if lost else "done", detail)
        self._tracker.look(document)
        if lost is not None:
            self._on_overwritten(Overwritten(document, lost, base, authors))

    def _written(self, document: Document, text: str) -> Version:
        """What the save wrote: what stands on disk, unless that is already something else."""
        disk, plain = document.disk, normal(text)
        if disk is not None and disk.shown == plain:
            return disk
        like = document.base or disk
        content = document.view.written(text, like.content if like else b"")
        return Version(content, hash_content(content), document.view.shown(content))

    def _is_recorded(self, document: Document, content_hash: str) -> bool:
        events = changes_since(document, 0)
        return bool(events) and hash_after(events[-1], document.file_path) == content_hash

    def _unseen(self, document: Document, base: Version | None, seen_seq: int, written: Version, plain: str) -> Version | None:
        """The last version that stood on disk before the save without the buffer having seen it."""
        assert document.room is not None
        own = {written.hash, base.hash if base else None}
        for version in reversed(document.overwritten or document.unseen):
            if version.hash not in own:
                return None if self._is_contained(document, base, version, plain) else version
        for event in reversed(changes_since(document, seen_seq, but=self._agent_id())):
            content_hash = hash_after(event, document.file_path)
            if content_hash is None or content_hash in own:
                continue
            content = document.room.workspace.store.content(content_hash)
            if content is not None:
                version = Version(content, content_hash, document.view.shown(content))
                return None if self._is_contained(document, base, version, plain) else version
        return None

    def _is_contained(self, document: Document, base: Version | None, version: Version, plain: str) -> bool:
        """Whether all that this version had changed is in the text that was saved."""
        if base is None or not is_mergeable_name(document.file_path):
            return False
        return merged_text(base.shown, plain, version.shown).text == plain

    def _keep(self, document: Document, version: Version) -> None:
        assert document.room is not None
        from noclobber.store.protocol import Batch

        kept = document.room.workspace.keepable(document.file_path, [(version.hash, version.content)])
        document.room.workspace.store.apply(Batch(contents=kept))
