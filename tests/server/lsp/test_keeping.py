"""What comes to stand on disk is kept at once, however long the work that was begun before it is held up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any


async def held_up(editor: Any) -> asyncio.Future[None]:
    """Wait until the work is held up; what was asked for behind it."""
    while True:
        behind_it = asyncio.ensure_future(editor.settled())
        done, _ = await asyncio.wait([behind_it], timeout=1)
        if not done:
            return behind_it
        await asyncio.sleep(0.05)


async def test_a_version_is_kept_while_the_other_work_waits_for_a_lock(editor: Any, root: Path, agent: Any) -> None:
    (root / "b.txt").write_text("one\n", encoding="utf-8")
    editor.open("a.txt")
    editor.open("b.txt")
    await editor.settled()
    locks = agent.workspace.locks.exclusive("b.txt")
    try:
        (root / "b.txt").write_text("two\n", encoding="utf-8")  # nobody's change, which is put on record under the file's lock
        behind_it = await held_up(editor)
        for text in ("passing\n", "staying\n"):
            (root / "a.txt").write_text(text, encoding="utf-8")
            await editor.until(lambda text=text: agent.workspace.store.content(agent.hash_content(text.encode())) == text.encode())
    finally:
        locks.release()
    await behind_it
    await editor.until(lambda: len(agent.events(kind="outside")) == 2)
    assert agent.events(kind="outside", file_path="a.txt")[0].after_hash == agent.hash_content(b"staying\n")
