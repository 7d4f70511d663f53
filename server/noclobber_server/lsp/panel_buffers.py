"""Buffers whose editor has to revert before it edits (VS Code): the text to put in afterwards, what is given up kept, a text put back.

VS Code refuses to save over a newer file even after a merge, so its extension asks for the outcome, reverts, and applies it. Runs on
the worker's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from noclobber.errors import NoclobberError
from noclobber.merge import is_mergeable_name
from noclobber.store.protocol import Batch

from .disk import newest
from .documents import Document, Version
from .hovering import line_on_disk
from .merging import merged_text
from .view import normal
from .wording import lines

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Choice", "let_through", "line_of_disk", "plan", "put_back"]

Choice = Literal["merge", "takeDisk", "keepMine"]


def plan(session: Session, document: Document, choice: Choice | None, mine: str) -> dict[str, Any]:
    """What the buffer should hold. ``mine``: the person's text.

    Answers ``state`` (``fresh``, ``merged``, ``gone``), ``text``, ``disk`` (the buffer after its revert) and ``message``.
    """
    if choice is None:
        raise NoclobberError(f"Choose one of {', '.join(get_args(Choice))}.")
    found = session.tracker.look(document)
    disk, base = document.disk, document.base
    document.before_revert = document.origin
    answer = {"disk": "" if disk is None else disk.shown, "text": mine}
    if disk is None:
        return {**answer, "state": "gone", "message": "The file is gone from disk. Save the buffer to make it anew, or close it."}
    if choice == "keepMine":
        return {**answer, "state": "merged", "message": "Your text is kept; saving it replaces the disk's version, which stays restorable."}
    if choice == "takeDisk":
        if base is None or normal(mine) != base.shown:
            session.reporter.given_up(document, mine)
        message = "The buffer is what the disk is; undo, or Restore Version, brings your own text back."
        return {**answer, "state": "merged", "text": disk.shown, "message": message}
    if found is None or found.state == "fresh":
        return {**answer, "state": "fresh", "message": "Nothing to merge: the buffer has all that is on disk."}
    return {**answer, "state": "merged", "text": _merged(document, base, mine, disk), "message": "The disk's changes are in the buffer."}


def put_back(session: Session, document: Document) -> dict[str, Any]:
    """The buffer was reverted and holds the person's text again: it comes from what that came from, and has seen nothing since."""
    origin = document.before_revert
    if origin is None:
        raise NoclobberError("Nothing was asked about this buffer, so nothing can be put back.")
    passed_over = [*origin.unseen, *([] if document.base is None else [document.base]), *document.unseen]
    document.base, document.base_hash = origin.base, None if origin.base is None else origin.base.hash
    document.seen_seq, document.prior, document.authors = origin.seen_seq, None, ()
    document.unseen = newest(list({version.hash: version for version in passed_over if version.hash != document.base_hash}.values()))
    document.trail.begin(*document.model.read())  # that it has been the disk's text for a moment is no reading of it
    session.reporter.base_moved(document)
    found = session.tracker.look(document)
    return {"state": "fresh" if found is None else found.state}


def let_through(session: Session, file_path: str, root: str) -> None:
    """Take back the claim of our own unsaved edits on a file until the next keystroke in it: the buffer keeps its text."""
    for room in session.rooms:
        if room.root == root:
            store = room.workspace.store
            rows = [row._replace(unsaved=False) for row in store.buffers(file_path) if row.agent_id == session.client.agent_id]
            store.apply(Batch(buffers=rows))


def line_of_disk(session: Session, uri: str, line: int) -> int | None:
    """Which line on disk a line in the editor is, both from 0; None where it is unsaved, or was changed on disk meanwhile."""
    document = session.documents.get(uri)
    if document is None or document.room is None:
        return line
    session.tracker.look(document)
    return line if document.disk is None else line_on_disk(normal(document.model.read()[0]), document.disk.shown, line)


def _merged(document: Document, base: Version | None, mine: str, disk: Version) -> str:
    if base is None:
        raise NoclobberError("It is not known what this buffer came from, so it cannot be merged; compare it with the disk.")
    if not is_mergeable_name(document.file_path):
        raise NoclobberError("The lines of this kind of file mean nothing one by one; take one version whole.")
    merged = merged_text(base.shown, normal(mine), disk.shown)
    if merged.text is None:
        where = ", ".join(lines(span) for span in merged.contested)
        raise NoclobberError(merged.obstacle or f"Both sides changed {where} of the buffer; take the disk's version or keep yours.")
    return merged.text
