"""Opening a workspace that takes a while: its history rebuilt, its files compared; the bars, and what is left where they are stopped."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber.store.gate import Gate

HELD = 300
MANY = 80_000
SCANNING = "Comparing what agents have read with the files"


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
async def test_rebuilding_the_history_has_a_bar(start: Any, root: Path, history: int, spoil: Callable[[Path], None]) -> None:
    state = root / ".noclobber"
    spoil(state)
    with Gate(str(state / "commit.lock"), 1.0):
        person = await start()
        token, begun = await person.bar()
        assert (begun.title, begun.cancellable) == ("Opening the history of project", True)
    await person.bar("end")
    said = person.bars[token]
    assert (said[-2].percentage, said[-1].kind, said[-1].message) == (100, "end", None)
    events = await person.run("activity", {"limit": 1000})
    assert len(events["events"]) == 1000


@pytest.mark.parametrize("spoil", [lose, damage])
async def test_a_rebuilding_that_is_stopped_leaves_the_folder_unguarded_and_says_why(
    start: Any, root: Path, history: int, spoil: Callable[[Path], None]
) -> None:
    state = root / ".noclobber"
    spoil(state)
    with Gate(str(state / "commit.lock"), 1.0):
        person = await start()
        token, _ = await person.bar()
        person.stop(token)
        await person.heard()
    assert (await person.bar("end"))[1].message == "Stopped; nothing is guarded here until the server is started again."
    overview = await person.run("panel.overview", {})
    (folder,) = overview["roots"]
    assert (folder["mode"], folder["reason"]) == ("notGuarding", "Rebuilding its history was stopped; start the server again to guard it.")
    assert person.messages == []
    again = await start()
    events = await again.run("activity", {"limit": 1000})
    assert len(events["events"]) == 1000


async def test_a_history_rebuilt_while_the_server_runs_has_a_bar_that_nobody_can_stop(start: Any, root: Path) -> None:
    state = root / ".noclobber"
    state.mkdir()
    event = {"timestamp": "2026-01-01T00:00:00.000Z", "kind": "check", "outcome": "done", "epoch": "before", "agent_id": "claude/1"}
    with (state / "journal.jsonl").open("w", encoding="ascii") as journal:
        journal.writelines(json.dumps({"seq": number, **event}) + "\n" for number in range(1, MANY + 1))
    person = await start()
    await person.bar("end")
    person.bars.clear()
    lose(state)
    damage(state)
    person.open(root / "a.txt", "text")
    token, begun = await person.bar()
    assert (begun.title, begun.cancellable) == ("Rebuilding the history of project", False)
    await person.bar("end")
    assert [value.kind for value in person.bars[token]][-1] == "end"
    answer = await person.run("activity", {"limit": 2})
    assert [(event["seq"], event["kind"]) for event in answer["events"]] == [(MANY, "check"), (MANY + 1, "open")]


@contextmanager
def somebody_writing(root: Path) -> Iterator[None]:
    """Whoever looks at the first of the held files meanwhile waits for a moment's quiet, up to two seconds at each."""
    enough = threading.Event()
    paths = [root / name for name in sorted(f"h{number}.txt" for number in range(HELD))[:8]]

    def write() -> None:
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("r+b", buffering=0)) for path in paths]
            while not enough.wait(0.02):  # a writer's own pace
                for file in files:
                    file.seek(0)
                    file.write(b"two\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        enough.set()
        writer.join()


async def _held_and_changed(agent: ConcurrencyGuard, root: Path) -> None:
    for number in range(HELD):
        (root / f"h{number}.txt").write_text("one\n", encoding="utf-8")
        agent.read(f"h{number}.txt")
    for number in range(HELD):
        (root / f"h{number}.txt").write_text("two\n", encoding="utf-8")


async def test_a_long_first_scan_has_a_bar_and_finds_every_change(start: Any, agent: ConcurrencyGuard, root: Path) -> None:
    await _held_and_changed(agent, root)
    with somebody_writing(root):
        person = await start()
        token, _ = await person.bar(title=SCANNING)  # on a busy machine the opening itself has one before
    await person.bar("end", token=token)
    assert [value.kind for value in person.bars[token]][-1] == "end"
    async with asyncio.timeout(15):
        while len(agent.events(kind="outside")) < HELD:
            await person.settled()


async def test_a_first_scan_that_is_stopped_leaves_the_rest_for_when_it_is_used(start: Any, agent: ConcurrencyGuard, root: Path) -> None:
    await _held_and_changed(agent, root)
    with somebody_writing(root):
        person = await start()
        token, _ = await person.bar(title=SCANNING)
        person.stop(token)
        await person.heard()
    await person.bar("end", token=token)
    async with asyncio.timeout(15):
        while not agent.events(kind="outside"):
            await person.settled()
    await person.settled()
    assert len(agent.events(kind="outside")) < HELD
    assert agent.verify_before_write(f"h{HELD - 1}.txt") is not None
