"""What a command says: bytes and JSON for programs, plain lines when piped, colour and aligned tables on a terminal.

Text and bytes go through one binary stream, so that nothing is reordered and nothing is encoded twice.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

__all__ = ["Output", "output_for", "printable"]

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36"}


def printable(text: str) -> str:
    """The text without what a terminal would take as a command: a file name must not be able to clear the screen."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else repr(char)[1:-1] for char in text)


class Output:
    """Where one command's answer goes."""

    def __init__(self, stdout: BinaryIO, stderr: BinaryIO, *, as_json: bool = False, terminal: bool = False, colour: bool = False) -> None:
        self.as_json = as_json
        self.terminal = terminal
        self.colour = colour
        self._stdout = stdout
        self._stderr = stderr

    def raw(self, content: bytes) -> None:
        """Bytes, exactly these."""
        _write_all(self._stdout, content)

    def line(self, text: str = "") -> None:
        """One line on stdout."""
        _write_all(self._stdout, _encoded(text) + b"\n")

    def json(self, value: Any) -> None:
        """One JSON value on one line."""
        _write_all(self._stdout, _encoded(json.dumps(value, ensure_ascii=not _encodable(value))) + b"\n")

    def note(self, text: str) -> None:
        """One line for the person, on stderr, so that it never mixes with an answer."""
        self._stdout.flush()
        _write_all(self._stderr, _encoded(f"noclobber: {text}\n"))
        self._stderr.flush()

    def plain_note(self, text: str) -> None:
        """Further lines after a note."""
        _write_all(self._stderr, _encoded(f"{text}\n"))
        self._stderr.flush()

    def paint(self, style: str, text: str) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.colour else text

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str | None] = ()) -> None:
        """Aligned under a header on a terminal, tab-separated when piped. ``styles``: one for each row."""
        rows = [[printable(cell) for cell in row] for row in rows]
        if not self.terminal:
            for row in rows:
                self.line("\t".join(row))
            return
        widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
        self.line(self.paint("bold", _aligned(header, widths)))
        for number, row in enumerate(rows):
            style = styles[number] if number < len(styles) else None
            text = _aligned(row, widths)
            self.line(self.paint(style, text) if style else text)

    def diff(self, text: str) -> None:
        """A unified diff on stderr, coloured where there are colours."""
        for line in text.splitlines():
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
            self.plain_note(self.paint(style, printable(line)) if style else printable(line))

    def flush(self) -> None:
        """Everything said so far leaves this process."""
        self._stdout.flush()


@contextmanager
def output_for(as_json: bool) -> Iterator[Output]:
    """This process's own streams, flushed at the end.

    Raises ``BrokenPipeError`` where the reader is gone; a full disk under stdout is a ``FileAccessError``.
    """
    stdout, stderr = _binary(sys.stdout), _binary(sys.stderr)
    terminal = stdout.isatty()
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    out = Output(stdout, stderr, as_json=as_json, terminal=terminal, colour=colour)
    try:
        yield out
    finally:
        out.flush()


def _binary(stream: Any) -> BinaryIO:
    """The bytes beneath a text stream; a stream that the caller closed swallows what is said."""
    if stream is None:
        return open(os.devnull, "wb", buffering=0)
    binary: BinaryIO = stream.buffer
    return binary


def _write_all(stream: BinaryIO, content: bytes) -> None:
    """Every byte: under PYTHONUNBUFFERED the stream is the bare descriptor, which takes what a pipe holds and no more."""
    rest = memoryview(content)
    while rest:
        rest = rest[stream.write(rest) :]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _encodable(value: Any) -> bool:
    """Whether no undecodable byte of a file name or argument hides in the value."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
