from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber.merge import Edited, EditNotFound, apply_edits, text_edits_to_bytes

LINES = st.lists(st.sampled_from(["a", "b", "é", "  ", "", "x y"]), min_size=2, max_size=8, unique=True)


def edited(content: bytes, *edits: tuple[str, str]) -> bytes:
    prepared = text_edits_to_bytes(content, edits)
    assert isinstance(prepared, list), prepared
    answer = apply_edits(content, prepared)
    assert isinstance(answer, Edited), answer
    return answer.content


@given(LINES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"]), st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_a_file_keeps_its_encoding_bom_and_line_endings(lines: list[str], codec: str, end: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 2))
    text = "START é\n" + "\n".join(lines) + "\nEND\n"
    old = "\n".join([["START é", *lines][at], lines[at], [*lines, "END"][at + 1]])
    if text.count(old) != 1:
        return
    new = "one\ntwo\n"
    content = text.replace("\n", end).encode(codec)
    assert edited(content, (old, new)) == text.replace(old, new).replace("\n", end).encode(codec)


@pytest.mark.parametrize("sent", ["a\nb\n", "a\r\nb\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_either_kind_of_line_ending_may_be_sent(sent: str, end: str) -> None:
    content = f"a{end}b{end}c{end}".encode()
    assert edited(content, (sent, sent.upper())) == f"A{end}B{end}c{end}".encode()


def test_a_bom_that_comes_with_the_edit_is_not_doubled_and_not_lost() -> None:
    assert edited(b"\xef\xbb\xbfa\n", ("\ufeffa", "b")) == b"\xef\xbb\xbfb\n"
    assert edited(b"\xef\xbb\xbfa\n", ("a", "\ufeffb")) == b"\xef\xbb\xbfb\n"


def test_in_a_file_of_mixed_line_endings_the_place_is_found_and_lines_kept_keep_their_own() -> None:
    content = b"a\r\nb\nc\r\nd\n"
    assert edited(content, ("a\nb\nc\n", "a\nB\nnew\nc\n")) == b"a\r\nB\r\nnew\r\nc\r\nd\n"
    assert edited(content, ("b\n", "B\n")) == b"a\r\nB\nc\r\nd\n"


def test_in_a_file_of_mixed_line_endings_several_edits_build_on_each_other() -> None:
    assert edited(b"a\r\nb\r\nc\r\nd\n", ("a\nb", "x\ny"), ("y\nc\n", "z\n")) == b"x\r\nz\r\nd\n"


def test_an_empty_file_takes_the_text_as_it_is() -> None:
    assert edited(b"", ("", "a\r\nb\n")) == b"a\r\nb\n"


def test_bytes_that_are_not_utf_8_survive() -> None:
    assert edited(b"caf\xe9\nx\n", ("x", "é")) == b"caf\xe9\n\xe9\n"


def test_a_character_the_files_encoding_lacks_is_named() -> None:
    answer = text_edits_to_bytes(b"caf\xe9\n", [("caf", "caf"), ("é", "→")])
    assert isinstance(answer, EditNotFound)
    assert answer.edit == 1
    assert "→" in answer.hint


def test_a_text_that_utf_8_cannot_hold_is_an_answer_and_no_crash() -> None:
    assert isinstance(text_edits_to_bytes(b"a\n", [("a", "\ud800")]), EditNotFound)


def test_a_damaged_utf_16_file_is_still_edited() -> None:
    content = b"\xff\xfe\x00\xd8" + "\na\n".encode("utf-16-le")
    assert edited(content, ("a", "b")) == b"\xff\xfe\x00\xd8" + "\nb\n".encode("utf-16-le")


@given(st.binary(max_size=40), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=3))
def test_no_content_and_no_edit_raises(content: bytes, edits: list[tuple[str, str]]) -> None:
    prepared = text_edits_to_bytes(content, edits)
    assert isinstance(prepared, EditNotFound) or len(prepared) == len(edits)
