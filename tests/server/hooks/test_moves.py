"""A patch that moves a file: what stands at the new name is another file, and its writer's work."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, LeasedError

PRECIOUS = "somebody else's, never on record\n"
EDITED = "*** Update File: a.txt\n*** Move to: b.txt\n@@\n one\n-two\n+TWO\n"
RENAMED = "*** Update File: a.txt\n*** Move to: b.txt\n"


class Codex:
    def __init__(self, root: Path, sent: Callable[..., dict[str, Any]]) -> None:
        self.root, self._sent, self._numbers, self.said = root, sent, count(1), ""

    def check(self, patch: str) -> str | None:
        """What the hook decides on a patch."""
        decided = self._hook("PreToolUse", patch, next(self._numbers)).get("hookSpecificOutput", {})
        self.said = decided.get("permissionDecisionReason") or decided.get("additionalContext", "")
        decision: str | None = decided.get("permissionDecision")
        return decision

    def move(self, content: str, number: int) -> str:
        """Do as the patch of this number says, and tell the hook; what it says then."""
        (self.root / "a.txt").unlink()
        (self.root / "b.txt").write_text(content, encoding="utf-8")
        answered = self._hook("PostToolUse", EDITED, number, tool_response="Exit code: 0\nOutput:\n")
        said: str = answered.get("hookSpecificOutput", {}).get("additionalContext", "")
        return said

    def _hook(self, event: str, patch: str, number: int, **fields: Any) -> dict[str, Any]:
        base = {
            "session_id": "S",
            "cwd": str(self.root),
            "turn_id": "T",
            "model": "m",
            "hook_event_name": event,
            "tool_name": "apply_patch",
        }
        given = {"command": f"*** Begin Patch\n{patch}*** End Patch\n"}
        return self._sent("codex", {**base, "tool_input": given, "tool_use_id": f"call_{number}", **fields})


@pytest.fixture
def codex(project: Path, sent: Callable[..., dict[str, Any]]) -> Codex:
    (project / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    return Codex(project, sent)


@pytest.mark.parametrize("patch", [EDITED, RENAMED])
def test_a_move_onto_a_file_is_refused_and_what_stands_there_is_kept(
    codex: Codex, project: Path, guard: ConcurrencyGuard, patch: str
) -> None:
    (project / "b.txt").write_text(PRECIOUS, encoding="utf-8")
    assert codex.check(patch) == "deny"
    assert codex.said.startswith("EXISTS: b.txt already exists")
    assert guard.content(guard.hash_content(PRECIOUS.encode())) == PRECIOUS.encode()
    for name in ("a.txt", "b.txt"):
        guard.release(guard.lease(name))


def test_a_move_onto_a_file_that_is_let_pass_at_the_third_time_can_be_brought_back(
    codex: Codex, project: Path, guard: ConcurrencyGuard
) -> None:
    (project / "b.txt").write_text(PRECIOUS, encoding="utf-8")
    assert [codex.check(EDITED) for _ in range(3)] == ["deny", "deny", None]
    assert "noclobber restore b.txt" in codex.said
    codex.move("one\nTWO\n", 3)
    (event,) = [event for event in guard.events(file_path="b.txt", outcome="overridden") if event.before_hash != event.after_hash]
    assert (event.before_hash, event.after_hash) == (guard.hash_content(PRECIOUS.encode()), guard.hash_content(b"one\nTWO\n"))
    guard.restore("b.txt", str(event.before_hash))
    assert (project / "b.txt").read_text(encoding="utf-8") == PRECIOUS


def test_a_move_holds_its_new_name_and_is_on_record_at_both(codex: Codex, guard: ConcurrencyGuard) -> None:
    guard.as_writer("codex:S").read("a.txt")
    assert codex.check(EDITED) is None
    for name in ("a.txt", "b.txt"):
        with pytest.raises(LeasedError):
            guard.lease(name)
    assert codex.move("one\nTWO\n", 1) == ""
    changes = [event for event in guard.events() if event.kind != "read"]
    assert [(event.kind, event.file_path, event.outcome) for event in changes] == [("delete", "a.txt", "done"), ("edit", "b.txt", "done")]
    assert [row.file_path for row in guard.status() if row.agent_id == "codex:S"] == ["b.txt"]


def test_a_file_that_appears_at_the_new_name_after_the_check_is_kept_and_reported(
    codex: Codex, project: Path, guard: ConcurrencyGuard
) -> None:
    assert codex.check(EDITED) is None
    (project / "b.txt").write_text(PRECIOUS, encoding="utf-8")
    guard.record_change("b.txt")
    said = codex.move("one\nTWO\n", 1)
    assert "replaced a version that another writer had put there just before" in said
    assert guard.content(said.rsplit(" ", 1)[-1]).decode() == PRECIOUS


def test_a_move_without_a_change_is_checked_whatever_a_failure_means(codex: Codex, project: Path, guard: ConcurrencyGuard) -> None:
    (project / "noclobber.toml").write_text('[hooks]\non_error = "stop"\n', encoding="utf-8")
    assert (codex.check(RENAMED), codex.said) == (None, "")
    guard.as_writer("codex:S").read("a.txt")
    (project / "a.txt").write_text("one\ntwo, by a person\n", encoding="utf-8")
    assert codex.check(RENAMED) == "deny"
    assert codex.said.startswith("STALE_FILE: a.txt")


def test_a_stale_patch_that_moves_its_file_is_on_record_as_a_refused_edit(codex: Codex, project: Path, guard: ConcurrencyGuard) -> None:
    guard.as_writer("codex:S").read("a.txt")
    (project / "a.txt").write_text("one\ntwo, by a person\n", encoding="utf-8")
    assert codex.check(EDITED) == "deny"
    assert [(event.kind, event.refusal) for event in guard.events(outcome="refused")] == [("edit", "STALE_FILE")]
