from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from noclobber.errors import PathError
from noclobber.text import TextForm, decode_text, encode_text, reencode, same_text

ENDINGS = st.sampled_from(["\n", "\r\n", "\r"])
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\ufeff"), max_size=8)
LINES = st.lists(st.tuples(PLAIN, ENDINGS), max_size=8)
FORMS = st.sampled_from(
    [(b"", "utf-8"), (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe\0\0", "utf-32-le")]
)


@given(st.binary() | st.lists(st.sampled_from([b"\r", b"\n", b"\xff\xfe", b"\xef\xbb\xbf", b"\0", b"a", b"\xe9", b"\xd8"])).map(b"".join))
@example(b"\xef\xbb\xbf\xef\xbb\xbfx")
@example(b"\xff\xfe\xff\xfea\x00")
@example(b"\xff\xfe\x00\xd8")
@example(b"\r\r\n\n\r")
def test_any_bytes_come_back_as_they_were(content: bytes) -> None:
    text, form = decode_text(content)
    assert encode_text(text, form) == content
    assert reencode(text, content) == content
    assert same_text(text, content)


@given(LINES, FORMS, PLAIN)
def test_text_in_any_form_comes_back_as_it_was(lines: list[tuple[str, str]], form: tuple[bytes, str], last: str) -> None:
    whole = "".join(line + ending for line, ending in lines) + last
    content = form[0] + whole.encode(form[1])
    text, found = decode_text(content)
    assert encode_text(text, found) == content
    assert same_text(whole, content)
    assert same_text("\ufeff" + whole.replace("\r\n", "\n").replace("\r", "\n"), content)


@pytest.mark.parametrize(
    ("content", "text", "form"),
    [
        (b"", "", TextForm(b"", "utf-8", "\n", False, False)),
        (b"a\nb", "a\nb", TextForm(b"", "utf-8", "\n", False, False)),
        (b"a\r\nb\r\n", "a\nb\n", TextForm(b"", "utf-8", "\r\n", False, False)),
        (b"a\rb\r", "a\nb\n", TextForm(b"", "utf-8", "\r", False, False)),
        (b"a\r\nb\nc\r\n", "a\r\nb\nc\r\n", TextForm(b"", "utf-8", "\r\n", True, False)),
        (b"\xef\xbb\xbfa\r\n", "a\n", TextForm(b"\xef\xbb\xbf", "utf-8", "\r\n", False, False)),
        (b"\xff\xfea\0\r\0\n\0", "a\n", TextForm(b"\xff\xfe", "utf-16-le", "\r\n", False, False)),
        (b"\xfe\xff\0a\0\n", "a\n", TextForm(b"\xfe\xff", "utf-16-be", "\n", False, False)),
        (b"caf\xe9\n", "café\n", TextForm(b"", "latin-1", "\n", False, False)),
        (b"\x89PNG\r\n\x1a\n\0", "\x89PNG\r\n\x1a\n\0", TextForm(b"", "latin-1", "\r\n", True, True)),
        (b"a\0b", "a\0b", TextForm(b"", "utf-8", "\n", False, True)),
    ],
)
def test_the_form_of_a_file_is_seen(content: bytes, text: str, form: TextForm) -> None:
    assert decode_text(content) == (text, form)


@pytest.mark.parametrize("given", ["new\nlines\n", "new\r\nlines\r\n", "\ufeffnew\nlines\n", "new\nlines\r\n"])
def test_whatever_endings_and_bom_a_writer_sends_the_file_keeps_its_own(given: str) -> None:
    _, form = decode_text(b"\xef\xbb\xbfold\r\n")
    assert encode_text(given, form) == b"\xef\xbb\xbfnew\r\nlines\r\n"


def test_carriage_returns_sent_for_a_file_of_line_feeds_are_taken_off() -> None:
    _, form = decode_text(b"old\n")
    assert encode_text("new\r\n", form) == b"new\n"


def test_a_character_the_encoding_cannot_hold_is_refused_by_name_and_line() -> None:
    _, form = decode_text(b"caf\xe9\n")
    with pytest.raises(PathError, match=r"'menu.txt' is latin-1, which has no '\\u20ac' \(line 2\)"):
        encode_text("café\n5 €\n", form, path="menu.txt")


def test_a_lone_surrogate_is_refused() -> None:
    _, form = decode_text(b"x")
    with pytest.raises(PathError, match="udc80"):
        encode_text("\udc80", form)


@pytest.mark.parametrize(
    ("original", "text", "expected"),
    [
        # an edited line keeps its own ending, its neighbours theirs
        (b"a\r\nb\nc\r\n", "a\nB\nc\n", b"a\r\nB\nc\r\n"),
        # sent with the endings as they were shown
        (b"a\r\nb\nc\r\n", "a\r\nB\nc\r\n", b"a\r\nB\nc\r\n"),
        # inserted lines take the most frequent ending
        (b"a\r\nb\nc\r\n", "a\nnew\nb\nc\n", b"a\r\nnew\r\nb\nc\r\n"),
        # removed lines take theirs with them
        (b"a\r\nb\nc\r\n", "a\nc\n", b"a\r\nc\r\n"),
        # the final newline is the writer's to add and to take away
        (b"a\r\nb\nc", "a\nb\nc\n", b"a\r\nb\nc\r\n"),
        (b"a\r\nb\nc\r\n", "a\nb\nc", b"a\r\nb\nc"),
        (b"a\rb\nc\n", "a\nb\nc\nd", b"a\rb\nc\nd"),
        (b"a\r\nb\n", "", b""),
        # a line that becomes empty does not melt into the ending before it
        (b"a\rb\nc\n", "a\n\nc\n", b"a\r\rc\n"),
        # files with one kind of ending have nothing to keep apart
        (b"a\r\nb\r\n", "a\nnew\nb\n", b"a\r\nnew\r\nb\r\n"),
        (b"\xff\xfe" + "a\r\nb\n".encode("utf-16-le"), "a\nb\nc\n", b"\xff\xfe" + "a\r\nb\nc\r\n".encode("utf-16-le")),
    ],
)
def test_lines_that_stay_keep_their_own_ending(original: bytes, text: str, expected: bytes) -> None:
    assert reencode(text, original) == expected


@given(st.lists(st.tuples(PLAIN.filter(bool), ENDINGS), min_size=1, max_size=8), st.data())
def test_replacing_one_line_changes_the_bytes_of_no_other(lines: list[tuple[str, str]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines) - 1))
    original = "".join(line + ending for line, ending in lines).encode()
    edited = [line for line, _ in lines]
    edited[at] = "a line of its own"
    expected = "".join(line + ending for line, (_, ending) in zip(edited, lines, strict=True)).encode()
    assert reencode("".join(line + "\n" for line in edited), original) == expected


def test_text_differing_in_more_than_form_is_not_the_same() -> None:
    assert not same_text("a\n", b"a")
    assert not same_text("a b", b"a\tb")
    assert not same_text("A", b"a")


def test_a_large_file_with_mixed_endings_is_done_in_reasonable_time() -> None:
    original = b"".join(b"line %d%s" % (n, b"\r\n" if n % 3 else b"\n") for n in range(20_000))
    text = original.decode().replace("\r\n", "\n").replace("line 777\n", "changed\nadded\n")
    assert reencode(text, original) == original.replace(b"line 777\n", b"changed\nadded\r\n")
