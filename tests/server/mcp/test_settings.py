"""A server that runs on while somebody changes ``noclobber.toml``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await is_so():
            await asyncio.sleep(0.01)


async def test_a_changed_mode_is_gone_by_and_the_one_before_when_the_file_is_gone(connected: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with connected() as agent:
        a = agent("A")

        async def passes() -> bool:
            return not (await a("write_to_file", path="a.txt", content="unread\n", read_hash="0" * 64)).is_error

        assert not await passes()
        (project / "noclobber.toml").write_text('mode = "observe"\n', encoding="utf-8")
        await until(passes)
        (project / "noclobber.toml").unlink()
        (project / "a.txt").write_text("from outside\n", encoding="utf-8")

        async def is_refused() -> bool:
            return not await passes()

        await until(is_refused)


async def test_a_file_that_is_no_toml_changes_nothing_and_is_told_of_once(
    connected: Any, project: Path, guard: ConcurrencyGuard, caplog: pytest.LogCaptureFixture
) -> None:
    (project / "noclobber.toml").write_text('mode = "observe"\n', encoding="utf-8")
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with connected() as agent:
        await agent("A").did("write_to_file", path="a.txt", content="unread\n")
        (project / "coming").write_text("mode =\n", encoding="utf-8")
        (project / "coming").replace(project / "noclobber.toml")

        async def is_told() -> bool:
            return "is not TOML" in caplog.text

        await until(is_told)
        await agent("B").did("write_to_file", path="a.txt", content="unread too\n")
        await asyncio.sleep(0.8)  # three more looks
    assert caplog.text.count("What was set before stays in force") == 1


async def test_names_that_are_never_kept_from_now_on_are_not(connected: Any, project: Path, guard: ConcurrencyGuard) -> None:
    (project / "a.txt").write_text("0\n", encoding="utf-8")
    async with connected() as agent:
        a, number = agent("A"), 0
        await a.did("read_file", path="a.txt")
        (project / "noclobber.toml").write_text('never_keep = ["a.txt"]\n', encoding="utf-8")

        async def is_not_kept() -> bool:
            nonlocal number
            number += 1
            (project / "a.txt").write_text(f"{number}\n", encoding="utf-8")
            read = await a.did("read_file", path="a.txt")
            return guard.workspace.store.content(read["read_hash"]) is None

        await until(is_not_kept)
