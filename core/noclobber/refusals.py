"""The words of every refusal: the same text every time for the same case, since models read them.

Each function takes the situation and gives the whole record: what happened, by whom, the diff, and a way on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import merge
from .records import LineRange, Refusal

if TYPE_CHECKING:
    from .decision import Situation
    from .unsaved import OpenBuffer

__all__ = [
    "PERSON_AWAY_S",
    "deleted",
    "difference",
    "edit_ambiguous",
    "edit_in_absent",
    "edit_not_found",
    "exists",
    "leased",
    "merge_conflict",
    "message_on_record",
    "not_given",
    "read_in_part",
    "stale",
    "unread",
    "unsaved_but_away",
    "unsaved_edits",
    "unsaved_elsewhere",
    "unsaved_notice",
]

PERSON_AWAY_S = 600.0
"""Seconds after the last keystroke for which a person's unsaved edits refuse a write; later it is only told."""
_REREAD = "Please re-read the file, apply your change to what it says now, and write again"


def stale(now: Situation, *, mergeable: bool, overlapping: bool = False) -> Refusal:
    """Changed on disk since this writer read it."""
    if now.disk is None:
        return deleted(now)
    who = _who(now.changes)
    where = " in the very lines you want to replace" if overlapping else ""
    way = f"{_REREAD}; or write with on_stale=merge, which is clean here." if mergeable else f"{_REREAD}."
    message = f"{now.file_path} was modified since you read it{where}{who}; nothing was written."
    return _record(now, "STALE_FILE", message, way, mergeable=mergeable)


def deleted(now: Situation) -> Refusal:
    """Gone from disk since this writer read it."""
    message = f"{now.file_path} was modified since you read it: it was deleted{_who(now.changes)}; nothing was written."
    return _record(now, "STALE_FILE", message, "To put it back, re-read the file (which records that it is gone) and write it again.")


def unread(now: Situation) -> Refusal:
    """Exists, and this writer never read it."""
    message = f"{now.file_path} exists and you have not read it; nothing was written."
    return _record(
        now, "UNREAD_FILE", message, "Read the file first, then write; or make an exact replacement (edit), which needs no earlier read."
    )


def read_in_part(now: Situation, doing: str) -> Refusal:
    """Only some of its lines were shown, and the whole would go; ``doing``: ``a write would replace``."""
    assert now.snapshot is not None
    shown = _lines(now.snapshot.lines or ())
    message = f"You have read only {shown} of {now.file_path}, and {doing} all of it; nothing was written."
    return _record(
        now, "UNREAD_FILE", message, "Read the whole file first, or replace just the lines you know with an exact replacement (edit)."
    )


def not_given(file_path: str, current_hash: str | None) -> Refusal:
    """A ``read_hash`` that no read gave to this writer."""
    return Refusal(
        "UNREAD_FILE",
        f"The read_hash you passed for {file_path} is not one that a read gave to you; nothing was written.",
        file_path,
        None,
        current_hash,
        "Read the file and pass the read_hash of that answer, or leave read_hash out.",
    )


def exists(now: Situation) -> Refusal:
    """Expected to be absent."""
    message = f"{now.file_path} already exists; nothing was changed."
    return _record(now, "EXISTS", message, "Choose another name, or read the existing file and change it.")


def merge_conflict(now: Situation, conflicts: Sequence[merge.Conflict]) -> Refusal:
    """The merge that was asked for is not clean."""
    where = "; ".join(f"{_lines((c.theirs,))} on disk" for c in conflicts[:5] if c.theirs)
    at = f" at {where}" if where else ""
    change = f"{now.file_path} was modified since you read it{_who(now.changes)}"
    message = f"{change}, and your change does not merge with that{at}; nothing was written."
    return _record(now, "MERGE_CONFLICT", message, f"{_REREAD}.")


def edit_not_found(now: Situation, failure: merge.EditNotFound) -> Refusal:
    """The text to be replaced is not there."""
    hint = f" {failure.hint}" if failure.hint and not now.secret else ""
    message = f"The text to replace (edit {failure.edit + 1}) is not in {now.file_path}.{hint} Nothing was written."
    return _record(now, "EDIT_NOT_FOUND", message, "Re-read the file and copy the text to replace exactly as it stands there.")


