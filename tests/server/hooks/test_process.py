"""The command as a client runs it: a real process, its exit status, its output, what it leaves and what it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber_server.hooks.adapters import load
from noclobber_server.hooks.main import answer
from noclobber_server.hooks.records import Answer, HookCall

COMMAND = [sys.executable, "-m", "noclobber_server.main", "hook"]


def ran(arguments: list[str], payload: bytes, **environ: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")}
    return subprocess.run([*COMMAND, *arguments], input=payload, capture_output=True, env=kept | environ, check=False, timeout=60)


def reading(project: Path, **fields: Any) -> bytes:
    return json.dumps({
        "session_id": "S", "cwd": str(project), "hook_event_name": "PostToolUse", "tool_name": "Read", "prompt_id": "T",
        "tool_input": {"file_path": str(project / "a.txt")}, "tool_response": {}, "tool_use_id": "1", **fields,
    }).encode()  # fmt: skip


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text("one\n", encoding="utf-8")
    return path


def test_a_process_records_and_mirrors_the_history(project: Path, file: Path, guard: ConcurrencyGuard) -> None:
    done = ran(["claude-code"], reading(project))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    (event,) = guard.events(kind="read")
    assert event.agent_id == "claude-code:S"
    lines = (project / ".noclobber" / "journal.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [event.seq]


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"NOCLOBBER": "off"}])
def test_on_a_build_machine_and_turned_off_it_makes_no_state(project: Path, file: Path, environ: dict[str, str]) -> None:
    done = ran(["claude-code"], reading(project), **environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (project / ".noclobber").exists()


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff\xfe", b"null", b'"x"', b"[" * 100_000, b'{"session_id": 5}'])
def test_a_payload_that_is_none_lets_the_tool_go_on_and_says_why(payload: bytes) -> None:
    done = ran(["claude-code"], payload)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.startswith(b"noclobber: ")
    assert b"Traceback" not in done.stderr


def test_wrong_use_is_said_in_one_line() -> None:
    assert ran([], b"").returncode == 2
    assert b"usage: noclobber hook" in ran(["claude-code", "--loud"], b"").stderr
    unknown = ran(["emacs"], b"{}")
    assert (unknown.returncode, unknown.stdout) == (0, b"")
    assert b"there is no client by the name of 'emacs'" in unknown.stderr


def test_a_state_that_cannot_be_opened_is_said_and_follows_the_setting(project: Path, file: Path) -> None:
    (project / ".noclobber").write_text("in the way", encoding="utf-8")
    edit = reading(
        project, hook_event_name="PreToolUse", tool_name="Edit", tool_input={"file_path": str(file), "old_string": "one", "new_string": "1"}
    )
    let_go = json.loads(ran(["claude-code"], edit).stdout)
    assert "let go on unchecked" in let_go["systemMessage"]
    (project / "noclobber.toml").write_text('[hooks]\non_error = "stop"\n', encoding="utf-8")
    stopped = json.loads(ran(["claude-code"], edit).stdout)
    assert stopped["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "hooks.on_error" in stopped["hookSpecificOutput"]["permissionDecisionReason"]


def test_a_read_or_a_check_loads_nothing_it_does_not_need(project: Path, file: Path) -> None:
    code = (
        "import sys, io, os, json\n"
        "from noclobber_server.hooks.main import answer\n"
        "answer('claude-code', sys.stdin.buffer.read(), {})\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    edit = reading(
        project, hook_event_name="PreToolUse", tool_name="Edit", tool_input={"file_path": str(file), "old_string": "one", "new_string": "1"}
    )
    ran(["claude-code"], reading(project))
    for payload in (reading(project, tool_use_id="2"), edit):
        done = subprocess.run([sys.executable, "-c", code], input=payload, capture_output=True, check=True)
        loaded = set(json.loads(done.stdout))
        assert not loaded & {"argparse", "dataclasses", "asyncio", "logging", "pathlib", "inspect", "mcp", "pygls", "lsprotocol", "attr"}
        assert "noclobber.commit" not in loaded


CHECKS = {
    "claude-code": {"session_id": "S", "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_input": {"content": "x" * 50}},
    "copilot": {"sessionId": "S", "timestamp": 1, "toolName": "create", "toolArgs": {"file_text": "x" * 50}},
    "cursor": {"conversation_id": "S", "hook_event_name": "preToolUse", "tool_name": "Write", "tool_input": {"content": "x" * 50}},
    "gemini": {"session_id": "S", "hook_event_name": "BeforeTool", "tool_name": "write_file", "tool_input": {"content": "x" * 50}},
    "opencode": {"sessionID": "S", "event": "tool.execute.before", "tool": "write", "args": {"content": "x" * 50}},
    "cline": {"taskId": "S", "hookName": "PreToolUse", "preToolUse": {"toolName": "write_to_file", "parameters": {"content": "x" * 50}}},
}


@pytest.mark.parametrize("client", CHECKS)
def test_a_check_that_is_cut_off_follows_the_setting(client: str, project: Path) -> None:
    cut = json.dumps({"cwd": str(project), **CHECKS[client]}).encode()[:-20]
    let_go = answer(client, cut, {})
    assert (let_go.stdout, let_go.status) == ("", 0)
    assert "let go on unchecked" in let_go.stderr
    (project / "noclobber.toml").write_text('[hooks]\non_error = "stop"\n', encoding="utf-8")
    held = answer(client, cut, {})
    adapter = load(client)
    assert held.status == 0
    assert json.loads(held.stdout).keys() == json.loads(adapter.write(HookCall(client, "before", "S", ""), Answer("deny")).stdout).keys()
    assert "is not JSON" in held.stdout
    assert not (project / ".noclobber").exists()


def test_another_event_that_is_cut_off_is_never_held_back(project: Path) -> None:
    (project / "noclobber.toml").write_text('[hooks]\non_error = "stop"\n', encoding="utf-8")
    for client, payload in (
        ("claude-code", {"hook_event_name": "Stop", "last_assistant_message": "PreToolUse", "background_tasks": []}),
        ("claude-code", {"hook_event_name": "PostToolUse", "tool_name": "Write", "tool_input": {}}),
        ("copilot", {"toolName": "create", "toolArgs": {}, "toolResult": {"resultType": "success"}}),
    ):
        output = answer(client, json.dumps({"cwd": str(project), **payload}).encode()[:-2], {})
        assert (output.stdout, output.status) == ("", 0)
