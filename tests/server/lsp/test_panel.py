"""The commands of the agent panel, asked through a real client of a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from noclobber import ConcurrencyGuard, StaleFileError, UnsavedEditsError

TEN = "".join(f"line {n}\n" for n in range(1, 11))


async def overview(editor: Any, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = await editor.command("panel.overview", more)
    return found


async def test_a_turn_is_shown_with_its_files_and_lines(editor: Any, agent: ConcurrencyGuard) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3\n", "line three\nand more\n")])
    agent.write("b.txt", b"new\n")
    (turn,) = (await overview(editor))["turns"]
    assert (turn["agentId"], turn["turnId"], turn["intentId"]) == ("claude/1", "turn-12", "INT-3")
    assert [(file["filePath"], file["kind"], file["added"], file["removed"]) for file in turn["files"]] == [
        ("a.txt", "edit", 2, 1),
        ("b.txt", "create", 1, 0),
    ]
    assert (turn["added"], turn["removed"], turn["revertible"], turn["reverted"]) == (3, 1, True, False)


async def test_what_a_turn_took_back_itself_is_no_change(editor: Any, agent: ConcurrencyGuard) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3\n", "x\n")])
    agent.edit("a.txt", [("x\n", "line 3\n")])
    assert (await overview(editor))["turns"] == []


async def test_a_change_found_before_its_writer_put_it_on_record_is_shown_once(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    before = agent.read("a.txt").snapshot.read_hash
    (root / "a.txt").write_text("by the agent's own tool\n", encoding="utf-8")
    after = agent.as_writer("somebody else").read("a.txt").snapshot.read_hash
    assert [turn["agentId"] for turn in (await overview(editor))["turns"]] == ["outside"]
    agent.record("write", file_path="a.txt", before_hash=before, after_hash=after, turn_id="turn-1")
    assert [turn["agentId"] for turn in (await overview(editor))["turns"]] == [agent.agent_id]


async def test_a_refusal_names_who_made_it_stale_and_counts(editor: Any, agent: ConcurrencyGuard) -> None:
    agent.read("a.txt")
    bob = agent.as_writer("codex/bob", turn_id="b-1")
    bob.edit("a.txt", [("line 9", "nine")])
    with pytest.raises(StaleFileError):
        agent.write("a.txt", b"mine\n")
    found = await overview(editor)
    (refused,) = next(turn for turn in found["turns"] if turn["agentId"] == "claude/1")["refused"]
    assert (refused["filePath"], refused["type"], refused["changedBy"]) == ("a.txt", "STALE_FILE", "codex/bob")
    assert found["refusals"] == 1


async def test_what_was_looked_at_is_gone_and_comes_back_on_request(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    agent.write("b.txt", b"1\n")
    seen = (await overview(editor))["lastSeq"][str(root)]
    agent.write("c.txt", b"2\n")
    await editor.command("panel.looked", {"root": str(root), "seq": seen})
    (turn,) = (await overview(editor))["turns"]
    assert [file["filePath"] for file in turn["files"]] == ["c.txt"]
    (earlier,) = (await overview(editor, earlier=True))["turns"]
    assert [file["filePath"] for file in earlier["files"]] == ["b.txt", "c.txt"]


async def test_a_reverted_turn_says_so(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "three")])
    answer = await editor.command("panel.revert", {"root": str(root), "turnId": "turn-12", "agentId": "claude/1"})
    assert answer["done"]
    assert (root / "a.txt").read_text(encoding="utf-8") == TEN
    (turn,) = (await overview(editor))["turns"]
    assert (turn["reverted"], turn["revertible"]) == (True, False)


async def test_what_a_revert_would_touch_is_every_file_of_the_turn_whatever_it_was_for(
    editor: Any, agent: ConcurrencyGuard, root: Path
) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "three")])
    agent.as_writer("claude/1", turn_id="turn-12", intent_id="another").write("b.txt", b"new\n")
    assert [len(turn["files"]) for turn in (await overview(editor))["turns"]] == [1, 1]
    turn = {"root": str(root), "turnId": "turn-12", "agentId": "claude/1"}
    would = await editor.command("panel.revert", {**turn, "dryRun": True})
    assert (would["done"], sorted(would["files"])) == (True, ["a.txt", "b.txt"])
    assert (root / "b.txt").exists()
    assert sorted((await editor.command("panel.revert", turn))["files"]) == ["a.txt", "b.txt"]
    assert not (root / "b.txt").exists()


async def test_who_wrote_a_line_is_asked_of_the_line_that_is_meant_in_the_editor(editor: Any, agent: ConcurrencyGuard) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 5", "five")])
    uri = editor.open("a.txt")
    editor.type(uri, "line 1\n", "line 1\nunsaved\n")
    found = await editor.command("panel.line", {"uri": uri, "line": 5})
    assert (found["line"], found["event"]["agentId"]) == (4, "claude/1")
    assert (await editor.command("panel.line", {"uri": uri, "line": 4}))["event"] is None
    assert (await editor.command("panel.line", {"uri": uri, "line": 1}))["line"] is None


async def test_a_revert_that_cannot_be_made_names_what_stands_in_the_way(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "three")])
    bob = agent.as_writer("codex/bob", turn_id="b-1")
    bob.edit("a.txt", [("three", "drei")])
    answer = await editor.command("panel.revert", {"root": str(root), "turnId": "turn-12"})
    assert not answer["done"]
    assert "a.txt" in answer["message"]


async def test_writers_are_shown_with_what_they_hold_and_who_made_it_stale(editor: Any, agent: ConcurrencyGuard) -> None:
    agent.read("a.txt")
    bob = agent.as_writer("codex/bob", turn_id="b-1")
    bob.edit("a.txt", [("line 9", "nine")])
    found = {one["agentId"]: one for one in (await editor.command("panel.writers", {}))["writers"]}
    assert [(file["filePath"], file["state"], file["staleBy"]) for file in found["claude/1"]["files"]] == [("a.txt", "stale", "codex/bob")]
    assert found["codex/bob"]["turnId"] == "b-1"


async def test_an_agent_stopped_by_unsaved_edits_waits_and_is_asked_about_at_the_second_time(editor: Any, agent: ConcurrencyGuard) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 3", "mine")
    agent.read("a.txt")
    await editor.settled()
    with pytest.raises(UnsavedEditsError):
        agent.edit("a.txt", [("line 3", "theirs")])
    first = await overview(editor)
    assert [(one["agentId"], one["filePath"], one["count"]) for one in first["blocked"]] == [("claude/1", "a.txt", 1)]
    assert first["decisions"] == []
    with pytest.raises(UnsavedEditsError):
        agent.edit("a.txt", [("line 3", "theirs")])
    assert [one["kind"] for one in (await overview(editor))["decisions"]] == ["blocked"]
    await editor.save(uri)
    await editor.settled()
    assert (await overview(editor))["blocked"] == []


async def test_a_blocked_write_is_let_land_and_the_buffer_keeps_its_text(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 3", "mine")
    agent.read("a.txt")
    await editor.settled()
    theirs = TEN.replace("line 3", "theirs")
    with pytest.raises(UnsavedEditsError):
        agent.write("a.txt", theirs.encode())
    (waiting,) = (await overview(editor))["blocked"]
    place = {name: waiting[name] for name in ("root", "filePath", "seq")}
    assert (await editor.command("panel.letLand", place))["done"]
    assert (root / "a.txt").read_text(encoding="utf-8") == theirs
    assert "mine" in editor.texts[uri]
    await editor.shown(uri, "stale-conflict")


async def test_a_blocked_edit_lands_too(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 3", "mine")
    agent.read("a.txt")
    await editor.settled()
    with pytest.raises(UnsavedEditsError):
        agent.edit("a.txt", [("line 3", "theirs")])
    (waiting,) = (await overview(editor))["blocked"]
    assert (await editor.command("panel.letLand", {name: waiting[name] for name in ("root", "filePath", "seq")}))["done"]
    assert (root / "a.txt").read_text(encoding="utf-8") == TEN.replace("line 3", "theirs")


async def test_where_the_refused_text_is_never_kept_the_agent_may_write_until_the_next_keystroke(
    editor: Any, agent: ConcurrencyGuard, root: Path
) -> None:
    (root / ".env").write_text(TEN, encoding="utf-8")
    uri = editor.open(".env")
    editor.type(uri, "line 3", "mine")
    agent.read(".env")
    await editor.settled()
    with pytest.raises(UnsavedEditsError):
        agent.edit(".env", [("line 3", "theirs")])
    (waiting,) = (await overview(editor))["blocked"]
    answer = await editor.command("panel.letLand", {name: waiting[name] for name in ("root", "filePath", "seq")})
    assert "until you type" in answer["message"]
    assert agent.edit(".env", [("line 3", "theirs")]).outcome == "done"


async def test_a_third_refusal_on_one_file_needs_a_person(editor: Any, agent: ConcurrencyGuard) -> None:
    agent.read("a.txt")
    agent.as_writer("codex/bob").edit("a.txt", [("line 9", "nine")])
    for _ in range(3):
        with pytest.raises(StaleFileError):
            agent.write("a.txt", b"mine\n")
    (decision,) = (await overview(editor))["decisions"]
    assert decision["kind"] == "refusedAgain"
    assert "claude/1 was refused 3 times" in decision["message"]


async def test_merging_answers_with_the_text_to_put_in_after_a_revert(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine")
    agent.read("a.txt")
    agent.edit("a.txt", [("line 9", "theirs")])
    asked = {"uri": uri, "choice": "merge", "mine": editor.texts[uri]}
    answer = await editor.command("panel.merging", asked)
    assert answer["state"] == "merged"
    assert answer["text"] == TEN.replace("line 2", "mine").replace("line 9", "theirs")
    assert answer["disk"] == (root / "a.txt").read_text(encoding="utf-8")


async def test_a_text_put_back_after_a_revert_has_not_seen_what_the_disk_says(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine")
    mine = editor.texts[uri]
    agent.read("a.txt")
    agent.edit("a.txt", [("line 9", "theirs")])
    asked = {"uri": uri, "choice": "merge", "mine": mine}
    answer = await editor.command("panel.merging", asked)
    agent.edit("a.txt", [("line 7", "later")])
    editor.put(uri, (root / "a.txt").read_text(encoding="utf-8"))  # the revert finds another version than was merged with
    await editor.settled()
    editor.put(uri, mine)
    assert answer["disk"] != (root / "a.txt").read_text(encoding="utf-8")
    assert await editor.command("panel.putBack", {"uri": uri}) == {"state": "mergeable"}
    again = await editor.command("panel.merging", asked)
    assert again["text"] == TEN.replace("line 2", "mine").replace("line 9", "theirs").replace("line 7", "later")
    editor.put(uri, (root / "a.txt").read_text(encoding="utf-8"))
    editor.put(uri, mine)  # before anybody looked
    assert await editor.command("panel.putBack", {"uri": uri}) == {"state": "mergeable"}
    agent.write("a.txt", TEN.replace("line 2", "mine, too").encode(), override=True)
    await editor.shown(uri, "stale-conflict")


async def test_a_merge_of_the_same_lines_is_declined_in_words(editor: Any, agent: ConcurrencyGuard) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine")
    agent.read("a.txt")
    await editor.settled()
    agent.write("a.txt", TEN.replace("line 2", "theirs").encode(), override=True)
    with pytest.raises(JsonRpcException, match="Both sides changed"):
        await editor.command("panel.merging", {"uri": uri, "choice": "merge", "mine": editor.texts[uri]})


async def test_text_given_up_for_the_disks_version_can_be_restored(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine")
    agent.read("a.txt")
    agent.edit("a.txt", [("line 9", "theirs")])
    mine = editor.texts[uri]
    answer = await editor.command("panel.merging", {"uri": uri, "choice": "takeDisk", "mine": mine})
    assert answer["text"] == answer["disk"]
    editor.put(uri, answer["disk"])
    await editor.settled()  # the text is unsaved no more, and what only a buffer needed has gone
    entries = (await editor.command("panel.history", {"uri": uri}))["entries"]
    given_up = next(entry for entry in entries if "given up" in entry["kind"])
    assert given_up["kept"]
    await editor.command("panel.restore", {"root": str(root), "filePath": "a.txt", "hash": given_up["afterHash"]})
    assert (root / "a.txt").read_text(encoding="utf-8") == mine


async def test_what_a_save_overwrote_before_it_was_on_record_is_among_the_versions_to_restore(
    editor: Any, agent: ConcurrencyGuard, root: Path
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine")
    await editor.settled()
    theirs = TEN.replace("line 2", "theirs")
    (root / "a.txt").write_text(theirs, encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    await editor.save(uri)
    await editor.until(lambda: editor.questions)
    entries = (await editor.command("panel.history", {"uri": uri}))["entries"]
    assert [(entry["kept"], entry["afterHash"]) for entry in entries if entry["kind"] != "save"] == [
        (True, agent.hash_content(theirs.encode()))
    ]
    await editor.command("panel.restore", {"root": str(root), "filePath": "a.txt", "hash": entries[0]["afterHash"]})
    assert (root / "a.txt").read_text(encoding="utf-8") == theirs


async def test_a_choice_made_right_after_opening_waits_until_the_file_is_known(
    editor: Any, agent: ConcurrencyGuard, root: Path, nobody_writes: Any
) -> None:
    (root / "b.txt").write_text("other", encoding="utf-8")
    other = editor.open("b.txt")
    await editor.settled()
    with nobody_writes():
        editor.type(other, "other", "typed")  # putting that on record takes as long as we like, and what comes next waits
        uri = editor.open("a.txt")
        choice = {"uri": uri, "choice": "takeDisk", "mine": editor.texts[uri]}
        asked = types.ExecuteCommandParams("noclobber.panel.merging", [choice])
        choosing = asyncio.ensure_future(editor.client.workspace_execute_command_async(asked))
        saving = asyncio.ensure_future(editor.about_to_save(uri, types.TextDocumentSaveReason.AfterDelay))
        await saving  # answered at once: the choice, sent before it, has been taken in
    assert (await choosing)["text"] == editor.texts[uri]


async def test_history_line_version_event_and_reason(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 9", "nine")])
    entries = (await editor.command("panel.history", {"uri": (root / "a.txt").as_uri()}))["entries"]
    (entry,) = [one for one in entries if one["kind"] == "edit"]
    line = await editor.command("panel.line", {"uri": (root / "a.txt").as_uri(), "line": 8})
    assert line["event"]["agentId"] == "claude/1"
    assert (await editor.command("panel.line", {"uri": (root / "a.txt").as_uri(), "line": 99}))["event"] is None
    version = await editor.command("panel.version", {"root": str(root), "hash": entry["beforeHash"]})
    assert version["text"] == TEN
    gone = await editor.command("panel.version", {"root": str(root), "hash": "0" * 64})
    assert gone["text"] is None
    assert gone["message"]
    assert (await editor.command("panel.event", {"root": str(root), "seq": entry["seq"]}))["afterHash"] == entry["afterHash"]
    assert "claude/1" in (await editor.command("panel.why", {"root": str(root), "seq": entry["seq"]}))["text"]


async def test_pausing_and_resuming_change_the_mode(editor: Any, agent: ConcurrencyGuard) -> None:
    await editor.command("panel.pause", {"seconds": 60})
    assert [root["mode"] for root in (await overview(editor))["roots"]] == ["paused"]
    await editor.command("panel.pause", {"seconds": 0})
    assert [root["mode"] for root in (await overview(editor))["roots"]] == ["guarding"]


async def test_a_folder_where_no_state_can_be_kept_is_not_guarded_and_says_why(new_editor: Any, root: Path) -> None:
    (root / ".noclobber").write_text("in the way\n", encoding="utf-8")
    running = new_editor()
    await running.start()
    (state,) = (await overview(running))["roots"]
    assert state["mode"] == "notGuarding"
    assert ".noclobber" in state["reason"]
    await running.stop()


async def test_the_timeline_has_a_lane_for_each_writer(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    agent.read("a.txt")
    agent.as_writer("codex/bob", turn_id="b-1").edit("a.txt", [("line 9", "nine")])
    picture = await editor.command("panel.timeline", {"minutes": 5})
    assert picture["root"] == str(root)
    assert {lane["id"] for lane in picture["data"]["lanes"]} >= {"claude/1", "codex/bob"}
    turn = await editor.command("panel.timeline", {"root": str(root), "turnId": "b-1", "agentId": "codex/bob"})
    assert "b-1 of codex/bob" in turn["data"]["title"]


async def test_a_lesson_is_listed_found_edited_and_removed(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    lesson = {"context": "testing", "failure": "the cart was empty", "resolution": "fill it"}
    await editor.command("lesson.append", lesson)
    (row,) = (await editor.command("panel.lessons", {}))["lessons"]
    assert (row["state"], row["failure"]) == ("live", "the cart was empty")
    text = (root / "CLAUDE.md").read_text(encoding="utf-8")
    assert text.split("\n")[row["line"] - 1].startswith("## Lesson Learned")
    assert [one["id"] for one in (await editor.command("panel.lessons", {"query": "cart"}))["lessons"]] == [row["id"]]
    place = {"root": str(root), "id": row["id"]}
    assert (await editor.command("panel.lesson", {**place, "action": "edit", **lesson, "resolution": "fill it first"}))["done"]
    assert "fill it first" in (root / "CLAUDE.md").read_text(encoding="utf-8")
    assert (await editor.command("panel.lesson", {**place, "action": "remove"}))["done"]
    assert "the cart was empty" not in (root / "CLAUDE.md").read_text(encoding="utf-8")
    with pytest.raises(JsonRpcException, match="nothing that can be done"):
        await editor.command("panel.lesson", {**place, "action": "frame"})


async def test_an_edit_of_one_part_of_a_lesson_leaves_the_lines_of_the_others(editor: Any, root: Path) -> None:
    await editor.command("lesson.append", {"context": "testing", "failure": "line one\nline two", "resolution": "fill it"})
    (row,) = (await editor.command("panel.lessons", {}))["lessons"]
    edit = {"root": str(root), "id": row["id"], "action": "edit"}
    assert (await editor.command("panel.lesson", {**edit, "resolution": "fill it first"}))["done"]
    text = (root / "CLAUDE.md").read_text(encoding="utf-8")
    assert "**Failure**: line one\n  line two\n" in text
    assert "**Context**: testing" in text
    assert "fill it first" in text
    assert (await editor.command("panel.lesson", {**edit, "context": ""}))["done"]
    assert "testing" not in (root / "CLAUDE.md").read_text(encoding="utf-8")


async def test_a_lesson_without_parts_is_edited_as_what_went_wrong(editor: Any, root: Path) -> None:
    await editor.command("lesson.append", {"lesson": "all in one"})
    (row,) = (await editor.command("panel.lessons", {}))["lessons"]
    assert row["failure"] == "all in one"
    edit = {"root": str(root), "id": row["id"], "action": "edit"}
    await editor.command("panel.lesson", {**edit, "resolution": "do it"})
    assert "all in one" in (root / "CLAUDE.md").read_text(encoding="utf-8")
    await editor.command("panel.lesson", {**edit, "failure": "said better"})
    text = (root / "CLAUDE.md").read_text(encoding="utf-8")
    assert "said better" in text
    assert "all in one" not in text


async def test_bad_arguments_are_answered_with_the_field(editor: Any) -> None:
    with pytest.raises(JsonRpcException, match=r"arguments\[0\]\.seq"):
        await editor.command("panel.event", {"seq": "one"})