def message_on_record(refusal: Refusal) -> str:
    """The message without the hint, which quotes the file and would outlive the purging of its versions."""
    first, found, _ = refusal.message.partition(f" is not in {refusal.file_path}.")
    return f"{first}{found} Nothing was written." if found and refusal.type == "EDIT_NOT_FOUND" else refusal.message


def edit_in_absent(now: Situation) -> Refusal:
    """There is no such file to edit."""
    message = f"{now.file_path} does not exist, so there is no text to replace; nothing was written."
    return _record(now, "EDIT_NOT_FOUND", message, "Write the file instead, or check the path.")


def edit_ambiguous(now: Situation, failure: merge.EditAmbiguous) -> Refusal:
    """The text to be replaced is there more than once."""
    lines = ", ".join(str(line) for line in failure.lines[:8])
    message = (
        f"The text to replace (edit {failure.edit + 1}) is in {now.file_path} {failure.times} times (lines {lines}); nothing was written."
    )
    return _record(
        now, "EDIT_AMBIGUOUS", message, "Give more of the surrounding text so that it is there once, or ask for all to be replaced."
    )


def leased(now: Situation) -> Refusal:
    """Another writer is between its check and its write."""
    assert now.lease is not None
    message = f"{now.lease.agent_id} is writing {now.file_path} at this moment; nothing was written."
    return _record(now, "LEASED", message, "Wait a few seconds (at most ten), re-read the file and write again.")


def unsaved_edits(now: Situation, opened: OpenBuffer, where: tuple[LineRange, ...]) -> Refusal:
    """A person is editing these lines."""
    lines = f" {_lines(where)}" if where else ""
    message = f"{now.file_path} has unsaved edits{lines} in {opened.buffer.agent_id} where you want to write; nothing was written."
    way = "Work elsewhere in the file for now, or ask the person to save or discard the edits; then re-read the file."
    return _record(now, "UNSAVED_EDITS", message, way)


def unsaved_elsewhere(opened: OpenBuffer) -> str:
    """A notice: unsaved edits that the change does not touch."""
    return f"{opened.buffer.file_path} has unsaved edits{_at(opened)} in {opened.buffer.agent_id}; yours does not touch them."


def unsaved_notice(opened: OpenBuffer) -> str:
    """A notice on a read: there are unsaved edits, and where."""
    return f"{opened.buffer.file_path} has unsaved edits{_at(opened)} in {opened.buffer.agent_id}; what you read is what is on disk."


def unsaved_but_away(opened: OpenBuffer) -> str:
    """A notice: unsaved edits that the change does touch, left alone for longer than ten minutes."""
    minutes = int(opened.idle_s // 60)
    where = f"{opened.buffer.file_path} has unsaved edits{_at(opened)} in {opened.buffer.agent_id}"
    return f"{where}, untouched for {minutes} minutes; the person will be asked to merge."


def difference(file_path: str, before: bytes, after: bytes) -> str:
    """The diff that a refusal or a merged answer shows, at most 60 lines."""
    return merge.unified_diff(before, after, before_name=f"{file_path} (as you know it)", after_name=f"{file_path} (on disk)")


def _record(now: Situation, kind: Any, message: str, resolution: str, *, mergeable: bool = False) -> Refusal:
    diff = ""
    if now.stale and now.known is not None and now.disk is not None:
        diff = difference(now.file_path, now.known, now.disk)
    expected = None if now.snapshot is None else now.snapshot.read_hash
    return Refusal(kind, message, now.file_path, expected, now.disk_hash, resolution, tuple(now.changes), diff, mergeable)


def _who(changes: Sequence[dict[str, Any]]) -> str:
    """`` by claude (turn-12, INT-3)``: each other writer once, the latest first."""
    names: list[str] = []
    for change in reversed(changes):
        labels = ", ".join(str(change[key]) for key in ("turn_id", "intent_id") if change.get(key))
        name = f"{change['agent_id']} ({labels})" if labels else str(change["agent_id"])
        if name not in names:
            names.append(name)
    if not names:
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return " by " + ", ".join("an outside change" if name == "outside" else name for name in names[:3]) + more


def _at(opened: OpenBuffer) -> str:
    return f" ({_lines(opened.buffer.lines)})" if opened.buffer.lines else ""


def _lines(ranges: Sequence[LineRange]) -> str:
    spans = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
    return f"lines {spans}" if spans else "no lines"
