"""Which lines changed between two versions, and what that means for ranges of lines.

A ``Change`` counts from 0 and excludes its end, so that an insertion has a place; ranges of lines as people
and snapshots have them (``LineRange``) count from 1 and include both ends. The two never mix without a name saying so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..records import LineRange
from .lines import as_utf8, count_line_ends, split_lines, trim

__all__ = [
    "Change",
    "after_ranges",
    "before_ranges",
    "changed_regions",
    "join_ranges",
    "map_ranges",
    "overlaps",
    "regions_of",
    "shown_covers",
    "touches",
]


class Change(NamedTuple):
    """Lines ``before`` of the old version became lines ``after`` of the new one: (start, end), from 0, end excluded.

    An empty ``before`` is an insertion in front of that line, an empty ``after`` a deletion.
    """

    before: tuple[int, int]
    after: tuple[int, int]


def changed_regions(before: bytes, after: bytes) -> list[Change]:
    """The changes that lead from one version to the other, in order, with at least one common line between any two."""
    return regions_of(as_utf8(before), as_utf8(after))[0]


def regions_of(before: bytes, after: bytes) -> tuple[list[Change], bool]:
    """The changes, and whether some are larger than need be because the versions are too different to compare."""
    if before == after:
        return [], False
    trimmed = trim(before, after)
    skipped = count_line_ends(before[: trimmed.start])
    old = split_lines(before[trimmed.start : trimmed.before_end])
    new = split_lines(after[trimmed.start : trimmed.after_end])
    from .matching import compare_lines  # what only joins ranges needs none of it

    blocks, coarse = compare_lines(old, new)
    return [Change((a0 + skipped, a1 + skipped), (b0 + skipped, b1 + skipped)) for a0, a1, b0, b1 in blocks], coarse


def touches(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two half-open spans of one base overlap or adjoin, which is where git calls two changes a conflict."""
    return a[0] <= b[1] and b[0] <= a[1]


def overlaps(changes_a: Sequence[Change], changes_b: Sequence[Change]) -> bool:
    """Whether any change of one side touches any of the other; both relative to the same base and in order.

    Adjacent lines touch, as they do for git. The same change made by both sides touches too.
    """
    i = j = 0
    while i < len(changes_a) and j < len(changes_b):
        a, b = changes_a[i].before, changes_b[j].before
        if touches(a, b):
            return True
        if a < b:
            i += 1
        else:
            j += 1
    return False


def join_ranges(ranges: Iterable[LineRange]) -> tuple[LineRange, ...]:
    """The same lines as sorted ranges with at least one line between any two; empty ranges vanish."""
    joined: list[LineRange] = []
    for first, last in sorted(span for span in ranges if span[1] >= span[0]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return tuple(joined)


def before_ranges(changes: Iterable[Change]) -> tuple[LineRange, ...]:
    """The lines of the old version that were replaced or deleted; insertions have none."""
    return join_ranges((start + 1, end) for (start, end), _ in changes)


def after_ranges(changes: Iterable[Change]) -> tuple[LineRange, ...]:
    """The lines of the new version that are new; deletions have none."""
    return join_ranges((start + 1, end) for _, (start, end) in changes)


def map_ranges(ranges: Iterable[LineRange], changes: Sequence[Change], *, touched: bool = False) -> tuple[LineRange, ...]:
    """Where lines of the old version stand in the new one.

    Only lines that no change replaced are mapped, so every line of the answer is one of those asked for, byte for byte. With
    ``touched`` the new lines of each change that overlaps or adjoins a range are added.
    """
    wanted = join_ranges(ranges)
    mapped = list(_mapped(wanted, _unchanged(changes)))
    if touched:
        mapped.extend(
            (after[0] + 1, after[1]) for before, after in changes if any(touches((first - 1, last), before) for first, last in wanted)
        )
    return join_ranges(mapped)


def _mapped(wanted: Sequence[LineRange], unchanged: Sequence[tuple[int, int | None, int]]) -> Iterator[LineRange]:
    at = 0
    for first, last in wanted:
        while (end := unchanged[at][1]) is not None and end < first:
            at += 1
        for index in range(at, len(unchanged)):
            start, end, shift = unchanged[index]
            if start >= last:
                break
            yield max(first, start + 1) + shift, min(last, last if end is None else end) + shift


def _unchanged(changes: Sequence[Change]) -> list[tuple[int, int | None, int]]:
    """Spans of the old version that stayed (from 0, end excluded, None: to its end), with what to add to get to the new one."""
    spans: list[tuple[int, int | None, int]] = []
    start = shift = 0
    for before, after in changes:
        spans.append((start, before[0], shift))
        start, shift = before[1], after[1] - before[1]
    return [*spans, (start, None, shift)]


def shown_covers(ranges: Iterable[LineRange], changes: Sequence[Change]) -> bool:
    """Whether somebody who was shown these lines of the old version saw all that the changes replace.

    An insertion replaces nothing: it is covered where a line next to it was shown.
    """
    shown = join_ranges(ranges)
    return all(any(_covers(span, change.before) for span in shown) for change in changes)


def _covers(span: LineRange, before: tuple[int, int]) -> bool:
    start, end = before
    if start == end:
        return span[0] - 1 <= start <= span[1]
    return span[0] - 1 <= start and end <= span[1]
