"""A person's unsaved edits, and whether a change would land on them. Pure: bytes and line numbers in, line numbers out."""

from __future__ import annotations

from typing import NamedTuple

from . import merge
from .merge.regions import touches
from .records import Buffer, LineRange

__all__ = ["OpenBuffer", "overlap"]


class OpenBuffer(NamedTuple):
    """A buffer with unsaved edits, with the bytes it came from and would save (None where not known)."""

    buffer: Buffer
    base: bytes | None
    text: bytes | None
    idle_s: float


def overlap(opened: OpenBuffer, disk: bytes | None, disk_hash: str | None, placed: bytes | None) -> tuple[LineRange, ...] | None:
    """The unsaved lines, in the disk's own numbering, that placing these bytes touches; None where it touches none.

    Where it is not known what is unsaved, all is taken to be.
    """
    unsaved = _unsaved_spans(opened, disk, disk_hash)
    if unsaved is None or disk is None or placed is None:
        return merge.join_ranges((start + 1, max(end, start + 1)) for start, end in unsaved or ())
    changes = merge.changed_regions(disk, placed)
    hit = [span for span in unsaved if any(touches(span, change.before) for change in changes)]
    return merge.join_ranges((start + 1, max(end, start + 1)) for start, end in hit) or None


def _unsaved_spans(opened: OpenBuffer, disk: bytes | None, disk_hash: str | None) -> list[tuple[int, int]] | None:
    """Where the unsaved edits stand, as half-open spans of the disk's lines; None where that is not known."""
    if opened.base is not None and opened.text is not None:
        spans = [change.before for change in merge.changed_regions(opened.base, opened.text)]
    elif opened.buffer.lines is not None:
        spans = [(first - 1, last) for first, last in opened.buffer.lines]
    else:
        return None
    if disk is None or opened.buffer.base_hash == disk_hash:
        return spans
    if opened.base is None:
        return None
    moved = merge.changed_regions(opened.base, disk)
    # An insertion has no lines of its own to map: the lines on both sides of it stand for it.
    ranges = [(start + 1, end) if end > start else (max(start, 1), start + 1) for start, end in spans]
    return [(first - 1, last) for span in ranges for first, last in merge.map_ranges((span,), moved, touched=True)]
