"""Work that takes a while, in a real server with pytest-lsp's client: its bar, and what is left where it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

from noclobber import ConcurrencyGuard
from noclobber.store.gate import Gate

Start = Callable[..., Awaitable[LanguageClient]]
NAMES = [f"f{number}.txt" for number in range(4)]
HELD = 2500
MANY = 80_000


@pytest.fixture
async def start(root: Path) -> AsyncIterator[Start]:
    """Starts servers for clients that show progress, or do not."""
    running: list[LanguageClient] = []

    async def started(*, shows_progress: bool = True) -> LanguageClient:
        client = pytest_lsp.make_test_lsp_client()
        await client.start_io(sys.executable, "-c", "from noclobber_server.lsp.server import main; raise SystemExit(main([]))")
        running.append(client)
        window = types.WindowClientCapabilities(work_done_progress=shows_progress)
        folders = [types.WorkspaceFolder(root.as_uri(), "project")]
        await client.initialize_session(
            types.InitializeParams(types.ClientCapabilities(window=window), client_info=types.ClientInfo("Test"), workspace_folders=folders)
        )
        return client

    yield started
    for client in running:
        client.protocol._notification_futures.clear()  # nobody waits any more
        await client.shutdown_session()
        await client.stop()


@pytest.fixture
def turn(agent: ConcurrencyGuard, root: Path) -> dict[str, str]:
    """What stands after ``turn-12`` has changed several files."""
    for name in NAMES:
        (root / name).write_text("one\ntwo\n", encoding="utf-8")
        agent.read(name)
        agent.edit(name, [("two", "2")])
    return standing(root)


def standing(root: Path) -> dict[str, str]:
    return {name: (root / name).read_text(encoding="utf-8") for name in NAMES}


def command(name: str, argument: Any, token: str | None = None) -> types.ExecuteCommandParams:
    return types.ExecuteCommandParams(f"noclobber.{name}", [argument], work_done_token=token)


async def bar(client: LanguageClient, kind: str = "begin") -> tuple[Any, Any]:
    """Wait until a bar begins, or ends; its token and what was said."""
    async with asyncio.timeout(15):
        while True:
            coming = asyncio.ensure_future(client.protocol.wait_for_notification_async(types.PROGRESS))
            for token, values in client.progress_reports.items():
                for value in values:
                    if value.kind == kind:
                        return token, value
            await asyncio.wait([coming])  # left to itself where the time is up: the client sets it all the same


def cancel(client: LanguageClient, token: Any) -> None:
    client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))


async def hovered(client: LanguageClient) -> None:
    """What was sent so far has been taken in; the worker may be busy."""
    await client.text_document_hover_async(types.HoverParams(types.TextDocumentIdentifier("file:///x"), types.Position(0, 0)))


async def settled(client: LanguageClient) -> None:
    """What was sent so far has been taken in, and the worker has nothing left to do."""
    await client.workspace_execute_command_async(command("activity", {"limit": 1}))


async def test_a_revert_that_takes_long_has_a_bar_that_ends(
    start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path
) -> None:
    client = await start()
    with agent.workspace.locks.exclusive(NAMES[2]):
        answer = asyncio.ensure_future(client.workspace_execute_command_async(command("revert", {"turnId": "turn-12"})))
        token, begun = await bar(client)
        assert (begun.title, begun.cancellable) == ("Reverting turn-12", True)
    assert [file["action"] for file in (await answer)["files"]] == ["restored"] * len(NAMES)
    await bar(client, "end")
    said = client.progress_reports[token]
    assert [value.kind for value in said] == ["begin", *["report"] * (len(said) - 2), "end"]
    assert (said[-2].percentage, said[-2].cancellable) == (100, False)
    assert set(standing(root).values()) == {"one\ntwo\n"}


@pytest.mark.parametrize("name", ["revert", "panel.revert"])
async def test_a_revert_stopped_at_its_bar_has_changed_nothing_and_says_so(
    start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path, name: str
) -> None:
    client = await start()
    with agent.workspace.locks.exclusive(NAMES[2]):
        answer = asyncio.ensure_future(client.workspace_execute_command_async(command(name, {"turnId": "turn-12"})))
        token, _ = await bar(client)
        cancel(client, token)
        await settled(client)
    if name == "revert":
        with pytest.raises(JsonRpcException, match="Reverting turn-12: stopped before anything was changed") as told:
            await answer
        assert told.value.code == types.LSPErrorCodes.RequestCancelled
    else:
        assert await answer == {"done": False, "message": "Reverting turn-12: stopped before anything was changed."}
    assert (await bar(client, "end"))[1].message == "Stopped; nothing was changed."
    assert standing(root) == turn
    assert agent.events(kind="revert") == []
    assert os.listdir(root / ".noclobber/tmp") == []


async def test_a_revert_whose_request_is_withdrawn_is_answered_with_what_became_of_it(
    start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path
) -> None:
    client = await start()
    with agent.workspace.locks.exclusive(NAMES[2]):
        asked = client.protocol.send_request_async(types.WORKSPACE_EXECUTE_COMMAND, command("revert", {"turnId": "turn-12"}), "mine")
        answer = asyncio.ensure_future(asked)
        await bar(client)
        client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams("mine"))
        await settled(client)
        assert not answer.done()
    with pytest.raises(JsonRpcException, match="stopped before anything was changed"):
        await answer
    assert standing(root) == turn
    assert agent.events(kind="revert") == []


async def test_a_revert_that_is_being_put_on_record_is_not_stopped_any_more_and_is_answered_as_done(
    start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path, nobody_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    client = await start()
    await settled(client)
    with nobody_writes():
        asked = client.protocol.send_request_async(types.WORKSPACE_EXECUTE_COMMAND, command("revert", {"turnId": "turn-12"}), "mine")
        answer = asyncio.ensure_future(asked)
        token, begun = await bar(client)
        assert (begun.percentage, begun.cancellable) == (100, False)
        cancel(client, token)
        client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams("mine"))
        await settled(client)
    assert len((await answer)["files"]) == len(NAMES)
    assert len(agent.events(kind="revert")) == len(NAMES)
    assert set(standing(root).values()) == {"one\ntwo\n"}


async def test_a_client_that_shows_no_progress_is_not_asked_to(start: Start, agent: ConcurrencyGuard, turn: dict[str, str]) -> None:
    plain, other = await start(shows_progress=False), await start()
    with agent.workspace.locks.exclusive(*NAMES):
        answer = asyncio.ensure_future(plain.workspace_execute_command_async(command("revert", {"turnId": "turn-12"})))
        await settled(plain)
        later = asyncio.ensure_future(other.workspace_execute_command_async(command("revert", {"turnId": "turn-12"})))
        await bar(other)  # by now the first one has taken long as well
    assert len((await answer)["files"]) + len((await later)["files"]) == len(NAMES)
    await settled(plain)
    assert plain.progress_reports == {}


async def test_a_bar_that_the_client_has_itself_is_used_whatever_it_announces(
    start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path
) -> None:
    client = await start(shows_progress=False)
    client.progress_reports["my bar"] = []  # the client knows its own
    with agent.workspace.locks.exclusive(NAMES[0]):
        answer = asyncio.ensure_future(client.workspace_execute_command_async(command("revert", {"turnId": "turn-12"}, "my bar")))
        assert (await bar(client))[0] == "my bar"
        cancel(client, "my bar")
        await settled(client)
    with pytest.raises(JsonRpcException, match="stopped"):
        await answer
    assert [value.kind for value in client.progress_reports["my bar"]] == ["begin", "end"]
    assert client.progress_reports["my bar"][-1].message == "Stopped; nothing was changed."
    assert standing(root) == turn


async def test_a_bar_can_be_stopped_before_it_is_shown(start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path) -> None:
    client = await start()
    with agent.workspace.locks.exclusive(NAMES[0]):
        answer = asyncio.ensure_future(client.workspace_execute_command_async(command("revert", {"turnId": "turn-12"}, "my bar")))
        await settled(client)
        cancel(client, "my bar")
        await settled(client)
    with pytest.raises(JsonRpcException, match="stopped"):
        await answer
    assert standing(root) == turn


async def test_a_bar_nobody_has_is_stopped_without_a_word(start: Start) -> None:
    client = await start()
    cancel(client, "nobody's")
    await settled(client)
    assert client.messages == []


async def test_what_is_soon_over_is_not_shown(start: Start, agent: ConcurrencyGuard, turn: dict[str, str], root: Path) -> None:
    client = await start()
    client.progress_reports["my bar"] = []
    await client.workspace_execute_command_async(command("revert", {"turnId": "turn-12"}, "my bar"))
    await settled(client)
    assert set(standing(root).values()) == {"one\ntwo\n"}
    assert client.progress_reports == {"my bar": []}


def lose(state: Path) -> None:
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (state / name).unlink(missing_ok=True)


def damage(state: Path) -> None:
    (state / "state.db").write_bytes(b"no database at all" * 1000)


@pytest.fixture
def history(root: Path) -> int:
    """A history of so many events."""
    with ConcurrencyGuard(root, "claude/1") as guard:
        for number in range(1200):
            guard.record("check", detail={"number": number})
    return 1200


@pytest.mark.parametrize("spoil", [lose, damage])
async def test_rebuilding_the_history_has_a_bar(start: Start, root: Path, history: int, spoil: Callable[[Path], None]) -> None:
    state = root / ".noclobber"
    spoil(state)
    with Gate(str(state / "commit.lock"), 1.0):
        client = await start()
        token, begun = await bar(client)
        assert (begun.title, begun.cancellable) == ("Opening the history of project", True)
    await bar(client, "end")
    said = client.progress_reports[token]
    assert (said[-2].percentage, said[-1].kind, said[-1].message) == (100, "end", None)
    events = await client.workspace_execute_command_async(command("activity", {"limit": 1000}))
    assert len(events["events"]) == 1000


@pytest.mark.parametrize("spoil", [lose, damage])
async def test_a_rebuilding_that_is_stopped_leaves_the_folder_unguarded_and_says_why(
    start: Start, root: Path, history: int, spoil: Callable[[Path], None]
) -> None:
    state = root / ".noclobber"
    spoil(state)
    with Gate(str(state / "commit.lock"), 1.0):
        client = await start()
        token, _ = await bar(client)
        cancel(client, token)
        await hovered(client)
    assert (await bar(client, "end"))[1].message == "Stopped; nothing is guarded here until the server is started again."
    overview = await client.workspace_execute_command_async(command("panel.overview", {}))
    (folder,) = overview["roots"]
    assert (folder["mode"], folder["reason"]) == ("notGuarding", "Rebuilding its history was stopped; start the server again to guard it.")
    assert client.messages == []
    again = await start()
    events = await again.workspace_execute_command_async(command("activity", {"limit": 1000}))
    assert len(events["events"]) == 1000


async def test_a_history_rebuilt_while_the_server_runs_has_a_bar_that_nobody_can_stop(start: Start, root: Path) -> None:
    state = root / ".noclobber"
    state.mkdir()
    event = {"timestamp": "2026-01-01T00:00:00.000Z", "kind": "check", "outcome": "done", "epoch": "before", "agent_id": "claude/1"}
    with (state / "journal.jsonl").open("w", encoding="ascii") as journal:
        journal.writelines(json.dumps({"seq": number, **event}) + "\n" for number in range(1, MANY + 1))
    client = await start()
    await bar(client, "end")
    client.progress_reports.clear()
    lose(state)
    damage(state)
    opened = types.TextDocumentItem((root / "a.txt").as_uri(), "plaintext", 1, "text")
    client.text_document_did_open(types.DidOpenTextDocumentParams(opened))
    token, begun = await bar(client)
    assert (begun.title, begun.cancellable) == ("Rebuilding the history of project", False)
    await bar(client, "end")
    assert [value.kind for value in client.progress_reports[token]][-1] == "end"
    answer = await client.workspace_execute_command_async(command("activity", {"limit": 2}))
    assert [(event["seq"], event["kind"]) for event in answer["events"]] == [(MANY, "check"), (MANY + 1, "open")]


async def _held_and_changed(agent: ConcurrencyGuard, root: Path) -> None:
    for number in range(HELD):
        (root / f"h{number}.txt").write_text("one\n", encoding="utf-8")
        agent.read(f"h{number}.txt")
    for number in range(HELD):
        (root / f"h{number}.txt").write_text("two\n", encoding="utf-8")


async def test_a_long_first_scan_has_a_bar_and_finds_every_change(
    start: Start, agent: ConcurrencyGuard, root: Path, nobody_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    await _held_and_changed(agent, root)
    with nobody_writes():
        client = await start()
        token, begun = await bar(client)
        assert begun.title == "Comparing what agents have read with the files"
    await bar(client, "end")
    assert [value.kind for value in client.progress_reports[token]][-1] == "end"
    async with asyncio.timeout(15):
        while len(agent.events(kind="outside")) < HELD:
            await settled(client)


async def test_a_first_scan_that_is_stopped_leaves_the_rest_for_when_it_is_used(
    start: Start, agent: ConcurrencyGuard, root: Path, nobody_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    await _held_and_changed(agent, root)
    with nobody_writes():
        client = await start()
        token, _ = await bar(client)
        cancel(client, token)
        await hovered(client)
    await bar(client, "end")
    async with asyncio.timeout(15):
        while not agent.events(kind="outside"):
            await settled(client)
    await settled(client)
    assert len(agent.events(kind="outside")) < HELD
    assert agent.verify_before_write(f"h{HELD - 1}.txt") is not None
