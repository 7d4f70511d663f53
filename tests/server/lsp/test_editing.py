"""Ways out of a stale buffer: merge, take the disk's version, keep mine; the truth is the next change, not the client's answer."""

from __future__ import annotations

from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

TEN = "".join(f"line {n}\n" for n in range(1, 11))


async def stale(editor: Any, agent: Any, mine: str = "mine 2", theirs: str = "line 8") -> str:
    uri: str = editor.open("a.txt")
    editor.type(uri, "line 2", mine)
    await editor.settled()
    agent.edit("a.txt", [(theirs, "theirs")])
    await editor.until(lambda: editor.diagnostics.get(uri))
    return uri


async def fixes(editor: Any, uri: str) -> list[Any]:
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(uri),
        types.Range(types.Position(0, 0), types.Position(0, 0)),
        types.CodeActionContext(editor.diagnostics[uri]),
    )
    return list(await editor.client.text_document_code_action_async(params))


def titles(found: list[Any]) -> list[str]:
    return [fix.title for fix in found]


async def test_merge_puts_the_disks_changes_beside_mine_and_the_save_then_simply_works(editor: Any, agent: Any, root: Any) -> None:
    uri = await stale(editor, agent)
    answer = await editor.command("buffer.merge", {"uri": uri})
    assert (answer["outcome"], answer["state"]) == ("merged", "fresh")
    assert editor.texts[uri] == TEN.replace("line 2", "mine 2").replace("line 8", "theirs")
    await editor.shown(uri, None)
    await editor.save(uri)
    await editor.heard_out()
    assert (root / "a.txt").read_text(encoding="utf-8") == editor.texts[uri]
    assert editor.questions == []
    save = agent.events(kind="save")[-1]
    assert (save.outcome, save.agent_id.rsplit(":", 1)[0]) == ("done", "editor:Test")
    assert save.after_hash == agent.hash_content(editor.texts[uri].encode())


async def test_a_late_keystroke_makes_the_merge_be_computed_again(editor: Any, agent: Any) -> None:
    uri = await stale(editor, agent)

    def type_once() -> None:
        editor.before_apply = None
        editor.type(uri, "line 5", "late 5")

    editor.before_apply = type_once
    answer = await editor.command("buffer.merge", {"uri": uri})
    assert answer["outcome"] == "merged"
    assert editor.texts[uri] == TEN.replace("line 2", "mine 2").replace("line 8", "theirs").replace("line 5", "late 5")
    assert len(editor.asked_edits) == 2


async def test_a_client_that_says_applied_and_did_not_is_found_out(editor: Any, agent: Any) -> None:
    uri = await stale(editor, agent)
    editor.lies = True

    def type_once() -> None:
        editor.before_apply = None
        editor.type(uri, "line 5", "late 5")

    editor.before_apply = type_once
    answer = await editor.command("buffer.merge", {"uri": uri})
    assert answer["outcome"] == "merged"
    assert "theirs" in editor.texts[uri]


async def test_a_buffer_that_never_stops_changing_is_given_up_after_three_tries(editor: Any, agent: Any) -> None:
    uri = await stale(editor, agent)
    count = iter(range(100))
    editor.before_apply = lambda: editor.type(uri, "line 5", f"line 5 {next(count)}")
    answer = await editor.command("buffer.merge", {"uri": uri})
    assert answer["outcome"] == "refused"
    assert len(editor.asked_edits) == 3
    assert "theirs" not in editor.texts[uri]


