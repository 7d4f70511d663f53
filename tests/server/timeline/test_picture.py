"""Which events a timeline shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, Workspace
from noclobber_server.timeline.picture import recent, turn


@pytest.mark.parametrize("pictured", [recent, lambda workspace: turn(workspace, "t-1")], ids=["the last minutes", "a turn"])
def test_a_change_that_was_seen_before_its_writer_told_it_is_one_mark(tmp_path: Path, pictured: Callable[..., dict[str, object]]) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\n")
    with Workspace.open(tmp_path) as workspace:
        guard = ConcurrencyGuard(workspace, agent_id="claude/alice").as_writer("claude/alice", turn_id="t-1")
        before = guard.read("a.txt").snapshot.read_hash
        (tmp_path / "a.txt").write_bytes(b"two\n")
        after = guard.as_writer("an editor").read("a.txt").snapshot.read_hash
        assert [event.kind for event in guard.events(agent_id="outside")] == ["outside"]
        guard.record("write", file_path="a.txt", before_hash=before, after_hash=after)
        events = guard.events()
        drawn = pictured(workspace)["events"]
    assert isinstance(drawn, dict)
    assert drawn["seq"] == [event.seq for event in events if event.agent_id != "outside"]
