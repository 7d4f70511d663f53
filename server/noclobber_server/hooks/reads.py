"""After an agent's own tool showed it a file: on record, by the lines it was really shown, with the lessons for that file, once."""

from __future__ import annotations

from noclobber.errors import NoclobberError
from noclobber.merge.lines import split_lines
from noclobber.situation import look

from .context import Context
from .records import Answer, Shown

__all__ = ["record_reads"]


def record_reads(context: Context) -> Answer:
    """Record each file shown; what is to be known of it (unsaved edits, lessons) goes to the model."""
    said = [*context.notes.take_said()]
    if context.call.event == "failed":
        return Answer(context="\n".join(said))
    for shown in context.call.shown:
        try:
            said += _record(context, shown)
        except NoclobberError:
            continue  # absent, a folder, or outside what we guard
    return Answer(context="\n".join(said))


def _record(context: Context, shown: Shown) -> list[str]:
    with context.guard.workspace.locator.locate(shown.path) as located:
        file_path, found = located.file_path, look(located)
    if found is None:
        return []
    lines = split_lines(found.content)
    spans = None if shown.lines is None else _within(shown.lines, len(lines))
    if shown.text is not None and not _is_there(shown.text, found.content, lines, spans):
        if spans is None:
            context.guard.record_snapshot(shown.path, shown.text)
            return []
        return [f"{file_path} was changed while you read it; read it again before you change it."]
    read = context.guard.read(shown.path, lines=None if spans is None else [spans])
    return [*read.notices, *_lessons(context, file_path)]


def _within(lines: tuple[int, int], count: int) -> tuple[int, int]:
    last = max(count, 1)
    return min(lines[0], last), min(lines[1], last)


def _is_there(text: str, content: bytes, lines: list[bytes], span: tuple[int, int] | None) -> bool:
    """Whether the file holds what was shown, BOM, line endings and the end of the last line aside."""
    from noclobber.text import same_text

    there = content if span is None else b"".join(lines[span[0] - 1 : span[1]])
    return same_text(text, there) or same_text(text + "\n", there)


def _lessons(context: Context, file_path: str) -> list[str]:
    """The lessons for a file when it is first read in a session."""
    if not context.notes.once("lessons", file_path):
        return []
    from .lessons import lessons_for

    return lessons_for(context.guard, file_path)
