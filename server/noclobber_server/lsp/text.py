"""The text of one open document, as its editor holds it.

Changes are taken in constant time and applied when the text is asked for, so that a keystroke costs the same in ten
lines and in a hundred thousand. Lines end at LF, CRLF and CR and nowhere else. This module knows positions
and text; it knows nothing of files, states or the protocol's messages.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

__all__ = ["Change", "Encoding", "Place", "Span", "Taken", "TextModel", "split_lines", "units"]

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Taken = Literal["taken", "version went back"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Place(NamedTuple):
    """A position: ``line`` and ``character`` from 0, the latter in units of the negotiated encoding."""

    line: int
    character: int


class Span(NamedTuple):
    """From ``start`` up to, not including, ``end``."""

    start: Place
    end: Place


class Change(NamedTuple):
    """One content change; ``span`` None replaces the whole text."""

    span: Span | None
    text: str


def split_lines(text: str) -> list[str]:
    """The lines with their ends; the last one has none and may be empty, so that there is always one."""
    lines = _LINE.findall(text)
    if not lines or lines[-1].endswith(("\n", "\r")):
        lines.append("")
    return lines


def units(text: str, encoding: Encoding) -> int:
    """How many units of the encoding the text has."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


class TextModel:
    """One document's text and version.

    ``take`` may be called by one thread (the one that reads the protocol) while others ask for the text; it
    never waits for them.
    """

    def __init__(self, text: str, version: int, encoding: Encoding) -> None:
        self.version = version
        self._encoding: Encoding = encoding
        self._split: list[str] | None = None  # a thousand documents are opened for each one that is typed in
        self._text: str | None = _joined_pairs(text)
        self._applied_version = version
        self._pending: deque[tuple[int, tuple[Change, ...]]] = deque()
        self._fold = threading.Lock()

    @property
    def encoding(self) -> Encoding:
        """The unit in which positions are counted."""
        return self._encoding

    def take(self, version: int, changes: Iterable[Change]) -> Taken:
        """Queue one notification's changes, in constant time. A version that goes back is not taken."""
        if version < self.version:
            return "version went back"
        self.version = version
        self._pending.append((version, tuple(changes)))
        return "taken"

    def read(self) -> tuple[str, int]:
        """The text and the version it has."""
        with self._fold:
            self._apply_pending()
            if self._text is None:
                self._text = "".join(self._lines)
            return self._text, self._applied_version

    @property
    def _lines(self) -> list[str]:
        if self._split is None:
            self._split = split_lines(self._text or "")
        return self._split

    def line_count(self) -> int:
        """How many lines there are: one more than there are line ends."""
        with self._fold:
            self._apply_pending()
            return len(self._lines)

    def line(self, number: int) -> str:
        """One line with its end, empty past the last one."""
        with self._fold:
            self._apply_pending()
            return self._lines[number] if 0 <= number < len(self._lines) else ""

    def whole_lines(self, first: int, last: int) -> Span:
        """The span from the start of line ``first`` to the end of the visible text of line ``last``, both clamped."""
        with self._fold:
            self._apply_pending()
            top = len(self._lines) - 1
            first, last = min(max(first, 0), top), min(max(last, 0), top)
            return Span(Place(first, 0), Place(last, units(_visible(self._lines[last]), self._encoding)))

    def through_lines(self, first: int, after: int) -> Span:
        """The span of the lines ``first`` up to, not including, ``after``, with their ends."""
        with self._fold:
            self._apply_pending()
            return Span(self._line_start(first), self._line_start(after))

    def _line_start(self, number: int) -> Place:
        if number < len(self._lines):
            return Place(max(number, 0), 0)
        last = len(self._lines) - 1
        return Place(last, units(_visible(self._lines[last]), self._encoding))

    def _apply_pending(self) -> None:
        while self._pending:
            version, changes = self._pending.popleft()
            for change in changes:
                self._apply(change)
            self._applied_version = version

    def _apply(self, change: Change) -> None:
        if change.span is None:
            self._split, self._text = None, _joined_pairs(change.text)
            return
        start, end = self._clamped(change.span.start), self._clamped(change.span.end)
        if end < start:
            start, end = end, start
        lines = self._lines
        self._text = None
        (first, before), (last, after) = start, end
        # A CR that ends the line before, and an LF that now begins this one, are one line end.
        if before == 0 and first > 0 and lines[first - 1].endswith("\r"):
            first, before = first - 1, len(lines[first - 1])
        text = _joined_pairs(lines[first][:before] + change.text + lines[last][after:])
        new = split_lines(text)
        if last + 1 < len(lines) and new[-1] == "":
            new.pop()
        if len(new) == last + 1 - first:
            for number, line in enumerate(new, first):  # in place: a slice of another length would move all that follow
                lines[number] = line
        else:
            lines[first : last + 1] = new

    def _clamped(self, place: Place) -> tuple[int, int]:
        """Line and index into it; past the last line: the end of the text; past a line's text: before its end."""
        if place.line >= len(self._lines):
            last = len(self._lines) - 1
            return last, len(self._lines[last])
        return place.line, _index(self._lines[place.line], place.character, self._encoding)


def _visible(line: str) -> str:
    return line.rstrip("\r\n")


def _index(line: str, character: int, encoding: Encoding) -> int:
    """Where in the line a character position is; one inside a character is taken back to its start."""
    visible = _visible(line)
    if encoding == "utf-32" or visible.isascii():
        return min(max(character, 0), len(visible))
    if encoding == "utf-16":
        raw = visible.encode("utf-16-le", "surrogatepass")
        cut = min(2 * max(character, 0), len(raw))
        inside = 0 < cut < len(raw) and 0xDC <= raw[cut + 1] <= 0xDF and 0xD8 <= raw[cut - 1] <= 0xDB
        return len(raw[: cut - 2 if inside else cut].decode("utf-16-le", "surrogatepass"))
    raw = visible.encode("utf-8", "surrogatepass")
    cut = min(max(character, 0), len(raw))
    while cut < len(raw) and raw[cut] & 0xC0 == 0x80:
        cut -= 1
    return len(raw[:cut].decode("utf-8", "surrogatepass"))


def _joined_pairs(text: str) -> str:
    """The text with halves of a surrogate pair that now stand together made one character (JSON can carry halves)."""
    if text.isascii() or _SURROGATE.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
