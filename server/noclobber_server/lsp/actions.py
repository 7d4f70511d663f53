"""The quick fixes offered at a line: the ways out of a stale buffer, and a lesson from any problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lsprotocol import types

from .diagnosing import SOURCE

__all__ = ["quick_fixes"]

_MOST_LESSONS = 5
_WAYS_OUT = {
    "behind": ("takeDisk",),
    "mergeable": ("merge", "takeDisk", "keepMine"),
    "conflict": ("takeDisk", "keepMine"),
    "deleted": ("keepMine",),
}
_TITLES = {
    "merge": "Merge the disk's changes into this buffer",
    "takeDisk": "Take the disk's version",
    "keepMine": "Keep mine, knowingly",
}


def quick_fixes(uri: str, diagnostics: Sequence[types.Diagnostic], state: str, *, on_disk: bool) -> list[types.CodeAction]:
    """For the diagnostics the client names; ``state``: that of the document now."""
    ours = [diagnostic for diagnostic in diagnostics if diagnostic.source == SOURCE]
    fixes: list[types.CodeAction] = []
    if ours:
        names = _WAYS_OUT.get(state, ())
        for number, name in enumerate(names):
            if on_disk or name == "keepMine":
                fixes.append(
                    _fix(_TITLES[name], f"noclobber.buffer.{name}", {"uri": uri}, ours, preferred=number == 0 and name != "keepMine")
                )
    for diagnostic in diagnostics[:_MOST_LESSONS]:
        first = diagnostic.message.strip().split("\n")[0]
        title = f"Record a lesson from this problem: {first[:60]}{'…' if len(first) > 60 else ''}"
        fixes.append(_fix(title, "noclobber.lesson.append", {"uri": uri, "diagnostic": _told(diagnostic)}, [diagnostic], preferred=False))
    return fixes


def _fix(title: str, command: str, argument: dict[str, Any], diagnostics: list[types.Diagnostic], *, preferred: bool) -> types.CodeAction:
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=diagnostics,
        is_preferred=preferred or None,
        command=types.Command(title=title, command=command, arguments=[argument]),
    )


def _told(diagnostic: types.Diagnostic) -> dict[str, Any]:
    return {
        "message": diagnostic.message,
        "source": diagnostic.source,
        "code": diagnostic.code,
        "line": diagnostic.range.start.line + 1,
    }
