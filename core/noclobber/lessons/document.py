"""Where lessons stand in a CLAUDE.md: bytes in, bytes out, and not one byte changed that is not an entry of ours.

The file is a person's: any line ending, a BOM or none, fences and comments that only look like entries, conflict markers. An
entry is its heading, its comment and the lines below it up to a blank line (going on behind it where a labelled text follows).
This module knows of no guard, no store and no limit.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from .entry import Entry, parse_body, parse_origin, render_entry
from .errors import LessonError
from .markdown import bom_of, comment_end, fence_end, front_matter_end, indent_before, line_end, main_line_ending, skip_blank_lines

__all__ = ["HEADER", "Placed", "check_text", "insert_entries", "new_file", "read_entries", "remove_entries", "replace_entry"]

HEADER = "# Lessons Learned"
_END = rb"(?:\r\n|\n|\r|\Z)"
_HEADING = (
    rb"## Lesson Learned \((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC\)[ \t]*" + _END + rb"(?:(<!-- noclobber [^\r\n]*-->)[ \t]*" + _END + rb")?"
)
_MARKS = re.compile(
    rb"(?P<entry>" + _HEADING + rb")|(?P<title># (?P<lessons>Lessons Learned[ \t#]*" + _END + rb")?)|(?P<fence>```+|~~~+)|(?P<comment><!--)"
)
# Groups would keep the search from skipping to the first characters: 6 ms instead of 0.3 in a file of 5,000 lines.
_CANDIDATES = re.compile(rb"## Lesson|# |```|~~~|<!--")
_LABELLED = re.compile(rb"\*\*(?:Lesson|Context|Failure|Resolution)(?:\*\*|:\*\*)")
_FENCE = re.compile(rb" {0,3}(```+|~~~+)")
# A heading, a comment, a conflict marker, a thematic break or setext underline: the entry's paragraph is over.
_NOT_OURS = re.compile(rb" {0,3}(?:#{1,6}(?:[ \t\r\n]|\Z)|<!--|(?:<{7}|={7}|>{7}|\|{7})(?:[ \t\r\n]|\Z)|[-_*=][-_*= \t]*(?:[\r\n]|\Z))")
# Directly below our last line these would become part of our paragraph, or make a heading of it.
_WOULD_JOIN = re.compile(rb"(?:[-=]+[ \t]*(?:[\r\n]|\Z)| {0,3}(?:```|~~~|<!--)|\*\*)")


class Placed(NamedTuple):
    """An entry and the bytes it takes, from its heading to the end of its last line. ``id`` is unique within the file."""

    id: str
    start: int
    end: int
    entry: Entry


class _Mark(NamedTuple):
    start: int
    end: int  # of the heading and comment; the body begins here
    when: bytes
    comment: bytes


class _Outline(NamedTuple):
    marks: list[_Mark]
    section: int | None  # where the last "# Lessons Learned" line ends
    section_end: int | None  # where the next title begins
    open_at: int | None  # where a fence or comment begins that nothing closes


def check_text(content: bytes, name: str) -> None:
    """LessonError where an entry's bytes would not be text among the file's own."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4096]:
        raise LessonError(f"{name} is not UTF-8 text (UTF-16, or not text at all), so no lesson can be added to it. Save it as UTF-8.")


def new_file(*, imports_agents: bool = False) -> bytes:
    """What a new CLAUDE.md begins with; creating it would switch an AGENTS.md beside it off, so it imports that."""
    return (("@AGENTS.md\n\n" if imports_agents else "") + HEADER + "\n").encode()


def read_entries(content: bytes) -> list[Placed]:
    """All entries, in file order, as they stand; a person's own, without our comment, too."""
    seen: dict[str, int] = {}
    found = []
    for mark in _outline(content).marks:
        end = _body_end(content, mark.end)
        entry = _entry(content, mark, end)
        seen[entry.id] = seen.get(entry.id, 0) + 1
        name = entry.id if seen[entry.id] == 1 else f"{entry.id}.{seen[entry.id]}"  # copied by hand
        found.append(Placed(name, mark.start, end, entry))
    return found


def insert_entries(content: bytes, entries: Collection[Entry | bytes]) -> bytes:
    """The content with the entries behind the last one of ours, else at the end of the lessons section, else at its end.

    An entry given as bytes is one taken out of another file, as it stood there.
    """
    outline = _outline(content)
    place = _place(content, outline)
    end_of_line = main_line_ending(content)
    if end_of_line == b"\r" and content.startswith(b"\n", place):
        end_of_line = b"\n"  # or our last line and the next would make one CRLF
    rendered = end_of_line.join(_rendered(entry, end_of_line) for entry in entries)
    before = after = b""
    if place > len(bom_of(content)):
        ended = content[:place].endswith((b"\n", b"\r"))
        before = b"\r" if content[:place].endswith(b"\r") else end_of_line if ended else end_of_line * 2
    if place == outline.open_at or _WOULD_JOIN.match(content, place):
        after = end_of_line
    return content[:place] + before + rendered + after + content[place:]


