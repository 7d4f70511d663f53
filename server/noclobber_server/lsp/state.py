"""The state of a buffer: a pure function of what it came from, what it holds, and what is on disk.

All three are text as the editor shows it (``View.shown``), so that nothing an editor does by itself counts as a change.
Regions are lines from 0, the end excluded, so that an insertion has a place. Knows nothing of files, clocks or messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from noclobber import merge
from noclobber.merge import Change
from noclobber.records import LineRange

__all__ = ["Assessment", "BufferState", "Region", "assess", "moved_regions", "unsaved_lines"]

BufferState = Literal["fresh", "behind", "mergeable", "conflict", "deleted"]
Lines = tuple[int, int]


class Region(NamedTuple):
    """One change on disk: where it belongs in the buffer, what it is on disk, and whether unsaved edits stand there."""

    buffer: Lines
    disk: Lines
    contested: bool = False


class Assessment(NamedTuple):
    """The state, and the regions that the disk changed. ``unsaved``: the buffer differs from what it came from (or from the disk,
    where that is unknown). ``absorbed``: all that the disk changed is in the buffer already, so that saving it loses nothing."""

    state: BufferState
    regions: tuple[Region, ...] = ()
    unsaved: bool = False
    absorbed: bool = False


FRESH = Assessment("fresh")


def assess(base: str | None, buffer: str, disk: str | None, *, by_lines: bool = True) -> Assessment:
    """The state of a buffer.

    ``base``: what it came from (None: not known); ``disk``: None where the file is gone; ``by_lines``: false for files whose
    lines mean nothing one by one (notebooks, lock files), which are never mergeable.
    """
    if disk is None:
        return FRESH._replace(unsaved=bool(buffer)) if base is None else Assessment("deleted", unsaved=buffer != base)
    if buffer == disk:
        return FRESH
    if base == disk:
        return FRESH._replace(unsaved=True)
    ours, theirs = as_bytes(buffer), as_bytes(disk)
    if base is None:
        regions = tuple(Region(change.after, change.before, True) for change in merge.changed_regions(theirs, ours))
        return Assessment("conflict", regions, unsaved=True)
    origin = as_bytes(base)
    if buffer == base:
        return Assessment("behind", moved_regions((), merge.changed_regions(origin, theirs)))
    mine, others = merge.changed_regions(origin, ours), merge.changed_regions(origin, theirs)
    regions = moved_regions(mine, others)
    if not merge.overlaps(mine, others):
        return Assessment("mergeable" if by_lines else "conflict", regions, unsaved=True)
    merged = merge.merge3(origin, ours, theirs).content
    if merged == ours:
        return FRESH._replace(unsaved=True, absorbed=True)
    clean = by_lines and merged is not None
    return Assessment("mergeable" if clean else "conflict", _differing(regions, buffer, disk), unsaved=True)


def moved_regions(mine: Sequence[Change], others: Sequence[Change]) -> tuple[Region, ...]:
    """Where each of the others' changes to the base belongs in the buffer that ``mine`` made of it; both in order."""
    regions, at, shift = [], 0, 0
    for before, after in others:
        while at < len(mine) and mine[at].before[1] < before[0]:
            shift = mine[at].after[1] - mine[at].before[1]
            at += 1
        start, end = before[0] + shift, before[1] + shift
        near = at
        while near < len(mine) and mine[near].before[0] <= before[1]:
            change = mine[near]
            start = min(start, change.after[0])
            tail = max(before[1] - change.before[1], 0)
            end = change.after[1] + tail
            near += 1
        regions.append(Region((start, max(end, start)), after, near > at))
    return tuple(regions)


def _differing(regions: tuple[Region, ...], buffer: str, disk: str) -> tuple[Region, ...]:
    """Without those where both sides came to say the same."""
    ours, theirs = buffer.split("\n"), disk.split("\n")
    return tuple(region for region in regions if ours[slice(*region.buffer)] != theirs[slice(*region.disk)]) or regions


def unsaved_lines(base: str, buffer: str) -> tuple[LineRange, ...]:
    """The unsaved ranges in the lines of the base, from 1; (5, 4) is text inserted in front of line 5."""
    return tuple((start + 1, end) for (start, end), _ in merge.changed_regions(as_bytes(base), as_bytes(buffer)))


def as_bytes(text: str) -> bytes:
    """The text for comparing and merging, whatever stands in it."""
    return text.encode("utf-8", "surrogatepass")
