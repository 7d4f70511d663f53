"""Lessons: what a failed check taught, kept where the next agent reads it.

A CLAUDE.md is a person's file; what is here adds, replaces and removes entries in it and touches nothing else. The parts that
take bytes and give bytes know nothing of guards, stores or commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .appending import append_lesson_to_claude

__all__ = ["append_lesson_to_claude"]


def __getattr__(name: str) -> Any:
    if name == "append_lesson_to_claude":  # the pure parts are used without a guard
        from .appending import append_lesson_to_claude

        return append_lesson_to_claude
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
