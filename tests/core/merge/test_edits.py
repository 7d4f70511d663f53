from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from noclobber.merge import Change, EditAmbiguous, Edited, EditNotFound, apply_edits, rebase_edit

SMALL = st.lists(st.sampled_from([b"a", b"b", b"\n", b"\r\n", b" ", b"\x00"]), max_size=12).map(b"".join)


def content_of(answer: Edited | EditNotFound | EditAmbiguous) -> bytes:
    assert isinstance(answer, Edited), answer
    return answer.content


def hint_of(answer: Edited | EditNotFound | EditAmbiguous) -> str:
    assert isinstance(answer, EditNotFound), answer
    return answer.hint


@given(SMALL, SMALL, SMALL, SMALL)
def test_a_text_that_stands_once_is_replaced_and_nothing_else(head: bytes, old: bytes, new: bytes, tail: bytes) -> None:
    content = head + old + tail
    places = [at for at in range(len(content)) if content.startswith(old, at)]
    assume(old and old != new)
    answer = apply_edits(content, [(old, new)])
    if len(places) == 1:
        assert content_of(answer) == head + new + tail
    else:
        assert isinstance(answer, EditAmbiguous)
        assert (answer.edit, answer.times) == (0, len(places))
        assert list(answer.lines) == [len((content[:at] + b".").splitlines()) for at in places[:10]]


@given(st.lists(SMALL, min_size=2, max_size=4), SMALL, SMALL)
def test_every_occurrence_is_replaced_where_that_was_asked_for(parts: list[bytes], old: bytes, new: bytes) -> None:
    assume(old and old != new)
    content = old.join(parts)
    assert content_of(apply_edits(content, [(old, new)], replace_all=True)) == content.replace(old, new)


@given(SMALL, st.lists(st.tuples(SMALL, SMALL), max_size=3))
def test_edits_apply_in_order_or_not_at_all(content: bytes, edits: list[tuple[bytes, bytes]]) -> None:
    now, failed = content, None
    for index, edit in enumerate(edits):
        answer = apply_edits(now, [edit])
        if not isinstance(answer, Edited):
            failed = answer._replace(edit=index)
            break
        now = answer.content
    together = apply_edits(content, edits)
    assert together == failed if failed else content_of(together) == now
    assert rebase_edit(content, edits) == (None if failed else now)


def test_the_regions_say_which_lines_changed() -> None:
    answer = apply_edits(b"a\nb\nc\nd\n", [(b"b\n", b"B\nB\n"), (b"d\n", b"")])
    assert answer == Edited(b"a\nB\nB\nc\n", (Change((1, 2), (1, 3)), Change((3, 4), (4, 4))))


def test_overlapping_occurrences_are_ambiguous() -> None:
    assert apply_edits(b"aaa", [(b"aa", b"b")]) == EditAmbiguous(0, 2, (1, 1))


def test_only_ten_lines_of_an_ambiguous_text_are_named_and_all_are_counted() -> None:
    assert apply_edits(b"x\n" * 50, [(b"x", b"y")]) == EditAmbiguous(0, 50, tuple(range(1, 11)))


def test_an_empty_old_text_fills_an_empty_file_and_keeps_its_bom() -> None:
    assert content_of(apply_edits(b"", [(b"", b"new\n")])) == b"new\n"
    assert content_of(apply_edits(b"\xef\xbb\xbf", [(b"", b"new\n")])) == b"\xef\xbb\xbfnew\n"
    assert "empty" in hint_of(apply_edits(b"full", [(b"", b"new\n")]))
    assert "empty" in hint_of(apply_edits(b"", [(b"old", b"new\n")]))


def test_an_edit_that_changes_nothing_is_told_so() -> None:
    assert "the same" in hint_of(apply_edits(b"a", [(b"a", b"a")]))


def test_utf_16_is_never_matched_in_the_middle_of_a_character() -> None:
    content = "\ufeff愀Āa\n".encode("utf-16-le")  # the bytes of "a" stand across two characters as well
    edited = content_of(apply_edits(content, [("a".encode("utf-16-le"), "b".encode("utf-16-le"))], replace_all=True))
    assert edited.decode("utf-16") == "愀Āb\n"


def test_a_text_with_other_line_endings_is_found_by_its_line() -> None:
    assert "line 2 if line endings" in hint_of(apply_edits(b"a\r\nb\r\nc\r\n", [(b"b\nc\n", b"")]))


def test_a_text_with_other_white_space_is_found_by_its_line() -> None:
    assert "line 3 if white space" in hint_of(apply_edits(b"a\n\n\tif x:\n\t\tpass\n", [(b"    if x:\n        pass\n", b"")]))


def test_a_text_of_white_space_only_is_told_so() -> None:
    assert "white space" in hint_of(apply_edits(b"a\nb\n", [(b" \n ", b"")]))


def test_the_first_line_that_differs_is_shown() -> None:
    hint = hint_of(apply_edits(b"def f():\n    x = 1\n    return x\n", [(b"def f():\n    x = 2\n    return x\n", b"")]))
    assert hint == "Its line 2 differs: line 2 of the file reads “x = 1”."


def test_a_text_that_runs_over_the_end_of_the_file_is_told_so() -> None:
    assert "past the end" in hint_of(apply_edits(b"a\nb\n", [(b"b\nc\n", b"")]))


def test_a_text_of_which_nothing_is_there_says_read_again() -> None:
    assert "read the file again" in hint_of(apply_edits(b"a\nb\n", [(b"nowhere", b"")]))


def test_a_hint_in_a_utf_16_file_counts_its_own_lines() -> None:
    content = "\ufeffਊ\na  b\n".encode("utf-16-le")
    assert "line 2 if white space" in hint_of(apply_edits(content, [("a b".encode("utf-16-le"), b"")]))


@given(SMALL, SMALL)
def test_every_text_that_is_not_there_gets_a_hint_of_one_line(content: bytes, old: bytes) -> None:
    answer = apply_edits(content, [(old, b"entirely new")])
    if isinstance(answer, EditNotFound):
        assert answer.hint.endswith(".")
        assert len(answer.hint.splitlines()) == 1
