"""Telling, once, of a version that a save replaced unseen, or that was written late and never stood; and offering a way back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from noclobber.errors import NoclobberError
from noclobber.guard import ConcurrencyGuard

from .editing import text_edits
from .merging import edits_to, merged_text
from .view import normal
from .wording import by_whom

if TYPE_CHECKING:
    from .saving import Overwritten
    from .session import Session

__all__ = ["offer"]

_TRIES = 3
_RESTORE, _MERGE = "Restore it", "Merge it into the buffer"


async def offer(session: Session, lost: Overwritten) -> None:
    """Ask, and do what was chosen; the version is kept whatever the answer."""
    document = lost.document
    by = by_whom(lost.authors, time.time())
    if lost.late:
        what = f"{document.file_path} was still being written when {by} replaced it: what was written then is not in the file."
    else:
        what = f"Saving {document.file_path} replaced a version that the editor had not shown, written by {by}."
    message = f"{what} It is kept as {lost.version.hash[:12]}."
    choice = await session.client.ask(message, [_MERGE, _RESTORE] if lost.base else [_RESTORE])
    if choice == _RESTORE:
        await asyncio.get_running_loop().run_in_executor(session.pool, lambda: _restore(session, lost))
    elif choice == _MERGE and lost.base is not None:
        await _merge(session, lost)


def _restore(session: Session, lost: Overwritten) -> None:
    room = lost.document.room
    if room is None:
        return
    try:
        ConcurrencyGuard(room.workspace, session.client.agent_id).restore(lost.document.file_path, lost.version.hash)
    except NoclobberError as error:
        session.client.tell(f"The version was not restored: {error}")


async def _merge(session: Session, lost: Overwritten) -> None:
    document, base = lost.document, lost.base
    assert base is not None
    kept = f"It is kept as {lost.version.hash[:12]}."
    refused: str | None = None
    for _ in range(_TRIES):
        text, version = document.model.read()
        merged = merged_text(base.shown, normal(text), lost.version.shown)
        if merged.text is None:
            session.client.tell(f"The version cannot be merged: both sides changed the same lines. {kept}")
            return
        edits = text_edits(edits_to(document.model, text, merged.text))
        refused = await session.client.apply(document.uri, version, edits, "Merge the kept version")
        if not refused or document.closed or document.model.version == version:
            break  # refused for another reason than a keystroke that came in between
    if refused:
        session.client.tell(f"The version was not merged: {refused}. {kept}")
