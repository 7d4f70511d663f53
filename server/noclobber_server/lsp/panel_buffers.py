"""Buffers whose editor has to revert before it edits (VS Code): the text to put in afterwards, and what is given up kept.

VS Code refuses to save over a newer file even after a merge, so its extension asks for the outcome, reverts, and applies it. Runs on
the worker's thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from noclobber.errors import NoclobberError
from noclobber.merge import is_mergeable_name
from noclobber.store.protocol import Batch

from .documents import Document, Version
from .merging import merged_text
from .view import normal
from .wording import lines

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Choice", "let_through", "plan"]

Choice = Literal["merge", "takeDisk", "keepMine"]


def plan(session: Session, document: Document, choice: Choice, mine: str, base_hash: str | None) -> dict[str, Any]:
    """What the buffer should hold. ``mine``: the person's text; ``base_hash``: what it came from, where the buffer has moved on since.

    Answers ``state`` (``fresh``, ``merged``, ``gone``), ``text``, ``disk`` (the buffer after its revert), ``base`` and ``message``.
    """
    found = session.tracker.look(document)
    disk = document.disk
    base = document.base if base_hash is None else _version(document, base_hash)
    answer = {"base": None if base is None else base.hash, "disk": "" if disk is None else disk.shown, "text": mine}
    if disk is None:
        return {**answer, "state": "gone", "message": "The file is gone from disk. Save the buffer to make it anew, or close it."}
    if choice == "keepMine":
        return {**answer, "state": "merged", "message": "Your text is kept; saving it replaces the disk's version, which stays restorable."}
    if choice == "takeDisk":
        if base is None or normal(mine) != base.shown:
            session.reporter.given_up(document, mine)
        message = "The buffer is what the disk is; undo, or Restore Version, brings your own text back."
        return {**answer, "state": "merged", "text": disk.shown, "message": message}
    if base_hash is None and (found is None or found.state == "fresh"):
        return {**answer, "state": "fresh", "message": "Nothing to merge: the buffer has all that is on disk."}
    return {**answer, "state": "merged", "text": _merged(document, base, mine, disk), "message": "The disk's changes are in the buffer."}


def let_through(session: Session, file_path: str, root: str) -> None:
    """Take back the claim of our own unsaved edits on a file until the next keystroke in it: the buffer keeps its text."""
    for room in session.rooms:
        if room.root == root:
            store = room.workspace.store
            rows = [row._replace(unsaved=False) for row in store.buffers(file_path) if row.agent_id == session.client.agent_id]
            store.apply(Batch(buffers=rows))


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


def _version(document: Document, content_hash: str) -> Version | None:
    assert document.room is not None
    content = document.room.workspace.store.content(content_hash)
    return None if content is None else Version(content, content_hash, document.view.shown(content))
