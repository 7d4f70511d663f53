"""Merging into a buffer, taking the disk's version, keeping one's own: what quick fixes and commands do to a document.

What a client answers to an edit proves nothing; whether the buffer changed is seen in the next ``didChange``. A keystroke that
comes in between makes the edit too old, and it is computed again, a bounded number of times.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from lsprotocol import types

from noclobber.merge import is_mergeable_name

from .client import lsp_range
from .documents import Document
from .merging import Edit, edits_to, merged_text
from .view import normal
from .wording import lines

if TYPE_CHECKING:
    from .session import Session

__all__ = ["BufferEditing", "text_edits"]

_TRIES = 3
_ARRIVAL_S = 2.0
_ARRIVAL_LATE_S = 0.5


class _Plan(NamedTuple):
    """Edits for one version of the text; ``wanted`` is what they make of it, None where nothing is to be done (``message`` says why)."""

    version: int
    edits: list[Edit]
    wanted: str | None
    outcome: str
    message: str
    given_up: str | None = None  # the person's text, where the disk's takes its place


def text_edits(edits: list[Edit]) -> list[types.TextEdit]:
    """Edits in the protocol's words."""
    return [types.TextEdit(lsp_range(edit.span), edit.text) for edit in edits]


class BufferEditing:
    """The three ways out of a stale buffer; each answers with ``outcome``, ``state`` and ``message``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def merge(self, document: Document) -> dict[str, Any]:
        """Put the disk's changes into the buffer, beside the unsaved edits."""
        return await self._settle(document, self._plan_merge, "Merge the disk's changes")

    async def take_disk(self, document: Document) -> dict[str, Any]:
        """Make the buffer what the disk is."""
        return await self._settle(document, self._plan_disk, "Take the disk's version")

    async def keep_mine(self, document: Document) -> dict[str, Any]:
        """The person has seen the disk's version and keeps the buffer's; the next save displaces it knowingly."""
        kept: dict[str, Any] = await self._on_worker(lambda: self._keep_mine(document))
        return kept

    async def _settle(self, document: Document, plan_for: Any, label: str) -> dict[str, Any]:
        refused = ""
        for _ in range(_TRIES):
            plan: _Plan = await self._on_worker(lambda: plan_for(document))
            if plan.wanted is None:
                return self._answer(document, plan.outcome, plan.message)
            if not plan.edits:
                break
            refused = await self._session.client.apply(document.uri, plan.version, text_edits(plan.edits), label) or ""
            if await self._arrived(document, plan):
                await self._on_worker(partial(self._taken, document, plan))
                return self._answer(document, plan.outcome, plan.message)
            if not refused and document.model.version == plan.version:
                # Emacs sends its changes only when it is idle, which it is not while it waits for this answer.
                await self._on_worker(partial(self._taken, document, plan))
                return self._answer(document, "asked", "The editor took the edit; its text is still to come.")
        return self._answer(
            document, "refused", f"The buffer kept changing, or the editor refused the edit: {refused or 'no reason given'}."
        )

    async def _arrived(self, document: Document, plan: _Plan) -> bool:
        """Wait for the change that follows an applied edit; whether the text is now what was wanted, or a later one that contains it."""
        late = self._session.client.speaks_late
        until = asyncio.get_running_loop().time() + (_ARRIVAL_LATE_S if late else _ARRIVAL_S)
        while asyncio.get_running_loop().time() < until and not document.closed:
            if document.model.version != plan.version:
                text, _ = document.model.read()
                if normal(text) == plan.wanted:
                    return True
                found = await self._on_worker(lambda: self._session.tracker.look(document))
                return found is not None and found.state == "fresh"
            await asyncio.sleep(0.01)
        return False

    def _taken(self, document: Document, plan: _Plan) -> None:
        if plan.given_up is not None:
            self._session.reporter.given_up(document, plan.given_up)
        self._session.tracker.look(document)

    def _plan_merge(self, document: Document) -> _Plan:
        found = self._session.tracker.look(document)
        text, version = document.model.read()
        base, disk = document.base, document.disk
        if found is None or found.state == "fresh":
            return _Plan(version, [], None, "fresh", "Nothing to merge: the buffer has all that is on disk.")
        if disk is None:
            return _Plan(version, [], None, "deleted", "The file is gone from disk; there is nothing to merge.")
        if base is None:
            return _Plan(
                version,
                [],
                None,
                "conflict",
                "It is not known what this buffer came from, so it cannot be merged; compare it with the disk.",
            )
        if found.state != "behind" and not is_mergeable_name(document.file_path):
            return _Plan(version, [], None, "conflict", "The lines of this kind of file mean nothing one by one; take one version whole.")
        merged = merged_text(base.shown, normal(text), disk.shown)
        if merged.text is None:
            where = ", ".join(lines(span) for span in merged.contested)
            message = merged.obstacle or f"Both sides changed {where} of the buffer; take the disk's version or keep yours."
            return _Plan(version, [], None, "conflict", message)
        return _Plan(version, edits_to(document.model, text, merged.text), merged.text, "merged", "The disk's changes are in the buffer.")

    def _plan_disk(self, document: Document) -> _Plan:
        found = self._session.tracker.look(document)
        text, version = document.model.read()
        if document.disk is None:
            return _Plan(version, [], None, "deleted", "The file is gone from disk; close the buffer, or save it to make the file anew.")
        if normal(text) == document.disk.shown:
            return _Plan(version, [], None, "fresh", "The buffer is what the disk is.")
        edits = edits_to(document.model, text, document.disk.shown)
        message = "The buffer is what the disk is; undo, or restoring a version, brings your own text back."
        return _Plan(version, edits, document.disk.shown, "taken", message, text if found is None or found.unsaved else None)

    def _keep_mine(self, document: Document) -> dict[str, Any]:
        tracker = self._session.tracker
        tracker.look(document)
        if document.disk is None:
            document.base, document.base_hash = None, None
            tracker.look(document)
            return self._answer(document, "kept", "Saving makes the file anew.")
        tracker.adopt(document, document.disk)
        tracker.look(document)
        return self._answer(document, "kept", "Your text is kept; saving it replaces the disk's version, which stays restorable.")

    async def _on_worker(self, work: Any) -> Any:
        return await asyncio.wrap_future(self._session.worker.call(work))

    def _answer(self, document: Document, outcome: str, message: str) -> dict[str, Any]:
        state = document.assessment.state if document.assessment else "fresh"
        return {"outcome": outcome, "state": state, "message": message, "version": document.model.version}
