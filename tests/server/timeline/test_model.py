from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from noclobber.records import Event, EventKind, Outcome
from noclobber_server.timeline.model import MARKS, arrows, timeline
from noclobber_server.timeline.names import name_of


def event(seq: int, agent: str, kind: EventKind = "read", outcome: Outcome = "done", path: str | None = "a", **more: Any) -> Event:
    refusal = "STALE_FILE" if outcome == "refused" else None
    stamp = f"2026-01-01T00:00:{seq % 60:02}.000Z"
    return Event(seq, stamp, kind, outcome, refusal, "e", agent, more.get("turn"), None, path, None, None, None, more.get("detail"))


def test_an_arrow_leads_from_the_write_to_where_the_stale_writer_met_it() -> None:
    events = [event(1, "alice"), event(2, "bob", "write"), event(3, "alice", "write", "refused")]
    assert arrows(events, ["alice", "bob"]) == [1, 2]


def test_a_second_refusal_draws_no_second_arrow() -> None:
    events = [event(1, "alice"), event(2, "bob", "write"), event(3, "alice", "write", "refused"), event(4, "alice", "write", "refused")]
    assert arrows(events, ["alice", "bob"]) == [1, 2]


def test_a_writer_that_has_not_met_it_yet_is_pointed_at_by_its_lane() -> None:
    assert arrows([event(1, "alice"), event(2, "bob", "write")], ["alice", "bob"]) == [1, -1]


def test_a_writer_that_closed_the_file_is_not_made_stale() -> None:
    assert arrows([event(1, "editor:x:1", "open"), event(2, "editor:x:1", "close"), event(3, "bob", "write")], ["editor:x:1", "bob"]) == []


def test_marks_and_notes_say_what_happened() -> None:
    changed_by = {"changed_by": [{"agent_id": "editor:code-server:7"}]}
    events = [
        event(1, "alice"),
        event(2, "bob", "write", "merged"),
        event(3, "outside", "outside"),
        event(4, "alice", "write", "refused", detail=changed_by),
        event(5, "alice", "revert"),
    ]
    data = timeline(events, "t")
    assert [data["marks"][mark] for mark in data["events"]["mark"]] == ["read", "merged", "outside", "refused", "undone"]
    assert data["notes"][data["events"]["note"][3]] == "refused: STALE_FILE, changed by you (code-server)"
    assert [lane["label"] for lane in data["lanes"]] == ["alice", "bob", "outside change"]


def test_no_events_make_an_empty_picture() -> None:
    data = timeline([], "t")
    assert data["events"]["seq"] == []
    assert data["to"] > data["from"]


def test_writers_are_called_as_people_call_them() -> None:
    assert name_of("editor:code-server:4211") == "you (code-server)"
    assert name_of("cli:ada:83-1f") == "ada (terminal)"
    assert name_of("claude/7f2a") == "claude/7f2a"
    assert name_of("noclobber:lessons") == "lessons"


KINDS = st.sampled_from(["read", "write", "edit", "outside", "open", "close", "save", "check", "git"])
EVENTS = st.lists(
    st.tuples(st.sampled_from("abcd"), KINDS, st.sampled_from(["done", "merged", "refused"]), st.sampled_from(["f", "g", None])),
    max_size=60,
)


@given(EVENTS)
def test_every_arrow_leads_forward_from_a_change_to_another_writer(found: list[tuple[str, Any, Any, str | None]]) -> None:
    events = [event(seq, agent, kind, outcome, path) for seq, (agent, kind, outcome, path) in enumerate(found, 1)]
    data = timeline(events, "t")
    pairs = list(zip(data["arrows"][::2], data["arrows"][1::2], strict=True))
    for start, end in pairs:
        lane = -1 - end if end < 0 else data["events"]["lane"][end]
        assert end < 0 or end > start
        assert lane != data["events"]["lane"][start]
        assert MARKS[data["events"]["mark"][start]] in ("write", "merged", "outside")
    assert len(set(pairs)) == len(pairs)
