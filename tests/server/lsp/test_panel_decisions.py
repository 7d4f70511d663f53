"""What the panel asks a person to decide, and when it asks again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, StaleFileError, UnsavedEditsError
from noclobber_server.hooks.main import answer


def write_by_hook(root: Path, content: str) -> None:
    """A write of the whole file by a client whose hook cannot ask."""
    call = {
        "session_id": "S", "cwd": str(root), "hook_event_name": "BeforeTool", "tool_name": "write_file",
        "tool_input": {"file_path": str(root / "a.txt"), "content": content},
    }  # fmt: skip
    answer("gemini", json.dumps(call).encode(), {})


TEN = "".join(f"line {n}\n" for n in range(1, 11))


async def decisions(editor: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await editor.command("panel.overview", {}))["decisions"]
    return found


async def unsaved(editor: Any) -> str:
    """a.txt, open, with an unsaved edit in its second line."""
    uri: str = editor.open("a.txt")
    editor.type(uri, "line 2", "mine")
    await editor.settled()
    return uri


def refuse(agent: ConcurrencyGuard) -> None:
    """The agent wants the same line."""
    agent.read("a.txt")
    with pytest.raises(UnsavedEditsError):
        agent.write("a.txt", TEN.replace("line 2", "theirs").encode())


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


async def test_what_the_person_let_land_or_wrote_over_is_not_asked_about(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    await unsaved(editor)
    refuse(agent)
    overview = await editor.command("panel.overview", {})
    (row,) = overview["blocked"]
    assert (await editor.command("panel.letLand", {name: row[name] for name in ("root", "filePath", "seq")}))["done"]
    (root / "b.txt").write_text("disk\n", encoding="utf-8")
    agent.write("b.txt", b"over\n", override=True)
    assert await decisions(editor) == []


async def test_who_waits_for_unsaved_edits_is_shown_until_they_are_gone_however_often_the_person_looked(
    editor: Any, agent: ConcurrencyGuard
) -> None:
    uri = await unsaved(editor)
    refuse(agent)
    await editor.command("panel.looked", {})
    found = await editor.command("panel.overview", {})
    assert [(row["filePath"], row["count"]) for row in found["blocked"]] == [("a.txt", 1)]
    assert (found["refusals"], found["turns"]) == (0, [])
    await editor.save(uri)
    assert (await editor.command("panel.overview", {}))["blocked"] == []


async def test_what_a_save_overwrote_and_a_text_given_up_are_shown_until_looked_at(
    editor: Any, agent: ConcurrencyGuard, root: Path
) -> None:
    uri = await unsaved(editor)
    theirs = TEN.replace("line 2", "theirs")
    (root / "a.txt").write_text(theirs, encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    await editor.save(uri)
    await editor.until(lambda: editor.questions)
    editor.type(uri, "line 7", "given up")
    await editor.settled()
    given_up = editor.texts[uri]
    await editor.command("panel.merging", {"uri": uri, "choice": "takeDisk", "mine": given_up})
    found = await editor.command("panel.overview", {})
    assert [(row["filePath"], row["kind"], row["afterHash"]) for row in found["displaced"]] == [
        ("a.txt", "unsaved text, given up", agent.hash_content(given_up.encode())),
        ("a.txt", "overwritten by a save", agent.hash_content(theirs.encode())),
    ]
    place = {name: found["displaced"][1][name] for name in ("root", "filePath")}
    await editor.command("panel.restore", {**place, "hash": found["displaced"][1]["afterHash"]})
    assert (root / "a.txt").read_text(encoding="utf-8") == theirs
    await editor.command("panel.looked", {})
    assert (await editor.command("panel.overview", {}))["displaced"] == []


async def test_a_second_occasion_in_one_turn_is_another_one_to_ask_about(editor: Any, agent: ConcurrencyGuard) -> None:
    bob = agent.as_writer("codex/bob", turn_id="b-1")

    async def refused_thrice(more: int = 0) -> str:
        for _ in range(3 + more):
            with pytest.raises(StaleFileError):
                agent.write("a.txt", b"mine\n")
        (decision,) = await decisions(editor)
        return str(decision["id"])

    agent.read("a.txt")
    bob.edit("a.txt", [("line 9", "nine")])
    first = await refused_thrice()
    assert await refused_thrice(more=1) == first
    agent.read("a.txt")
    agent.write("a.txt", b"mine\n")
    bob.read("a.txt")
    bob.write("a.txt", b"bob's\n")
    assert await refused_thrice() != first


async def test_only_the_window_that_holds_the_unsaved_edits_is_asked(editor: Any, new_editor: Any, agent: ConcurrencyGuard) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 3", "mine")
    agent.read("a.txt")
    await editor.settled()
    other = new_editor()
    await other.start(process_id=1, name="Other")
    for _ in range(2):
        with pytest.raises(UnsavedEditsError):
            agent.edit("a.txt", [("line 3", "theirs")])
    here, there = [await window.command("panel.overview", {}) for window in (editor, other)]
    assert [row["elsewhere"] for row in here["blocked"]] == [""]
    assert [row["elsewhere"] for row in there["blocked"]] == ["you (Test)"]
    assert [row["kind"] for row in here["decisions"]] == ["blocked"]
    assert there["decisions"] == []
    await other.stop()
