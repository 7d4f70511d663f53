"""Taking back a turn that takes a while: its bar, and what is left where it is stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from noclobber import ConcurrencyGuard

NAMES = [f"f{number}.txt" for number in range(4)]


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


async def test_a_revert_that_takes_long_has_a_bar_that_ends(start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path) -> None:
    person = await start()
    with agent.workspace.locks.exclusive(NAMES[2]):
        answer = asyncio.ensure_future(person.run("revert", {"turnId": "turn-12"}))
        token, begun = await person.bar()
        assert (begun.title, begun.cancellable) == ("Reverting turn-12", True)
    assert [file["action"] for file in (await answer)["files"]] == ["restored"] * len(NAMES)
    await person.bar("end")
    said = person.bars[token]
    assert [value.kind for value in said] == ["begin", *["report"] * (len(said) - 2), "end"]
    assert (said[-2].percentage, said[-2].cancellable) == (100, False)
    assert set(standing(root).values()) == {"one\ntwo\n"}


@pytest.mark.parametrize("name", ["revert", "panel.revert"])
async def test_a_revert_stopped_at_its_bar_has_changed_nothing_and_says_so(
    start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path, name: str
) -> None:
    person = await start()
    with agent.workspace.locks.exclusive(NAMES[2]):
        answer = asyncio.ensure_future(person.run(name, {"turnId": "turn-12"}))
        token, _ = await person.bar()
        person.stop(token)
        await person.settled()
    if name == "revert":
        with pytest.raises(JsonRpcException, match="Reverting turn-12: stopped before anything was changed") as told:
            await answer
        assert told.value.code == types.LSPErrorCodes.RequestCancelled
    else:
        assert await answer == {"done": False, "message": "Reverting turn-12: stopped before anything was changed."}
    assert (await person.bar("end"))[1].message == "Stopped; nothing was changed."
    assert standing(root) == turn
    assert agent.events(kind="revert") == []
    assert os.listdir(root / ".noclobber/tmp") == []


async def test_a_revert_whose_request_is_withdrawn_is_answered_with_what_became_of_it(
    start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path
) -> None:
    person = await start()
    with agent.workspace.locks.exclusive(NAMES[2]):
        answer = asyncio.ensure_future(person.run("revert", {"turnId": "turn-12"}, request="mine"))
        await person.bar()
        person.withdraw("mine")
        await person.settled()
        assert not answer.done()
    with pytest.raises(JsonRpcException, match="stopped before anything was changed"):
        await answer
    assert standing(root) == turn
    assert agent.events(kind="revert") == []


async def test_a_revert_that_is_being_put_on_record_is_not_stopped_any_more_and_is_answered_as_done(
    start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path, nobody_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    person = await start()
    await person.settled()
    with nobody_writes():
        answer = asyncio.ensure_future(person.run("revert", {"turnId": "turn-12"}, request="mine"))
        token, begun = await person.bar()
        assert (begun.percentage, begun.cancellable) == (100, False)
        person.stop(token)
        person.withdraw("mine")
        await person.settled()
    assert len((await answer)["files"]) == len(NAMES)
    assert len(agent.events(kind="revert")) == len(NAMES)
    assert set(standing(root).values()) == {"one\ntwo\n"}


async def test_a_client_that_shows_no_progress_is_not_asked_to(start: Any, agent: ConcurrencyGuard, turn: dict[str, str]) -> None:
    plain, other = await start(shows_progress=False), await start()
    with agent.workspace.locks.exclusive(*NAMES):
        answer = asyncio.ensure_future(plain.run("revert", {"turnId": "turn-12"}))
        await plain.settled()
        later = asyncio.ensure_future(other.run("revert", {"turnId": "turn-12"}))
        await other.bar()  # by now the first one has taken long as well
    assert len((await answer)["files"]) + len((await later)["files"]) == len(NAMES)
    await plain.settled()
    assert plain.bars == {}


async def test_a_bar_that_the_client_has_itself_is_used_whatever_it_announces(
    start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path
) -> None:
    person = await start(shows_progress=False)
    person.bars["my bar"] = []  # the client knows its own
    with agent.workspace.locks.exclusive(NAMES[0]):
        answer = asyncio.ensure_future(person.run("revert", {"turnId": "turn-12"}, "my bar"))
        assert (await person.bar())[0] == "my bar"
        person.stop("my bar")
        await person.settled()
    with pytest.raises(JsonRpcException, match="stopped"):
        await answer
    assert [value.kind for value in person.bars["my bar"]] == ["begin", "end"]
    assert person.bars["my bar"][-1].message == "Stopped; nothing was changed."
    assert standing(root) == turn


@pytest.mark.parametrize("when", ["at once", "soon"])
async def test_a_bar_can_be_stopped_before_it_is_shown(
    start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path, when: str
) -> None:
    person = await start()
    with agent.workspace.locks.exclusive(NAMES[0]):
        answer = asyncio.ensure_future(person.run("revert", {"turnId": "turn-12"}, "my bar"))
        await asyncio.sleep(0)  # it is sent
        if when == "soon":
            await person.settled()
        person.stop("my bar")
        await person.settled()
    with pytest.raises(JsonRpcException, match="stopped"):
        await answer
    assert standing(root) == turn


async def test_a_bar_nobody_has_is_stopped_without_a_word(start: Any) -> None:
    person = await start()
    person.stop("nobody's")
    await person.settled()
    assert person.messages == []


async def test_what_is_soon_over_is_not_shown(start: Any, agent: ConcurrencyGuard, turn: dict[str, str], root: Path) -> None:
    person = await start()
    person.bars["my bar"] = []
    await person.run("revert", {"turnId": "turn-12"}, "my bar")
    await person.settled()
    assert set(standing(root).values()) == {"one\ntwo\n"}
    assert person.bars == {"my bar": []}
