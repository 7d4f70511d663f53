from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber.merge.lines import as_utf8, common_prefix, common_suffix, count_line_ends, count_lines, split_lines, trim, utf16_codec

BYTES = st.text(alphabet="ab\n\r", max_size=40).map(str.encode)


@given(BYTES, BYTES, BYTES, BYTES)
def test_common_ends_are_as_long_as_they_can_be(head: bytes, one: bytes, other: bytes, tail: bytes) -> None:
    a, b = head * 9 + one + tail * 9, head * 9 + other + tail * 9
    prefix = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    assert common_prefix(a, b) == prefix
    most = min(len(a), len(b)) - prefix
    suffix = next((i for i, (x, y) in enumerate(zip(a[::-1], b[::-1], strict=False)) if x != y), most)
    assert common_suffix(a, b, most) == min(suffix, most)


@given(BYTES, BYTES, BYTES, BYTES)
def test_trimming_cuts_whole_lines_off_both_ends_and_as_many_as_there_are(head: bytes, one: bytes, other: bytes, tail: bytes) -> None:
    before, after = head + one + tail, head + other + tail
    start, before_end, after_end = trim(before, after)
    old, new = before.split(b"\n"), after.split(b"\n")
    prefix = common_prefix(old[:-1], new[:-1])
    assert before[:start] == after[:start] == b"".join(line + b"\n" for line in old[:prefix])
    assert before[before_end:] == after[after_end:]
    assert start <= min(before_end, after_end)
    if before != after:
        left, right = before[start:before_end].split(b"\n"), after[start:after_end].split(b"\n")
        assert left[-1] != right[-1] or not left[-1]
        assert len(left) == 1 or len(right) == 1 or left[-1] or right[-1] or left[-2] != right[-2]


@given(BYTES)
def test_lines_joined_are_the_content_and_their_ends_are_counted(content: bytes) -> None:
    lines = split_lines(content)
    assert b"".join(lines) == content
    assert count_lines(content) == len(lines)
    assert count_line_ends(content) == sum(line.endswith((b"\n", b"\r")) for line in lines)


@given(st.text(st.characters(exclude_categories=[])), st.sampled_from(["utf-16-le", "utf-16-be"]))
def test_utf_16_goes_to_utf_8_and_back_without_loss(text: str, codec: str) -> None:
    content = ("\ufeff" + text).encode(codec, "surrogatepass")
    if content[:4] != b"\xff\xfe\x00\x00":
        assert as_utf8(content).decode("utf-8", "surrogatepass").encode(codec, "surrogatepass") == content


@pytest.mark.parametrize("content", [b"", b"\xff", b"\xff\xfea", b"\xff\xfe\x00\x00a\x00\x00\x00", b"\xef\xbb\xbfa", b"a\x00"])
def test_what_does_not_begin_as_utf_16_is_left_alone(content: bytes) -> None:
    assert utf16_codec(content) is None
    assert as_utf8(content) == content
