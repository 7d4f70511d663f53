"""From what somebody wants to have said to the texts of an entry: cleaned, limited, masked, harmless.

The one door through which text enters a lesson; it knows the rules of ``safety``, ``secrets`` and ``fingerprint`` and nothing of files.
"""

from __future__ import annotations

from typing import NamedTuple

from .entry import split_labels
from .errors import LessonError
from .fingerprint import text_key
from .safety import MAX_CHARACTERS, MAX_LINES, check_globs, clean, neutralise
from .secrets import SecretMasker

__all__ = ["Texts", "compose"]


class Texts(NamedTuple):
    """The texts of a lesson as they may stand in an entry, its globs, and the key of what it is about."""

    lesson: str
    context: str
    failure: str
    resolution: str
    files: tuple[str, ...]
    key: str

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """Lesson, context, failure and resolution."""
        return self[:4]


def compose(
    lesson_text: str | bytes = "",
    *,
    context: str | bytes | None = None,
    failure: str | bytes | None = None,
    resolution: str | bytes | None = None,
    files: tuple[str, ...] = (),
    key: str | None = None,
) -> Texts:
    """The texts made fit to stand in an entry; parts named in a finished text (``Failure: …``) fill what is not given.

    LessonError where nothing is said, too much is, or a glob is unusable.
    """
    parts = split_labels(clean(lesson_text))
    for name, given in (("context", context), ("failure", failure), ("resolution", resolution)):
        if given is not None and (text := clean(given)):
            if name in parts:
                parts["lesson"] = "\n".join(filter(None, (parts.get("lesson"), parts[name])))
            parts[name] = text
    _check_size(parts)
    masker = SecretMasker()
    safe = {name: neutralise(masker.mask(text)) for name, text in parts.items()}
    lesson, told_context, told_failure, told_resolution = (safe.get(name, "") for name in ("lesson", "context", "failure", "resolution"))
    key = key or text_key(lesson=lesson, context=told_context, failure=told_failure)
    return Texts(lesson, told_context, told_failure, told_resolution, check_globs(files), key)


def _check_size(parts: dict[str, str]) -> None:
    if not any(text.strip() for text in parts.values()):
        raise LessonError("The lesson is empty. Say what failed, in which circumstances, and what to do instead.")
    characters = sum(map(len, parts.values()))
    lines = sum(text.count("\n") + 1 for text in parts.values())
    if characters > MAX_CHARACTERS or lines > MAX_LINES:
        raise LessonError(
            f"The lesson has {characters:,} characters in {lines:,} lines; at most {MAX_CHARACTERS:,} characters in {MAX_LINES} lines "
            "are allowed, since every agent reads it at every start. Keep what failed, why, and what to do instead."
        )
