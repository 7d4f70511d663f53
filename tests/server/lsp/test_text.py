from __future__ import annotations

import importlib.util
import random
import threading
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from noclobber_server.lsp.text import Change, Encoding, Place, Span, TextModel, split_lines, units

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
PIECES = [
    "a", "bc", " ", "\n", "\r", "\r\n", "\n\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "é", "e\u0301",
    "\u0301",
    "𝄞", "😀", "👩‍👩‍👧", "\ufeff", "日本", "\U0010ffff", "\x00", "\ufffd", "",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
places = st.tuples(st.integers(0, 12), st.one_of(st.integers(0, 9), st.just(2**31 - 1)))
edits = st.lists(st.tuples(places, places, texts), max_size=12)


def _load_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_text", Path(__file__).with_name("reference_text.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _load_reference()


def change(start: tuple[int, int], end: tuple[int, int], text: str) -> Change:
    return Change(Span(Place(*start), Place(*end)), text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(start=texts, changes=edits, reads=st.integers(0, 3))
@example(start="a\rX\nb", changes=[((1, 0), (1, 1), "")], reads=1)  # a CR and an LF meet
@example(start="a\r\nb", changes=[((0, 1), (0, 1), "\r")], reads=0)
@example(start="abc", changes=[((0, 0), (0, 100), "x")], reads=0)
@example(start="a\x0cb\nsecond\n", changes=[((1, 0), (1, 6), "2nd")], reads=0)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_edits_agree_with_the_reference_character_for_character(encoding: Encoding, start, changes, reads) -> None:
    model, expected = TextModel(start, 1, encoding), reference.ReferenceText(start, encoding)
    for version, (first, last, text) in enumerate(changes, 2):
        model.take(version, [change(first, last, text)])
        expected.edit(first, last, text)
        if reads and version % reads == 0:
            assert model.read() == (expected.text, version)
    assert model.read()[0] == expected.text
    assert model.line_count() == len(split_lines(expected.text))


def _random_run(encoding: Encoding, rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    model, expected, height = TextModel("", 0, encoding), reference.ReferenceText("", encoding), 1
    for version in range(1, rounds + 1):
        if version % 400 == 0:
            model.take(version, [Change(None, "fresh\r\nstart\n")])
            expected = reference.ReferenceText("fresh\r\nstart\n", encoding)
        height = model.line_count() if version % 5 == 0 else height
        start = (rng.randrange(height + 2), rng.choice((0, 1, 2, 3, 5, 40)))
        end = start if rng.random() < 0.6 else (start[0] + rng.choice((0, 0, 1, -1, 3)), rng.choice((0, 1, 2, 4, 99)))
        end = (max(end[0], 0), end[1])
        text = "".join(rng.choices(PIECES, k=rng.randrange(4)))
        model.take(version, [change(start, end, text)])
        expected.edit(start, end, text)
        if version % 7 == 0 or version == rounds:
            assert model.read()[0] == expected.text, (encoding, seed, version)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_long_run_of_random_edits_agrees_with_the_reference(encoding: Encoding) -> None:
    _random_run(encoding, 3_000, seed=7)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_two_hundred_thousand_random_edits_agree_with_the_reference(encoding: Encoding) -> None:
    _random_run(encoding, 200_000, seed=random.randrange(2**32))


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_cr_and_lf_end_lines(separator: str) -> None:
    assert split_lines(f"a{separator}b\nc") == [f"a{separator}b\n", "c"]


def test_there_is_always_one_line_and_a_final_line_end_begins_another() -> None:
    assert split_lines("") == [""]
    assert split_lines("a\r\n") == ["a\r\n", ""]


def test_a_position_inside_a_character_is_taken_back_to_its_start() -> None:
    model = TextModel("😀b", 1, "utf-16")
    model.take(2, [change((0, 1), (0, 2), "x")])
    assert model.read()[0] == "xb"


def test_halves_of_a_surrogate_pair_sent_apart_become_one_character() -> None:
    model = TextModel("\ud83d|", 1, "utf-16")
    model.take(2, [change((0, 1), (0, 1), "\ude00")])
    assert model.read()[0] == "😀|"


def test_a_range_that_ends_before_it_starts_is_read_the_other_way_round() -> None:
    model = TextModel("abcdef", 1, "utf-16")
    model.take(2, [change((0, 4), (0, 1), "-")])
    assert model.read()[0] == "a-ef"


def test_a_version_that_goes_back_is_not_taken() -> None:
    model = TextModel("a", 5, "utf-16")
    assert model.take(4, [Change(None, "b")]) == "version went back"
    assert model.read() == ("a", 5)
    assert model.take(5, [Change(None, "c")]) == "taken"
    assert model.read() == ("c", 5)


def test_several_changes_of_one_notification_follow_one_another() -> None:
    model = TextModel("one\ntwo\n", 1, "utf-16")
    model.take(2, [change((0, 0), (0, 3), "1\n1b"), change((2, 0), (2, 3), "2")])
    assert model.read() == ("1\n1b\n2\n", 2)


@pytest.mark.parametrize(("encoding", "length"), [("utf-8", 6), ("utf-16", 3), ("utf-32", 2)])
def test_spans_of_whole_lines_count_in_the_negotiated_unit(encoding: Encoding, length: int) -> None:
    model = TextModel("x\né😀\r\nz", 1, encoding)
    assert units("é😀", encoding) == length
    assert model.whole_lines(1, 1) == Span(Place(1, 0), Place(1, length))
    assert model.whole_lines(0, 99) == Span(Place(0, 0), Place(2, 1))
    assert model.through_lines(1, 2) == Span(Place(1, 0), Place(2, 0))
    assert model.through_lines(2, 3) == Span(Place(2, 0), Place(2, 1))


def test_reading_while_another_thread_types_gives_a_text_that_belongs_to_its_version() -> None:
    model = TextModel("", 0, "utf-16")

    def type_along() -> None:
        for version in range(1, 5_001):
            model.take(version, [change((0, 2**31 - 1), (0, 2**31 - 1), "x")])

    typist = threading.Thread(target=type_along)
    typist.start()
    while typist.is_alive():
        text, version = model.read()
        assert len(text) == version
    typist.join()
    assert model.read() == ("x" * 5_000, 5_000)
