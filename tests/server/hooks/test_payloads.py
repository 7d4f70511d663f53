"""Payloads as clients really sent them: good, cut off at every byte, with unknown parts, relative and absolute paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber_server.hooks.main import answer

CORPUS = Path(__file__).parents[2] / "corpus" / "hooks"
RECORDED = [
    (client, number, json.loads(line))
    for client, name in (("claude-code", "claude-code-2.1.330.jsonl"), ("codex", "codex-0.169.0.jsonl"))
    for number, line in enumerate((CORPUS / name).read_text(encoding="utf-8").splitlines(), 1)
]
SCHEMAS = json.loads((CORPUS / "codex-0.169.0-schemas.json").read_text(encoding="utf-8"))


def moved(payload: dict[str, Any], project: Path) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(payload).replace("/project", str(project)))
    return changed


def sent(client: str, payload: dict[str, Any]) -> dict[str, Any]:
    output = answer(client, json.dumps(payload).encode(), {})
    assert (output.status, output.stderr) == (0, "")
    answered: dict[str, Any] = json.loads(output.stdout) if output.stdout else {}
    assert "systemMessage" not in answered, answered
    return answered


@pytest.mark.parametrize(("client", "number", "payload"), RECORDED, ids=lambda value: str(value)[:20])
def test_each_recorded_payload_is_answered_without_a_word_on_a_quiet_tree(
    client: str, number: int, payload: dict[str, Any], project: Path
) -> None:
    (project / "a.txt").write_text("line 1\nline 2\nbase\n", encoding="utf-8")
    (project / "b.txt").write_text("base\n", encoding="utf-8")
    assert sent(client, moved(payload, project)) == {}


@pytest.mark.parametrize(("client", "number", "payload"), RECORDED, ids=lambda value: str(value)[:20])
def test_each_recorded_payload_is_survived_cut_off_anywhere(client: str, number: int, payload: dict[str, Any], project: Path) -> None:
    whole = json.dumps(moved(payload, project)).encode()
    for length in range(0, len(whole), 23):
        output = answer(client, whole[:length], {})
        assert (output.stdout, output.status) == ("", 0)
        assert "is not JSON" in output.stderr


@pytest.mark.parametrize(("client", "number", "payload"), RECORDED, ids=lambda value: str(value)[:20])
def test_each_recorded_payload_is_survived_without_any_one_of_its_fields(
    client: str, number: int, payload: dict[str, Any], project: Path
) -> None:
    for key in payload:
        fields = moved(payload, project)
        for value in (7, {"unknown": {}}):
            fields[key] = value
            assert answer(client, json.dumps({**fields, "tool_use_id": f"{number}{key}{value}"}).encode(), {}).status == 0
        del fields[key]
        assert answer(client, json.dumps(fields).encode(), {}).status == 0


def test_a_recorded_session_of_claude_code_leaves_the_history_it_should(project: Path, guard: ConcurrencyGuard) -> None:
    file = project / "a.txt"
    file.write_text("line 1\nline 2\n", encoding="utf-8")
    for client, number, payload in RECORDED:
        if client != "claude-code":
            continue
        fields = {**moved(payload, project), "tool_use_id": f"{payload.get('tool_use_id')}/{number}"}
        if payload.get("tool_use_id") == "toolu_3" and payload["hook_event_name"] == "PostToolUse":
            file.write_text("line 1\nLINE 2\n", encoding="utf-8")
        if payload.get("tool_use_id") == "toolu_4" and payload["hook_event_name"] == "PostToolUse":
            (project / "new.txt").write_text("hello\n", encoding="utf-8")
        if payload.get("hook_event_name") == "PostToolUseFailure":
            (project / "new.txt").write_text("bye\n", encoding="utf-8")
        answered = sent("claude-code", fields)
        if payload.get("hook_event_name") == "PostToolUseFailure":
            assert "new.txt" in answered["hookSpecificOutput"]["additionalContext"]
    kinds = [(event.kind, event.file_path, event.turn_id is not None) for event in guard.events() if event.kind != "read"]
    assert kinds == [("edit", "a.txt", True), ("write", "new.txt", True), ("write", "new.txt", True), ("clear", None, True)]


def test_a_stale_patch_of_codex_is_refused_in_the_form_its_schema_asks_for(project: Path, guard: ConcurrencyGuard) -> None:
    (project / "a.txt").write_text("base\nmore\n", encoding="utf-8")
    (before,) = [
        fields
        for client, _, fields in RECORDED
        if client == "codex" and fields.get("tool_use_id") == "call_1" and "tool_response" not in fields
    ]
    codex = guard.as_writer(f"codex:{before['session_id']}")
    codex.read("a.txt")
    guard.read("a.txt")
    guard.write("a.txt", b"other\nmore\n")
    answered = sent("codex", moved(before, project))
    specific = answered["hookSpecificOutput"]
    assert specific["permissionDecision"] == "deny"
    assert "observer" in specific["permissionDecisionReason"]
    schema = SCHEMAS["pre-tool-use.command.output"]
    assert set(answered) <= set(schema["properties"])
    assert set(specific) <= set(schema["definitions"]["PreToolUseHookSpecificOutputWire"]["properties"])


def test_a_patch_in_the_shell_is_recorded_although_no_hook_hears_of_its_end(project: Path, guard: ConcurrencyGuard) -> None:
    (project / "b.txt").write_text("base\n", encoding="utf-8")
    payloads = [moved(fields, project) for client, _, fields in RECORDED if client == "codex"]
    (before,) = [fields for fields in payloads if fields.get("tool_use_id") == "call_2"]
    assert sent("codex", before) == {}
    (project / "b.txt").write_text("viashell\n", encoding="utf-8")
    (stop,) = [fields for fields in payloads if fields["hook_event_name"] == "Stop"]
    sent("codex", stop)
    assert [(event.kind, event.agent_id) for event in guard.events(file_path="b.txt")] == [("edit", f"codex:{before['session_id']}")]


@pytest.mark.parametrize("status", [0, 1])
def test_a_patch_in_the_shell_is_recorded_once_where_its_end_is_told(project: Path, guard: ConcurrencyGuard, status: int) -> None:
    (project / "b.txt").write_text("base\n", encoding="utf-8")
    (before,) = [moved(fields, project) for client, _, fields in RECORDED if client == "codex" and fields.get("tool_use_id") == "call_2"]
    assert sent("codex", before) == {}
    if status == 0:
        (project / "b.txt").write_text("viashell\n", encoding="utf-8")
    after = {**before, "hook_event_name": "PostToolUse", "tool_response": f"Exit code: {status}\nOutput:\n"}
    assert sent("codex", after) == {}
    guard.release(guard.lease("b.txt"))
    codex = f"codex:{before['session_id']}"
    assert [(event.kind, event.agent_id) for event in guard.events(file_path="b.txt")] == ([("edit", codex)] if status == 0 else [])


def test_relative_and_absolute_paths_and_links_are_one_file(project: Path, guard: ConcurrencyGuard) -> None:
    (project / "src").mkdir()
    (project / "src" / "a.txt").write_text("x\n", encoding="utf-8")
    (project / "link").symlink_to("src")
    base = {"session_id": "S", "hook_event_name": "PostToolUse", "tool_name": "Read", "tool_response": {}, "prompt_id": "T"}
    for number, (cwd, name) in enumerate(
        [(project, "src/a.txt"), (project / "src", "a.txt"), (project, str(project / "link" / "a.txt")), (project / "src", "../src/a.txt")]
    ):
        sent("claude-code", {**base, "cwd": str(cwd), "tool_input": {"file_path": name}, "tool_use_id": f"rel{number}"})
    assert {event.file_path for event in guard.events(kind="read")} == {"src/a.txt"}
    assert len(guard.events(kind="read")) == 4


def test_a_tool_nobody_knows_and_an_event_nobody_knows_pass(project: Path) -> None:
    base = {"session_id": "S", "cwd": str(project), "tool_input": {"file_path": "a.txt"}, "tool_use_id": "u"}
    assert sent("claude-code", {**base, "hook_event_name": "PreToolUse", "tool_name": "Telepathy"}) == {}
    assert sent("claude-code", {**base, "hook_event_name": "Tomorrow", "tool_name": "Edit"}) == {}
    assert not (project / ".noclobber").exists()
