"""What the panel asks a person to decide, and when it asks again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from noclobber import ConcurrencyGuard
from noclobber_server.hooks.main import answer


def write_by_hook(root: Path, content: str) -> None:
    """A write of the whole file by a client whose hook cannot ask."""
    call = {
        "session_id": "S", "cwd": str(root), "hook_event_name": "BeforeTool", "tool_name": "write_file",
        "tool_input": {"file_path": str(root / "a.txt"), "content": content},
    }  # fmt: skip
    answer("gemini", json.dumps(call).encode(), {})


async def decisions(editor: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await editor.command("panel.overview", {}))["decisions"]
    return found


async def test_a_writer_whose_hook_let_the_third_try_pass_is_shown_with_what_it_displaced(
    editor: Any, agent: ConcurrencyGuard, root: Path
) -> None:
    agent.as_writer("gemini:S").read("a.txt")
    agent.read("a.txt")
    agent.write("a.txt", b"theirs\n")
    for _ in range(3):
        write_by_hook(root, "mine\n")
    (decision,) = await decisions(editor)
    assert decision["kind"] == "refusedAgain"
    assert decision["message"] == "gemini:S was let pass on a.txt after three refusals. What it displaced is kept."
    assert decision["hash"] == agent.hash_content(b"theirs\n")
