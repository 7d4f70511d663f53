from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard

FILE_TOOLS = ("read_file", "write_to_file", "edit_file")
OTHER_TOOLS = ("append_lesson_to_claude", "check_files", "query_snapshots", "search_lessons")
BASE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text(BASE, encoding="utf-8")
    return path


async def test_the_seven_tools_are_there_and_four_without_the_file_tools(connected: Any) -> None:
    for files, names in ((True, FILE_TOOLS + OTHER_TOOLS), (False, OTHER_TOOLS)):
        async with connected(files=files) as agent:
            tools = (await agent().client.list_tools()).tools
            assert tuple(tool.name for tool in tools) == names
            assert all(tool.annotations is not None and tool.output_schema and tool.description for tool in tools)
            assert {tool.name for tool in tools if not tool.annotations.read_only_hint} == {
                "write_to_file", "edit_file", "append_lesson_to_claude"
            } & set(names)  # fmt: skip


async def test_what_stands_in_every_context_is_short(connected: Any) -> None:
    async with connected() as agent:
        tools = (await agent().client.list_tools()).tools
    shown = json.dumps(
        [{"name": t.name, "description": t.description, "input_schema": t.input_schema} for t in tools], separators=(",", ":")
    )
    assert len(shown) / 3 < 1200, len(shown)


async def test_a_read_gives_text_hash_and_lines(connected: Any, file: Path, guard: ConcurrencyGuard) -> None:
    async with connected() as agent:
        a = agent("A")
        whole = await a.did("read_file", path="a.txt")
        assert (whole["content"], whole["lines"], whole["total_lines"]) == (BASE, None, 8)
        assert whole["read_hash"] == guard.hash_content(file.read_bytes())
        assert whole["notices"] == []
        part = await agent("B").did("read_file", path="a.txt", start_line=2, end_line=3)
        assert (part["content"], part["lines"]) == ("two\nthree\n", [2, 3])
    snapshot = guard.as_writer("B").get_snapshot("a.txt")
    assert snapshot is not None
    assert snapshot.lines == ((2, 3),)


