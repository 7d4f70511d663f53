"""Two agents and a person, each through another front: one store, one history, nobody's work lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from noclobber import ConcurrencyGuard
from noclobber_server.mcp.server import build_server

BASE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text(BASE, encoding="utf-8")
    return path


async def test_a_through_mcp_b_through_hooks_then_a_formatter_in_the_shell(
    claude: Any, project: Path, file: Path, guard: ConcurrencyGuard
) -> None:
    b = claude("B")
    server, workspaces = build_server(str(project), {})
    async with Client(server) as a:
        await a.call_tool("read_file", {"path": "a.txt", "agent_id": "A"})
        b.read("a.txt")
        written = await a.call_tool(
            "write_to_file", {"path": "a.txt", "content": BASE.replace("two", "TWO"), "agent_id": "A", "turn_id": "t1"}
        )
        assert not written.is_error

        refused = b.edit("a.txt", "two", "deux")
        assert refused["permissionDecision"] == "deny"
        assert "by A (t1)" in refused["permissionDecisionReason"]
        assert "+TWO" in refused["permissionDecisionReason"]
        b.read("a.txt")
        b.edit("a.txt", "seven", "SEVEN")
        assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO").replace("seven", "SEVEN")

        stale = await a.call_tool("write_to_file", {"path": "a.txt", "content": "x", "agent_id": "A"})
        assert stale.structured_content["changed_by"][0]["agent_id"] == "claude-code:B"

        # a formatter, run by B in its shell
        file.write_text(file.read_text(encoding="utf-8").replace("three", "three;"), encoding="utf-8")
        b.ran("format a.txt")
        assert "a.txt" in b.said[-1]
        b.edit("a.txt", "eight", "EIGHT")
        mine = BASE.replace("two", "TWO").replace("one", "ONE")
        merged = await a.call_tool("write_to_file", {"path": "a.txt", "content": mine, "agent_id": "A", "on_stale": "merge"})
        assert not merged.is_error, merged.content
    workspaces.close()
    assert file.read_text(encoding="utf-8") == "ONE\nTWO\nthree;\nfour\nfive\nsix\nSEVEN\nEIGHT\n"
    assert {event.agent_id for event in guard.events() if event.kind in ("write", "edit")} == {"A", "claude-code:B"}


def test_a_through_the_library_b_through_hooks(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    b = claude("B")
    alice = guard.as_writer("alice", turn_id="turn-9", intent_id="INT-7")
    alice.read("a.txt")
    b.read("a.txt")
    b.edit("a.txt", "two", "TWO")
    merged = alice.write("a.txt", BASE.replace("eight", "EIGHT").encode(), on_stale="merge")
    assert merged.outcome == "merged"
    refused = b.edit("a.txt", "eight", "8")
    assert "by alice (turn-9, INT-7)" in refused["permissionDecisionReason"]


def test_a_persons_unsaved_edits_hold_an_agents_own_tool_off(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    from noclobber.clock import utc_now
    from noclobber.records import Buffer
    from noclobber.store.protocol import Batch

    base, text = BASE.encode(), BASE.replace("two", "two, being typed").encode()
    live = guard.workspace.live({"kind": "lsp"})
    kept = [(guard.hash_content(content), content) for content in (base, text)]
    buffer = Buffer("a.txt", "editor:test:1", kept[0][0], kept[1][0], True, ((2, 2),), utc_now(), live.id)
    guard.workspace.store.apply(Batch(buffers=[buffer], contents=kept))
    a = claude("A")
    a.read("a.txt")
    assert "has unsaved edits" in a.said[0]
    assert "UNSAVED_EDITS" in a.edit("a.txt", "two", "2")["permissionDecisionReason"]
    assert a.edit("a.txt", "eight", "EIGHT").get("permissionDecision") is None
    refused = a.check("delete_file", {"file_path": str(file)}, "toolu_delete")
    assert "UNSAVED_EDITS" in refused["permissionDecisionReason"]
    assert [(event.kind, event.refusal) for event in guard.events(outcome="refused")][-1] == ("delete", "UNSAVED_EDITS")


def test_a_watching_formatter_and_a_busy_second_agent_end_without_a_loop(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    file.write_text("".join(f"line {number}\n" for number in range(40)), encoding="utf-8")
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")

    def formatter() -> None:
        text = file.read_text(encoding="utf-8")
        file.write_text("".join(line.rstrip() + "\n" for line in text.splitlines()), encoding="utf-8")

    for number in range(20):
        for agent, line in ((a, number), (b, 39 - number)):
            decided = agent.edit("a.txt", f"line {line}\n", f"line {line} by {agent.session} \n")
            assert decided.get("permissionDecision") is None, decided
            formatter()
    text = file.read_text(encoding="utf-8")
    assert text == "".join(f"line {number} by {'A' if number < 20 else 'B'}\n" for number in range(40))
    assert guard.events(outcome="refused") == []
