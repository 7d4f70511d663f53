"""Edits that turn the buffer's present text into another one, few and small, so that cursors and folds stay where they are. Pure."""

from __future__ import annotations

from typing import NamedTuple

from noclobber import merge

from .state import as_bytes
from .text import Span, TextModel
from .view import normal

__all__ = ["Edit", "MergedText", "edits_to", "merged_text"]


class Edit(NamedTuple):
    """Replace a span by a text."""

    span: Span
    text: str


class MergedText(NamedTuple):
    """The merged text, or None with the lines of the buffer (from 0, end excluded) where both sides changed, or an obstacle in words."""

    text: str | None
    contested: tuple[tuple[int, int], ...] = ()
    obstacle: str = ""


def merged_text(base: str, buffer: str, disk: str) -> MergedText:
    """The disk's changes since the base put into the buffer; all three as the editor shows them."""
    merged = merge.merge3(as_bytes(base), as_bytes(buffer), as_bytes(disk))
    if merged.content is not None:
        return MergedText(merged.content.decode("utf-8", "surrogatepass"))
    return MergedText(None, tuple((conflict.ours[0] - 1, conflict.ours[1]) for conflict in merged.conflicts), merged.obstacle)


def edits_to(model: TextModel, now: str, wanted: str) -> list[Edit]:
    """The edits that make ``now``, the model's text, read ``wanted``; in the line ends the buffer has."""
    before = normal(now)
    line_end = "\r\n" if now.count("\r\n") * 2 > now.count("\n") else "\n"
    new_lines = _lines(wanted)
    edits = []
    for old, new in merge.changed_regions(as_bytes(before), as_bytes(wanted)):
        text = "".join(new_lines[new[0] : new[1]])
        edits.append(_edit(model, old, text.replace("\n", line_end) if line_end != "\n" else text))
    return edits


def _edit(model: TextModel, old: tuple[int, int], text: str) -> Edit:
    span = model.through_lines(*old)
    return Edit(span, text)


def _lines(text: str) -> list[str]:
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
