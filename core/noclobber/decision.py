"""The rules of a guarded change, as pure functions: what the writer knows against what is on disk.

Given one ``Situation`` they answer with what may be placed, or with the refusal. They read no file and no store, so that the
library, the hooks and the editor decide alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import merge, refusals
from .merge.lines import as_utf8, count_lines, split_lines
from .records import Lease, LineRange, Outcome, Refusal, Snapshot
from .unsaved import OpenBuffer, overlap

Edit = tuple[bytes | str, bytes | str]
"""An exact replacement: the text that stands there once, and what it becomes."""

__all__ = [
    "Decision",
    "Edit",
    "Situation",
    "Verdict",
    "decide_arrival",
    "decide_edit",
    "decide_placing",
    "decide_removal",
    "decide_write",
    "knows_whole",
    "shows_all",
]


class Situation(NamedTuple):
    """All that a decision about one file rests on.

    ``disk`` is None where the file is absent. ``snapshot`` is what the writer knows, ``known`` its bytes (None: never or no longer kept).
    ``changes``: what others did since, as it is put into a refusal. ``formatted``: the difference between what the writer knows and the
    disk came within seconds of its own write, and no other writer is known. ``given``: false where a ``read_hash``
    was passed that this writer was never given. ``secret``: contents of this file are never kept, so no message may quote it.
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
    secret: bool = False

    @property
    def stale(self) -> bool:
        """Whether the writer knows other bytes than those on disk."""
        return self.snapshot is not None and self.snapshot.read_hash != self.disk_hash


class Verdict(NamedTuple):
    """What may be placed (``content``), or why not; a refusal by a lease or unsaved edits leaves ``content`` as it would have been.

    ``known``: what the writer knows afterwards where that is not what is placed (others' changes it was not shown).
    ``merged_diff``: the others' changes that the answer shows; with ``complete`` it shows all of them. Not complete and nothing
    ``known``: its snapshot stays as it is. ``shown``: the lines it knows, None for all. ``wanted``: what a refused edit was to make.
    """

    outcome: Outcome
    content: bytes | None
    refusal: Refusal | None = None
    known: bytes | None = None
    merged_diff: str = ""
    complete: bool = True
    notices: tuple[str, ...] = ()
    shown: tuple[LineRange, ...] | None = None
    wanted: bytes | None = None


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
    if now.disk == content and not _made_by_another(now):
        return Verdict("done", content)
    if now.snapshot is None:
        return _refuse(refusals.unread(now))
    if not knows_whole(now):
        return _refuse(refusals.read_in_part(now, "a write would replace"))
    if not now.stale:
        return _others(now, Verdict("done", content))
    return _others(now, _merge(now, content, merge_asked=merge_asked, scratch=scratch))


def _made_by_another(now: Situation) -> bool:
    """Whether another writer has made this very change since: of two who both make a 4 of the same 3, one would lose a count."""
    return now.stale and any(change["agent_id"] != "outside" for change in now.changes)


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
        wanted = _by_what_it_knows(now, edits, replace_all=replace_all)
        if wanted is not None:
            return _refuse(refusals.stale(now, mergeable=False, overlapping=True))._replace(wanted=wanted)
        return _refuse(refusals.edit_not_found(now, edited))
    assert not isinstance(exact, merge.EditNotFound)
    return _others(now, _edited(now, exact, edited.content, replace_all=replace_all))


def decide_placing(now: Situation, content: bytes | None, *, shown: bool) -> Verdict:
    """May these bytes (None: nothing) be placed whatever stands there now? Only leases and unsaved edits stand in the way of a restore.

    ``shown``: whether the writer has seen all of these bytes, or will by the answer; otherwise it knows no more than before.
    """
    verdict = Verdict("done", content, complete=shown)
    return verdict if now.disk == content else _others(now, verdict, gone=content is None)


def decide_arrival(now: Situation) -> Verdict:
    """May a moved file take this name?"""
    return _refuse(refusals.exists(now)) if now.disk is not None else _others(now, Verdict("done", None), gone=True)


def decide_removal(now: Situation, *, needs_read: bool) -> Verdict:
    """May this writer delete or move the file? It must not have changed since it was read; moving needs no earlier read."""
    if not now.given:
        return _refuse(refusals.not_given(now.file_path, now.disk_hash))
    if now.snapshot is None and needs_read:
        return _refuse(refusals.unread(now))
    if now.stale:
        return _refuse(refusals.stale(now, mergeable=False))
    if needs_read and not knows_whole(now):
        return _refuse(refusals.read_in_part(now, "a delete would remove"))
    return _others(now, Verdict("done", None), gone=True)