async def test_only_the_changes_since_the_last_read_are_shown_and_count_as_read(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        await a.did("read_file", path="a.txt")
        await b.did("read_file", path="a.txt")
        unchanged = await a.did("read_file", path="a.txt", changes_only=True)
        assert (unchanged["unchanged"], unchanged["content"]) == (True, "")
        await b.did("edit_file", path="a.txt", edits=[{"old": "two", "new": "TWO"}])
        changes = await a.did("read_file", path="a.txt", changes_only=True)
        assert "-two\n+TWO" in changes["content"]
        assert "eight" not in changes["content"]
        await a.did("write_to_file", path="a.txt", content=BASE.replace("two", "TWO").replace("one", "ONE"))
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO").replace("one", "ONE")


async def test_the_changes_of_a_file_read_in_part_do_not_count_as_the_whole(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        await a.did("read_file", path="a.txt", start_line=1, end_line=2)
        await b.did("edit_file", path="a.txt", edits=[{"old": "seven", "new": "SEVEN"}])
        await a.did("read_file", path="a.txt", changes_only=True)
        refusal = await a.refused("write_to_file", path="a.txt", content="x\n")
    assert refusal["type"] == "UNREAD_FILE"


async def test_a_stale_write_is_refused_with_all_a_model_needs(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        await a.did("read_file", path="a.txt")
        await b.did("read_file", path="a.txt")
        await a.did("write_to_file", path="a.txt", content=BASE.replace("two", "TWO"), turn_id="t1", intent_id="INT-1")
        result = await b("write_to_file", path="a.txt", content=BASE.replace("seven", "SEVEN"))
        assert result.is_error
        refusal = result.structured_content
        assert refusal["type"] == "STALE_FILE"
        assert refusal["mergeable"] is True
        assert [(change["agent_id"], change["turn_id"], change["intent_id"]) for change in refusal["changed_by"]] == [("A", "t1", "INT-1")]
        assert "+TWO" in refusal["diff"]
        assert result.content[0].text.startswith("STALE_FILE: a.txt was modified since you read it by A (t1, INT-1)")
        again = await b("write_to_file", path="a.txt", content=BASE.replace("seven", "SEVEN"))
        assert again.content[0].text == result.content[0].text
        merged = await b.did("write_to_file", path="a.txt", content=BASE.replace("seven", "SEVEN"), on_stale="merge")
    assert merged["outcome"] == "merged"
    assert "+TWO" in merged["merged_diff"]
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO").replace("seven", "SEVEN")


async def test_a_write_waits_for_one_who_is_between_check_and_write_and_is_refused_after_two_seconds(
    connected: Any, file: Path, guard: ConcurrencyGuard
) -> None:
    edits = [{"old": "two", "new": "TWO"}]
    async with connected() as agent:
        a = agent("A")
        await a.did("read_file", path="a.txt")
        lease = guard.lease("a.txt")
        begun = time.monotonic()
        refused = await a.refused("edit_file", path="a.txt", edits=edits)
        assert refused["type"] == "LEASED"
        assert "observer" in refused["message"]
        assert 1.9 <= time.monotonic() - begun < 8
        waiting = asyncio.ensure_future(a.did("edit_file", path="a.txt", edits=edits))
        while len(guard.events(agent_id="A", outcome="refused")) < 3:  # two of the first call, one of this
            await asyncio.sleep(0)
        guard.release(lease)
        assert (await waiting)["outcome"] == "done"
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO")


async def test_a_read_hash_counts_only_for_whom_it_was_given(connected: Any, file: Path) -> None:
    async with connected() as agent:
        given = (await agent("A").did("read_file", path="a.txt"))["read_hash"]
        refusal = await agent("B").refused("write_to_file", path="a.txt", content="x\n", read_hash=given)
        assert refusal["type"] == "UNREAD_FILE"
        assert (await agent("A").did("write_to_file", path="a.txt", content="x\n", read_hash=given))["outcome"] == "done"


async def test_a_new_file_is_made_with_its_folders(connected: Any, project: Path) -> None:
    async with connected() as agent:
        done = await agent("A").did("write_to_file", path="deep/er/b.txt", content="x\n")
        assert done["outcome"] == "done"
    assert (project / "deep/er/b.txt").read_bytes() == b"x\n"


async def test_text_keeps_the_files_own_form(connected: Any, project: Path) -> None:
    path = project / "w.txt"
    path.write_bytes("\ufeffä\r\nb\r\n".encode("utf-16-le"))
    async with connected() as agent:
        a = agent("A")
        assert (await a.did("read_file", path="w.txt"))["content"] == "ä\nb\n"
        await a.did("edit_file", path="w.txt", edits=[{"old": "ä\nb", "new": "ö\nc"}])
        assert path.read_bytes() == "\ufeffö\r\nc\r\n".encode("utf-16-le")
        await a.did("write_to_file", path="w.txt", content="x\ny\n")
    assert path.read_bytes() == "\ufeffx\r\ny\r\n".encode("utf-16-le")


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("read_file", {"path": "absent.txt"}, "There is no file"),
        ("read_file", {"path": "a.txt", "start_line": 3, "end_line": 2}, "make no range"),
        ("read_file", {"path": "binary"}, "is not text"),
        ("read_file", {"path": "../../etc/passwd"}, "OUTSIDE_WORKSPACE"),
        ("read_file", {"path": ""}, "path"),
        ("read_file", {"path": "."}, "folder"),
        ("read_file", {"path": "a\0b"}, "NUL"),
        ("write_to_file", {"path": ".git/config", "content": "x"}, "OUTSIDE_WORKSPACE"),
        ("write_to_file", {"path": "a.txt", "content": "x"}, "UNREAD_FILE"),
        ("edit_file", {"path": "a.txt", "edits": [{"old": "absent", "new": "x"}]}, "EDIT_NOT_FOUND"),
        ("edit_file", {"path": "a.txt", "edits": [{"old": "e", "new": "x"}]}, "EDIT_AMBIGUOUS"),
        ("check_files", {"paths": ["../x"]}, "OUTSIDE_WORKSPACE"),
        ("edit_file", {"path": "a.txt"}, "edits"),
        ("edit_file", {"path": "a.txt", "edits": []}, "There is no edit to make"),
        ("edit_file", {"path": "a.txt", "edits": [{"old": "", "new": "x"}]}, "EDIT_"),
        ("edit_file", {"path": "a.txt", "edits": [{"old": "one"}]}, "new"),
        ("read_file", {"path": "a.txt", "agent_id": "a\nb"}, "The agent_id"),
        ("write_to_file", {"path": "a.txt", "content": "x", "on_stale": "perhaps"}, "on_stale"),
    ],
)
async def test_bad_input_is_an_error_in_words(
    connected: Any, file: Path, project: Path, tool: str, arguments: dict[str, Any], says: str
) -> None:
    (project / "binary").write_bytes(b"\0\1\2")
    async with connected() as agent:
        result = await agent("A")(tool, **arguments)
    assert result.is_error
    assert says in result.content[0].text
    assert "Traceback" not in result.content[0].text
    assert file.read_text(encoding="utf-8") == BASE


async def test_every_argument_that_will_not_do_is_named(connected: Any, file: Path) -> None:
    async with connected() as agent:
        refused = await agent("A").refused("read_file", start_line="x", changes_only="perhaps")
    assert refused["type"] == "NoclobberError"
    for name in ("path: Field required", "start_line: ", "changes_only: "):
        assert name in refused["message"]
    assert "pydantic" not in refused["message"]


async def test_a_tool_that_is_not_there_is_an_error_that_names_those_that_are(connected: Any) -> None:
    async with connected(files=False) as agent:
        refused = await agent("A").refused("read_file", path="a.txt")
    assert refused["message"] == f"There is no tool 'read_file' here; there are {', '.join(OTHER_TOOLS)}."


async def test_arguments_in_the_form_of_text_are_taken_as_what_they_say(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a = agent("A")
        assert (await a.did("read_file", path="a.txt", start_line="2", end_line="null", changes_only="false"))["lines"] == [2, 8]
        await a.did("edit_file", path="a.txt", edits='[{"old": "two", "new": "TWO"}]')
        assert (await a.did("check_files", paths='["a.txt"]'))["files"][0]["state"] == "fresh"
        await a.did("read_file", path="a.txt")
        await a.did("write_to_file", path="a.txt", content='["is text"]')
    assert file.read_text(encoding="utf-8") == '["is text"]'


async def test_a_fault_of_our_own_is_told_without_its_traceback_and_the_server_goes_on(
    connected: Any, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    async with connected() as agent:
        with monkeypatch.context() as patched:
            patched.setattr("noclobber_server.mcp.tools.check_files", broken)
            refused = await agent("A").refused("check_files")
        assert refused["message"].startswith("check_files met a fault of noclobber's own")
        assert "ZeroDivisionError: secret" in caplog.text
        await agent("A").did("check_files")


async def test_checking_says_what_changed_and_by_whom(connected: Any, file: Path, project: Path) -> None:
    (project / "b.txt").write_text("b\n", encoding="utf-8")
    (project / "c.txt").write_text("c\n", encoding="utf-8")
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        for name in ("a.txt", "b.txt", "c.txt"):
            await a.did("read_file", path=name)
        await b.did("edit_file", path="a.txt", edits=[{"old": "two", "new": "TWO"}])
        (project / "c.txt").unlink()
        checked = await a.did("check_files")
        states = {row["file_path"]: row["state"] for row in checked["files"]}
        assert states == {"a.txt": "stale", "b.txt": "fresh", "c.txt": "deleted"}
        assert checked["files"][0]["changed_by"][0]["agent_id"] == "B"
        assert (await b.did("check_files", paths=["b.txt"]))["files"][0]["state"] == "unread"


async def test_snapshots_are_found_by_file_turn_and_intent(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a = agent("A")
        await a.did("read_file", path="a.txt", turn_id="t1", intent_id="INT-1")
        await agent("B").did("read_file", path="a.txt", turn_id="t2")
        for query, names in (
            ({"file_path": "a.txt"}, ["A", "B"]),
            ({"turn_id": "t1"}, ["A"]),
            ({"intent_id": "INT-1"}, ["A"]),
            ({}, ["A"]),
        ):
            found = await a.did("query_snapshots", **query)
            assert [row["agent_id"] for row in found["snapshots"]] == names


async def test_a_change_under_an_agent_is_told_once_in_few_words(connected: Any, file: Path, project: Path) -> None:
    (project / "b.txt").write_text("b\n", encoding="utf-8")
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        await a.did("read_file", path="a.txt")
        await a.did("read_file", path="b.txt")
        await b.did("edit_file", path="a.txt", edits=[{"old": "two", "new": "TWO"}])
        assert (await a.did("read_file", path="b.txt"))["notices"] == ["Changed since you read them: a.txt (B)."]
        assert (await a.did("read_file", path="b.txt"))["notices"] == []


async def test_two_hundred_calls_on_a_quiet_tree_cost_no_token(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a = agent("A")
        for number in range(100):
            assert (await a.did("read_file", path="a.txt"))["notices"] == []
            before, after = ("two", "deux") if number % 2 == 0 else ("deux", "two")
            assert (await a.did("edit_file", path="a.txt", edits=[{"old": before, "new": after}]))["notices"] == []


async def test_notices_stay_within_two_hundred_tokens_a_turn(connected: Any, project: Path) -> None:
    from noclobber_server.mcp.notices import tokens_in

    names = [f"some/rather/long/folder/name/file_number_{number}.py" for number in range(60)]
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        await b.did("write_to_file", path="z.txt", content="z\n")
        for name in names:
            await b.did("write_to_file", path=name, content="1\n")
            await a.did("read_file", path=name, turn_id="t")
        told: list[str] = []
        for name in names:
            await b.did("write_to_file", path=name, content="2\n")
            told += (await a.did("read_file", path="z.txt", turn_id="t"))["notices"]
    assert told
    assert sum(tokens_in(line) for line in told) <= 200


async def changed_by_b(agent: Any, names: Sequence[str], turn: str) -> Any:
    """A, who has read these files in a turn, and B, who then changed all of them."""
    a, b = agent("A"), agent("B")
    await b.did("write_to_file", path="z.txt", content="z\n")
    for name in names:
        await b.did("write_to_file", path=name, content="1\n")
        await a.did("read_file", path=name, turn_id=turn)
    await a.did("read_file", path="z.txt", turn_id=turn)
    for name in names:
        await b.did("edit_file", path=name, edits=[{"old": "1", "new": "2"}])
    return a


@pytest.mark.parametrize(("length", "said"), [
    (150, r"Changed since you read them: (x{150}/\d \(B\), ){2}x{150}/\d \(B\) and 3 more\."),
    (200, r"Changed since you read them: (x{200}/\d \(B\), ){1}x{200}/\d \(B\) and 4 more\."),
    (650, r"Changed since you read them: 6 of your files; check_files names them\."),
])  # fmt: skip
async def test_a_notice_too_long_for_a_turn_is_told_in_fewer_words(
    connected: Any, length: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("noclobber_server.mcp.notices._LOOK_EVERY_S", 0.0)
    folder = "/".join(["x" * 216, "x" * 216, "x" * 216]) if length > 255 else "x" * length
    async with connected() as agent:
        a = await changed_by_b(agent, [f"{folder}/{number}" for number in range(6)], "t")
        (line,) = (await a.did("read_file", path="z.txt", turn_id="t"))["notices"]
        assert re.fullmatch(said, line), line
        assert (await a.did("read_file", path="z.txt", turn_id="t2"))["notices"] == []


async def test_what_a_turn_had_no_room_for_is_told_in_the_next_unless_it_was_read_since(connected: Any, project: Path) -> None:
    async with connected() as agent:
        b = agent("B")
        a = await changed_by_b(agent, [f"{number}.txt" for number in range(3)], "t")
        full = "y" * 20 + ".txt"
        await b.did("write_to_file", path=full, content="y\n")
        for letter in "ab":
            await b.did("append_lesson_to_claude", failure=letter * 119, resolution=letter * 119, files=[full])
        first = (await a.did("read_file", path=full, turn_id="t1"))["notices"]
        assert [line[:12] for line in first] == ["Lesson for y"] * 2
        await a.did("read_file", path="1.txt", turn_id="t1")
        assert (await a.did("read_file", path="z.txt", turn_id="t2"))["notices"] == ["Changed since you read them: 0.txt (B), 2.txt (B)."]
        assert (await a.did("read_file", path="z.txt", turn_id="t3"))["notices"] == []


async def test_a_lesson_that_a_turn_had_no_room_for_is_told_when_the_file_is_read_again(connected: Any, project: Path) -> None:
    async with connected() as agent:
        a, b = agent("A"), agent("B")
        await b.did("write_to_file", path="y.txt", content="y\n")
        for letter in "abc":
            await b.did("append_lesson_to_claude", failure=letter * 119, resolution=letter * 119, files=["y.txt"])
        told = [(await a.did("read_file", path="y.txt", turn_id=turn))["notices"] for turn in ("t1", "t1", "t2", "t3")]
        assert [[line[18] for line in lines] for lines in told] == [["c", "b"], [], ["a"], []]


async def test_a_client_that_tells_of_changes_by_itself_is_not_told_twice(connected: Any) -> None:
    async with connected() as agent:
        a = await changed_by_b(agent, ["a.txt"], "t")
        told = await a("read_file", meta={"claudecode/toolUseId": "toolu_1"}, path="z.txt", turn_id="t")
        assert told.structured_content["notices"] == []
        assert (await a.did("read_file", path="z.txt", turn_id="t"))["notices"] != []


async def test_progress_is_told_while_many_files_are_checked(connected: Any, guard: ConcurrencyGuard, project: Path) -> None:
    names = [f"{number}.txt" for number in range(120)]
    told: list[tuple[float, float | None]] = []

    async def heard(progress: float, total: float | None, _message: str | None) -> None:
        told.append((progress, total))

    async with connected() as agent:
        await agent().client.call_tool("check_files", {"paths": names}, progress_callback=heard)
    assert told == [(50, 120), (100, 120)]


async def test_a_files_history_and_the_lessons_can_be_read_as_resources(connected: Any, file: Path) -> None:
    async with connected() as agent:
        a = agent("A")
        await a.did("read_file", path="a.txt")
        history = (await a.client.read_resource("noclobber://history/a.txt")).contents[0].text
        assert [json.loads(line)["kind"] for line in history.splitlines()] == ["read"]
        done = await a.did("append_lesson_to_claude", failure="It broke", context="always", resolution="Do not", files=["a.txt"])
        assert done["success"] is True
        lessons = (await a.client.read_resource("noclobber://lessons")).contents[0].text
        assert json.loads(lessons.splitlines()[0])["failure"] == "It broke"
        found = await a.did("search_lessons", words="broke")
        assert found["lessons"][0]["resolution"] == "Do not"
        assert (await a.did("search_lessons", file_path="other.txt"))["lessons"] == []
