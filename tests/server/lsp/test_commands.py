"""The commands that answer from the store and change files, and what is said to bad arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from noclobber_server.lsp.arguments import ActivityQuery, LessonText, OfDocument, RestoreVersion, RevertTurn, SnapshotQuery
from noclobber_server.lsp.panel_asked import Asked

TEN = "".join(f"line {n}\n" for n in range(1, 11))
ONE_URI = [{"uri": "file:///x"}, {"uri": "file:///y"}]


@pytest.mark.parametrize(
    ("command", "arguments", "fault"),
    [
        ("buffer.merge", [], r"required field missing @ arguments\[0\]\.uri"),
        ("buffer.merge", [{"uri": 7}], r"expected a string @ arguments\[0\]\.uri"),
        ("buffer.takeDisk", ["file:///x"], "one object"),
        ("buffer.takeDisk", [None], "one object"),
        ("buffer.keepMine", ONE_URI, "one object"),
        ("buffer.keepMine", [{"uri": "file:///x", "force": True}], r"force.* @ arguments\[0\]"),
        ("snapshots", [{"filePath": []}], r"@ arguments\[0\]\.filePath"),
        ("snapshots", [{"file_path": "a"}], r"file_path.* @ arguments\[0\]"),
        ("activity", [{"limit": "many"}], r"expected a whole number @ arguments\[0\]\.limit"),
        ("activity", [{"limit": True}], r"expected a whole number @ arguments\[0\]\.limit"),
        ("restore", [{"uri": "untitled:x", "hash": "00"}], "not a file in an open workspace"),
        ("restore", [{"uri": "file:///x"}], r"required field missing @ arguments\[0\]\.hash"),
        ("revert", [{"turnId": "t", "dryRun": "yes"}], r"expected true or false @ arguments\[0\]\.dryRun"),
        ("revert", [{}], r"required field missing @ arguments\[0\]\.turnId"),
        ("revert", [{"turnId": "t", "root": "/nowhere"}], r"no such workspace"),
        ("lesson.append", [{}], "a lesson needs"),
        ("lesson.append", [{"diagnostic": "x"}], r"@ arguments\[0\]\.diagnostic"),
        ("nothing", [], "there is no command 'noclobber.nothing'"),
    ],
)
async def test_bad_arguments_are_answered_with_the_fields_path(editor: Any, command: str, arguments: list[Any], fault: str) -> None:
    with pytest.raises(JsonRpcException, match=fault):
        await editor.client.workspace_execute_command_async(types.ExecuteCommandParams(f"noclobber.{command}", arguments))
    await editor.settled()  # a message would have come before this is answered
    assert editor.messages == []


async def test_snapshots_of_all_writers_with_their_state(editor: Any, agent: Any, root: Any) -> None:
    editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    (root / "a.txt").write_text("other\n", encoding="utf-8")
    answer = await editor.command("snapshots", {"agentId": "claude/1"})
    (found,) = answer["snapshots"]
    assert (found["filePath"], found["turnId"], found["intentId"], found["state"]) == ("a.txt", "turn-12", "INT-3", "stale")
    assert found["root"] == str(root)
    everybody = {entry["agentId"] for entry in (await editor.command("snapshots"))["snapshots"]}
    assert {"claude/1"} < everybody


async def test_activity_is_the_newest_events_oldest_first(editor: Any, agent: Any) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "theirs")])
    answer = await editor.command("activity", {"filePath": "a.txt", "agentId": "claude/1"})
    assert [event["kind"] for event in answer["events"]] == ["read", "edit"]
    later = await editor.command("activity", {"afterSeq": answer["events"][0]["seq"], "turnId": "turn-12", "limit": 5})
    assert [event["kind"] for event in later["events"]] == ["edit"]


async def test_restore_brings_a_version_back_and_keeps_what_stood_there(editor: Any, agent: Any, root: Any) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "theirs")])
    newer = (root / "a.txt").read_bytes()
    answer = await editor.command("restore", {"uri": editor.uri("a.txt"), "hash": agent.hash_content(TEN.encode())[:12]})
    assert answer["outcome"] == "done"
    assert (root / "a.txt").read_text(encoding="utf-8") == TEN
    assert agent.content(agent.hash_content(newer)) == newer


async def test_restoring_a_version_that_is_not_kept_says_so(editor: Any, agent: Any) -> None:
    with pytest.raises(JsonRpcException, match="is not kept"):
        await editor.command("restore", {"uri": editor.uri("a.txt"), "hash": "0" * 64})


async def test_reverting_a_turn_takes_its_changes_back_and_keeps_what_came_later(editor: Any, agent: Any, root: Any) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "theirs")])
    agent.as_writer("codex", turn_id="other").edit("a.txt", [("line 9", "kept")])
    await editor.command("revert", {"turnId": "turn-12", "dryRun": True})
    assert "theirs" in (root / "a.txt").read_text(encoding="utf-8")
    await editor.command("revert", {"turnId": "turn-12"})
    assert (root / "a.txt").read_text(encoding="utf-8") == TEN.replace("line 9", "kept")
    assert editor.progress == []


async def test_a_revert_that_later_changes_stand_in_the_way_of_names_them(editor: Any, agent: Any, root: Any) -> None:
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "theirs")])
    agent.as_writer("codex", turn_id="other").edit("a.txt", [("theirs", "later")])
    with pytest.raises(JsonRpcException, match=r"a\.txt"):
        await editor.command("revert", {"turnId": "turn-12"})
    assert "later" in (root / "a.txt").read_text(encoding="utf-8")


async def test_a_lesson_from_a_diagnostic_lands_in_the_lessons_file(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    problem = {"message": "name 'x' is not defined", "source": "ruff", "code": "F821", "line": 2}
    answer = await editor.command("lesson.append", {"uri": uri, "diagnostic": problem, "resolution": "import it"})
    assert answer["success"]
    text = (root / "CLAUDE.md").read_text(encoding="utf-8")
    assert "name 'x' is not defined" in text
    assert "Editing a.txt (ruff F821)" in text
    assert "import it" in text


async def test_a_lesson_in_its_parts(editor: Any, root: Any) -> None:
    parts = {"context": "In tests", "failure": "It failed", "resolution": "Do otherwise"}
    answer = await editor.command("lesson.append", parts)
    assert answer["success"]
    assert answer["uri"] == (root / "CLAUDE.md").as_uri()
    assert "**Failure**: It failed" in (root / "CLAUDE.md").read_text(encoding="utf-8")


async def test_activity_is_told_to_clients_that_ask_for_it(new_editor: Callable[[], Any], agent: Any) -> None:
    asked, silent = new_editor(), new_editor()
    await asked.start(activity=True)
    await silent.start()
    agent.read("a.txt")
    agent.edit("a.txt", [("line 3", "theirs")])
    await asked.until(lambda: any(event.kind == "edit" for told in asked.activity for event in told.events))
    await silent.heard_out()
    assert silent.activity == []
    await asked.stop()
    await silent.stop()


KINDS = {
    "buffer.merge": OfDocument,
    "buffer.takeDisk": OfDocument,
    "buffer.keepMine": OfDocument,
    "snapshots": SnapshotQuery,
    "activity": ActivityQuery,
    "restore": RestoreVersion,
    "revert": RevertTurn,
    "lesson.append": LessonText,
    **{
        f"panel.{name}": Asked
        for name in ("overview", "history", "version", "restore", "revert", "pause", "letLand", "merging", "putBack", "lesson")
    },
}
OTHERS = {"str": 7, "int": "seven", "bool": "yes", "dict": "none"}


async def test_every_field_of_every_command_says_what_it_wants(editor: Any) -> None:
    asked = 0
    for command, kind in KINDS.items():
        fields = {camel(field.name): str(field.type) for field in attrs.fields(kind)}
        required = [camel(field.name) for field in attrs.fields(kind) if field.default is attrs.NOTHING]
        for name, annotation in fields.items():
            plain = next(word for word in ("dict", "bool", "int", "str") if word in annotation)
            for wrong in (OTHERS[plain], [], {"x": 1} if plain != "dict" else [1]):
                given = {**dict.fromkeys(required, "x"), name: wrong}
                assert f"arguments[0].{name}" in await refused(editor, command, [given]), (command, name, wrong)
                asked += 1
        for name in required:
            assert f"required field missing @ arguments[0].{name}" in await refused(editor, command, [{}])
        for arguments in ([1], ["x"], [None], [[]], [{}, {}]):
            assert "expected one object" in await refused(editor, command, arguments)
        assert "unheardOf" in await refused(editor, command, [{**dict.fromkeys(required, "x"), "unheardOf": 1}])
    assert asked > 500
    await editor.settled()
    assert editor.messages == []


async def refused(editor: Any, command: str, arguments: list[Any]) -> str:
    with pytest.raises(JsonRpcException) as told:
        await editor.client.workspace_execute_command_async(types.ExecuteCommandParams(f"noclobber.{command}", arguments))
    assert told.value.code == -32602
    return str(told.value)


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
