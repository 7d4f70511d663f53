"""``append_lesson_to_claude``: the one call that agents, editors and scripts make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from ..errors import NoclobberError
from ..guard import ConcurrencyGuard
from .compose import compose
from .ledger import Kept, Ledger

__all__ = ["Appended", "append_lesson_to_claude", "told"]


class Appended(TypedDict):
    """What became of a lesson. ``path``: the file, relative to the root; ``message``: one or two sentences for whoever asked."""

    success: bool
    path: str
    message: str


def append_lesson_to_claude(
    guard: ConcurrencyGuard,
    lesson_text: str | bytes = "",
    *,
    context: str | None = None,
    failure: str | None = None,
    resolution: str | None = None,
    files: Sequence[str] = (),
    turn_id: str | None = None,
    intent_id: str | None = None,
    agent_id: str | None = None,
) -> Appended:
    """Append a lesson to the workspace's CLAUDE.md, through the guard: nothing of anyone's is lost.

    A finished text, or what failed (``failure``), in which circumstances (``context``) and what to do (``resolution``); ``files``:
    globs it is for. A lesson that is already there is counted; one with another resolution for the same failure replaces
    the earlier. ``success`` is false, and nothing written, where the text may not be written (empty, too long) or the file may not.
    """
    caller = guard.as_writer(agent_id or guard.agent_id, turn_id=turn_id or guard.turn_id, intent_id=intent_id or guard.intent_id)
    path = guard.workspace.settings.lessons_file
    try:
        ledger = Ledger(caller)
        texts = compose(lesson_text, context=context, failure=failure, resolution=resolution, files=tuple(files))
        kept = ledger.keep(ledger.new_lesson(texts))
    except NoclobberError as error:
        return Appended(success=False, path=path, message=str(error))
    return Appended(success=True, path=kept.lesson.place or path, message=told(kept))


def told(kept: Kept) -> str:
    """What became of a lesson, in words."""
    lesson, before = kept.lesson, kept.before
    if kept.action == "counted":
        return f"This lesson is already in {lesson.place} (of {lesson.when} UTC, id {lesson.id}); seen {lesson.seen} times now."
    if kept.action == "replaced" and before is not None:
        said = f" It said: {before.resolution}" if before.resolution else ""
        return f"Lesson {lesson.id} replaces the one of {before.when} UTC in {lesson.place}.{said}"
    moved = f" {kept.moved} older lesson{'s' if kept.moved > 1 else ''} moved to the archive." if kept.moved else ""
    return f"Lesson {lesson.id} added to {lesson.place}.{moved}"
