"""Our table in a TOML file: put at the end, brought up to date, taken out; what people wrote is left as it stands.

The standard library reads TOML and does not write it, so lines are edited, and each result is read again: where it does not say
what it should, the file is left alone.
"""

from __future__ import annotations

import tomllib
from typing import Any

from .records import FileProblem
from .registrations import Steps, calls_noclobber

__all__ = ["put_table", "take_table"]

_HEAD = "[mcp_servers.noclobber]"
_SUBTABLE = "[mcp_servers.noclobber."


def put_table(table: str, text: str) -> tuple[str, Steps, bool]:
    """The text with our table, the insertion made, and whether an older form of it was brought up to date."""
    before = _read(text)
    wanted = tomllib.loads(table)["mcp_servers"]["noclobber"]
    found = _ours(before)
    newline = "\r\n" if "\r\n" in text else "\n"
    if found is None:
        gap = "" if not text else (newline if text.endswith("\n") else newline * 2)
        added = gap + table.replace("\n", newline)
        _expect(text + added, before, wanted, "writes its mcp_servers in one line; add noclobber there by hand")
        return text + added, [(len(text), len(added))], False
    if not calls_noclobber(found):
        raise FileProblem("has another server by the name of noclobber; it was left alone")
    changed = {key: value for key, value in wanted.items() if found.get(key) != value}
    lines = text.splitlines(keepends=True)
    for key in changed:
        line = next(line for line in table.splitlines() if line.startswith(f"{key} ="))
        lines = _with_value(lines, key, line + newline)
    after = "".join(lines)
    if changed:
        _expect(after, before, {**found, **wanted}, "has noclobber in a form of its own; bring command and args up to date by hand")
    return after, [], bool(changed)


def take_table(text: str) -> str:
    """The text without our table, if it has one; comments behind its last line, which are another's, stay."""
    before = _read(text)
    if not calls_noclobber(_ours(before)):
        return text
    lines = text.splitlines(keepends=True)
    start, end = _span(lines)
    if start and not lines[start - 1].strip():
        start -= 1  # the empty line that was put before it
    after = "".join(lines[:start] + lines[end:])
    _expect(after, before, None, "has noclobber in a form of its own; take it out by hand")
    return after


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.lstrip("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"is not valid TOML ({error}); mend it and run this again") from error


def _ours(config: dict[str, Any]) -> dict[str, Any] | None:
    servers = config.get("mcp_servers")
    return servers.get("noclobber") if isinstance(servers, dict) else None


def _expect(text: str, before: dict[str, Any], ours: dict[str, Any] | None, problem: str) -> None:
    """FileProblem unless the text says what was said before, with this as our table (None: without it)."""
    servers = {name: value for name, value in before.get("mcp_servers", {}).items() if name != "noclobber"}
    wanted = {**servers, "noclobber": ours} if ours is not None else servers
    try:
        after = tomllib.loads(text.lstrip("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(problem) from error
    if after.pop("mcp_servers", {}) != wanted or after != {name: value for name, value in before.items() if name != "mcp_servers"}:
        raise FileProblem(problem)


def _span(lines: list[str]) -> tuple[int, int]:
    """From our table's head to behind the last line that is neither blank nor comment, its subtables included."""
    start = next((index for index, line in enumerate(lines) if line.lstrip("\ufeff").strip().startswith(_HEAD)), len(lines))
    end = start
    for index in range(start, len(lines)):
        line = lines[index].strip()
        if index > start and line.startswith("[") and not line.startswith(_SUBTABLE):
            break
        if line and not line.startswith("#"):
            end = index + 1
    return start, end


def _with_value(lines: list[str], key: str, line: str) -> list[str]:
    """The lines with one key of our table set anew: in its place, or below the head where it has none."""
    start, end = _span(lines)
    for first in range(start + 1, end):
        if lines[first].lstrip().startswith("["):
            break
        if lines[first].split("=")[0].strip() == key:
            last = next((last for last in range(first + 1, end + 1) if _whole(lines[first:last])), first + 1)
            return [*lines[:first], line, *lines[last:]]
    return [*lines[: start + 1], line, *lines[start + 1 :]]


def _whole(lines: list[str]) -> bool:
    try:
        tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True