async def test_merging_a_conflict_changes_nothing_and_names_the_lines(editor: Any, agent: Any) -> None:
    uri: str = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (editor.root / "a.txt").write_text(TEN.replace("line 2", "theirs 2"), encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    answer = await editor.command("buffer.merge", {"uri": uri})
    assert answer["outcome"] == "conflict"
    assert "line 2" in answer["message"]
    assert editor.asked_edits == []


async def test_take_disk_makes_the_buffer_what_the_disk_is(editor: Any, agent: Any, root: Any) -> None:
    uri = await stale(editor, agent)
    answer = await editor.command("buffer.takeDisk", {"uri": uri})
    assert answer["outcome"] == "taken"
    assert editor.texts[uri] == (root / "a.txt").read_text(encoding="utf-8")
    await editor.shown(uri, None)
    (row,) = agent.workspace.store.buffers("a.txt")
    assert not row.unsaved


async def test_keep_mine_silences_it_and_the_displaced_version_stays_restorable(editor: Any, agent: Any, root: Any) -> None:
    uri = await stale(editor, agent)
    theirs = (root / "a.txt").read_bytes()
    answer = await editor.command("buffer.keepMine", {"uri": uri})
    assert answer["outcome"] == "kept"
    await editor.shown(uri, None)
    await editor.save(uri)
    await editor.heard_out()
    assert editor.questions == []
    assert agent.events(kind="save")[-1].outcome == "done"
    assert agent.content(agent.hash_content(theirs)) == theirs


@pytest.mark.parametrize("by", ["an agent", "somebody"])
async def test_of_versions_that_the_kept_text_knowingly_passed_over_no_save_speaks(editor: Any, agent: Any, root: Any, by: str) -> None:
    uri: str = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.read("a.txt")
    for word in ("first", "second"):
        if by == "an agent":
            agent.edit("a.txt", [("line 8" if word == "first" else "first", word)])
        else:
            (root / "a.txt").write_text(TEN.replace("line 8", word), encoding="utf-8")
        await editor.until(
            lambda word=word: [d.related_information[0].message for d in editor.diagnostics.get(uri, [])] == [f"On disk now: {word}"]
        )
    assert (await editor.command("buffer.keepMine", {"uri": uri}))["outcome"] == "kept"
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: agent.events(kind="save"))
    (save,) = agent.events(kind="save")
    passed_over = agent.hash_content(TEN.replace("line 8", "second").encode())
    assert (save.outcome, save.detail, save.before_hash) == ("done", None, passed_over)
    (root / "a.txt").write_text("later\n", encoding="utf-8")
    editor.type(uri, "line 3", "mine 3")
    await editor.shown(uri, "stale-conflict")  # and by then a question about the save would have come
    assert editor.questions == []
    assert agent.content(passed_over) is not None


async def test_crlf_buffers_are_merged_in_their_own_line_ends(editor: Any, root: Any) -> None:
    (root / "a.txt").write_bytes(TEN.replace("\n", "\r\n").encode())
    uri = editor.open("a.txt", TEN.replace("\n", "\r\n"))
    identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=2)
    mine = TEN.replace("line 2", "mine 2").replace("\n", "\r\n")
    editor.texts[uri], editor.versions[uri] = mine, 2
    editor.client.text_document_did_change(
        types.DidChangeTextDocumentParams(identifier, [types.TextDocumentContentChangeWholeDocument(mine)])
    )
    await editor.settled()
    (root / "a.txt").write_bytes(TEN.replace("line 8", "theirs").replace("\n", "\r\n").encode())
    await editor.shown(uri, "stale-buffer")
    await editor.command("buffer.merge", {"uri": uri})
    assert editor.texts[uri] == mine.replace("line 8", "theirs")


async def test_the_fixes_offered_follow_the_state(editor: Any, agent: Any) -> None:
    uri = await stale(editor, agent)
    found = titles(await fixes(editor, uri))
    assert found[:3] == ["Merge the disk's changes into this buffer", "Take the disk's version", "Keep mine, knowingly"]
    assert found[3].startswith("Record a lesson from this problem: Changed on disk by claude/1")
    editor.type(uri, "line 8", "mine 8")
    await editor.shown(uri, "stale-conflict")
    assert titles(await fixes(editor, uri))[:2] == ["Take the disk's version", "Keep mine, knowingly"]


async def test_a_lesson_is_offered_for_any_problem_of_any_source(editor: Any) -> None:
    uri = editor.open("a.txt")
    problem = types.Diagnostic(
        types.Range(types.Position(1, 0), types.Position(1, 4)), "name 'x' is not defined", source="ruff", code="F821"
    )
    editor.diagnostics[uri] = [problem]
    assert titles(await fixes(editor, uri)) == ["Record a lesson from this problem: name 'x' is not defined"]


@pytest.mark.parametrize("name", ["package-lock.json", "notes.ipynb"])
async def test_files_whose_lines_mean_nothing_are_not_merged(editor: Any, root: Any, name: str) -> None:
    (root / name).write_text(TEN, encoding="utf-8")
    uri = editor.open(name)
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / name).write_text(TEN.replace("line 8", "theirs"), encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    assert (await editor.command("buffer.merge", {"uri": uri}))["outcome"] == "conflict"


async def test_hover_says_who_wrote_the_line(editor: Any, agent: Any) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 8", "theirs 8")])
    uri = editor.open("a.txt")
    editor.type(uri, "line 1", "above\nline 1")
    await editor.settled()

    async def hover(line: int) -> str | None:
        found = await editor.client.text_document_hover_async(types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(line, 0)))
        return None if found is None else found.contents.value

    assert "**claude/1 (turn-12, INT-3)** wrote this line" in (await hover(8) or "")
    assert await hover(4) is None
    assert "not on disk" in (await hover(0) or "")


async def test_commands_on_a_document_that_is_not_open_say_so(editor: Any) -> None:
    with pytest.raises(JsonRpcException, match=r"open under this name @ arguments\[0\]\.uri"):
        await editor.command("buffer.merge", {"uri": "file:///nowhere/x.txt"})
