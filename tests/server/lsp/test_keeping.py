"""What comes to stand on disk is kept at once, however long the work that was begun before it is held up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any


def somebody_waits(locks: Path) -> bool:
    """Whether the system has somebody waiting for a part of this file."""
    inode = f":{locks.stat().st_ino} "
    return any(" -> " in line and inode in line for line in Path("/proc/locks").read_text(encoding="ascii").splitlines())


async def test_a_version_is_kept_while_the_other_work_waits_for_a_lock(editor: Any, root: Path, agent: Any) -> None:
    (root / "b.txt").write_text("one\n", encoding="utf-8")
    editor.open("a.txt")
    editor.open("b.txt")
    await editor.settled()
    locks = agent.workspace.locks.exclusive("b.txt")
    try:
        (root / "b.txt").write_text("two\n", encoding="utf-8")  # nobody's change, which is put on record under the file's lock
        await editor.until(lambda: somebody_waits(root / ".noclobber" / "path.locks"))
        behind_it = asyncio.ensure_future(editor.settled())
        for text in ("passing\n", "staying\n"):
            (root / "a.txt").write_text(text, encoding="utf-8")
            await editor.until(lambda text=text: agent.workspace.store.content(agent.hash_content(text.encode())) == text.encode())
        assert not behind_it.done()
    finally:
        locks.release()
    await behind_it
    await editor.until(lambda: len(agent.events(kind="outside")) == 2)
    assert agent.events(kind="outside", file_path="a.txt")[0].after_hash == agent.hash_content(b"staying\n")
