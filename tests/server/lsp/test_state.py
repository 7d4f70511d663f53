from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noclobber import merge
from noclobber_server.lsp.state import Region, assess, unsaved_lines

BASE = "".join(f"line {n}\n" for n in range(1, 11))


def replaced(text: str, number: int, new: str) -> str:
    lines = text.splitlines(keepends=True)
    lines[number - 1] = new
    return "".join(lines)


@pytest.mark.parametrize(
    ("base", "buffer", "disk", "state"),
    [
        (BASE, BASE, BASE, "fresh"),
        (BASE, BASE + "mine\n", BASE, "fresh"),
        (BASE, BASE + "same\n", BASE + "same\n", "fresh"),
        (None, BASE, BASE, "fresh"),
        (None, "new file\n", None, "fresh"),
        (BASE, BASE, BASE + "theirs\n", "behind"),
        (BASE, replaced(BASE, 2, "mine\n"), replaced(BASE, 8, "theirs\n"), "mergeable"),
        (BASE, replaced(BASE, 2, "mine\n"), replaced(BASE, 2, "theirs\n"), "conflict"),
        (BASE, replaced(BASE, 2, "mine\n"), replaced(BASE, 3, "theirs\n"), "conflict"),
        (None, BASE + "mine\n", BASE, "conflict"),
        (BASE, BASE, None, "deleted"),
        (BASE, BASE + "mine\n", None, "deleted"),
    ],
)
def test_the_state_follows_from_base_buffer_and_disk(base, buffer, disk, state) -> None:
    assert assess(base, buffer, disk).state == state


def test_the_same_change_on_both_sides_beside_another_is_mergeable() -> None:
    shared = replaced(BASE, 2, "both\n")
    found = assess(BASE, replaced(shared, 5, "mine\n"), replaced(shared, 9, "theirs\n"))
    assert (found.state, found.regions) == ("mergeable", (Region((8, 9), (8, 9)),))


def test_files_whose_lines_mean_nothing_one_by_one_are_never_mergeable() -> None:
    mine, theirs = replaced(BASE, 2, "mine\n"), replaced(BASE, 8, "theirs\n")
    assert assess(BASE, mine, theirs, by_lines=False).state == "conflict"


def test_regions_stand_where_the_unsaved_edits_have_moved_them() -> None:
    mine = "added 1\nadded 2\n" + BASE
    assert assess(BASE, mine, replaced(BASE, 8, "theirs\nand more\n")).regions == (Region((9, 10), (7, 9)),)


def test_a_contested_region_spans_both_sides_lines() -> None:
    mine = replaced(BASE, 4, "mine a\nmine b\n")
    (region,) = assess(BASE, mine, replaced(BASE, 4, "theirs\n")).regions
    assert region == Region((3, 5), (3, 4), True)


def test_an_insertion_on_disk_has_an_empty_place_in_the_buffer() -> None:
    lines = BASE.splitlines(keepends=True)
    disk = "".join([*lines[:6], "inserted\n", *lines[6:]])
    assert assess(BASE, "top\n" + BASE, disk).regions == (Region((7, 7), (6, 7)),)


def test_with_an_unknown_base_the_regions_are_where_buffer_and_disk_differ() -> None:
    assert assess(None, replaced(BASE, 3, "mine\n"), BASE).regions == (Region((2, 3), (2, 3), True),)


def test_unsaved_lines_are_counted_in_the_base() -> None:
    assert unsaved_lines(BASE, replaced(BASE, 3, "a\nb\n")) == ((3, 3),)
    assert unsaved_lines(BASE, "new\n" + BASE) == ((1, 0),)


words = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n", "é\u2028\n"]), max_size=9)


@given(words, words, words)
@settings(max_examples=200, deadline=None)
def test_whatever_is_called_mergeable_is_what_the_merge_does(base, mine, theirs) -> None:
    base, mine, theirs = "".join(base), "".join(mine), "".join(theirs)
    found = assess(base, mine, theirs)
    height = len(mine.split("\n")) - 1
    assert all(0 <= region.buffer[0] <= region.buffer[1] <= height for region in found.regions)
    merged = merge.merge3(base.encode(), mine.encode(), theirs.encode()).content
    if found.state == "mergeable":
        assert merged is not None
    elif found.state == "conflict":
        assert merged is None
    elif found.absorbed:
        assert merged == mine.encode()
    elif found.state == "behind":
        assert mine == base


@given(words, words)
def test_regions_of_an_untouched_buffer_are_exactly_the_changed_lines(base, theirs) -> None:
    base, theirs = "".join(base), "".join(theirs)
    found = assess(base, base, theirs)
    expected = merge.changed_regions(base.encode(), theirs.encode())
    assert [(region.buffer, region.disk) for region in found.regions] == [tuple(change) for change in expected]
