"""As much of Markdown's block structure as it takes not to mistake a code fence or a comment for a lesson.

Bytes and positions only; line ends are LF, CRLF or CR, mixed at will. It knows nothing of lessons.
"""

from __future__ import annotations

import re

__all__ = [
    "BOM",
    "bom_of",
    "comment_end",
    "fence_end",
    "front_matter_end",
    "indent_before",
    "line_end",
    "main_line_ending",
    "skip_blank_lines",
]

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\n|\r|\Z")
_BLANK_LINES = re.compile(rb"(?:[ \t]*(?:\r\n|\n|\r))*")
_FRONT_MATTER = re.compile(rb"(?:\xef\xbb\xbf)?---[ \t]*(?:\r\n|\n|\r)(?s:.*?)(?<=[\r\n])(?:---|\.\.\.)[ \t]*(?:\r\n|\n|\r|\Z)")


def bom_of(content: bytes) -> bytes:
    """The UTF-8 byte order mark at the front, or nothing."""
    return BOM if content.startswith(BOM) else b""


def line_end(content: bytes, position: int) -> int:
    """Where the line ends that ``position`` is in, its line ending included."""
    found = _LINE_END.search(content, position)
    return found.end() if found else len(content)


def skip_blank_lines(content: bytes, position: int) -> int:
    """The start of the first line from here on that is not blank (or the end)."""
    found = _BLANK_LINES.match(content, position)
    return found.end() if found else position


def indent_before(content: bytes, position: int) -> int | None:
    """How many spaces stand before this position on its line: 0 to 3; None if anything else does."""
    before = content[max(0, position - 4) : position]
    if position <= 4:
        before = b"\n" + before.removeprefix(BOM)
    spaces = len(before) - len(before.rstrip(b" "))
    return spaces if spaces <= 3 and before[: len(before) - spaces].endswith((b"\n", b"\r")) else None


def fence_end(content: bytes, fence: bytes, after: int) -> int | None:
    """The end of the closing line of the code fence whose opening characters end at ``after``; None if nothing closes it.

    What only looks like one (a code span of three backticks) ends at ``after``.
    """
    first_line_end = line_end(content, after)
    if fence[:1] == b"`" and b"`" in content[after:first_line_end]:
        return after
    closing = re.compile(rb"(?:\A|(?<=[\r\n])) {0,3}" + fence[:1] + rb"{%d,}[ \t]*(?:\r\n|\n|\r|\Z)" % len(fence)).search(
        content, first_line_end
    )
    return closing.end() if closing else None


def comment_end(content: bytes, after: int) -> int | None:
    """The end of the line that closes the comment opened just before ``after``; None if nothing does."""
    found = content.find(b"-->", after - 2)
    return None if found < 0 else line_end(content, found)


def front_matter_end(content: bytes) -> int:
    """Where the front matter ends; 0 where there is none."""
    if not content[:6].removeprefix(BOM).startswith(b"---"):
        return 0
    found = _FRONT_MATTER.match(content)
    return found.end() if found else 0


def main_line_ending(content: bytes) -> bytes:
    """The line ending that most lines have; LF where there is none."""
    if b"\r" not in content:  # nearly always, and found out in a tenth of the time that counting takes
        return b"\n"
    crlf = content.count(b"\r\n")
    counts = ((content.count(b"\n") - crlf, b"\n"), (crlf, b"\r\n"), (content.count(b"\r") - crlf, b"\r"))
    return max(counts, key=lambda pair: pair[0])[1]
