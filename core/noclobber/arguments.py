"""What callers pass, looked at once at the door: what is wrong with a value is said there, before anything is touched or on record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .clock import format_utc, parse_utc
from .errors import NoclobberError
from .records import LineRange

__all__ = ["checked_content", "checked_edits", "checked_label", "checked_limit", "checked_lines", "checked_on_stale", "checked_since"]

_LONGEST_LABEL = 1000


def checked_label(value: str | None, what: str) -> str | None:
    """An ``agent_id``, ``turn_id`` or ``intent_id``: one line of text. An empty one is none. NoclobberError says what is wrong."""
    if not value or (value.isprintable() and len(value) <= _LONGEST_LABEL):
        return value or None
    if len(value) > _LONGEST_LABEL:
        raise NoclobberError(f"The {what} has {len(value):,} characters; it is a label, of at most {_LONGEST_LABEL:,}.")
    raise NoclobberError(f"The {what} {value!a} has a line break or another character in it that cannot be shown; use plain text.")


def checked_content(content: Any) -> bytes:
    """Content as bytes that nobody changes any more. TypeError for text, whose encoding only the caller knows."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, (bytearray, memoryview)):
        return bytes(content)
    raise TypeError(f"content is bytes, not {type(content).__name__}; encode text as the file is encoded.")


def checked_edits(edits: Any) -> list[tuple[bytes | str, bytes | str]]:
    """Pairs of an old and a new text, at least one. TypeError or ValueError says what they are instead."""
    if isinstance(edits, (str, bytes)):
        raise TypeError("edits is a list of pairs (old, new), not one text.")
    checked = []
    for edit in edits:
        pair = edit if isinstance(edit, (tuple, list)) else ()
        if len(pair) != 2 or not all(isinstance(text, (str, bytes)) for text in pair) or type(pair[0]) is not type(pair[1]):
            raise TypeError(f"An edit is a pair (old, new), both text or both bytes, not {edit!r:.80}.")
        checked.append((pair[0], pair[1]))
    if not checked:
        raise ValueError("There is no edit to make; pass at least one pair (old, new).")
    if len({type(old) for old, _ in checked}) > 1:
        raise TypeError("edits are pairs of bytes, or pairs of text; do not mix them.")
    return checked


def checked_on_stale(on_stale: str) -> bool:
    """Whether a merge is asked for. ValueError for a word we do not know."""
    if on_stale not in ("reject", "merge"):
        raise ValueError(f'on_stale is "reject" or "merge", not {on_stale!r}.')
    return on_stale == "merge"


def checked_lines(lines: Sequence[LineRange] | None) -> tuple[LineRange, ...] | None:
    """Ranges of lines, from 1, both ends included. ValueError names the one that is none."""
    if lines is None:
        return None
    checked = []
    for span in lines:
        first, last = span
        if not (isinstance(first, int) and isinstance(last, int) and 1 <= first <= last):
            raise ValueError(f"lines are ranges (first, last), counted from 1 and both included; {span!r} is none.")
        checked.append((first, last))
    return tuple(checked)


def checked_since(since: str | None) -> str | None:
    """A time in the form that events have. ValueError where it is none."""
    return None if since is None else format_utc(parse_utc(since))


def checked_limit(limit: int | None) -> int | None:
    """How many at most. ValueError where it is less than none."""
    if limit is not None and limit < 0:
        raise ValueError(f"limit is how many events to give at most, not {limit}.")
    return limit
