"""JSON as people write it (comments, trailing commas), read with the place of every value, so that edits keep all other bytes.

No library reads JSONC and gives the very bytes back, and configuration files belong to the people who wrote them: so this finds
spans and leaves the text alone. It knows no file and no client.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

__all__ = ["JsonError", "Member", "Node", "parse", "plain"]

_BLANK = " \t\r\n\ufeff"
_ENDS_WORD = _BLANK + ",:]}/"


class JsonError(ValueError):
    """The text is not JSON, even with comments; the message has line and column."""


class Member(NamedTuple):
    """One member of an object (``key`` set) or element of an array; ``start`` is where the key, or the value, begins."""

    key: str | None
    start: int
    value: Node


class Node(NamedTuple):
    """A value and its span in the text. ``kind``: ``object``, ``array`` or ``scalar``; ``members`` of the first two."""

    kind: str
    start: int
    end: int
    members: tuple[Member, ...] = ()
    scalar: Any = None

    def get(self, key: str) -> Node | None:
        """The last member of that name, as JSON readers take it."""
        return next((member.value for member in reversed(self.members) if member.key == key), None)


def plain(node: Node) -> Any:
    """The value without its places."""
    if node.kind == "object":
        return {member.key: plain(member.value) for member in node.members}
    if node.kind == "array":
        return [plain(member.value) for member in node.members]
    return node.scalar


def parse(text: str) -> Node:
    """The one value of the text, with spans; JsonError where it is broken."""
    reader = _Reader(text)
    node = reader.value(reader.skip(0), depth=0)
    end = reader.skip(node.end)
    if end != len(text):
        raise reader.error(end, "unexpected text after the end")
    return node


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text

    def error(self, at: int, what: str) -> JsonError:
        line = self._text.count("\n", 0, at) + 1
        column = at - self._text.rfind("\n", 0, at)
        return JsonError(f"{what}, line {line} column {column}")

    def skip(self, at: int) -> int:
        """The next place that is neither blank nor comment."""
        text = self._text
        while at < len(text):
            if text[at] in _BLANK:
                at += 1
            elif text.startswith("//", at):
                end = text.find("\n", at)
                at = len(text) if end < 0 else end
            elif text.startswith("/*", at):
                end = text.find("*/", at + 2)
                if end < 0:
                    raise self.error(at, "a comment without an end")
                at = end + 2
            else:
                break
        return at

    def value(self, at: int, depth: int) -> Node:
        if depth > 200:
            raise self.error(at, "nested too deeply")
        opening = self._text[at : at + 1]
        if opening == "{":
            return self._container(at, "object", "}", depth)
        if opening == "[":
            return self._container(at, "array", "]", depth)
        if opening == '"':
            end = self._string_end(at)
            return Node("scalar", at, end, scalar=self._scalar(at, end))
        end = at
        while end < len(self._text) and self._text[end] not in _ENDS_WORD:
            end += 1
        if end == at:
            raise self.error(at, "a value is missing")
        return Node("scalar", at, end, scalar=self._scalar(at, end))

    def _container(self, start: int, kind: str, closing: str, depth: int) -> Node:
        members: list[Member] = []
        at = self.skip(start + 1)
        while self._text[at : at + 1] != closing:
            member = self._member(at, kind, depth)
            members.append(member)
            at = self.skip(member.value.end)
            if self._text[at : at + 1] == ",":
                at = self.skip(at + 1)
            elif self._text[at : at + 1] != closing:
                raise self.error(at, f"',' or '{closing}' is missing")
        return Node(kind, start, at + 1, tuple(members))

    def _member(self, at: int, kind: str, depth: int) -> Member:
        if kind == "array":
            return Member(None, at, self.value(at, depth + 1))
        if self._text[at : at + 1] != '"':
            raise self.error(at, "a name in quotation marks is missing")
        end = self._string_end(at)
        colon = self.skip(end)
        if self._text[colon : colon + 1] != ":":
            raise self.error(colon, "':' is missing")
        return Member(self._scalar(at, end), at, self.value(self.skip(colon + 1), depth + 1))

    def _string_end(self, at: int) -> int:
        end = at + 1
        while end < len(self._text) and self._text[end] not in '"\n':
            end += 2 if self._text[end] == "\\" else 1
        if self._text[end : end + 1] != '"':
            raise self.error(at, "a text without its closing quotation mark")
        return end + 1

    def _scalar(self, start: int, end: int) -> Any:
        try:
            return json.loads(self._text[start:end])
        except ValueError as error:
            raise self.error(start, f"{self._text[start:end][:40]!r} is not a value") from error
