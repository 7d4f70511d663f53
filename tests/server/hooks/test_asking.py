"""The third refusal: a person is asked for each file on its own, a "No" stays a no, and where nobody can be asked nobody is stuck."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard


@pytest.fixture
def files(project: Path) -> list[Path]:
    paths = [project / name for name in ("a.txt", "b.txt")]
    for path in paths:
        path.write_text("one\n", encoding="utf-8")
    return paths


@pytest.mark.parametrize("client", ["vscode", "copilot"])
def test_a_no_of_the_person_stays_one_where_no_hook_hears_of_the_prompt(
    project: Path, files: list[Path], sent: Callable[..., dict[str, Any]], client: str
) -> None:
    numbers = count(1)

    def write(path: Path) -> str | None:
        base = {"cwd": str(project), "timestamp": "2026-11-22T00:00:00Z"}
        if client == "copilot":
            payload = {**base, "sessionId": "S", "toolName": "create", "toolArgs": {"path": str(path), "file_text": "x\n"}}
        else:
            given = {"filePath": str(path), "content": "x\n"}
            payload = {**base, "session_id": "S", "hook_event_name": "PreToolUse", "tool_name": "create_file", "tool_input": given}
            payload["tool_use_id"] = f"call_{next(numbers)}"
        decision: str | None = sent(client, payload).get("permissionDecision")
        return decision

    for path in files:
        assert [write(path) for _ in range(5)] == ["deny", "deny", "ask", "ask", "ask"]


def test_nobody_was_asked_about_this_file_only_because_nobody_was_about_another(claude: Any, files: list[Path]) -> None:
    a = claude("A")
    for path in files:
        given = {"file_path": str(path), "content": "x\n"}
        decided = [a.check("Write", given, f"toolu_{path.name}{number}").get("permissionDecision") for number in range(4)]
        assert decided == ["deny", "deny", "ask", None]


def test_a_prompt_about_another_file_is_none_about_this_one(claude: Any, files: list[Path]) -> None:
    a = claude("A")
    given, other = ({"file_path": str(path), "content": "x\n"} for path in files)
    for number in range(3):
        a.check("Write", given, f"toolu_prompt{number}")
    a.hook("PermissionRequest", tool_name="Write", tool_input=other)
    assert a.check("Write", given, "toolu_prompt3") == {"hookEventName": "PreToolUse", "additionalContext": a.said[-1]}
    assert "was let pass after three refusals" in a.said[-1]


def test_a_yes_of_the_person_is_on_record_with_what_it_displaced(claude: Any, files: list[Path], guard: ConcurrencyGuard) -> None:
    a = claude("A")
    given = {"file_path": str(files[0]), "content": "x\n"}
    for number in range(3):
        decided = a.check("Write", given, f"toolu_yes{number}")
    assert decided["permissionDecision"] == "ask"
    a.hook("PermissionRequest", tool_name="Write", tool_input=given)
    guard.release(guard.lease("a.txt"))
    files[0].write_text("x\n", encoding="utf-8")
    a.finish("Write", given, "one\n", "toolu_yes2")
    (event,) = guard.events(kind="write", outcome="overridden")
    assert (event.before_hash, event.after_hash) == (guard.hash_content(b"one\n"), guard.hash_content(b"x\n"))
    assert guard.content(guard.hash_content(b"one\n")) == b"one\n"


def test_a_refusal_of_one_file_of_a_patch_comes_before_a_question_about_another(
    project: Path, files: list[Path], sent: Callable[..., dict[str, Any]], guard: ConcurrencyGuard
) -> None:
    def patch(names: tuple[str, ...], number: int) -> str | None:
        moves = "".join(f"*** Add File: {name}\n+x\n" for name in names)
        payload = {
            "session_id": "S", "cwd": str(project), "timestamp": "2026-11-22T00:00:00Z",
            "hook_event_name": "PreToolUse", "tool_name": "apply_patch", "tool_use_id": f"call_{number}",
            "tool_input": {"input": f"*** Begin Patch\n{moves}*** End Patch\n"},
        }  # fmt: skip
        decision: str | None = sent("vscode", payload).get("permissionDecision")
        return decision

    assert [patch(("a.txt",), number) for number in range(3)] == ["deny", "deny", "ask"]
    assert patch(("a.txt", "b.txt"), 3) == "deny"


@pytest.mark.parametrize(("minutes", "third"), [(9, "ask"), (11, "deny")])
def test_a_refusal_of_more_than_ten_minutes_ago_counts_no_more(
    claude: Any, files: list[Path], monkeypatch: pytest.MonkeyPatch, minutes: int, third: str
) -> None:
    a = claude("A")
    given = {"file_path": str(files[0]), "content": "x\n"}
    for number in range(2):
        assert a.check("Write", given, f"toolu_window{number}")["permissionDecision"] == "deny"
    later = datetime.now(UTC) + timedelta(minutes=minutes)
    monkeypatch.setattr("noclobber_server.hooks.refusing.utc_now", lambda: later.strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    assert a.check("Write", given, "toolu_window2")["permissionDecision"] == third
