"""Where the hunks of a patch belong in a version of a file, as ``apply_patch`` looks for them: in order, each after its headers.

Loaded only for patches. Nothing here looks at a file or decides anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from noclobber.text import decode_text

from .records import Hunk

__all__ = ["is_certain", "place_hunks"]


def place_hunks(content: bytes, hunks: Sequence[Hunk]) -> tuple[tuple[str, str], ...] | None:
    """The hunks as exact replacements, each old text grown until it stands once; None where one of them has no place.

    A header that is not there is passed over: its client says so itself. A hunk that only inserts fits everywhere: it is left out.
    """
    text = decode_text(content)[0].replace("\r\n", "\n")
    lines = text.split("\n")
    ended = lines[-1] == ""
    if ended:
        lines.pop()
    at = 0
    edits: list[tuple[str, str]] = []
    for old_text, new_text, headers, at_end in hunks:
        for header in headers:
            at = next((row + 1 for row in range(at, len(lines)) if lines[row].strip() == header), at)
        old, new = old_text.split("\n")[:-1], new_text.split("\n")[:-1]
        if not old:
            continue
        last = len(lines) - len(old)
        place = next((row for row in (*([last] if at_end else ()), *range(at, last + 1)) if row >= 0 and _stands(lines, row, old)), None)
        if place is None:
            return None
        edits.append(_grown(lines, place, old, new, ended=ended))
        lines[place : place + len(old)] = new
        at = place + len(new)
    return tuple(edits)


def is_certain(content: bytes, hunks: Sequence[Hunk]) -> bool:
    """Whether what the patch makes of this version is known: clients differ in where they insert, and in ending an unended last line."""
    return all(hunk[0] for hunk in hunks) and decode_text(content)[0].endswith("\n")


def _stands(lines: list[str], row: int, old: list[str]) -> bool:
    return lines[row] == old[0] and lines[row : row + len(old)] == old


def _grown(lines: list[str], place: int, old: list[str], new: list[str], *, ended: bool) -> tuple[str, str]:
    whole = _joined(lines, ended=ended)
    before, after, more = place, place + len(old), 1
    while True:
        at_end = after == len(lines)
        block = _joined(lines[before:after], ended=ended or not at_end)
        if whole.find(block, whole.find(block) + 1) < 0:
            made = [*lines[before:place], *new, *lines[place + len(old) : after]]
            return block, _joined(made, ended=ended or not at_end)
        before, after, more = max(0, before - more), min(len(lines), after + more), 2 * more


def _joined(lines: Sequence[str], *, ended: bool) -> str:
    return "\n".join(lines) + ("\n" if ended and lines else "")
