"""Exact replacements: this text, which stands here once, becomes that text. A whole list is applied, or nothing.

Failures are values that say where to look, so that whoever sent the edit can send a better one at once.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from .lines import as_utf8, count_line_ends, split_lines, unit_size, utf16_codec
from .regions import Change, changed_regions

__all__ = ["EditAmbiguous", "EditNotFound", "Edited", "apply_edits", "find_all", "rebase_edit"]

_BOMS = (b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
_LINES_NAMED = 10
_SHOWN = 120


class Edited(NamedTuple):
    """The content with all edits made, and what changed by them."""

    content: bytes
    regions: tuple[Change, ...]


class EditNotFound(NamedTuple):
    """Edit number ``edit`` (from 0) cannot be made; ``hint`` is one or two sentences on why and where to look."""

    edit: int
    hint: str


class EditAmbiguous(NamedTuple):
    """The old text of edit number ``edit`` (from 0) stands ``times`` times; ``lines``: where, counted from 1, the first ten."""

    edit: int
    times: int
    lines: tuple[int, ...]


def apply_edits(
    content: bytes, edits: Sequence[tuple[bytes, bytes]], *, replace_all: bool = False
) -> Edited | EditNotFound | EditAmbiguous:
    """Make the edits (old, new) in order, each on the result of the one before.

    An old text must stand exactly once, or with ``replace_all`` at least once. An empty old text fills an empty file.
    """
    step = unit_size(content)
    now = content
    for index, (old, new) in enumerate(edits):
        places = _places(now, old, step)
        if old == new:
            return EditNotFound(index, "The old and the new text are the same, so there is nothing to replace.")
        if not places:
            return EditNotFound(index, _hint(now, old))
        if len(places) > 1 and not replace_all:
            return EditAmbiguous(index, len(places), tuple(_line_of(now, place) for place in places[:_LINES_NAMED]))
        now = _replaced(now, places, len(old), new)
    return Edited(now, tuple(changed_regions(content, now)))


def rebase_edit(known: bytes, edits: Sequence[tuple[bytes, bytes]], *, replace_all: bool = False) -> bytes | None:
    """What a writer knows after its edits, which were made on another version; None if they cannot be made on what it knew."""
    edited = apply_edits(known, edits, replace_all=replace_all)
    return edited.content if isinstance(edited, Edited) else None


def find_all(content: bytes, old: bytes, step: int = 1) -> list[int]:
    """Every offset at which a text stands, overlapping ones too; ``step`` is the size of a code unit: none begins inside one."""
    places = []
    at = content.find(old)
    while at >= 0:
        if at % step == 0:
            places.append(at)
        at = content.find(old, at + 1)
    return places


def _places(content: bytes, old: bytes, step: int) -> list[int]:
    if old:
        return find_all(content, old, step)
    return [len(content)] if content in _BOMS else []


def _replaced(content: bytes, places: list[int], size: int, new: bytes) -> bytes:
    parts = []
    at = 0
    for place in places:
        if place >= at:  # occurrences that overlap the one before are gone with it
            parts += [content[at:place], new]
            at = place + size
    return b"".join((*parts, content[at:]))


def _line_of(content: bytes, offset: int) -> int:
    if utf16_codec(content):
        return count_line_ends(as_utf8(content[:offset])) + 1
    return count_line_ends(content[:offset]) + 1


def _hint(content: bytes, old: bytes) -> str:
    if content in _BOMS:
        return "The file is empty; only an empty old text can be replaced in it."
    if not old:
        return "The old text is empty, which only fits an empty file; name the text to be replaced."
    codec = utf16_codec(content)
    if codec:
        content, old = as_utf8(content), old.decode(codec, "replace").encode("utf-8", "replace")
    return _hint_endings(content, old) or _hint_spaces(content, old) or _hint_lines(split_lines(content), split_lines(old))


def _hint_endings(content: bytes, old: bytes) -> str:
    flat = _flat(content)
    at = flat.find(_flat(old))
    return "" if at < 0 else f"It stands at line {flat.count(10, 0, at) + 1} if line endings are ignored; send the file's own."


def _flat(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _hint_spaces(content: bytes, old: bytes) -> str:
    wanted = b"".join(old.split())
    if not wanted:
        return "The old text is only white space, and not as it stands in the file."
    squeezed = [b"".join(line.split()) for line in split_lines(content)]
    at = b"".join(squeezed).find(wanted)
    if at < 0:
        return ""
    line = bisect_right(list(accumulate(map(len, squeezed))), at) + 1
    return f"It stands at line {line} if white space is ignored; copy indentation and line breaks exactly."


def _hint_lines(lines: list[bytes], old: list[bytes]) -> str:
    """The first line of the old text that stands once in the file, and the first of its neighbours that differs."""
    numbers: dict[bytes, list[int]] = {}
    for number, line in enumerate(lines):
        numbers.setdefault(line.strip(), []).append(number)
    for index, line in enumerate(old):
        places = numbers.get(line.strip(), [])
        if line.strip() and len(places) == 1:
            return _hint_difference(lines, old, places[0] - index)
    return "No line of it stands in the file once; read the file again."


def _hint_difference(lines: list[bytes], old: list[bytes], offset: int) -> str:
    for index, line in enumerate(old):
        at = index + offset
        there = lines[at].strip() if 0 <= at < len(lines) else None
        if there != line.strip():
            if there is None:
                return f"It would run past the {'end' if at >= 0 else 'beginning'} of the file with its line {index + 1}."
            return f"Its line {index + 1} differs: line {at + 1} of the file reads {_quoted(there)}."
    return "Some of its lines stand in the file, but not as a whole; read the file again."


def _quoted(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return ascii(text) if not text.isprintable() else f"“{text[:_SHOWN]}{'…' * (len(text) > _SHOWN)}”"
