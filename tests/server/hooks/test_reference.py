# ruff: noqa: E501 - a payload reads best on one line
"""The finer lines of the clients' tables: every tool's input, every way of naming a session, every answer Codex checks by its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noclobber_server.hooks.adapters import load
from noclobber_server.hooks.adapters.cursor import ADAPTER as CURSOR
from noclobber_server.hooks.main import answer
from noclobber_server.hooks.recognise import recognise
from noclobber_server.hooks.records import Answer, Change, Shown

SCHEMAS = json.loads((Path(__file__).parents[2] / "corpus" / "hooks" / "codex-0.169.0-schemas.json").read_text(encoding="utf-8"))
PATCH = "*** Begin Patch\n*** Update File: /p/a.txt\n@@\n-old\n+new\n*** End Patch\n"
CLAUDE = {"session_id": "S", "cwd": "/p", "prompt_id": "T", "hook_event_name": "PreToolUse", "tool_use_id": "1"}
VSCODE = {"session_id": "S", "cwd": "/p", "hook_event_name": "PreToolUse", "tool_use_id": "1", "timestamp": "2026-11-22T00:00:00Z"}
CODEX = {"session_id": "S", "cwd": "/p", "turn_id": "T", "model": "m", "permission_mode": "default"}
CURSOR_BASE = {"conversation_id": "S", "generation_id": "T", "workspace_roots": ["/p"]}


@pytest.mark.parametrize(
    ("client", "payload", "changes"),
    [
        ("claude-code", {**CLAUDE, "tool_name": "Edit", "tool_input": {"file_path": "/p/a", "old_string": "x", "new_string": "y", "replace_all": True}},
         (Change("/p/a", "edit", edits=(("x", "y"),), replace_all=True),)),
        ("claude-code", {**CLAUDE, "tool_name": "NotebookEdit", "tool_input": {"notebook_path": "/p/n.ipynb", "cell_id": "1", "new_source": "x"}},
         (Change("/p/n.ipynb", "opaque"),)),
        ("claude-code", {**CLAUDE, "tool_name": "MultiEdit", "tool_input": {"file_path": "/p/a", "edits": [
            {"old_string": "1", "new_string": "2"}, {"old_string": "3", "new_string": "4"}]}},
         (Change("/p/a", "edit", edits=(("1", "2"), ("3", "4"))),)),
        ("vscode", {**VSCODE, "tool_name": "apply_patch", "tool_input": {"input": PATCH, "explanation": "x"}},
         (Change("/p/a.txt", "patch", hunks=(("old\n", "new\n", (), False),)),)),
        ("vscode", {**VSCODE, "tool_name": "create_file", "tool_input": {"filePath": "/p/a", "content": "x"}}, (Change("/p/a", "write", content="x"),)),
        ("codex", {**CODEX, "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "1",
                   "tool_input": {"command": f"apply_patch <<'EOF'\n{PATCH}EOF"}},
         (Change("/p/a.txt", "patch", hunks=(("old\n", "new\n", (), False),)),)),
        ("cursor", {**CURSOR_BASE, "hook_event_name": "afterFileEdit", "file_path": "/p/a", "edits": [{"old_string": "x", "new_string": "y"}]},
         (Change("/p/a", "edit", edits=(("x", "y"),)),)),
        ("copilot", {"sessionId": "S", "timestamp": 1, "cwd": "/p", "toolName": "create", "toolArgs": '{"path": "/p/a", "file_text": "x"}'},
         (Change("/p/a", "write", content="x"),)),
    ],
)  # fmt: skip
def test_each_edit_tools_input_is_understood(client: str, payload: dict[str, Any], changes: tuple[Change, ...]) -> None:
    assert recognise(payload, client) == client
    assert load(client).read(payload).changes == changes


@pytest.mark.parametrize(
    ("client", "payload", "shown"),
    [
        ("cursor", {**CURSOR_BASE, "hook_event_name": "beforeReadFile", "file_path": "/p/a", "content": "text"}, Shown("/p/a", None, "text")),
        ("copilot", {"sessionId": "S", "timestamp": 1, "cwd": "/p", "toolName": "view", "toolArgs": {"path": "/p/a", "view_range": [2, 3]}, "toolResult": {}},
         Shown("/p/a", (2, 3))),
        ("gemini", {"session_id": "S", "cwd": "/p", "hook_event_name": "AfterTool", "tool_name": "read_file", "tool_input": {"absolute_path": "/p/a"}},
         Shown("/p/a", None)),
    ],
)  # fmt: skip
def test_each_reading_tools_input_is_understood(client: str, payload: dict[str, Any], shown: Shown) -> None:
    call = load(client).read(payload)
    assert (call.event, call.shown) == ("after", (shown,))


def test_vs_code_names_its_session_in_either_way() -> None:
    other = {key: value for key, value in VSCODE.items() if key not in ("session_id", "hook_event_name")}
    for payload in (VSCODE, {**other, "sessionId": "S", "hookEventName": "PreToolUse"}):
        call = load("vscode").read({**payload, "tool_name": "create_file", "tool_input": {"filePath": "/p/a", "content": "x"}})
        assert (call.agent_id, call.event) == ("vscode:S", "before")


def test_cursors_and_claudes_subagents_are_writers_of_their_own() -> None:
    assert CURSOR.read({**CURSOR_BASE, "hook_event_name": "stop", "subagent_id": "sub"}).agent_id == "cursor:S/sub"
    assert load("claude-code").read({**CLAUDE, "agent_id": "sub", "agent_type": "x"}).agent_id == "claude-code:S/sub"


@pytest.mark.parametrize(
    ("event", "given"),
    [
        ("PreToolUse", Answer("deny", reason="why")), ("PreToolUse", Answer(context="x")), ("PreToolUse", Answer(content="merged")),
        ("PostToolUse", Answer(context="x", warning="w")), ("SessionStart", Answer(context="x")), ("PermissionRequest", Answer()),
        ("Stop", Answer(warning="w")), ("SubagentStop", Answer(context="x")),
    ],
)  # fmt: skip
def test_codex_is_answered_with_what_its_schema_knows_and_never_asked_to_ask(event: str, given: Answer) -> None:
    adapter = load("codex")
    payload = {
        **CODEX,
        "hook_event_name": event,
        "tool_name": "apply_patch",
        "tool_input": {"command": PATCH},
        "tool_use_id": "1",
        "tool_response": "",
    }
    call = adapter.read(payload)
    assert not call.can_ask
    output = adapter.write(call, given)
    answered = json.loads(output.stdout) if output.stdout else {}
    dashed = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in event).lstrip("-")
    schema = SCHEMAS[f"{dashed}.command.output"]
    assert set(answered) <= set(schema["properties"])
    specific = [set(entry["properties"]) for name, entry in schema.get("definitions", {}).items() if "SpecificOutput" in name]
    assert set(answered.get("hookSpecificOutput", {})) <= (specific[0] if specific else set())
    assert answered.get("hookSpecificOutput", {}).get("permissionDecision") in (None, "deny", "allow")


@pytest.mark.parametrize("tool", ["Telepathy", "manage_todo_list", "semantic_search", "fetch_webpage", ""])
def test_vs_code_calls_for_every_tool_and_most_are_none_of_our_business(tool: str, project: Path) -> None:
    for event in ("PreToolUse", "PostToolUse"):
        payload = {
            **VSCODE,
            "cwd": str(project),
            "hook_event_name": event,
            "tool_name": tool,
            "tool_input": {"filePath": "a.txt", "query": "x"},
        }
        assert answer("vscode", json.dumps(payload).encode(), {}) == ("", "", 0)
    assert not (project / ".noclobber").exists()


def test_numbers_and_depths_beyond_all_measure_are_survived(project: Path) -> None:
    shell = {
        **CLAUDE, "cwd": str(project), "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"},
        "tool_response": {},
    }  # fmt: skip
    for number, took in enumerate(("9" * 400, "1e999", "-1", "NaN", "true")):
        payload = json.dumps({**shell, "tool_use_id": f"took{number}"}).replace("{", f'{{"duration_ms": {took}, ', 1)
        assert answer("claude-code", payload.encode(), {}) == ("", "", 0)
    for deep in ("[" * 100_000, '{"a":' * 100_000):
        payload = json.dumps({"sessionId": "S", "timestamp": 1, "cwd": str(project), "toolName": "edit", "toolArgs": deep})
        assert answer("copilot", payload.encode(), {}) == ("", "", 0)


VSCODE_CALLS: list[dict[str, Any]] = [
    {"hook_event_name": "SessionStart", "source": "new"},
    {"hook_event_name": "PostToolUse", "tool_name": "read_file", "tool_input": {"filePath": "/p/a", "startLine": 1, "endLine": 9}, "tool_response": "x"},
    {"hook_event_name": "PreToolUse", "tool_name": "apply_patch", "tool_input": {"input": PATCH, "explanation": "x"}},
    {"hook_event_name": "PreToolUse", "tool_name": "create_file", "tool_input": {"filePath": "/p/a", "content": "x"}},
    {"hook_event_name": "PostToolUse", "tool_name": "run_in_terminal", "tool_input": {"command": "ls"}, "tool_response": "x"},
    {"hook_event_name": "Stop"},
]  # fmt: skip


@pytest.mark.parametrize("told", ["claude-code", "vscode"])
def test_vs_code_is_one_writer_through_claudes_registration_too(told: str) -> None:
    for number, fields in enumerate(VSCODE_CALLS):
        payload = {**VSCODE, **fields, "tool_use_id": f"{number}"}
        name = recognise(payload, told)
        assert load(name).read(payload).agent_id == "vscode:S", fields


def test_vs_codes_tools_are_one_writers_through_copilots_registration_too() -> None:
    for number, fields in enumerate(VSCODE_CALLS):
        if "tool_name" in fields:
            assert recognise({**VSCODE, **fields, "tool_use_id": f"{number}"}, "copilot") == "vscode", fields


def test_a_file_named_as_vs_code_does_is_vs_codes_without_a_time_stamp() -> None:
    payload = {key: value for key, value in {**VSCODE, **VSCODE_CALLS[1]}.items() if key != "timestamp"}
    assert recognise(payload, "claude-code") == "vscode"


def test_gemini_and_copilot_send_time_stamps_too() -> None:
    assert (
        recognise({"session_id": "S", "cwd": "/p", "timestamp": "2026-11-22T00:00:00Z", "hook_event_name": "SessionStart"}, "gemini")
        == "gemini"
    )
    edit = {**VSCODE, "tool_name": "Edit", "tool_input": {"path": "/p/a.txt", "old_str": "old", "new_str": "new"}}
    del edit["tool_use_id"]
    assert recognise(edit, "claude-code") == "copilot"
