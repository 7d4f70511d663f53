from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from noclobber.merge import Change, after_ranges, before_ranges, changed_regions, join_ranges, map_ranges, overlaps, shown_covers

TEXT = st.lists(st.sampled_from([b"a\n", b"b\n", b"\r\n", b"a\r", b"\n", b"c", b"\x00", b"\xff\r\n"]), max_size=14).map(b"".join)
RANGES = st.lists(st.tuples(st.integers(1, 14), st.integers(0, 5)).map(lambda span: (span[0], span[0] + span[1])), max_size=4)


def lines(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def numbers(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(TEXT, TEXT)
def test_what_lies_between_changes_is_equal_and_no_change_is_empty(before: bytes, after: bytes) -> None:
    old, new = lines(before), lines(after)
    at = new_at = 0
    for (start, end), (new_start, new_end) in changed_regions(before, after):
        assert start > at or at == 0
        assert old[at:start] == new[new_at:new_start]
        assert old[start:end] != new[new_start:new_end]
        at, new_at = end, new_end
    assert old[at:] == new[new_at:]


@given(TEXT)
def test_equal_content_has_no_changes(content: bytes) -> None:
    assert changed_regions(content, content) == []


def test_lines_end_in_lf_crlf_and_cr_and_nowhere_else() -> None:
    assert changed_regions(b"a\rb\r\nc\x0b\x0c\x85d\n", b"a\rB\r\nc\x0b\x0c\x85D\n") == [Change((1, 3), (1, 3))]


def test_an_insertion_has_an_empty_place_in_the_old_version() -> None:
    assert changed_regions(b"a\nb\n", b"a\nnew\nb\n") == [Change((1, 1), (1, 2))]


def test_a_changed_line_ending_is_a_changed_line() -> None:
    assert changed_regions(b"a\nb\n", b"a\nb\r\n") == [Change((1, 2), (1, 2))]
    assert changed_regions(b"a\nb\n", b"a\nb") == [Change((1, 2), (1, 2))]


def test_a_line_feed_added_in_front_of_one_makes_a_carriage_return_no_longer_end_its_line() -> None:
    assert changed_regions(b"a\rb\n", b"a\r\nb\n") == [Change((0, 1), (0, 1))]


def test_utf_16_is_compared_by_its_own_lines() -> None:
    before, after = ("\ufeff" + "ਊ\nb\nc\n").encode("utf-16-le"), ("\ufeff" + "ਊ\nB\nc\n").encode("utf-16-le")
    assert changed_regions(before, after) == [Change((1, 2), (1, 2))]


@given(TEXT, TEXT, TEXT)
def test_changes_overlap_exactly_where_a_span_of_one_touches_a_span_of_the_other(base: bytes, one: bytes, other: bytes) -> None:
    a, b = changed_regions(base, one), changed_regions(base, other)
    touching = any(x.before[0] <= y.before[1] and y.before[0] <= x.before[1] for x in a for y in b)
    assert overlaps(a, b) == overlaps(b, a) == touching


def test_adjacent_lines_overlap_and_lines_with_one_between_do_not() -> None:
    change = [Change((3, 4), (3, 4))]
    assert overlaps(change, [Change((4, 5), (4, 5))])
    assert overlaps(change, [Change((4, 4), (4, 9))])
    assert not overlaps(change, [Change((5, 6), (5, 6))])
    assert not overlaps(change, [])


@given(RANGES)
def test_joined_ranges_are_the_same_lines_sorted_and_apart(ranges: list[tuple[int, int]]) -> None:
    joined = join_ranges(ranges)
    assert numbers(joined) == numbers(tuple(ranges))
    assert all(first[1] + 1 < second[0] for first, second in pairwise(joined))


@given(TEXT, TEXT, RANGES)
def test_mapped_lines_are_the_lines_asked_for_and_all_of_them_that_stayed(
    before: bytes, after: bytes, ranges: list[tuple[int, int]]
) -> None:
    old, new = lines(before), lines(after)
    inside = [(first, min(last, len(old))) for first, last in ranges if first <= len(old)]
    changes = changed_regions(before, after)
    mapped = map_ranges(inside, changes)
    stayed = numbers(join_ranges(inside)) - numbers(before_ranges(changes))
    assert [new[number - 1] for number in sorted(numbers(mapped))] == [old[number - 1] for number in sorted(stayed)]
    assert not numbers(mapped) & numbers(after_ranges(changes))


@given(TEXT, TEXT)
def test_the_whole_old_version_maps_to_the_whole_new_one_where_changes_are_added(before: bytes, after: bytes) -> None:
    whole = [(1, len(lines(before)))]
    mapped = map_ranges(whole, changed_regions(before, after), touched=True)
    if before:
        assert mapped == join_ranges([(1, len(lines(after)))])


def test_an_insertion_inside_a_range_splits_it_unless_changes_are_added() -> None:
    changes = [Change((4, 4), (4, 6))]
    assert map_ranges([(3, 8)], changes) == ((3, 4), (7, 10))
    assert map_ranges([(3, 8)], changes, touched=True) == ((3, 10),)
    assert map_ranges([(8, 9)], changes, touched=True) == ((10, 11),)


def test_what_was_shown_covers_changes_only_within_it() -> None:
    shown = [(1, 5), (6, 10)]
    assert shown_covers(shown, [Change((3, 8), (3, 3))])
    assert not shown_covers(shown, [Change((9, 11), (9, 10))])
    assert not shown_covers([], [Change((0, 1), (0, 1))])
    assert shown_covers([], [])


def test_an_insertion_is_covered_where_a_line_next_to_it_was_shown() -> None:
    assert shown_covers([(3, 5)], [Change((5, 5), (5, 7)), Change((2, 2), (2, 3))][::-1])
    assert not shown_covers([(3, 5)], [Change((6, 6), (6, 7))])


@given(TEXT, TEXT, RANGES)
def test_changes_are_covered_exactly_where_every_replaced_line_was_shown(
    before: bytes, after: bytes, ranges: list[tuple[int, int]]
) -> None:
    changes = [change for change in changed_regions(before, after) if change.before[0] < change.before[1]]
    assert shown_covers(ranges, changes) == (numbers(before_ranges(changes)) <= numbers(tuple(ranges)))
