"""Between check and finish: who holds a file, who waits for it and how long, and what calls under way do to each other."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, LeasedError
from noclobber_server.hooks.main import answer

BASE = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text(BASE, encoding="utf-8")
    return path


def is_held(guard: ConcurrencyGuard, name: str = "a.txt") -> bool:
    try:
        return not guard.release(guard.lease(name))
    except LeasedError:
        return True


def test_a_refused_call_leaves_the_lease_and_the_note_of_the_other_call_under_way(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    a.read("a.txt")
    given = {"file_path": str(file), "old_string": "line 2\n", "new_string": "LINE 2\n"}
    assert a.check("Edit", given, "toolu_first") == {}
    file.write_text(BASE.replace("line 9\n", "line 9, by a person\n"), encoding="utf-8")
    second = a.check("Write", {"file_path": str(file), "content": BASE.replace("line 9\n", "LINE 9\n")}, "toolu_second")
    assert second["permissionDecision"] == "deny"
    assert is_held(guard)
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("line 2\n", "LINE 2\n"), encoding="utf-8")
    a.finish("Edit", given, before, "toolu_first")
    assert "was changed by another writer while your edit was under way" in a.said[-1]
    assert not is_held(guard)


def test_a_refused_call_lets_go_of_its_own_lease(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    assert a.write("a.txt", "x\n")["permissionDecision"] == "deny"
    assert not is_held(guard)


def test_a_finish_without_a_number_finds_the_note_of_its_check(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    a.read("a.txt")
    given = {"file_path": str(file), "content": "mine\n"}
    a.check("Write", given, "toolu_numbered")
    file.write_text("mine\n", encoding="utf-8")
    a.hook("PostToolUse", tool_name="Write", tool_input=given, tool_response={})
    assert not is_held(guard)
    assert [event.outcome for event in guard.events(kind="write")] == ["done"]


def test_a_patch_of_six_leased_files_waits_once(project: Path, guard: ConcurrencyGuard) -> None:
    names = [f"f{number}.txt" for number in range(6)]
    for name in names:
        (project / name).write_text("x\n", encoding="utf-8")
        guard.lease(name)
    patch = "".join(f"*** Update File: {name}\n@@\n-x\n+y\n" for name in names)
    payload = {
        "session_id": "S", "cwd": str(project), "turn_id": "T", "model": "m", "hook_event_name": "PreToolUse", "tool_use_id": "1",
        "tool_name": "apply_patch", "tool_input": {"command": f"*** Begin Patch\n{patch}*** End Patch\n"},
    }  # fmt: skip
    begun = time.monotonic()
    answered = json.loads(answer("codex", json.dumps(payload).encode(), {}).stdout)["hookSpecificOutput"]
    assert 1.9 <= time.monotonic() - begun < 5
    assert "permissionDecision" not in answered
    assert [line.split(" ")[0] for line in answered["additionalContext"].splitlines()] == ["observer"] * 6


def test_a_stale_whole_write_past_a_lease_is_merged_and_what_it_replaces_is_reported(
    claude: Any, file: Path, guard: ConcurrencyGuard
) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    by_person = BASE.replace("line 3\n", "line 3, by a person\n")
    file.write_text(by_person, encoding="utf-8")
    theirs = {"file_path": str(file), "old_string": "line 15\n", "new_string": "LINE 15\n"}
    assert b.check("Edit", theirs, "toolu_theirs") == {}

    def finish_theirs() -> None:
        file.write_text(by_person.replace("line 15\n", "LINE 15\n"), encoding="utf-8")
        b.finish("Edit", theirs, by_person, "toolu_theirs")

    decided = a.write("a.txt", BASE.replace("line 10\n", "LINE 10\n"), before_writing=finish_theirs)
    assert decided["updatedInput"]["content"] == by_person.replace("line 10\n", "LINE 10\n")
    assert "claude-code:B is changing a.txt at this moment" in a.said[0]
    assert "replaced a version that another writer had put there just before" in a.said[1]
    assert guard.content(a.said[1].rsplit(" ", 1)[-1]).decode() == by_person.replace("line 15\n", "LINE 15\n")
    assert guard.events(outcome="refused") == []
    assert [event.outcome for event in guard.events(agent_id=a.agent_id, kind="write")] == ["merged"]


def test_a_stale_whole_write_past_a_lease_that_does_not_merge_is_refused(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    a.read("a.txt")
    file.write_text(BASE.replace("line 10\n", "line 10, by a person\n"), encoding="utf-8")
    guard.lease("a.txt")
    assert a.write("a.txt", BASE.replace("line 10\n", "LINE 10\n"))["permissionDecision"] == "deny"
