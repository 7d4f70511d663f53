"""Saves: merged before they happen where that can be, put on record, and what they overwrote unseen kept and told once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from noclobber.content import hash_content
from noclobber.merge import is_mergeable_name
from noclobber.records import Event
from noclobber.situation import hash_after

from .disk import changes_since, refresh_disk, revise_view
from .documents import Document, Origin, Version
from .merging import Edit, edits_to, merged_text
from .view import normal

if TYPE_CHECKING:
    from .outside import OutsideChanges
    from .reporting import Reporter
    from .tracking import Tracker
    from .worker import Worker

__all__ = ["Overwritten", "Saving"]

_PATIENCE_S = 1.0
_AGAIN_S = 0.01


class Overwritten(NamedTuple):
    """A version that a save replaced and the buffer had not seen, with what the buffer came from and who wrote it.

    ``late``: one that never came to stand, since it was written into a file that ``authors`` were just replacing; ``base`` is what
    that file had said.
    """

    document: Document
    version: Version
    base: Version | None
    authors: tuple[Event, ...]
    late: bool = False


class Saving:
    """``on_overwritten`` is told once of each version that a save replaced unseen. Used by the worker's thread only."""

    def __init__(
        self,
        worker: Worker,
        tracker: Tracker,
        reporter: Reporter,
        outside: OutsideChanges,
        agent_id: Callable[[], str],
        on_overwritten: Callable[[Overwritten], None],
    ) -> None:
        self._worker = worker
        self._tracker = tracker
        self._reporter = reporter
        self._outside = outside
        self._agent_id = agent_id
        self._on_overwritten = on_overwritten

    def before_save(self, document: Document) -> list[Edit]:
        """The edits that merge the disk's changes into the buffer before it is saved by hand; none where nothing can be merged."""
        self.finish(document)  # the last one, before the next
        found = self._tracker.look(document)
        base, disk = document.base, document.disk
        if found is None or found.state != "mergeable" or base is None or disk is None:
            return []
        if document.room is None or document.room.workspace.paused():
            return []
        text, version = document.model.read()
        merged = merged_text(base.shown, normal(text), disk.shown)
        if merged.text is None or version != document.model.version:
            return []
        return edits_to(document.model, text, merged.text)

    def saved(self, document: Document, text: str) -> None:
        """The editor says that it has written this text.

        Where a guarded write of the file is under way, which may have been overtaken by the save and come back on top of it, what
        became of both is seen once that is over.
        """
        document.saves_waiting.append((text, time.monotonic() + _PATIENCE_S))
        self._take_waiting(document)

    def finish(self, document: Document) -> None:
        """What waits is waited for no longer: the document is being closed, or saved again."""
        while document.saves_waiting:
            self._take(document, document.saves_waiting.pop(0)[0])

    def _take_waiting(self, document: Document) -> None:
        while document.saves_waiting:
            text, until = document.saves_waiting[0]
            if time.monotonic() < until and _is_being_written(document):
                self._worker.later(("saved", document), _AGAIN_S, partial(self._take_waiting, document))
                return
            document.saves_waiting.pop(0)
            self._take(document, text)

    def _take(self, document: Document, text: str) -> None:
        document.saves_taken += 1
        if document.room is None:
            return
        on_disk_before = document.disk
        changed = refresh_disk(document)
        revise_view(document, normal(text))
        disk = document.disk
        written = self._written(document, text)
        if changed and (disk is None or disk.hash != written.hash):
            self._outside.noticed(document, on_disk_before)
        self._outside.claim(document, written.hash)
        stood = document.prior is not None and document.base_hash == written.hash
        origin, document.prior = document.came_from(written.hash), None
        if self._is_on_record(document, origin, written):
            self._tracker.look(document)
            return
        events = changes_since(document, origin.seen_seq, but=self._agent_id())
        after = next((event.seq for event in events if event.before_hash == written.hash), None)  # written on top of the save already
        if after is None and not stood and self._went_past(document, events, written):
            self._keep(document, written)
            self._tracker.look(document)
            return
        displaced = [event for event in events if after is None or event.seq < after]
        origin, displaced = self._moved_on(document, origin, displaced, written)
        lost = self._unseen(document, origin, displaced, written, normal(text))
        before = lost.hash if lost else origin.base.hash if origin.base else None
        self._tracker.adopt(document, written)
        if lost is not None:
            self._keep(document, lost)
        detail: dict[str, object] | None = {"overwritten": lost.hash} if lost else None
        recorded = self._reporter.saved(document, before, "overridden" if lost else "done", detail)
        document.seen_seq = recorded if after is None else after - 1
        self._tracker.look(document)
        if lost is not None:
            self._on_overwritten(Overwritten(document, lost, origin.base, tuple(displaced)))

    def _written(self, document: Document, text: str) -> Version:
        """What the save wrote: what stands on disk, unless that is already something else."""
        disk, plain = document.disk, normal(text)
        if disk is not None and disk.shown == plain:
            return disk
        like = document.base or disk
        content = document.view.written(text, like.content if like else b"")
        return Version(content, hash_content(content), document.view.shown(content))

    def _went_past(self, document: Document, events: list[Event], written: Version) -> bool:
        """Somebody's change of what the buffer came from stands there: the editor was still writing into the file it replaced."""
        disk = document.disk
        if disk is None or disk.hash == written.hash or not events:
            return False
        last = events[-1]
        return last.kind != "outside" and hash_after(last, document.file_path) == disk.hash and last.before_hash == document.base_hash

    def _is_on_record(self, document: Document, origin: Origin, written: Version) -> bool:
        """Nothing was written that had not stood there before, or the editor's own agent has put it on record by its hook."""
        if origin.base is not None and written.hash == origin.base.hash:
            return not origin.unseen
        events = changes_since(document, origin.seen_seq)
        return bool(events) and events[-1].kind != "outside" and hash_after(events[-1], document.file_path) == written.hash

    def _moved_on(self, document: Document, origin: Origin, displaced: list[Event], written: Version) -> tuple[Origin, list[Event]]:
        """From the newest version that the buffer's text was equal to for a moment before it was saved, and what came after that."""
        others = [version for version in (*reversed(origin.unseen), *self._versions(document, displaced)) if version.hash != written.hash]
        seen = next((version for version in others if document.trail.has_been(version.shown)), None)
        if seen is None:
            return origin, displaced
        placed = [hash_after(event, document.file_path) for event in displaced]
        at = max((number for number, content_hash in enumerate(placed, 1) if content_hash == seen.hash), default=0)
        known = {seen.hash, *placed[:at]}
        stood = [version.hash for version in origin.unseen]
        unseen = origin.unseen[stood.index(seen.hash) + 1 :] if seen.hash in stood else origin.unseen
        unseen = tuple(version for version in unseen if version.hash not in known)
        return Origin(seen, displaced[at - 1].seq if at else origin.seen_seq, unseen), displaced[at:]

    def _unseen(self, document: Document, origin: Origin, displaced: list[Event], written: Version, plain: str) -> Version | None:
        """The last version that stood on disk before the save without the buffer having seen it. What stands there now is not lost."""
        own = {written.hash, origin.base.hash if origin.base else None, document.disk.hash if document.disk else None}
        for version in (*reversed(origin.unseen), *self._versions(document, displaced)):
            if version.hash not in own:
                # In what stands by now as well: a guarded write that the save overtook was merged with it, and stood for a moment before.
                texts = [plain] if document.disk is None else [plain, document.disk.shown]
                return None if any(self._is_contained(document, origin.base, version, text) for text in texts) else version
        return None

    def _versions(self, document: Document, events: list[Event]) -> Iterator[Version]:
        """What stood there after each event, the newest first, as far as it is kept."""
        assert document.room is not None
        for event in reversed(events):
            content_hash = hash_after(event, document.file_path)
            content = None if content_hash is None else document.room.workspace.store.content(content_hash)
            if content_hash is not None and content is not None:
                yield Version(content, content_hash, document.view.shown(content))

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


def _is_being_written(document: Document) -> bool:
    """Whether somebody has the file's lock at this moment."""
    if document.room is None:
        return False
    lock = document.room.workspace.locks.try_exclusive(document.file_path)
    if lock is not None:
        lock.release()
    return lock is None
