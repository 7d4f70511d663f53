"""A pause changes what the panel shows though nothing goes on record: a client that asked for it is told to look again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from noclobber.clock import format_utc
from noclobber.pausing import pause


@pytest.fixture
async def following(new_editor: Any) -> AsyncIterator[Any]:
    """A client that is told what happens; the workspace is open and watched."""
    editor = new_editor()
    await editor.start(activity=True)
    editor.open("a.txt")
    await editor.heard_out()
    yield editor
    await editor.stop()


def told_without_events(editor: Any) -> int:
    return sum(1 for told in editor.activity if not told.events)


async def mode(editor: Any) -> str:
    (root,) = (await editor.command("panel.overview", {}))["roots"]
    return str(root["mode"])


async def test_a_pause_that_a_shell_makes_is_told_and_so_is_its_end(following: Any, root: Path) -> None:
    before = told_without_events(following)
    pause(str(root / ".noclobber"), format_utc(time.time() + 3))
    await following.until(lambda: told_without_events(following) > before)
    assert await mode(following) == "paused"
    before = told_without_events(following)
    await following.until(lambda: told_without_events(following) > before)
    assert await mode(following) == "guarding"
