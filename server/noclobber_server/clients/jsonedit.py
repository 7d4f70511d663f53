"""Adding to and taking from a JSON text without touching a byte of the rest.

What is added follows the file's own indentation, line endings and spacing. Every addition is one insertion, so that taking it
back gives the bytes of before.
"""

from __future__ import annotations

import json
from typing import Any

from .jsontext import Member, Node, parse

__all__ = ["Path", "add", "find", "remove", "replace"]

Path = tuple[str | int, ...]
"""Names of members, and places in lists, from the outside inwards."""


def find(text: str, path: Path) -> Node | None:
    """The value at a path, None where a step is absent, or not there for want of an object or a list."""
    node: Node | None = parse(text)
    for name in path:
        if node is None:
            return None
        node = _step(node, name)
    return node


def replace(text: str, path: Path, value: Any) -> str:
    """The text with another value at ``path``, where one stands."""
    node = find(text, path)
    assert node is not None
    return text[: node.start] + json.dumps(value, ensure_ascii=False) + text[node.end :]


def add(text: str, path: Path, value: Any, *, element: bool = False) -> str:
    """The text with ``value`` at ``path``, where nothing stands yet; with ``element``, appended to the array there.

    Objects and arrays missing on the way are made. Raises ValueError where something else stands on the way.
    """
    root = parse(text)
    node = root
    for depth, name in enumerate(path):
        if node.kind != ("array" if isinstance(name, int) else "object"):
            raise ValueError(f"{_dotted(path[:depth]) or 'the file'} is no object")
        child = _step(node, name)
        if child is None:
            assert isinstance(name, str)
            rest = path[depth + 1 :]
            inner = [value] if element else value
            for outer in reversed(rest):
                inner = {outer: inner}
            return _insert(text, node, depth, name, inner)
        node = child
    if not element:
        raise ValueError(f"{_dotted(path)} is there already")
    if node.kind != "array":
        raise ValueError(f"{_dotted(path)} is no list")
    return _insert(text, node, len(path), None, value)


def remove(text: str, path: Path) -> str:
    """The text without the value at ``path``; containers left empty go with it. Text without the value is given back as it is."""
    return text if find(text, path) is None else _cut_upwards(text, path)


def _step(node: Node, name: str | int) -> Node | None:
    if isinstance(name, str):
        return node.get(name) if node.kind == "object" else None
    return node.members[name].value if node.kind == "array" and name < len(node.members) else None


def _index(container: Node, name: str | int) -> int:
    if isinstance(name, int):
        return name
    return max(place for place, member in enumerate(container.members) if member.key == name)


def _dotted(path: Path) -> str:
    return ".".join(str(name) for name in path)


def _cut_upwards(text: str, path: Path) -> str:
    """Take away the member at the path and, where that was its container's only one, the container too (never the outermost)."""
    while True:
        parent = find(text, path[:-1])
        assert parent is not None
        if len(parent.members) > 1 or len(path) == 1:
            return _cut(text, parent, _index(parent, path[-1]))
        path = path[:-1]


def _cut(text: str, container: Node, index: int) -> str:
    """Without one member and one comma: its own, or for the last member the one before it. Comments stay."""
    member = container.members[index]
    last = index == len(container.members) - 1
    start, end = member.start, member.value.end
    own_comma = None if last and not _has_comma(text, container, member) else _comma_after(text, member)
    if own_comma is not None and text[end:own_comma].strip():  # a comment stands between
        text = text[:own_comma] + text[own_comma + 1 :]
    elif own_comma is not None:
        end = own_comma + 1
    lead = _line_lead(text, start)
    rest = text[end:].split("\n", 1)[0]
    if lead is not None and not rest.strip():
        start = _line_break_before(text, start - len(lead))
    elif lead is None and own_comma is not None:
        end += len(text[end:]) - len(text[end:].lstrip(" "))
    if own_comma is None and index:
        comma = _comma_after(text, container.members[index - 1])
        return text[:comma] + text[comma + 1 : start].rstrip(" ") + text[end:]
    return text[:start] + text[end:]


def _line_break_before(text: str, line_start: int) -> int:
    return line_start - (2 if text[line_start - 2 : line_start] == "\r\n" else 1)


def _has_comma(text: str, container: Node, member: Member) -> bool:
    return "," in _strip_comments(text[member.value.end : container.end - 1])


def _comma_after(text: str, member: Member) -> int:
    """Where the comma after a member stands; comments between are skipped."""
    at = member.value.end
    while text[at] != ",":
        if text.startswith("//", at):
            at = text.index("\n", at)
        elif text.startswith("/*", at):
            at = text.index("*/", at) + 2
        else:
            at += 1
    return at


def _insert(text: str, container: Node, depth: int, name: str | None, value: Any) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    unit = _indent_unit(text)
    if not container.members:
        return _into_empty(text, container, depth, name, value, newline, unit)
    last = container.members[-1]
    gap = _line_lead(text, last.start)
    if gap is None:
        return text[: last.value.end] + ", " + _written(name, value, None, "", "") + text[last.value.end :]
    written = _written(name, value, unit, gap, newline)
    tail = text[last.value.end : container.end - 1]
    trailing_comma = _strip_comments(tail).strip() == ","
    if trailing_comma:
        at = _comma_after(text, last) + 1
        return text[:at] + newline + gap + written + "," + text[at:]
    return text[: last.value.end] + "," + newline + gap + written + text[last.value.end :]


def _into_empty(text: str, container: Node, depth: int, name: str | None, value: Any, newline: str, unit: str) -> str:
    outer = _line_lead_of_line(text, container.start) if depth else ""
    inner = outer + unit
    written = _written(name, value, unit, inner, newline)
    inside = text[container.start + 1 : container.end - 1]
    if inside.strip():  # only comments: keep them where they are, and go behind them
        at = container.start + 1 + len(inside.rstrip())
        return text[:at] + newline + inner + written + text[at:]
    closing = "" if "\n" in inside else newline + outer
    return text[: container.start + 1] + newline + inner + written + closing + text[container.start + 1 :]


def _written(name: str | None, value: Any, unit: str | None, lead: str, newline: str) -> str:
    if unit is None:
        body = json.dumps(value, ensure_ascii=False)
    else:
        body = json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", newline + lead)
    return body if name is None else f"{json.dumps(name)}: {body}"


def _line_lead(text: str, at: int) -> str | None:
    """The blanks before a place that begins its line, None where something stands before it."""
    start = text.rfind("\n", 0, at) + 1
    lead = text[start:at]
    return lead if start and not lead.strip() else None


def _line_lead_of_line(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    line = text[start:].lstrip("\ufeff")
    return line[: len(line) - len(line.lstrip(" \t"))]


def _indent_unit(text: str) -> str:
    """How the file indents: the lead of its first indented line, two blanks where it has none."""
    for line in text.splitlines():
        lead = line[: len(line) - len(line.lstrip(" \t"))]
        if lead and line.strip() and not line.strip().startswith(("*", "/")):
            return "\t" if lead[0] == "\t" else lead
    return "  "


def _strip_comments(tail: str) -> str:
    kept: list[str] = []
    at = 0
    while at < len(tail):
        if tail.startswith("//", at):
            end = tail.find("\n", at)
            at = len(tail) if end < 0 else end
        elif tail.startswith("/*", at):
            at = tail.index("*/", at) + 2
        else:
            kept.append(tail[at])
            at += 1
    return "".join(kept)