def replace_entry(content: bytes, entry_id: str, entry: Entry) -> bytes:
    """The content with this entry's bytes replaced; KeyError if it is not there."""
    old = next((placed for placed in read_entries(content) if placed.id == entry_id), None)
    if old is None:
        raise KeyError(entry_id)
    end_of_line = main_line_ending(content)
    rendered = _rendered(entry, end_of_line)
    if not content[old.start : old.end].endswith((b"\n", b"\r")):
        rendered = rendered.removesuffix(end_of_line)
    return content[: old.start] + rendered + content[old.end :]


def remove_entries(content: bytes, entry_ids: Collection[str]) -> bytes:
    """The content without these entries and the one blank line before each."""
    out = []
    position = 0
    for placed in read_entries(content):
        if placed.id in entry_ids:
            out.append(content[position : _without_blank(content, placed.start, position)])
            position = placed.end
    return b"".join(out) + content[position:]


def _rendered(entry: Entry | bytes, end_of_line: bytes) -> bytes:
    if isinstance(entry, bytes):
        return b"".join(line + end_of_line for line in entry.splitlines())
    return render_entry(entry).encode("utf-8", "replace").replace(b"\n", end_of_line)


def _outline(content: bytes) -> _Outline:
    marks: list[_Mark] = []
    section = section_end = None
    position = front_matter_end(content)
    while found := _next_mark(content, position):
        position = found.end()
        kind = found.lastgroup if found["fence"] or found["comment"] else "entry" if found["entry"] else "title"
        indent = indent_before(content, found.start())
        if kind in ("entry", "title"):
            if indent != 0:
                position = found.start() + 2
            elif kind == "entry":
                marks.append(_Mark(found.start(), found.end(), found[2], found[3] or b""))
            elif found["lessons"]:
                section, section_end = found.end(), None
            elif section_end is None:
                section_end = found.start()
        elif indent is not None:
            closed = fence_end(content, found[0], found.end()) if kind == "fence" else comment_end(content, found.end())
            if closed is None:
                return _Outline(marks, section, section_end, found.start() - indent)
            position = closed
    return _Outline(marks, section, section_end, None)


def _next_mark(content: bytes, position: int) -> re.Match[bytes] | None:
    while candidate := _CANDIDATES.search(content, position):
        if found := _MARKS.match(content, candidate.start()):
            return found
        position = candidate.start() + 1
    return None


def _body_end(content: bytes, position: int) -> int:
    """The end of the entry whose heading and comment end here: its first block, and the labelled blocks behind it."""
    end = position
    start = skip_blank_lines(content, position)
    while (block_end := _block_end(content, start)) > start:
        end = block_end
        start = skip_blank_lines(content, end)
        if not _LABELLED.match(content, start):
            break
    return end


def _block_end(content: bytes, position: int) -> int:
    while position < len(content):
        after = line_end(content, position)
        line = content[position:after]
        if not line.strip() or _NOT_OURS.match(line):
            break
        fence = _FENCE.match(content, position)
        closed = fence_end(content, fence[1], fence.end()) if fence else None
        position = max(after, closed or 0)
    return position


def _entry(content: bytes, mark: _Mark, end: int) -> Entry:
    texts = parse_body(content[mark.end : end].decode("utf-8", "replace"))
    origin = parse_origin(mark.comment.decode("utf-8", "replace")) if mark.comment else None
    return Entry(mark.when.decode(), **texts, origin=origin)


def _place(content: bytes, outline: _Outline) -> int:
    """Where the next entry goes; never into a fence or comment that nothing closes."""
    end = len(content)
    if outline.open_at is not None:
        inside = (mark.start for mark in outline.marks[-1:] if _body_end(content, mark.end) > outline.open_at)
        end = next(inside, outline.open_at)
    own = [mark for mark in outline.marks if mark.comment and mark.start < end]
    if own:
        return _body_end(content, own[-1].end)
    if outline.section is None or outline.section_end is None:
        return end
    text = content[outline.section : outline.section_end]
    return line_end(content, outline.section + len(text.rstrip())) if text.strip() else outline.section


def _without_blank(content: bytes, start: int, floor: int) -> int:
    """Where the blank line before ``start`` begins; ``start`` where there is none."""
    for ending in (b"\r\n", b"\n", b"\r"):
        if content.endswith(ending, floor, start):
            blank = start - len(ending)
            return blank if blank == len(bom_of(content)) or content[blank - 1 : blank] in (b"\n", b"\r") else start
    return start
