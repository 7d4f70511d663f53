from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from noclobber.errors import NoclobberError
from noclobber_server.clients.hook_entries import hook_entries
from noclobber_server.hooks.main import answer
from noclobber_server.mcp.identity import Identity, MetaNames, names_in_meta


@pytest.mark.parametrize(
    ("meta", "names"),
    [
        ({"claudecode/toolUseId": "toolu_1"}, MetaNames(call_id="toolu_1")),
        (
            {"x-codex-turn-metadata": {"session_id": "S", "thread_id": "S", "turn_id": "T", "model": "m"}, "callId": "c"},
            MetaNames("codex:S", "T"),
        ),
        ({"x-codex-turn-metadata": json.dumps({"session_id": "S", "turn_id": "T"})}, MetaNames("codex:S", "T")),
        ({"vscode.conversationId": "C", "vscode.requestId": "R"}, MetaNames("vscode:C", "R")),
        ({"sessionID": "O"}, MetaNames("opencode:O")),
        ({}, MetaNames()),
        ({"x-codex-turn-metadata": "no json", "vscode.conversationId": 7, "sessionID": ""}, MetaNames()),
    ],
)
def test_what_each_client_puts_into_meta_names_the_agent(meta: dict[str, Any], names: MetaNames) -> None:
    assert names_in_meta(meta) == names


def test_the_explicit_parameter_comes_first_then_meta_then_connection_then_environment() -> None:
    identity = Identity({"NOCLOBBER_AGENT": "env", "NOCLOBBER_TURN": "env-turn", "NOCLOBBER_INTENT": "env-intent"}, lambda _: None)
    meta = {"vscode.conversationId": "C", "vscode.requestId": "R"}
    assert identity.caller({"agent_id": "A", "turn_id": "T"}, meta, session="S")[:3] == ("A", "T", "env-intent")
    assert identity.caller({}, meta, session="S")[:2] == ("vscode:C", "R")
    assert identity.caller({}, {}, client="Client Two", session="0123456789abcdef99").agent_id == "mcp:client:0123456789abcdef"
    assert identity.caller({}, {})[:3] == ("env", "env-turn", "env-intent")


@pytest.mark.parametrize("bad", ["a\nb", "x" * 1001, "family \U0001f469\u200d\U0001f467", "a\u00a0b", "\0"])
@pytest.mark.parametrize("name", ["agent_id", "turn_id", "intent_id"])
def test_a_given_label_that_cannot_be_one_is_refused_and_not_left_out(name: str, bad: str) -> None:
    identity = Identity({"NOCLOBBER_AGENT": "env"}, lambda _: None)
    with pytest.raises(NoclobberError, match=f"^The {name} "):
        identity.caller({name: bad}, {})


async def test_two_agents_never_become_one_by_the_names_they_give(connected: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with connected() as agent:
        for long in (300, 5000):
            result = await agent("x" * long + "A")("read_file", path="a.txt")
            assert result.is_error == (long == 5000)
            refused = await agent("x" * long + "B").refused("write_to_file", path="a.txt", content="B\n")
            assert refused["type"] == ("UNREAD_FILE" if long == 300 else "NoclobberError")
    assert (project / "a.txt").read_bytes() == b"one\n"


@pytest.mark.parametrize("name", ["", " ", "\u00a0", "ok\0", "x" * 300])
def test_a_client_whose_name_is_no_word_is_called_agent(name: str) -> None:
    identity = Identity({}, lambda _: None)
    assert identity.caller({}, {}, client=name, session="S").agent_id == "mcp:agent:S"


def test_a_connection_without_a_session_gives_each_nameless_call_a_name_of_its_own() -> None:
    identity = Identity({"NOCLOBBER_AGENT": "env"}, lambda _: None, stateless=True)
    assert identity.caller({}, {}).agent_id != identity.caller({}, {}).agent_id


async def test_claude_codes_call_is_joined_with_what_its_hook_left(connected: Any, project: Path) -> None:
    (project / "a.txt").write_text("x\n", encoding="utf-8")
    payload = {
        "session_id": "S", "prompt_id": "T", "agent_id": "sub", "cwd": str(project), "hook_event_name": "PreToolUse",
        "tool_name": "mcp__noclobber__check_files", "tool_input": {}, "tool_use_id": "toolu_9",
    }  # fmt: skip
    answer("claude-code", json.dumps(payload).encode(), {})
    async with connected() as agent:
        result = await agent()("check_files", meta={"claudecode/toolUseId": "toolu_9"})
    assert result.structured_content["agent_id"] == "claude-code:S/sub"


async def test_as_init_sets_claude_code_up_its_calls_know_what_its_hooks_recorded(connected: Any, project: Path) -> None:
    file = project / "a.txt"
    file.write_text("x\n", encoding="utf-8")
    fields = {"session_id": "S", "prompt_id": "T", "cwd": str(project)}
    tool = "mcp__noclobber__check_files"
    read = {"tool_name": "Read", "tool_input": {"file_path": str(file)}, "tool_use_id": "1", "tool_response": {}}
    answer("claude-code", json.dumps({**fields, **read, "hook_event_name": "PostToolUse"}).encode(), {})
    file.write_text("changed\n", encoding="utf-8")
    entries = hook_entries("claude-code", "noclobber", everywhere=False)
    firing = [entry for entry in entries if entry.path[1] == "PreToolUse" and re.search(entry.value["matcher"], tool)]
    assert len(firing) == 1
    call = {"tool_name": tool, "tool_input": {}, "tool_use_id": "toolu_1"}
    answer("claude-code", json.dumps({**fields, **call, "hook_event_name": "PreToolUse"}).encode(), {})
    async with connected(files=False) as agent:
        result = await agent()("check_files", meta={"claudecode/toolUseId": "toolu_1"})
    assert result.content[0].text == "a.txt: stale, by outside"


async def test_one_who_read_nothing_under_a_name_is_not_told_that_all_is_well(connected: Any) -> None:
    async with connected() as agent:
        assert (await agent("A")("check_files")).content[0].text == "Nothing read under this name yet."


async def test_several_agents_over_one_connection_stay_apart(connected: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    async with connected() as agent:
        await agent("A").did("read_file", path="a.txt")
        assert (await agent("B").refused("write_to_file", path="a.txt", content="x\n"))["type"] == "UNREAD_FILE"
        await agent("A").did("write_to_file", path="a.txt", content="1\n")


async def test_one_agent_over_several_connections_is_one(connected: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with connected() as first, connected() as second:
        await first("A").did("read_file", path="a.txt")
        assert (await second("A").did("write_to_file", path="a.txt", content="x\n"))["outcome"] == "done"


async def test_a_client_that_names_itself_anew_knows_nothing_under_its_new_name(connected: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with connected() as agent:
        await agent("A").did("read_file", path="a.txt")
        assert (await agent("A2").refused("write_to_file", path="a.txt", content="x\n"))["type"] == "UNREAD_FILE"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_both_eras_of_the_protocol_are_served(connected: Any, project: Path, mode: str) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with connected(mode=mode) as agent:
        assert (await agent("A").did("read_file", path="a.txt"))["content"] == "one\n"
