"""``read_file``: whole, by lines, or only what changed since this agent's last read."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from mcp.types import CallToolResult

from noclobber import ConcurrencyGuard
from noclobber.errors import PathError
from noclobber.merge import after_ranges, changed_regions, unified_diff
from noclobber.records import LineRange, Read, Snapshot
from noclobber.situation import look
from noclobber.text import decode_text

from .answers import answered
from .identity import Caller
from .notices import Notices

__all__ = ["read_file"]

_WHOLE_DIFF = 100_000
_ATTEMPTS = 3
_END = 1 << 30


class _View(NamedTuple):
    """What is shown of a reading: its text, the lines it has (None: all), and whether the agent knew it already."""

    read: Read
    text: str
    lines: LineRange | None = None
    unchanged: bool = False


def read_file(
    guard: ConcurrencyGuard, caller: Caller, notices: Notices, path: str, *, start: int | None, end: int | None, changes_only: bool
) -> CallToolResult:
    """Read through the guard. Raises the errors of core; PathError where the file is no text, or the lines are no range."""
    known = guard.get_snapshot(path) if changes_only else None
    view = None if known is None else _changes(guard, known, path)
    if view is None:
        view = _part(guard, path, start, end)
    snapshot = view.read.snapshot
    lessons = partial(_lessons, guard, snapshot.file_path)
    told = notices.collect(guard, caller, snapshot.file_path, snapshot.seq, view.read.notices, lessons)
    whole = view.lines is None and view.read.snapshot.lines is None and known is None
    total = _count(view.text if whole else decode_text(view.read.content)[0])
    read_hash = snapshot.read_hash if whole else guard.hash_content(view.read.content)
    structured = {
        "file_path": snapshot.file_path, "agent_id": guard.agent_id, "read_hash": read_hash,
        "content": view.text, "lines": None if view.lines is None else list(view.lines), "total_lines": total,
        "unchanged": view.unchanged, "notices": told,
    }  # fmt: skip
    text = "Unchanged since you read it." if view.unchanged else view.text
    return answered(structured, f"{text}\n\n[{' '.join(told)}]" if told else text)


def _part(guard: ConcurrencyGuard, path: str, start: int | None, end: int | None) -> _View:
    """The whole file, or the lines asked for as far as it has them."""
    if start is None and end is None:
        read = guard.read(path)
        return _View(read, _text(read))
    first, last = start or 1, _END if end is None else end
    if first < 1 or last < first:
        asked = f"{first} to {'the end' if end is None else last}"
        raise PathError(path, f"Lines {asked} make no range: they count from 1, and the last may not come before the first.")
    content = _look(guard, path)
    count = max(_count(decode_text(content)[0]), 1)
    span = min(first, count), min(last, count)
    read = guard.read(path, lines=[span])
    return _View(read, "".join(_split(_text(read))[span[0] - 1 : span[1]]), span)


def _changes(guard: ConcurrencyGuard, known: Snapshot, path: str) -> _View | None:
    """The diff since the agent's last read, shown whole; None where that version is not kept any more."""
    before = guard.workspace.store.content(known.read_hash)
    for _ in range(_ATTEMPTS):
        content = _look(guard, path)
        unchanged = guard.hash_content(content) == known.read_hash
        if not unchanged and before is None:
            return None
        # showing all changes of a file it knew whole shows all of it; else only the changed lines are shown
        shown = None if known.lines is None else [] if before is None else list(after_ranges(changed_regions(before, content)))
        read = guard.read(path, lines=shown)
        if read.content != content:
            continue  # overtaken: what was recorded is older than what is now compared
        if unchanged or before is None:
            return _View(read, "", unchanged=True)
        names = f"{known.file_path} (as you read it)", f"{known.file_path} (now)"
        return _View(read, unified_diff(before, content, before_name=names[0], after_name=names[1], limit=_WHOLE_DIFF))
    return None


def _look(guard: ConcurrencyGuard, path: str) -> bytes:
    with guard.workspace.locator.locate(path, missing_ok=True) as located:
        found = look(located)
    return guard.read(path).content if found is None else found.content  # the guard has the words for an absent file


def _text(read: Read) -> str:
    text, form = decode_text(read.content)
    if form.binary:
        raise PathError(read.snapshot.file_path, f"{read.snapshot.file_path} is not text; there is nothing to show of it.")
    return text


def _split(text: str) -> list[str]:
    """Lines at line feeds only, as files count them; each with its end."""
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _count(text: str) -> int:
    return text.count("\n") + (bool(text) and not text.endswith("\n"))


def _lessons(guard: ConcurrencyGuard, file_path: str) -> tuple[str, ...]:
    from ..hooks.lessons import lessons_for

    return tuple(lessons_for(guard, file_path))
