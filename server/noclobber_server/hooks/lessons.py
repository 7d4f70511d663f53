"""What hooks have to do with lessons: giving those for a file, and drafting one from a check that failed in the shell."""

from __future__ import annotations

from noclobber.guard import ConcurrencyGuard

from .context import Context

__all__ = ["draft_failed_check", "lessons_for"]


def lessons_for(guard: ConcurrencyGuard, file_path: str) -> list[str]:
    """One line for each lesson that names this file."""
    del guard, file_path
    return []


def draft_failed_check(context: Context) -> list[str]:
    """Draft a lesson where the command was a check and it failed."""
    del context
    return []
