"""What may be wrong with a lesson itself, or with the file it should go into."""

from __future__ import annotations

from ..errors import NoclobberError

__all__ = ["LessonError", "NoSuchLessonError"]


class LessonError(NoclobberError):
    """A lesson that cannot be written as it is; the message says what to do about it."""


class NoSuchLessonError(LessonError):
    """No lesson, or more than one, goes by this id."""
