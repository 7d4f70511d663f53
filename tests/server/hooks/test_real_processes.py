"""Across fronts with nothing made up: an MCP server, hooks and a language server as processes, their real clients, a real formatter."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from mcp import Client, StdioServerParameters

from noclobber import ConcurrencyGuard

RUFF = f"{sys.executable} -m ruff format --quiet app.py"
BASE = """\
import os

GREETING = "hello"


def one():
    return os.sep


def two():
    return 2


def three():
    return 3


FAREWELL = "bye"
"""


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "app.py"
    path.write_text(BASE, encoding="utf-8")
    return path


@pytest.fixture
async def person(file: Path, person_at: Any) -> Any:
    return await person_at(file)


def mcp_server(project: Path, agent_id: str) -> StdioServerParameters:
    environ = dict(os.environ) | {"NOCLOBBER_AGENT": agent_id, "NOCLOBBER_TURN": "turn-7", "NOCLOBBER_INTENT": "INT-2"}
    return StdioServerParameters(command=sys.executable, args=["-m", "noclobber_server.main", "mcp"], cwd=str(project), env=environ)


async def test_two_agents_and_a_person_each_by_another_front_lose_nothing(
    claude: Any, project: Path, file: Path, person: Any, guard: ConcurrencyGuard
) -> None:
    b = claude("B", process=True)
    async with Client(mcp_server(project, "A")) as a:
        await person.type('GREETING = "hello"', 'GREETING = "hello, being typed"')
        read = await a.call_tool("read_file", {"path": "app.py"})
        assert "unsaved edits" in read.structured_content["notices"][0]
        await asyncio.to_thread(b.read, "app.py")
        assert "has unsaved edits" in b.said[-1]

        # A changes what nobody edits, in a form that a formatter will not leave alone
        mine = BASE.replace("return 2", "return {  'two':2 }")
        written = await a.call_tool("write_to_file", {"path": "app.py", "content": mine})
        assert (written.is_error, written.structured_content["outcome"]) == (False, "done")
        (problem,) = await person.shown(lambda found: any("A (turn-7, INT-2)" in problem.message for problem in found))
        assert (problem.code, problem.severity) == ("stale-buffer", types.DiagnosticSeverity.Warning)

        # B is stale: refused with name and diff, reads again, writes
        refused = await asyncio.to_thread(b.edit, "app.py", "return 2", "return 22")
        assert refused["permissionDecision"] == "deny"
        assert "by A (turn-7, INT-2)" in refused["permissionDecisionReason"]
        assert "-    return 2\n+    return {  'two':2 }" in refused["permissionDecisionReason"]
        await asyncio.to_thread(b.read, "app.py")
        passed = await asyncio.to_thread(b.edit, "app.py", "return 3", "return 33")
        assert passed.get("permissionDecision") is None
        assert passed["additionalContext"].endswith("yours does not touch them.")
        assert file.read_text(encoding="utf-8") == mine.replace("return 3", "return 33")

        # what the person is typing at is not B's to change, nor A's
        held = await asyncio.to_thread(b.edit, "app.py", '"hello"', '"servus"')
        assert "UNSAVED_EDITS" in held["permissionDecisionReason"]
        overlapping = await a.call_tool("edit_file", {"path": "app.py", "edits": [{"old": '"hello"', "new": '"servus"'}]})
        assert overlapping.structured_content["type"] == "UNSAVED_EDITS"

        # a formatter, run by B in its shell
        await asyncio.to_thread(b.shell, RUFF)
        formatted = mine.replace("return 3", "return 33").replace("{  'two':2 }", '{"two": 2}')
        assert file.read_text(encoding="utf-8") == formatted
        assert b.said[-1] == "This command changed files you know: app.py. Re-read what you still need of them."
        (by_shell,) = [event for event in guard.events(file_path="app.py") if (event.detail or {}).get("command")]
        assert by_shell.agent_id == "claude-code:B"

        # and the next edits: B's elsewhere passes, A's stale whole write is told of both of B's changes and merges
        assert (await asyncio.to_thread(b.edit, "app.py", '"bye"', '"bye (B)"')).get("permissionDecision") is None
        stale = await a.call_tool("write_to_file", {"path": "app.py", "content": mine.replace("os.sep", "os.sep + os.sep")})
        assert stale.structured_content["type"] == "STALE_FILE"
        assert {change["agent_id"] for change in stale.structured_content["changed_by"]} == {"claude-code:B"}
        assert '+    return {"two": 2}' in stale.structured_content["diff"]
        merging = {"path": "app.py", "content": mine.replace("os.sep", "os.sep + os.sep"), "on_stale": "merge"}
        merged = await a.call_tool("write_to_file", merging)
        assert merged.structured_content["outcome"] == "merged", merged.content

    # the person saves, and everybody's work is there
    await person.save()
    everything = formatted.replace("os.sep", "os.sep + os.sep").replace('"bye"', '"bye (B)"').replace('"hello"', '"hello, being typed"')
    assert file.read_text(encoding="utf-8") == person.text == everything
    assert await person.shown(lambda found: not found) == []
    kinds = {(event.agent_id.split(":")[0], event.kind) for event in guard.events(file_path="app.py", outcome="done")}
    assert kinds >= {("A", "write"), ("claude-code", "edit"), ("claude-code", "write"), ("editor", "save")}


async def test_a_person_who_saves_first_makes_both_agents_stale(
    claude: Any, project: Path, file: Path, person: Any, guard: ConcurrencyGuard
) -> None:
    b = claude("B", process=True)
    async with Client(mcp_server(project, "A")) as a:
        await a.call_tool("read_file", {"path": "app.py"})
        await asyncio.to_thread(b.read, "app.py")
        await person.type("return 2", "return 2  # by hand")
        await person.save()
        stale = await a.call_tool("write_to_file", {"path": "app.py", "content": BASE.replace("return 3", "return 33")})
        assert stale.structured_content["changed_by"][0]["agent_id"].startswith("editor:Person:")
        refused = await asyncio.to_thread(b.edit, "app.py", "return 2\n", "return 22\n")
        assert "by editor:Person:" in refused["permissionDecisionReason"]
        assert "+    return 2  # by hand" in refused["permissionDecisionReason"]
    assert file.read_text(encoding="utf-8") == BASE.replace("return 2", "return 2  # by hand")
