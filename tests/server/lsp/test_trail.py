"""What a buffer's text has been for a moment."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from noclobber_server.lsp.text import Change, Place, Span, TextModel
from noclobber_server.lsp.trail import Trail
from noclobber_server.lsp.view import normal

places = st.builds(Place, st.integers(0, 4), st.integers(0, 4))
changes = st.builds(Change, st.one_of(st.none(), st.builds(Span, places, places)), st.text("ab\n\r", max_size=4))
notifications = st.lists(st.lists(changes, min_size=1, max_size=3), max_size=6)


@given(start=st.text("ab\n\r", max_size=6), told=notifications, begun=st.integers(0, 6))
def test_it_knows_every_text_since_it_began_and_no_other(start: str, told: list[list[Change]], begun: int) -> None:
    trail, model, versions = Trail(start, 1, "utf-16"), TextModel(start, 1, "utf-16"), itertools.count(2)
    texts = {normal(start)}
    for number, message in enumerate(told):
        version = next(versions)
        trail.take(version, message)
        for change in message:
            model.take(version, [change])
            texts.add(normal(model.read()[0]))
        if number == begun:
            trail.begin(*model.read())
            texts = {normal(model.read()[0])}
    others = {"", "a", "b", "ab", "a\n", "\n", "a\nb", normal(start)}
    assert {text for text in texts | others if trail.has_been(text)} == texts


def test_what_was_told_after_the_moment_it_begins_with_is_kept() -> None:
    trail = Trail("a", 1, "utf-16")
    for version, text in enumerate("bcd", 2):
        trail.take(version, [Change(None, text)])
    trail.begin("c", 3)
    assert [text for text in "abcd" if trail.has_been(text)] == ["c", "d"]


def test_one_that_grew_too_long_knows_nothing_until_it_begins_anew() -> None:
    trail = Trail("a", 1, "utf-16")
    for version in range(2, 2000):
        trail.take(version, [Change(None, f"text {version}")])
    assert trail.is_long
    assert not trail.has_been("a")
    assert not trail.has_been("text 1999")
    trail.begin("text 1999", 1999)
    trail.take(2000, [Change(None, "b")])
    assert not trail.is_long
    assert trail.has_been("text 1999")
    assert trail.has_been("b")


def test_one_that_grew_too_large_knows_nothing_until_it_begins_anew() -> None:
    texts = [letter * 100_000 for letter in "abcdefghijklmnopqrstuvwxyz"]
    trail = Trail(texts[0], 1, "utf-16")
    for version, text in enumerate(texts[1:], 2):
        trail.take(version, [Change(None, text)])
    assert trail.is_long
    assert not any(trail.has_been(text) for text in texts)
    trail.begin(texts[-1], len(texts))
    assert not trail.is_long
    assert trail.has_been(texts[-1])


def test_of_a_large_document_a_reload_and_what_follows_it_are_remembered() -> None:
    reloaded, formatted = "b" * 3_000_000, "c" * 3_000_000
    trail = Trail("", 1, "utf-16")
    trail.take(2, [Change(None, reloaded)])
    trail.take(3, [Change(None, formatted)])
    for version in range(4, 100):
        trail.take(version, [Change(None, "d")])
    assert not trail.is_long
    assert trail.has_been(reloaded)
    assert trail.has_been(formatted)
    assert trail.has_been("d")
