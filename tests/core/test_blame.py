from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from noclobber.blame import attribute_lines

CONTENT = st.lists(st.sampled_from([b"a\n", b"b\r\n", b"c\r", b"d", b"\n"]), max_size=8).map(b"".join)


def test_a_line_belongs_to_the_version_that_last_wrote_it() -> None:
    versions = [("first", b"a\nb\nc\n"), ("second", b"a\nB\nc\n"), ("third", b"new\na\nB\n"), ("fourth", b"new\na\nB\nd")]
    assert attribute_lines(versions) == [("third", b"new\n"), ("first", b"a\n"), ("second", b"B\n"), ("fourth", b"d")]


def test_a_line_taken_out_and_put_back_belongs_to_who_put_it_back() -> None:
    assert attribute_lines([(1, b"a\nb\n"), (2, b"a\n"), (3, b"a\nb\n")]) == [(1, b"a\n"), (3, b"b\n")]


def test_without_versions_or_without_content_there_are_no_lines() -> None:
    assert attribute_lines([]) == []
    assert attribute_lines([(1, b"a\n"), (2, b"")]) == []


@given(st.lists(CONTENT, min_size=1, max_size=6))
def test_the_lines_are_the_last_version_and_each_stood_in_the_version_that_wrote_it(contents: list[bytes]) -> None:
    blamed = attribute_lines(list(enumerate(contents)))
    assert b"".join(line for _, line in blamed) == contents[-1]
    for tag, line in blamed:
        assert all(line in content.splitlines(keepends=True) for content in contents[tag:])


@given(CONTENT, CONTENT)
def test_a_version_equal_to_the_one_before_writes_nothing(first: bytes, second: bytes) -> None:
    assert attribute_lines([(1, first), (2, second), (3, second)]) == attribute_lines([(1, first), (2, second)])