def _refuse(refusal: Refusal) -> Verdict:
    return Verdict("refused", None, refusal)


def knows_whole(now: Situation) -> bool:
    """Whether the writer was shown every line of the version it knows."""
    if now.snapshot is None:
        return False
    shown = now.snapshot.lines
    if shown is None:
        return True
    joined = merge.join_ranges(shown)
    return now.known is not None and len(joined) == 1 and joined[0][0] <= 1 and joined[0][1] >= count_lines(now.known)


def shows_all(diff: str) -> bool:
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
        # Clean is not enough: with unsaved edits or a lease in the way the merged write would be refused as well.
        lands = clean and merged is not None and _others(now, Verdict("merged", merged.content)).refusal is None
        return _refuse(refusals.stale(now, mergeable=lands))
    assert merged is not None
    assert now.known is not None
    assert now.disk is not None
    diff = refusals.difference(now.file_path, now.known, now.disk)
    complete = shows_all(diff)
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


def _by_what_it_knows(now: Situation, edits: Sequence[Edit], *, replace_all: bool) -> bytes | None:
    """What the edits make of the bytes the writer knows: then it asked rightly, and others have changed those very lines since."""
    if not now.stale or now.known is None:
        return None
    exact = _exact(now.known, edits)
    return None if isinstance(exact, merge.EditNotFound) else merge.rebase_edit(now.known, exact, replace_all=replace_all)


def _edited(now: Situation, edits: Sequence[tuple[bytes, bytes]], placed: bytes, *, replace_all: bool) -> Verdict:
    """What the writer knows after its edit: its own bytes with the edit applied, never what it was not shown."""
    assert now.disk is not None
    if now.snapshot is None:
        return Verdict("done", placed, shown=_known_lines((), now.disk, placed, edits))
    shown = now.snapshot.lines
    if not now.stale:
        return Verdict("done", placed, shown=None if shown is None else _known_lines(shown, now.disk, placed, edits))
    outcome: Outcome = "formatted" if now.formatted else "merged"
    known = None if now.known is None else merge.rebase_edit(now.known, edits, replace_all=replace_all)
    if known is None or now.known is None:
        return Verdict(outcome, placed, complete=False)
    lines = None if shown is None else _known_lines(shown, now.known, known, edits)
    return Verdict(outcome, placed, known=known, complete=False, shown=lines)


def _known_lines(shown: Sequence[LineRange], before: bytes, after: bytes, edits: Sequence[tuple[bytes, bytes]]) -> tuple[LineRange, ...]:
    """The lines somebody knows after its edits: those it was shown, what became of them, and lines that it sent whole.

    Replacing a word in a line that was never shown does not show the rest of it.
    """
    changes = merge.changed_regions(before, after)
    sent = {line for _, new in edits for line in split_lines(new)}
    rows = split_lines(as_utf8(after))
    own: list[LineRange] = []
    for change in changes:
        start, end = change.after
        if change.before[0] < change.before[1] and merge.shown_covers(shown, [change]):
            own.append((start + 1, end))
        else:
            own.extend((number + 1, number + 1) for number in range(start, end) if rows[number] in sent)
    return merge.join_ranges([*merge.map_ranges(shown, changes), *own])


def _others(now: Situation, verdict: Verdict, *, gone: bool = False) -> Verdict:
    """Other writers' leases, and a person's unsaved edits where the change would land."""
    if verdict.refusal is not None:
        return verdict
    if now.lease is not None:
        return verdict._replace(outcome="refused", refusal=refusals.leased(now))
    notices = list(verdict.notices)
    for opened in now.buffers:
        where = overlap(opened, now.disk, now.disk_hash, None if gone else verdict.content)
        if where is None:
            notices.append(refusals.unsaved_elsewhere(opened))
        elif opened.idle_s > refusals.PERSON_AWAY_S:
            notices.append(refusals.unsaved_but_away(opened))
        else:
            return verdict._replace(outcome="refused", refusal=refusals.unsaved_edits(now, opened, where))
    return verdict._replace(notices=tuple(notices))
