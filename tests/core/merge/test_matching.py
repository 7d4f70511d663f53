from __future__ import annotations

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from noclobber.merge.matching import compare_lines

LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), max_size=20)


def kept(a: list[bytes], blocks: list[tuple[int, int, int, int]]) -> int:
    return len(a) - sum(a1 - a0 for a0, a1, _, _ in blocks)


def longest_common_subsequence(a: list[bytes], b: list[bytes]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        above = row[:]
        for j, y in enumerate(b):
            row[j + 1] = above[j] + 1 if x == y else max(row[j], above[j + 1])
    return row[-1]


def rebuilt(a: list[bytes], b: list[bytes], blocks: list[tuple[int, int, int, int]]) -> list[bytes]:
    result, at = [], 0
    for a0, a1, b0, b1 in blocks:
        result += a[at:a0] + b[b0:b1]
        at = a1
    return result + a[at:]


@given(LINES, LINES)
def test_applying_the_blocks_to_one_version_gives_the_other(a: list[bytes], b: list[bytes]) -> None:
    assert rebuilt(a, b, compare_lines(a, b).blocks) == b


@given(LINES)
def test_without_unique_lines_the_comparison_keeps_as_many_lines_as_possible(lines: list[bytes]) -> None:
    a = lines + lines
    b = [line for number, line in enumerate(a[::-1]) if number % 3] * 2
    assert kept(a, compare_lines(a, b).blocks) == longest_common_subsequence(a, b)


@given(st.permutations([b"%d" % number for number in range(12)]))
def test_of_unique_lines_in_another_order_as_many_as_possible_are_kept(shuffled: list[bytes]) -> None:
    ordered = sorted(shuffled)
    assert kept(ordered, compare_lines(ordered, shuffled).blocks) == longest_common_subsequence(ordered, shuffled)


@given(LINES, LINES, st.integers(0, 8))
def test_out_of_steps_the_answer_is_coarser_and_still_true(a: list[bytes], b: list[bytes], steps: int) -> None:
    answer = compare_lines(a + a, b + b, steps)
    assert rebuilt(a + a, b + b, answer.blocks) == b + b
    if not answer.coarse:
        assert answer.blocks == compare_lines(a + a, b + b).blocks


def test_a_small_budget_is_stated_as_coarse() -> None:
    assert compare_lines([b"a", b"b"] * 50, [b"b", b"a", b"a"] * 50, steps=10).coarse


def test_a_hundred_thousand_lines_in_another_order_are_compared_in_bounded_time() -> None:
    ordered = [b"%d" % (number // 2) for number in range(100_000)]
    shuffled = random.Random(1).sample(ordered, len(ordered))
    started = time.process_time()
    answer = compare_lines(ordered, shuffled)
    assert time.process_time() - started < 10  # 0.5 s measured; without a bound it takes hours
    assert answer.coarse
    assert rebuilt(ordered, shuffled, answer.blocks) == shuffled
