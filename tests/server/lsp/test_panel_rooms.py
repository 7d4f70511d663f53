"""One workspace, or one file of it, that cannot be read takes nothing else out of the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from noclobber import ConcurrencyGuard


@pytest.fixture
def other(tmp_path: Path) -> Path:
    folder = tmp_path / "other"
    folder.mkdir()
    return folder


async def test_lessons_that_lie_outside_one_folder_hide_none_of_the_others(new_editor: Any, root: Path, other: Path) -> None:
    (other / "CLAUDE.md").symlink_to("/etc/hostname")
    editor = new_editor()
    await editor.start(folders=[root, other])
    lesson = {"context": "testing", "failure": "the cart was empty", "resolution": "fill it"}
    await editor.command("lesson.append", {**lesson, "uri": (root / "a.txt").as_uri()})
    found = await editor.command("panel.lessons", {})
    assert [row["failure"] for row in found["lessons"]] == ["the cart was empty"]
    (problem,) = found["problems"]
    assert problem.startswith("other: ")
    assert "leads out of the workspace" in problem
    await editor.stop()


async def test_lessons_that_can_be_read_nowhere_are_an_error_in_words(editor: Any, agent: ConcurrencyGuard, root: Path) -> None:
    (root / "CLAUDE.md").mkdir()
    with pytest.raises(JsonRpcException, match="is a folder"):
        await editor.command("panel.lessons", {})


async def test_a_pause_that_fails_in_one_folder_is_made_in_the_others_and_said(new_editor: Any, root: Path, other: Path) -> None:
    editor = new_editor()
    await editor.start(folders=[other, root])
    await editor.command("panel.overview", {})
    (other / ".noclobber" / "paused").mkdir()
    with pytest.raises(JsonRpcException, match="pause"):
        await editor.command("panel.pause", {"seconds": 60})
    roots = (await editor.command("panel.overview", {}))["roots"]
    assert {row["name"]: row["mode"] for row in roots}["project"] == "paused"
    await editor.stop()
