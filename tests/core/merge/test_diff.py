from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber.merge import unified_diff

TEXT = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n", "\n"]), max_size=40).map("".join)


def patched(before: str, diff: str) -> str:
    """What a reader who believes the diff takes the new version to be."""
    old = before.splitlines(keepends=True)
    result: list[str] = []
    at = 0
    last = ""
    for row in diff.splitlines(keepends=True)[2:]:
        header = re.match(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", row)
        if header:
            start = int(header[1]) - (header[2] != "0")
            result += old[at:start]
            at = start
            assert len(result) == int(header[3]) - (header[4] != "0")
        elif row[0] == "\\":
            if last in "+ ":
                result[-1] = result[-1].removesuffix("\n")
        elif row[0] == "+":
            result.append(row[1:])
        else:
            assert old[at].removesuffix("\n") == row[1:].removesuffix("\n")
            result += [old[at]] * (row[0] == " ")
            at += 1
        last = row[0]
    return "".join(result + old[at:])


@given(TEXT, TEXT, st.booleans())
def test_the_diff_leads_from_one_version_to_the_other(before: str, after: str, unfinished: bool) -> None:
    before = before.removesuffix("\n") if unfinished else before
    diff = unified_diff(before.encode(), after.encode(), limit=1000)
    assert (diff == "") == (before == after)
    assert before == after or patched(before, diff) == after


@given(st.binary(max_size=200), st.binary(max_size=200), st.integers(5, 12))
def test_no_diff_is_longer_than_its_limit_or_holds_a_control_character(before: bytes, after: bytes, limit: int) -> None:
    diff = unified_diff(before, after, limit=limit)
    assert diff.count("\n") <= limit
    assert all(char in "\n\t" or char >= " " for char in diff)
    assert (diff == "") == (before == after)


def test_the_header_names_both_sides() -> None:
    assert unified_diff(b"a\n", b"b\n", before_name="as you read it", after_name="on disk") == (
        "--- as you read it\n+++ on disk\n@@ -1 +1 @@\n-a\n+b\n"
    )


def test_changes_share_a_hunk_as_long_as_their_context_meets() -> None:
    def hunks(between: int) -> int:
        middle = b"".join(b"%d\n" % number for number in range(between))
        return unified_diff(b"a\n" + middle + b"b\n", b"A\n" + middle + b"B\n").count("@@ -")

    assert (hunks(6), hunks(7)) == (1, 2)


def test_a_cut_diff_says_how_much_is_missing() -> None:
    before = [b"line %d\n" % number for number in range(100)]
    after = [b"new\n" if number % 20 == 10 else line for number, line in enumerate(before)]
    whole = unified_diff(b"".join(before), b"".join(after)).splitlines()
    cut = unified_diff(b"".join(before), b"".join(after), limit=14).splitlines()
    assert len(whole) == 2 + 5 * 9
    assert cut[:-1] == whole[:13]
    assert cut[-1] == "… 34 more lines, 3 more hunks"


def test_a_diff_of_exactly_the_limit_is_not_cut() -> None:
    assert unified_diff(b"a\n", b"b\n", limit=5).splitlines()[-1] == "+b"
    assert unified_diff(b"a\n", b"b\nc\n", limit=5).splitlines()[-1] == "… 2 more lines"


def test_a_missing_final_newline_is_visible() -> None:
    assert unified_diff(b"a\n", b"a").endswith("-a\n+a\n\\ No newline at end of file\n")


def test_a_changed_line_ending_is_visible() -> None:
    assert unified_diff(b"a\nb\n", b"a\r\nb\n").splitlines()[3:] == ["-a", "+a\\r", " b"]


def test_line_endings_common_to_all_lines_are_said_once() -> None:
    rows = unified_diff(b"a\r\nb\r\n", b"a\r\nc\r\n").splitlines()
    assert rows[2:] == ["(all lines end in CR LF)", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]


def test_binary_content_is_one_line() -> None:
    diff = unified_diff(b"\0" * 2000, b"\0", before_name="old", after_name="new")
    assert diff == "Binary content differs: old has 2,000 bytes, new has 1 bytes.\n"


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert "-caf\ufffd\n+café\n" in unified_diff(b"caf\xe9\n", "café\n".encode())


def test_utf_16_is_shown_as_text() -> None:
    before, after = ("\ufeffa\n" + text for text in ("b\n", "ਊ\n"))
    assert "-b\n+ਊ\n" in unified_diff(before.encode("utf-16-le"), after.encode("utf-16-le"))
    assert "Only the encoding differs" in unified_diff(before.encode("utf-16-le"), before.encode())


def test_no_character_that_moves_a_terminal_or_turns_text_gets_through() -> None:
    assert "+\\x1b[2J\\u202e\\u2028\tx\u3000\n" in unified_diff(b"", "\x1b[2J\u202e\u2028\tx\u3000\n".encode())


def test_a_long_line_is_cut_and_shown_where_it_first_differs() -> None:
    diff = unified_diff(b"x" * 5000 + b"old" + b"y" * 5000, b"x" * 5000 + b"new" + b"y" * 5000)
    assert "xold" in diff
    assert "xnew" in diff
    assert "(a line of 10,003 bytes)" in diff
    assert max(map(len, diff.splitlines())) < 450


def test_a_long_line_is_never_cut_inside_a_character() -> None:
    assert "\ufffd" not in unified_diff(("ж" * 3000 + "a" + "ж" * 3000).encode(), ("ж" * 3000 + "b" + "ж" * 3000).encode())


@pytest.mark.parametrize("size", [100_000])
def test_two_unrelated_large_files_get_a_short_diff_that_admits_to_be_coarse(size: int) -> None:
    words = [b"return x\n", b"}\n", b"\n", b"pass\n"]
    before, after = (b"".join(random.Random(seed).choices(words, k=size)) for seed in (1, 2))
    rows = unified_diff(before, after).splitlines()
    assert len(rows) == 60
    assert rows[2] == "(too different to be compared line by line in full)"
    assert rows[-1].endswith("more lines")
