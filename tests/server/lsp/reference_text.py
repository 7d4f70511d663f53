"""An independent reading of the specification: the document as an array of code units, rewritten at every edit."""

from __future__ import annotations

CODECS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


class ReferenceText:
    def __init__(self, text: str, encoding: str) -> None:
        self._codec, self._width = CODECS[encoding]
        self._units = self._encode(text)

    def _encode(self, text: str) -> list[bytes]:
        raw = text.encode(self._codec, "surrogatepass")
        return [raw[i : i + self._width] for i in range(0, len(raw), self._width)]

    @property
    def text(self) -> str:
        return b"".join(self._units).decode(self._codec, "surrogatepass")

    def _unit(self, character: str) -> bytes:
        return character.encode(self._codec)

    def _line_bounds(self) -> list[tuple[int, int]]:
        """Start and end (without the line end) of each line, in units."""
        cr, lf = self._unit("\r"), self._unit("\n")
        bounds, start, at = [], 0, 0
        while at < len(self._units):
            unit = self._units[at]
            if unit in (cr, lf):
                bounds.append((start, at))
                at += 2 if unit == cr and self._units[at + 1 : at + 2] == [lf] else 1
                start = at
            else:
                at += 1
        return [*bounds, (start, len(self._units))]

    def _offset(self, line: int, character: int) -> int:
        bounds = self._line_bounds()
        if line >= len(bounds):
            return len(self._units)
        start, end = bounds[line]
        at = min(start + character, end)
        while start < at < end and self._inside_a_character(at):
            at -= 1
        return at

    def _inside_a_character(self, at: int) -> bool:
        unit = self._units[at]
        if self._width == 1:
            return unit[0] & 0xC0 == 0x80
        if self._width == 2:
            return 0xDC <= unit[1] <= 0xDF and 0xD8 <= self._units[at - 1][1] <= 0xDB
        return False

    def edit(self, start: tuple[int, int], end: tuple[int, int], new: str) -> None:
        first, last = sorted((self._offset(*start), self._offset(*end)))
        self._units[first:last] = self._encode(new)
