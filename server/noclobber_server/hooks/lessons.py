"""What agents' fronts have to do with lessons: giving those for a file, and drafting one from a check that failed in the shell.

Loads what lessons need only where there may be any: most files of most projects have none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from noclobber.guard import ConcurrencyGuard

if TYPE_CHECKING:
    from .context import Context

__all__ = ["draft_failed_check", "lessons_for"]

_MOST = 3
_LONGEST = 120  # of each side: what went wrong says when it applies, what mended it is what the agent can use
_JOINTS = ("&&", ";", "|", "||", "&")


def lessons_for(guard: ConcurrencyGuard, file_path: str) -> list[str]:
    """One line for each lesson that names this file, by a glob or in its words; at most three, the latest first."""
    if not _may_have_lessons(guard):
        return []
    from noclobber.lessons.catalogue import Catalogue
    from noclobber.lessons.matching import names_file
    from noclobber.lessons.records import FILED_STATES

    found = [lesson for lesson in Catalogue(guard.workspace.store).all(FILED_STATES) if names_file(lesson, file_path) in (0, 1)]
    return [_line(file_path, lesson.failure or lesson.lesson, lesson.resolution) for lesson in reversed(found[-_MOST:])]


def draft_failed_check(context: Context) -> list[str]:
    """Draft a lesson for each failure of a check that an agent ran in its shell; a passed one resolves what was drafted.

    Where it is not known how the check ended, neither: a failure taken for a success would resolve what nobody mended.
    """
    succeeded = context.call.succeeded
    if succeeded is None:
        return []
    words = _check_words(context.call.command)
    if not words or context.guard.workspace.settings.lessons_auto == "never":
        return []
    from .failed_checks import draft

    draft(context.guard, words, context.call.output, failed=not succeeded)
    return []


def _may_have_lessons(guard: ConcurrencyGuard) -> bool:
    if guard.events(kind="lesson", limit=1):
        return True
    try:
        with open(os.path.join(guard.workspace.root, guard.workspace.settings.lessons_file), "rb") as file:
            return b"## Lesson Learned" in file.read()
    except OSError:
        return False


def _line(file_path: str, failure: str, resolution: str) -> str:
    sides = [" ".join(side.split()) for side in (failure, resolution) if side]
    shown = [side if len(side) <= _LONGEST else side[: _LONGEST - 1] + "…" for side in sides]
    return f"Lesson for {file_path}: {' -> '.join(shown)}"


_CHECKS = ("pytest", "py.test", "ruff", "mypy", "pyright", "basedpyright", "eslint", "tsc", "vitest", "jest", "go", "unittest")


def _check_words(command: str) -> list[str]:
    """The words of the last simple command in a shell line, if it starts a tool that checks; nothing is run, so a guess is enough.

    No words where the status is another's: that of what it is piped into (without ``pipefail``).
    """
    if not any(check in command for check in _CHECKS):
        return []
    import shlex

    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return []
    last: list[str] = []
    piped = False
    for word in words:
        if word in ("|", "|&"):
            piped = True  # what comes after a pipe only shows what came before it
        elif word in _JOINTS:
            last, piped = [], False
        elif not piped:
            last.append(word)
    if piped and "pipefail" not in command:
        return []
    return last if {os.path.basename(word) for word in last} & set(_CHECKS) else []
