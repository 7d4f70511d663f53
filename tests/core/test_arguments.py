from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, NoclobberError, PathError

UNUSABLE = ["two\nlines", "a\0b", "half \ud800", "x" * 5000]


@pytest.mark.parametrize("label", ["", "outside", *UNUSABLE])
def test_a_writer_has_a_name_that_can_be_shown(alice: ConcurrencyGuard, root: Path, label: str) -> None:
    with pytest.raises(NoclobberError, match="agent_id") as caught:
        alice.as_writer(label)
    assert not isinstance(caught.value, PathError)
    with pytest.raises(NoclobberError, match="agent_id"):
        ConcurrencyGuard(root / "never made", label)
    assert not (root / "never made").exists()


@pytest.mark.parametrize("label", UNUSABLE)
@pytest.mark.parametrize("what", ["turn_id", "intent_id"])
def test_turns_and_intents_are_labels_of_one_line(alice: ConcurrencyGuard, lines: Path, what: str, label: str) -> None:
    calls: dict[str, Any] = {what: label}
    with pytest.raises(NoclobberError, match=what):
        alice.read("a.txt", **calls)
    with pytest.raises(NoclobberError, match=what):
        alice.write("a.txt", b"x", **calls)
    assert alice.events() == []


def test_an_empty_turn_is_none_and_the_guards_own_counts(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    assert alice.read("a.txt", turn_id="", intent_id="").snapshot.turn_id == "turn-1"
    assert alice.as_writer("bob", turn_id="").turn_id is None


def test_text_is_no_content(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    text: Any = "text"
    for call in (
        lambda: alice.write("a.txt", text),
        lambda: alice.write_many({"a.txt": text}),
        lambda: alice.keep("a.txt", text),
        lambda: alice.check_write("a.txt", text),
    ):
        with pytest.raises(TypeError, match="content is bytes, not str"):
            call()
    assert alice.write("a.txt", bytearray(b"mutable")).outcome == "done"
    assert lines.read_bytes() == b"mutable"


@pytest.mark.parametrize("edits", [("ab", "cd"), "ab", [("a",)], [("a", b"b")], [("a", "b"), (b"a", b"b")], [], [("a", 1)]])
def test_edits_are_pairs(alice: ConcurrencyGuard, lines: Path, edits: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"edit"):
        alice.edit("a.txt", edits)
    assert alice.events() == []


def test_a_misspelt_wish_to_merge_is_told(alice: ConcurrencyGuard, lines: Path) -> None:
    word: Any = "Merge"
    with pytest.raises(ValueError, match='"reject" or "merge"'):
        alice.write("a.txt", b"x", on_stale=word)


def test_since_is_a_time_in_any_zone_and_limit_a_count(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    with pytest.raises(ValueError, match="not a time: 'yesterday'"):
        alice.events(since="yesterday")
    assert len(alice.events(since="2020-01-01")) == 1
    moment = alice.events()[0].timestamp.removesuffix("Z")
    assert len(alice.events(since=f"{moment}+00:00")) == 1
    assert alice.events(since=f"{moment}-05:00") == []
    assert alice.events(limit=0) == []
    with pytest.raises(ValueError, match="limit"):
        alice.events(limit=-1)


@pytest.mark.parametrize("span", [(0, 5), (5, 4), (-1, 3), ("1", "2")])
def test_a_range_of_lines_counts_from_one(alice: ConcurrencyGuard, lines: Path, span: Any) -> None:
    with pytest.raises(ValueError, match="counted from 1"):
        alice.read("a.txt", lines=[span])
    with pytest.raises(ValueError, match="counted from 1"):
        alice.record_snapshot("a.txt", b"x\n", lines=[span])


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_lease_lasts_for_some_seconds(alice: ConcurrencyGuard, seconds: float) -> None:
    with pytest.raises(ValueError, match="A lease lasts"):
        alice.lease("a.txt", seconds)


def test_half_a_character_is_told(alice: ConcurrencyGuard, lines: Path) -> None:
    with pytest.raises(NoclobberError, match="half a character"):
        alice.record_snapshot("a.txt", "x \ud800")
