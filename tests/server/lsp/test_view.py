from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber_server.lsp.view import UTF8, View, find_view, likely_view, normal


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"plain\n", "plain\n"),
        (b"\xef\xbb\xbfwith a mark\n", "with a mark\n"),
        (b"\xef\xbb\xbfwith a mark\n", "\ufeffwith a mark\n"),
        (b"mixed\r\nends\nhere\r", "mixed\nends\nhere\n"),
        (b"mixed\r\nends\nhere", "mixed\r\nends\r\nhere"),
        ("caf\xe9\n".encode("latin-1"), "caf\xe9\n"),
        ("caf\xe9\n".encode("latin-1"), "caf\ufffd\n"),
        ("\u20ac uro\n".encode("cp1252"), "\u20ac uro\n"),
        ("caf\xe9\n".encode(), "cafÃ©\n"),
        (codecs.BOM_UTF16_LE + "wide\r\n".encode("utf-16-le"), "wide\n"),
        (codecs.BOM_UTF16_BE + "wide\n".encode("utf-16-be"), "wide\n"),
        (codecs.BOM_UTF32_LE + "wider\n".encode("utf-32-le"), "wider\n"),
        ("日本語\n".encode("shift_jis"), "日本語\n"),
        ("привет\n".encode("koi8-r"), "привет\n"),
        (b"no final newline", "no final newline\n"),
        (b"", "\n"),
        (b"", ""),
        (b"form\x0cfeed\xe2\x80\xa8\n", "form\x0cfeed\u2028\n"),
        (b"nul\x00byte\n", "nul\x00byte\n"),
    ],
)
def test_a_text_that_some_editor_makes_of_the_bytes_is_recognised(content: bytes, text: str) -> None:
    view = find_view(text, content)
    assert view is not None
    assert view.shown(content) == normal(text)
    assert view.written(text, content) == content


def test_a_text_that_no_editor_makes_of_the_bytes_is_not() -> None:
    assert find_view("other\n", b"text\n") is None
    assert find_view("text\n\n", b"text\n") is None
    assert find_view("text", b"text\n") is None


@given(st.text())
def test_what_utf8_decodes_is_always_recognised(text: str) -> None:
    content = text.encode()
    assert find_view(text, content) is not None


def test_what_a_save_would_write_keeps_mark_line_ends_and_encoding() -> None:
    assert UTF8.written("a\nnew\n", b"\xef\xbb\xbfa\r\n") == b"\xef\xbb\xbfa\r\nnew\r\n"
    assert View("utf-16-le").written("é\n", codecs.BOM_UTF16_LE + b"a\0\n\0") == codecs.BOM_UTF16_LE + "é\n".encode("utf-16-le")
    assert View("cp1252").written("€\n", "ä\r".encode("cp1252")) == "€\r".encode("cp1252")


def test_line_ends_that_the_editor_names_itself_are_kept() -> None:
    assert UTF8.written("a\r\nb\r\n", b"a\n") == b"a\r\nb\r\n"


def test_a_text_that_the_encoding_cannot_hold_is_still_written_whole() -> None:
    assert View("latin-1").written("日本\n", b"a\n") == "日本\n".encode()


def test_the_likely_view_of_text_is_utf8_and_of_marked_files_what_the_mark_says() -> None:
    assert likely_view(b"text\n") == UTF8
    assert likely_view(codecs.BOM_UTF16_LE + b"a\0").codec == "utf-16-le"
    assert not likely_view(b"\xff\xff\n").exact
