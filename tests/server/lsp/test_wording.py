from __future__ import annotations

import pytest

from noclobber.clock import parse_utc
from noclobber.records import Event
from noclobber_server.lsp.uris import key_of, path_of, uri_of
from noclobber_server.lsp.wording import ago, by_whom, lines, message_for, who

AT = "2026-05-09T07:35:25.000Z"


def event(agent: str = "claude/1", turn: str | None = "turn-12", intent: str | None = "INT-3", kind: str = "write") -> Event:
    return Event(1, AT, kind, "done", None, "e", agent, turn, intent, "a.txt", None, None, None)  # type: ignore[arg-type]


def test_a_writer_is_named_with_turn_and_intent() -> None:
    assert who(event()) == "claude/1 (turn-12, INT-3)"
    assert who(event(turn=None)) == "claude/1 (INT-3)"
    assert who(event("outside", None, None, "outside")) == "an outside change"
    assert who(event("outside", None, None, "git")) == "git"


@pytest.mark.parametrize(("seconds", "text"), [(-5, "0 s ago"), (4, "4 s ago"), (61, "1 min ago"), (7200, "2 h ago"), (90_000, "1 d ago")])
def test_how_long_ago(seconds: float, text: str) -> None:
    assert ago(AT, parse_utc(AT) + seconds) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [((9, 14), "lines 10-14"), ((2, 3), "line 3"), ((4, 4), "lines removed after line 4"), ((0, 0), "lines removed at the top")],
)
def test_lines_as_people_count_them(span: tuple[int, int], text: str) -> None:
    assert lines(span) == text


def test_of_many_authors_the_last_are_named_and_the_others_counted() -> None:
    authors = [event(f"claude/{number}", None, None) for number in (*range(1, 8), 2)]
    by = "claude/5 4 s ago and claude/6 4 s ago and claude/7 4 s ago and claude/2 4 s ago and 3 others"
    assert by_whom(authors, parse_utc(AT) + 4) == by
    assert by_whom(authors[:5], parse_utc(AT)).endswith(" and 1 other")
    assert by_whom([], 0.0) == "an outside change"
    assert f"Changed on disk by {by}. " in message_for("conflict", authors, parse_utc(AT) + 4, None, base_known=True)


def test_the_message_says_who_when_where_and_what_to_do() -> None:
    said = message_for("mergeable", [event()], parse_utc(AT) + 4, (9, 14), base_known=True)
    assert said.startswith("Changed on disk by claude/1 (turn-12, INT-3) 4 s ago, lines 10-14. ")
    assert "merge" in said


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c.py", "/a/b c.py"),
        ("file://localhost/a", "/a"),
        ("FILE:///a", "/a"),
        ("file:///a/../b", "/b"),
        ("file:///caf%C3%A9", "/café"),
        ("file:///%FF", None),
        ("file:///a%00b", None),
        ("file://host/a", None),
        ("untitled:a", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_only_file_uris_of_this_machine_have_a_path(uri: str, path: str | None) -> None:
    assert path_of(uri) == path


def test_every_spelling_of_a_uri_is_one_document() -> None:
    assert key_of("file:///a%20b/%7Ec") == key_of("file:///a%20b/~c") == "/a b/~c"
    assert path_of(uri_of("/a b/é#?%.txt")) == "/a b/é#?%.txt"
