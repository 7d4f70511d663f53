"""The rules of a guarded change, as pure functions: what the writer knows against what is on disk.

Given one ``Situation`` they answer with what may be placed, or with the refusal. They read no file and no store, so that the
library, the hooks and the editor decide alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import merge, refusals
from .merge.lines import count_lines
from .merge.regions import touches
from .records import Buffer, Lease, LineRange, Outcome, Refusal, Snapshot

Edit = tuple[bytes | str, bytes | str]
"""An exact replacement: the text that stands there once, and what it becomes."""

__all__ = ["Decision", "Edit", "OpenBuffer", "Situation", "Verdict", "decide_edit", "decide_placing", "decide_removal", "decide_write"]


class OpenBuffer(NamedTuple):
    """A buffer with unsaved edits, with the bytes it came from and would save (None where not known)."""

    buffer: Buffer
    base: bytes | None
    text: bytes | None
    idle_s: float


class Situation(NamedTuple):
    """All that a decision about one file rests on.

    ``disk`` is None where the file is absent. ``snapshot`` is what the writer knows, ``known`` its bytes (None: never or no longer kept).
    ``changes``: what others did since, as it is put into a refusal. ``formatted``: the difference between what the writer knows and the
    disk came within seconds of its own write, and no other writer is known. ``given``: false where a ``read_hash``
    was passed that this writer was never given.
    """

    file_path: str
    disk: bytes | None
    disk_hash: str | None
    snapshot: Snapshot | None
    known: bytes | None
    changes: tuple[dict[str, object], ...] = ()
    formatted: bool = False
    given: bool = True
    buffers: tuple[OpenBuffer, ...] = ()
    lease: Lease | None = None
    may_merge: bool = True

    @property
    def stale(self) -> bool:
        """Whether the writer knows other bytes than those on disk."""
        return self.snapshot is not None and self.snapshot.read_hash != self.disk_hash


class Verdict(NamedTuple):
    """What may be placed (``content``), or why not.

    ``known``: what the writer knows afterwards where that is not what is placed (others' changes it was not shown).
    ``merged_diff``: the others' changes that the answer shows; with ``complete`` it shows all of them.
    """

    outcome: Outcome
    content: bytes | None
    refusal: Refusal | None = None
    known: bytes | None = None
    merged_diff: str = ""
    complete: bool = True
    notices: tuple[str, ...] = ()
    shown: tuple[LineRange, ...] | None = None


class Decision(NamedTuple):
    """What a front whose client does the writing itself is told: ``content`` may be written, or the refusal."""

    outcome: Outcome
    content: bytes | None
    refusal: Refusal | None
    notices: tuple[str, ...] = ()


def decide_write(now: Situation, content: bytes, *, merge_asked: bool, scratch: str | None = None) -> Verdict:
    """May this writer replace the whole file by ``content``?"""
    if not now.given:
        return _refuse(refusals.not_given(now.file_path, now.disk_hash))
    if now.disk is None:
        return _refuse(refusals.deleted(now)) if now.snapshot is not None else _others(now, Verdict("done", content))
    if now.disk == content:
        return Verdict("done", content)
    if now.snapshot is None:
        return _refuse(refusals.unread(now))
    if not _knows_whole(now):
        return _refuse(refusals.read_in_part(now))
    if not now.stale:
        return _others(now, Verdict("done", content))
    return _others(now, _merge(now, content, merge_asked=merge_asked, scratch=scratch))


def decide_edit(now: Situation, edits: Sequence[Edit], *, replace_all: bool) -> Verdict:
    """May this writer make these exact replacements? A change elsewhere in the file does not matter to them."""
    if not now.given:
        return _refuse(refusals.not_given(now.file_path, now.disk_hash))
    if now.disk is None:
        if now.snapshot is not None:
            return _refuse(refusals.deleted(now))
        return _edit_nothing(now, edits)
    exact = _exact(now.disk, edits)
    edited = exact if isinstance(exact, merge.EditNotFound) else merge.apply_edits(now.disk, exact, replace_all=replace_all)
    if isinstance(edited, merge.EditAmbiguous):
        return _refuse(refusals.edit_ambiguous(now, edited))
    if isinstance(edited, merge.EditNotFound):
        if _was_there(now, edits, replace_all=replace_all):
            return _refuse(refusals.stale(now, mergeable=False, overlapping=True))
        return _refuse(refusals.edit_not_found(now, edited))
    assert not isinstance(exact, merge.EditNotFound)
    return _others(now, _edited(now, exact, edited.content, replace_all=replace_all))


def decide_placing(now: Situation, content: bytes | None) -> Verdict:
    """May these bytes (None: nothing) be placed whatever stands there now? Only leases and unsaved edits stand in the way of a restore."""
    if now.disk == content:
        return Verdict("done", content)
    return _others(now, Verdict("done", content), gone=content is None)


def decide_removal(now: Situation, *, needs_read: bool) -> Verdict:
    """May this writer delete or move the file? It must not have changed since it was read; moving needs no earlier read."""
    if not now.given:
        return _refuse(refusals.not_given(now.file_path, now.disk_hash))
    if now.snapshot is None and needs_read:
        return _refuse(refusals.unread(now))
    if now.stale:
        return _refuse(refusals.stale(now, mergeable=False))
    return _others(now, Verdict("done", None), gone=True)


def _refuse(refusal: Refusal) -> Verdict:
    return Verdict("refused", None, refusal)


def _knows_whole(now: Situation) -> bool:
    assert now.snapshot is not None
    shown = now.snapshot.lines
    if shown is None:
        return True
    return now.known is not None and merge.join_ranges(shown) == ((1, max(count_lines(now.known), 1)),)


def _is_complete(diff: str) -> bool:
    """Whether a diff shows everything: neither cut short, nor of content that has no lines."""
    last = diff.rstrip("\n").rsplit("\n", 1)[-1]
    return bool(diff) and not last.startswith(("…", "Binary content")) and "…" not in diff


def _merge(now: Situation, content: bytes, *, merge_asked: bool, scratch: str | None) -> Verdict:
    """A stale whole write: merged where that was asked for, or where only a formatter came in between."""
    merged = None
    if now.known is not None and now.disk is not None and now.may_merge:
        merged = merge.merge3(now.known, content, now.disk, scratch=scratch)
    clean = merged is not None and merged.content is not None
    if not (clean and (merge_asked or now.formatted)):
        if merge_asked and merged is not None and merged.conflicts:
            return _refuse(refusals.merge_conflict(now, merged.conflicts))
        return _refuse(refusals.stale(now, mergeable=clean))
    assert merged is not None
    assert now.known is not None
    assert now.disk is not None
    diff = refusals.difference(now.file_path, now.known, now.disk)
    complete = _is_complete(diff)
    known = None if complete else content
    return Verdict("formatted" if now.formatted else "merged", merged.content, known=known, merged_diff=diff, complete=complete)


def _edit_nothing(now: Situation, edits: Sequence[Edit]) -> Verdict:
    """Replacing nothing in a file that is not there makes it."""
    if len(edits) == 1 and not edits[0][0]:
        new = edits[0][1]
        return _others(now, Verdict("done", new if isinstance(new, bytes) else new.encode()))
    return _refuse(refusals.edit_in_absent(now))


def _exact(content: bytes, edits: Sequence[Edit]) -> list[tuple[bytes, bytes]] | merge.EditNotFound:
    """Edits in the file's own encoding and line endings; those given as bytes stay as they are."""
    texts = [(old, new) for old, new in edits if isinstance(old, str) and isinstance(new, str)]
    if len(texts) == len(edits):
        return merge.text_edits_to_bytes(content, texts)
    exact = [(old, new) for old, new in edits if isinstance(old, bytes) and isinstance(new, bytes)]
    if len(exact) < len(edits):
        raise TypeError("edits are pairs of bytes, or pairs of text; do not mix them")
    return exact


def _was_there(now: Situation, edits: Sequence[Edit], *, replace_all: bool) -> bool:
    """Whether the writer asked rightly by what it knows, and others have changed those very lines since."""
    if not now.stale or now.known is None:
        return False
    exact = _exact(now.known, edits)
    return not isinstance(exact, merge.EditNotFound) and merge.rebase_edit(now.known, exact, replace_all=replace_all) is not None


def _edited(now: Situation, edits: Sequence[tuple[bytes, bytes]], placed: bytes, *, replace_all: bool) -> Verdict:
    """What the writer knows after its edit: its own bytes with the edit applied, never what it was not shown."""
    assert now.disk is not None
    outcome: Outcome = "formatted" if now.stale and now.formatted else "merged" if now.stale else "done"
    changes = merge.changed_regions(now.disk, placed)
    if now.snapshot is None:
        return Verdict("done", placed, shown=merge.after_ranges(changes))
    if not now.stale:
        shown = now.snapshot.lines
        return Verdict("done", placed, shown=None if shown is None else merge.map_ranges(shown, changes) + merge.after_ranges(changes))
    known = now.known if now.known is None else merge.rebase_edit(now.known, edits, replace_all=replace_all)
    return Verdict(outcome, placed, known=known if known is not None else now.known, complete=False, shown=now.snapshot.lines)


def _others(now: Situation, verdict: Verdict, *, gone: bool = False) -> Verdict:
    """Other writers' leases, and a person's unsaved edits where the change would land."""
    if verdict.refusal is not None:
        return verdict
    if now.lease is not None:
        return _refuse(refusals.leased(now))
    notices = list(verdict.notices)
    for opened in now.buffers:
        where = _overlap(now, opened, None if gone else verdict.content)
        if where is None:
            notices.append(refusals.unsaved_elsewhere(opened))
        elif opened.idle_s > refusals.PERSON_AWAY_S:
            notices.append(refusals.unsaved_but_away(opened))
        else:
            return _refuse(refusals.unsaved_edits(now, opened, where))
    return verdict._replace(notices=tuple(notices))


def _overlap(now: Situation, opened: OpenBuffer, placed: bytes | None) -> tuple[LineRange, ...] | None:
    """The unsaved lines, in the disk's own numbering, that a change touches; None where it touches none."""
    unsaved = _unsaved_spans(now, opened)
    if unsaved is None or now.disk is None or placed is None:
        return merge.join_ranges((start + 1, max(end, start + 1)) for start, end in unsaved or ())
    changes = merge.changed_regions(now.disk, placed)
    hit = [span for span in unsaved if any(touches(span, change.before) for change in changes)]
    return merge.join_ranges((start + 1, max(end, start + 1)) for start, end in hit) or None


def _unsaved_spans(now: Situation, opened: OpenBuffer) -> list[tuple[int, int]] | None:
    """Where the unsaved edits stand, as half-open spans of the disk's lines; None where that is not known."""
    if opened.base is None or opened.text is None or now.disk is None:
        lines = opened.buffer.lines
        return None if lines is None else [(first - 1, last) for first, last in lines]
    spans = [change.before for change in merge.changed_regions(opened.base, opened.text)]
    if opened.base == now.disk:
        return spans
    moved = merge.changed_regions(opened.base, now.disk)
    # An insertion has no lines of its own to map: the lines on both sides of it stand for it.
    ranges = [(start + 1, end) if end > start else (max(start, 1), start + 1) for start, end in spans]
    return [(first - 1, last) for span in ranges for first, last in merge.map_ranges((span,), moved, touched=True)]
