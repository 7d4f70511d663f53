"""Every state into every other, each with its diagnostic and its quick fixes, and what each command does in each state."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

TEN = "".join(f"line {n}\n" for n in range(1, 11))
MINE = TEN.replace("line 2\n", "mine 2\n")
THEIRS = TEN.replace("line 8\n", "theirs 8\n")
AGAINST = TEN.replace("line 2\n", "theirs 2\n")
BOTH = MINE.replace("line 8\n", "theirs 8\n")

# What the buffer and the disk hold; the buffer came from TEN.
PLACES: dict[str, tuple[str, str | None]] = {
    "fresh": (TEN, TEN),
    "behind": (TEN, THEIRS),
    "mergeable": (MINE, THEIRS),
    "conflict": (MINE, AGAINST),
    "deleted": (TEN, None),
}
SHOWN = {
    "fresh": None,
    "behind": ("stale-buffer", types.DiagnosticSeverity.Information),
    "mergeable": ("stale-buffer", types.DiagnosticSeverity.Warning),
    "conflict": ("stale-conflict", types.DiagnosticSeverity.Error),
    "deleted": ("deleted-on-disk", types.DiagnosticSeverity.Warning),
}
FIXES = {
    "fresh": [],
    "behind": ["takeDisk"],
    "mergeable": ["merge", "takeDisk", "keepMine"],
    "conflict": ["takeDisk", "keepMine"],
    "deleted": ["keepMine"],
}
# What a command answers, what the buffer holds afterwards, and the state it is then in.
COMMANDS = {
    ("merge", "fresh"): ("fresh", TEN, "fresh"),
    ("merge", "behind"): ("merged", THEIRS, "fresh"),
    ("merge", "mergeable"): ("merged", BOTH, "fresh"),
    ("merge", "conflict"): ("conflict", MINE, "conflict"),
    ("merge", "deleted"): ("deleted", TEN, "deleted"),
    ("takeDisk", "fresh"): ("fresh", TEN, "fresh"),
    ("takeDisk", "behind"): ("taken", THEIRS, "fresh"),
    ("takeDisk", "mergeable"): ("taken", THEIRS, "fresh"),
    ("takeDisk", "conflict"): ("taken", AGAINST, "fresh"),
    ("takeDisk", "deleted"): ("deleted", TEN, "deleted"),
    ("keepMine", "fresh"): ("kept", TEN, "fresh"),
    ("keepMine", "behind"): ("kept", TEN, "fresh"),
    ("keepMine", "mergeable"): ("kept", MINE, "fresh"),
    ("keepMine", "conflict"): ("kept", MINE, "fresh"),
    ("keepMine", "deleted"): ("kept", TEN, "fresh"),
}


async def bring(editor: Any, root: Path, state: str) -> str:
    """From whatever state into this one, first the disk, then the buffer; the document."""
    uri: str = editor.uri("a.txt")
    text, on_disk = PLACES[state]
    path = root / "a.txt"
    if on_disk is None:
        path.unlink()
    else:
        path.write_text(on_disk, encoding="utf-8")
    if editor.texts[uri] != text:
        editor.put(uri, text)
    await editor.settled()
    await editor.until(lambda: state_shown(editor, uri) == state)
    return uri


def state_shown(editor: Any, uri: str) -> str:
    states = {diagnostic.data["state"] for diagnostic in editor.diagnostics.get(uri, [])} or {"fresh"}
    return str(states.pop()) if len(states) == 1 else f"several: {states}"


async def fixes(editor: Any, uri: str) -> list[str]:
    shown = editor.diagnostics.get(uri, [])
    place = types.Range(types.Position(0, 0), types.Position(10, 0))
    params = types.CodeActionParams(types.TextDocumentIdentifier(uri), place, types.CodeActionContext(shown))
    offered = await editor.client.text_document_code_action_async(params) or []
    # lsprotocol's client takes a code action for a command, with the real one as text inside it.
    named = [re.search(r"'noclobber\.buffer\.(\w+)', 'arguments': \[\{'uri': '(.*?)'\}\]", str(action.command)) for action in offered]
    assert all(found[2] == uri for found in named if found)
    return [found[1] for found in named if found]


@pytest.mark.parametrize("start", PLACES)
async def test_from_one_state_to_every_other_and_back(editor: Any, root: Path, start: str) -> None:
    editor.open("a.txt")
    await editor.settled()
    for there in [state for state in PLACES if state != start]:
        for state in (start, there):
            uri = await bring(editor, root, state)
            shown = {(diagnostic.code, diagnostic.severity) for diagnostic in editor.diagnostics.get(uri, [])}
            expected = SHOWN[state]
            assert shown == (set() if expected is None else {expected}), (start, there)
            assert await fixes(editor, uri) == FIXES[state], (start, there)
    await editor.settled()
    assert editor.messages == []


@pytest.mark.parametrize(("command", "state"), COMMANDS)
async def test_what_each_command_does_in_each_state(editor: Any, root: Path, command: str, state: str) -> None:
    editor.open("a.txt")
    await editor.settled()
    uri = await bring(editor, root, state)
    outcome, text, then = COMMANDS[command, state]
    answer = await editor.command(f"buffer.{command}", {"uri": uri})
    assert (answer["outcome"], answer["state"]) == (outcome, then)
    assert answer["message"]
    assert editor.texts[uri] == text
    await editor.until(lambda: state_shown(editor, uri) == then)
    path = root / "a.txt"
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == PLACES[state][1]  # a command never touches the disk


async def test_every_quick_fix_leads_out_of_its_state_when_it_is_run_as_offered(editor: Any, root: Path) -> None:
    editor.open("a.txt")
    await editor.settled()
    for state, names in FIXES.items():
        for name in names:
            uri = await bring(editor, root, state)
            assert name in await fixes(editor, uri)
            await editor.command(f"buffer.{name}", {"uri": uri})
            await editor.until(lambda uri=uri: state_shown(editor, uri) == "fresh")
            editor.close(uri)
            (root / "a.txt").write_text(TEN, encoding="utf-8")
            editor.open("a.txt")
            await editor.settled()
