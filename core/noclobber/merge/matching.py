"""Which lines two versions have in common: near-linear, and bounded however different they are.

Lines that are unique in both versions anchor the comparison (patience), what lies between them is compared by
Myers' algorithm under one budget of steps; a block that exceeds it is called changed as a whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .lines import common_prefix, common_suffix

__all__ = ["LineChanges", "compare_lines"]

# About 0.3 s of Myers in the worst case; related versions of 10,000 lines need a few thousand steps.
_STEPS = 1_000_000

Block = tuple[int, int, int, int]
"""Lines ``[0]`` to ``[1]`` (excluded) of the old version became lines ``[2]`` to ``[3]`` (excluded) of the new one."""


class LineChanges(NamedTuple):
    """Changed blocks in order; ``coarse`` where some of them are larger than they need be, because the budget ran out."""

    blocks: list[Block]
    coarse: bool


def compare_lines(a: Sequence[bytes], b: Sequence[bytes], steps: int = _STEPS) -> LineChanges:
    """The changed blocks between two lists of lines, counted from 0."""
    found: list[Block] = []
    coarse = False
    todo: list[Block] = [(0, len(a), 0, len(b))]
    while todo:
        a0, a1, b0, b1 = _trim_block(a, b, todo.pop())
        if a0 == a1 or b0 == b1:
            found.append((a0, a1, b0, b1))
            continue
        anchors = _anchors(a, b, (a0, a1, b0, b1))
        if anchors:
            todo.extend(reversed(list(_between(anchors, (a0, a1, b0, b1)))))
            continue
        pairs, spent = _match_block(a[a0:a1], b[b0:b1], steps)
        steps -= spent
        coarse = coarse or pairs is None
        found.extend(_between([(a0 + i, b0 + j) for i, j in pairs or ()], (a0, a1, b0, b1)))
    return LineChanges(list(_joined(found)), coarse)


def _trim_block(a: Sequence[bytes], b: Sequence[bytes], block: Block) -> Block:
    a0, a1, b0, b1 = block
    old, new = a[a0:a1], b[b0:b1]
    prefix = common_prefix(old, new)
    suffix = common_suffix(old, new, min(len(old), len(new)) - prefix)
    return a0 + prefix, a1 - suffix, b0 + prefix, b1 - suffix


def _anchors(a: Sequence[bytes], b: Sequence[bytes], block: Block) -> list[tuple[int, int]]:
    """The longest rising sequence of lines that stand exactly once in each side of the block."""
    a0, a1, b0, b1 = block
    unique_a, unique_b = _unique(a, a0, a1), _unique(b, b0, b1)
    pairs = [(i, unique_b[line]) for line, i in unique_a.items() if line in unique_b]
    ends: list[int] = []  # smallest last j of a rising sequence of each length
    last: list[int] = []  # which pair that is
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [j]
        last[at : at + 1] = [index]
    chain: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]


def _unique(lines: Sequence[bytes], start: int, end: int) -> dict[bytes, int]:
    places: dict[bytes, int] = {}
    for index in range(start, end):
        line = lines[index]
        places[line] = -1 if line in places else index
    return {line: index for line, index in places.items() if index >= 0}


def _between(pairs: Iterable[tuple[int, int]], block: Block) -> Iterator[Block]:
    """The non-empty gaps between matched pairs of lines."""
    a, a1, b, b1 = block
    for i, j in pairs:
        if i > a or j > b:
            yield a, i, b, j
        a, b = i + 1, j + 1
    if a1 > a or b1 > b:
        yield a, a1, b, b1


def _joined(blocks: Iterable[Block]) -> Iterator[Block]:
    held: Block | None = None
    for block in blocks:
        if block[0] == block[1] and block[2] == block[3]:
            continue
        if held and held[1] == block[0] and held[3] == block[2]:
            held = held[0], block[1], held[2], block[3]
            continue
        if held:
            yield held
        held = block
    if held:
        yield held


def _match_block(a: Sequence[bytes], b: Sequence[bytes], steps: int) -> tuple[list[tuple[int, int]] | None, int]:
    """Matched lines of a block without anchors (None: out of steps) and the steps spent.

    Lines without a partner cannot match and are left out first, which makes unrelated blocks cheap.
    """
    in_a, in_b = set(a), set(b)
    rows = [i for i, line in enumerate(a) if line in in_b]
    columns = [j for j, line in enumerate(b) if line in in_a]
    pairs, spent = _myers([a[i] for i in rows], [b[j] for j in columns], steps)
    return (None if pairs is None else [(rows[i], columns[j]) for i, j in pairs]), spent


def _myers(a: Sequence[bytes], b: Sequence[bytes], steps: int) -> tuple[list[tuple[int, int]] | None, int]:
    """Greedy Myers: for each number of edits ``d``, how far each diagonal reaches; then back along the trace."""
    size_a, size_b = len(a), len(b)
    reach = {1: 0}
    trace: list[dict[int, int]] = []
    spent = 0
    for d in range(size_a + size_b + 1):
        spent += d + 1
        if spent > steps:
            return None, spent
        now: dict[int, int] = {}
        for k in range(-d, d + 1, 2):
            down = k == -d or (k != d and reach[k - 1] < reach[k + 1])
            x = started = reach[k + 1] if down else reach[k - 1] + 1
            while x < size_a and x - k < size_b and a[x] == b[x - k]:
                x += 1
            spent += x - started
            now[k] = x
            if x >= size_a and x - k >= size_b:
                return _back(trace, now, size_a - size_b), spent
        trace.append(now)
        reach = now
    raise AssertionError("two finite sequences are always within size_a + size_b edits of each other")


def _back(trace: list[dict[int, int]], now: dict[int, int], k: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    x = now[k]
    for d in range(len(trace), 0, -1):
        reach = trace[d - 1]
        down = k == -d or (k != d and reach[k - 1] < reach[k + 1])
        started = reach[k + 1] if down else reach[k - 1] + 1
        pairs.extend((i, i - k) for i in range(x - 1, started - 1, -1))
        k = k + 1 if down else k - 1
        x = reach[k]
    pairs.extend((i, i) for i in range(x - 1, -1, -1))
    return pairs[::-1]
