"""A unified diff for people and models to read: short, bounded, and honest about what it leaves out.

Not for a patch program: what cannot be shown (bytes that are no text, control characters, very long lines) is
replaced visibly, and a diff past its limit is cut with a statement of how much is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from .lines import as_utf8, common_prefix, split_lines
from .regions import Change, regions_of

__all__ = ["unified_diff"]

_CONTEXT = 3
_WIDTH = 400
_LEAD = 40  # of a cut line, how much is shown in front of the first difference
_JOINERS = "\u200c\u200d"  # part of words and emoji, unlike the other format characters


class _Row(NamedTuple):
    """One line of the diff before it is made text: ``skip`` bytes are left out at the beginning."""

    mark: str
    line: bytes
    skip: int = 0


def unified_diff(before: bytes, after: bytes, *, before_name: str = "before", after_name: str = "after", limit: int = 60) -> str:
    """The difference as text of at most ``limit`` lines, each ending in a line feed; empty where there is none.

    Lines are cut at 400 characters. Binary content is one line saying so. Where the cut leaves something out, the last line
    says how many lines and hunks.
    """
    if before == after:
        return ""
    old, new = as_utf8(before), as_utf8(after)
    if b"\0" in old or b"\0" in new:
        return f"Binary content differs: {before_name} has {len(before):,} bytes, {after_name} has {len(after):,} bytes.\n"
    if old == new:
        return f"Only the encoding differs: {before_name} has {len(before):,} bytes, {after_name} has {len(after):,} bytes.\n"
    crlf = _is_crlf(old) and _is_crlf(new)
    changes, coarse = regions_of(old, new)
    head = [f"--- {before_name}", f"+++ {after_name}"]
    head += ["(all lines end in CR LF)"] * crlf
    head += ["(too different to be compared line by line in full)"] * coarse
    return "".join(line + "\n" for line in _cut(head, _rows(changes, split_lines(old), split_lines(new)), limit, crlf))


def _cut(head: list[str], rows: Iterator[_Row], limit: int, crlf: bool) -> Iterator[str]:
    yield from head
    room = max(limit - len(head), 1)
    first = list(islice(rows, room + 1))
    if len(first) <= room:
        yield from (_shown(row, crlf) for row in first)
        return
    yield from (_shown(row, crlf) for row in first[: room - 1])
    lines = hunks = 0
    for row in (*first[room - 1 :], *rows):
        lines += 1
        hunks += row.mark == "@"
    yield f"… {_count(lines, 'more line')}" + (f", {_count(hunks, 'more hunk')}" if hunks else "")


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("s" if number != 1 else "")


def _rows(changes: Sequence[Change], old: list[bytes], new: list[bytes]) -> Iterator[_Row]:
    for hunk in _hunks(changes):
        start = max(hunk[0].before[0] - _CONTEXT, 0)
        end = min(hunk[-1].before[1] + _CONTEXT, len(old))
        new_start = hunk[0].after[0] - (hunk[0].before[0] - start)
        new_end = hunk[-1].after[1] + (end - hunk[-1].before[1])
        yield _Row("@", f"@@ -{_span(start, end)} +{_span(new_start, new_end)} @@".encode())
        at = start
        for before, after in hunk:
            yield from _side(" ", old[at : before[0]])
            yield from _replaced(old[before[0] : before[1]], new[after[0] : after[1]])
            at = before[1]
        yield from _side(" ", old[at:end])


def _hunks(changes: Sequence[Change]) -> Iterator[list[Change]]:
    hunk: list[Change] = []
    for change in changes:
        if hunk and change.before[0] - hunk[-1].before[1] > 2 * _CONTEXT:
            yield hunk
            hunk = []
        hunk.append(change)
    if hunk:
        yield hunk


def _span(start: int, end: int) -> str:
    size = end - start
    return str(start + 1) if size == 1 else f"{start + 1 if size else start},{size}"


def _replaced(removed: list[bytes], added: list[bytes]) -> Iterator[_Row]:
    skips = [0] * max(len(removed), len(added))
    for index, (one, other) in enumerate(zip(removed, added, strict=False)):
        if len(one) > _WIDTH or len(other) > _WIDTH:
            skips[index] = _skip(one, other)
    yield from _side("-", removed, skips)
    yield from _side("+", added, skips)


def _skip(one: bytes, other: bytes) -> int:
    """Where to begin showing a pair of long lines whose first difference would otherwise be cut off."""
    at = common_prefix(one, other)
    if at < _WIDTH - _LEAD:
        return 0
    at -= _LEAD
    while at and one[at : at + 1] and one[at] & 0xC0 == 0x80:  # not inside a character
        at -= 1
    return at


def _side(mark: str, lines: list[bytes], skips: Sequence[int] | None = None) -> Iterator[_Row]:
    for index, line in enumerate(lines):
        yield _Row(mark, line, skips[index] if skips else 0)
        if not line.endswith((b"\n", b"\r")):
            yield _Row("\\", b" No newline at end of file")


def _shown(row: _Row, crlf: bool) -> str:
    if row.mark == "@":
        return row.line.decode()
    line = row.line[:-1] if row.line.endswith(b"\n") else row.line
    if crlf and line.endswith(b"\r"):
        line = line[:-1]
    text = line[row.skip : row.skip + 4 * _WIDTH].decode("utf-8", "replace")  # four bytes are the longest character
    whole = len(text) <= _WIDTH and row.skip + 4 * _WIDTH >= len(line)
    shown = _visible(text if whole else text[:_WIDTH])
    return row.mark + ("…" if row.skip else "") + shown + ("" if whole and not row.skip else f"… (a line of {len(line):,} bytes)")


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if _is_harmless(char) else _escaped(char) for char in text)


def _is_harmless(char: str) -> bool:
    """Printable, a tab, or a wide space; not what moves a terminal's cursor or turns the direction of text."""
    return char.isprintable() or char == "\t" or char in _JOINERS or (char.isspace() and char >= "\xa0" and char not in "\u2028\u2029")


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _is_crlf(content: bytes) -> bool:
    """Whether every line ends in CR LF, so that saying it once says it all."""
    pairs = content.count(b"\r\n")
    return pairs > 0 and pairs == content.count(b"\n") == content.count(b"\r") and content.endswith(b"\n")
