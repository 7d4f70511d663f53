# ruff: noqa: E501 - a payload reads best on one line
"""Every line of the table of clients: what each sends becomes the same call, and an answer reaches each in its own format."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from noclobber_server.hooks.adapters import NAMES, load
from noclobber_server.hooks.recognise import recognise
from noclobber_server.hooks.records import Answer, Change, HookInputError, Shown


class Client(NamedTuple):
    """How one client writes: an edit about to be made, a whole write, a reading, a finished shell command; who it says it is."""

    edit: dict[str, Any]
    write: dict[str, Any]
    shell: dict[str, Any]
    agent_id: str
    turn: str | None
    subagent: dict[str, Any]
    read: dict[str, Any] | None = None
    whole: bool = True


EDIT = (Change("/p/a.txt", "edit", edits=(("old", "new"),)),)
WRITE = (Change("/p/a.txt", "write", content="all\n"),)
PATCH = "*** Begin Patch\n*** Update File: /p/a.txt\n@@\n-old\n+new\n*** End Patch\n"
PATCHED = (Change("/p/a.txt", "patch", hunks=(("old\n", "new\n", (), False),)),)
CLAUDE = {"session_id": "S", "cwd": "/p", "permission_mode": "acceptEdits", "prompt_id": "T"}
CODEX = {"session_id": "S", "cwd": "/p", "permission_mode": "default", "turn_id": "T", "model": "m"}
VSCODE = {"sessionId": "S", "cwd": "/p", "timestamp": "2026-11-22T00:00:00Z"}
COPILOT = {"sessionId": "S", "timestamp": 1, "cwd": "/p"}
CURSOR = {"conversation_id": "S", "generation_id": "T", "workspace_roots": ["/p"], "cursor_version": "2"}
GEMINI = {"session_id": "S", "cwd": "/p", "timestamp": "2026-11-22T00:00:00Z"}
OPENCODE = {"sessionID": "S", "cwd": "/p", "callID": "c1"}
CLINE = {"taskId": "S", "workspaceRoots": ["/p"], "clineVersion": "3"}

CLIENTS: dict[str, Client] = {
    "claude-code": Client(
        edit={**CLAUDE, "hook_event_name": "PreToolUse", "tool_name": "Edit", "tool_use_id": "1",
              "tool_input": {"file_path": "/p/a.txt", "old_string": "old", "new_string": "new", "replace_all": False}},
        write={**CLAUDE, "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_input": {"file_path": "/p/a.txt", "content": "all\n"}},
        shell={**CLAUDE, "hook_event_name": "PostToolUseFailure", "tool_name": "Bash", "tool_input": {"command": "make"}, "error": "Exit code 1"},
        read={**CLAUDE, "hook_event_name": "PostToolUse", "tool_name": "Read", "tool_input": {"file_path": "/p/a.txt", "offset": 2, "limit": 1},
              "tool_response": {"file": {"filePath": "/p/a.txt", "content": "x", "startLine": 2, "numLines": 1, "totalLines": 3}}},
        agent_id="claude-code:S", turn="T", subagent={"agent_id": "sub"},
    ),
    "codex": Client(
        edit={**CODEX, "hook_event_name": "PreToolUse", "tool_name": "apply_patch", "tool_input": {"command": PATCH}, "tool_use_id": "1"},
        write={**CODEX, "hook_event_name": "PreToolUse", "tool_name": "apply_patch", "tool_use_id": "1",
               "tool_input": {"command": "*** Begin Patch\n*** Add File: /p/a.txt\n+all\n*** End Patch"}},
        shell={**CODEX, "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": "make"},
               "tool_response": "Exit code: 2\nOutput:\nno"},
        agent_id="codex:S", turn="T", subagent={"agent_id": "sub"}, whole=False,
    ),
    "vscode": Client(
        edit={**VSCODE, "hookEventName": "PreToolUse", "tool_name": "replace_string_in_file", "tool_use_id": "1",
              "tool_input": {"filePath": "/p/a.txt", "oldString": "old", "newString": "new"}},
        write={**VSCODE, "hookEventName": "PreToolUse", "tool_name": "create_file", "tool_input": {"filePath": "/p/a.txt", "content": "all\n"}},
        shell={**VSCODE, "hookEventName": "PostToolUse", "tool_name": "run_in_terminal", "tool_input": {"command": "make"}, "tool_response": "no"},
        read={**VSCODE, "hookEventName": "PostToolUse", "tool_name": "read_file", "tool_input": {"filePath": "/p/a.txt", "startLine": 2, "endLine": 2}},
        agent_id="vscode:S", turn=None, subagent={"agent_id": "sub"},
    ),
    "copilot": Client(
        edit={**COPILOT, "toolName": "edit", "toolArgs": json.dumps({"path": "/p/a.txt", "old_str": "old", "new_str": "new"})},
        write={**COPILOT, "toolName": "create", "toolArgs": {"path": "/p/a.txt", "file_text": "all\n"}},
        shell={**COPILOT, "toolName": "bash", "toolArgs": {"command": "make"}, "toolResult": {"resultType": "success", "textResultForLlm": "no"}},
        read={**COPILOT, "toolName": "view", "toolArgs": {"path": "/p/a.txt", "view_range": [2, 2]},
              "toolResult": {"resultType": "success", "textResultForLlm": "x"}},
        agent_id="copilot:S", turn=None, subagent={"agentName": "sub"},
    ),
    "cursor": Client(
        edit={**CURSOR, "hook_event_name": "preToolUse", "tool_name": "StrReplace", "tool_use_id": "1",
              "tool_input": {"path": "/p/a.txt", "old_string": "old", "new_string": "new"}},
        write={**CURSOR, "hook_event_name": "preToolUse", "tool_name": "Write", "tool_input": {"file_path": "/p/a.txt", "content": "all\n"}},
        shell={**CURSOR, "hook_event_name": "postToolUse", "tool_name": "Shell", "tool_input": {"command": "make"}, "tool_output": "no"},
        read={**CURSOR, "hook_event_name": "postToolUse", "tool_name": "Read", "tool_input": {"file_path": "/p/a.txt", "offset": 2, "limit": 1}},
        agent_id="cursor:S", turn="T", subagent={"subagent_id": "sub"},
    ),
    "gemini": Client(
        edit={**GEMINI, "hook_event_name": "BeforeTool", "tool_name": "replace",
              "tool_input": {"file_path": "/p/a.txt", "old_string": "old", "new_string": "new"}},
        write={**GEMINI, "hook_event_name": "BeforeTool", "tool_name": "write_file", "tool_input": {"file_path": "/p/a.txt", "content": "all\n"}},
        shell={**GEMINI, "hook_event_name": "AfterTool", "tool_name": "run_shell_command", "tool_input": {"command": "make"},
               "tool_response": {"llmContent": "no", "error": {"message": "exit 1"}}},
        read={**GEMINI, "hook_event_name": "AfterTool", "tool_name": "read_file", "tool_input": {"file_path": "/p/a.txt", "offset": 1, "limit": 1}},
        agent_id="gemini:S", turn=None, subagent={},
    ),
    "opencode": Client(
        edit={**OPENCODE, "event": "tool.execute.before", "tool": "edit", "args": {"filePath": "/p/a.txt", "oldString": "old", "newString": "new"}},
        write={**OPENCODE, "event": "tool.execute.before", "tool": "write", "args": {"filePath": "/p/a.txt", "content": "all\n"}},
        shell={**OPENCODE, "event": "tool.execute.after", "tool": "bash", "args": {"command": "make"}, "output": "no"},
        read={**OPENCODE, "event": "tool.execute.after", "tool": "read", "args": {"filePath": "/p/a.txt", "offset": 2, "limit": 1}},
        agent_id="opencode:S", turn=None, subagent={},
    ),
    "cline": Client(
        edit={**CLINE, "hookName": "PreToolUse", "preToolUse": {"toolName": "replace_in_file", "parameters": {
            "path": "/p/a.txt", "diff": "------- SEARCH\nold\n=======\nnew\n+++++++ REPLACE\n"}}},
        write={**CLINE, "hookName": "PreToolUse", "preToolUse": {"toolName": "write_to_file", "parameters": {"path": "/p/a.txt", "content": "all\n"}}},
        shell={**CLINE, "hookName": "PostToolUse", "postToolUse": {
            "toolName": "execute_command", "parameters": {"command": "make"}, "result": "no", "success": False}},
        read={**CLINE, "hookName": "PostToolUse", "postToolUse": {"toolName": "read_file", "parameters": {"path": "/p/a.txt"}, "success": True}},
        agent_id="cline:S", turn=None, subagent={"parent_agent_id": "sub"},
    ),
}  # fmt: skip


def test_every_client_has_its_line() -> None:
    assert tuple(CLIENTS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_and_a_whole_write_are_understood(name: str) -> None:
    client, adapter = CLIENTS[name], load(name)
    call = adapter.read(client.edit)
    assert (call.event, call.agent_id, call.turn, call.kind) == ("before", client.agent_id, client.turn, "change")
    expected = PATCHED if name == "codex" else EDIT
    if name == "cline":
        expected = (Change("/p/a.txt", "edit", edits=(("old\n", "new\n"),)),)
    assert call.changes == expected
    written = adapter.read(client.write).changes
    assert written == (WRITE if client.whole else (WRITE[0]._replace(creates=True),))


@pytest.mark.parametrize("name", [name for name in NAMES if CLIENTS[name].read])
def test_a_reading_is_understood_by_its_lines(name: str) -> None:
    client = CLIENTS[name]
    assert client.read is not None
    (shown,) = load(name).read(client.read).shown
    lines = None if name == "cline" else (2, 2)
    assert shown == Shown("/p/a.txt", lines, "x" if name == "claude-code" else None)


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_command_is_understood(name: str) -> None:
    call = load(name).read(CLIENTS[name].shell)
    failed = name in ("claude-code", "codex", "gemini", "cline")
    assert (call.event, call.kind, call.command) == ("failed" if failed else "after", "shell", "make")
    assert call.output


@pytest.mark.parametrize("name", [name for name in NAMES if CLIENTS[name].subagent])
def test_a_subagent_is_a_writer_of_its_own(name: str) -> None:
    client = CLIENTS[name]
    call = load(name).read({**client.edit, **client.subagent})
    assert call.agent_id == f"{client.agent_id}/sub"


def refused(name: str) -> tuple[str, int]:
    adapter = load(name)
    output = adapter.write(adapter.read(CLIENTS[name].edit), Answer("deny", reason="why"))
    return output.stdout, output.status


CLAUDE_REFUSAL = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": "why"}}
FLAT_REFUSAL = {"permissionDecision": "deny", "permissionDecisionReason": "why"}


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("claude-code", CLAUDE_REFUSAL),
        ("codex", CLAUDE_REFUSAL),
        ("vscode", {**CLAUDE_REFUSAL, **FLAT_REFUSAL}),
        ("copilot", {**CLAUDE_REFUSAL, **FLAT_REFUSAL}),
        ("cursor", {"permission": "deny", "user_message": "why", "agent_message": "why"}),
        ("gemini", {"decision": "deny", "reason": "why"}),
        ("opencode", {"deny": "why"}),
        ("cline", {"cancel": True, "errorMessage": "why"}),
    ],
)
def test_a_refusal_is_in_the_clients_own_format(name: str, refusal: dict[str, Any]) -> None:
    stdout, status = refused(name)
    assert (json.loads(stdout), status) == (refusal, 0)


@pytest.mark.parametrize("name", NAMES)
def test_where_all_is_well_nothing_is_said(name: str) -> None:
    adapter = load(name)
    for payload in (CLIENTS[name].edit, CLIENTS[name].shell):
        assert adapter.write(adapter.read(payload), Answer()) == ("", "", 0)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("claude-code", ("hookSpecificOutput", "updatedInput", "content")),
        ("vscode", ("hookSpecificOutput", "updatedInput", "content")),
        ("copilot", ("modifiedArgs", "file_text")),
        ("cursor", ("updated_input", "content")),
        ("gemini", ("hookSpecificOutput", "tool_input", "content")),
        ("opencode", ("args", "content")),
    ],
)
def test_a_merged_content_is_handed_on_where_the_client_takes_it(name: str, where: tuple[str, ...]) -> None:
    adapter = load(name)
    call = adapter.read(CLIENTS[name].write)
    assert call.can_update
    value = json.loads(adapter.write(call, Answer(content="merged\n")).stdout)
    for key in where:
        value = value[key]
    assert value == "merged\n"


@pytest.mark.parametrize("name", ["codex", "cline"])
def test_clients_that_take_no_other_input_are_known(name: str) -> None:
    assert not load(name).read(CLIENTS[name].write).can_update


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_after_a_tool_reaches_the_model(name: str) -> None:
    adapter = load(name)
    output = adapter.write(adapter.read(CLIENTS[name].shell), Answer(context="files changed"))
    assert "files changed" in output.stdout
    json.loads(output.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_a_caller_of_another_kind_than_the_name_says_is_recognised(name: str) -> None:
    for payload in (CLIENTS[name].edit, CLIENTS[name].shell):
        for told in NAMES:
            assert recognise(payload, told) == name or (name == "vscode" and told == "vscode"), told


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_that_names_no_session_is_refused_in_words(name: str) -> None:
    with pytest.raises(HookInputError, match="names no session"):
        load(name).read({})


@pytest.mark.parametrize("name", NAMES)
def test_fields_of_other_types_and_unknown_ones_do_no_harm(name: str) -> None:
    client, adapter = CLIENTS[name], load(name)
    payload = json.loads(json.dumps(client.write if name == "copilot" else client.edit).replace('"/p/a.txt"', "[1, {}]"))
    payload["something_new"] = {"x": [None]}
    assert adapter.read(payload).changes in ((), PATCHED)


def test_vs_codes_several_replacements_name_several_files() -> None:
    call = load("vscode").read({
        **VSCODE, "hookEventName": "PreToolUse", "tool_name": "multi_replace_string_in_file", "tool_input": {"replacements": [
            {"filePath": "/p/a", "oldString": "1", "newString": "2"}, {"filePath": "/p/b", "oldString": "3", "newString": "4"},
            {"filePath": "/p/a", "oldString": "5", "newString": "6"}, "no object",
        ]},
    })  # fmt: skip
    assert call.changes == (Change("/p/a", "edit", edits=(("1", "2"), ("5", "6"))), Change("/p/b", "edit", edits=(("3", "4"),)))


def test_copilot_in_vs_codes_format_is_understood() -> None:
    payload = {
        "hook_event_name": "PreToolUse", "session_id": "S", "timestamp": "2026-11-22T00:00:00Z", "cwd": "/p", "tool_name": "Edit",
        "tool_input": {"path": "/p/a.txt", "old_str": "old", "new_str": "new"},
    }  # fmt: skip
    assert recognise(payload, "vscode") == "copilot"
    assert load("copilot").read(payload).changes == EDIT
