"""What comes to stand on disk is kept at once, however long the work that was begun before it is held up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types

HELD_UP = """
import os, time
from noclobber_server.lsp.hovering import LineAuthors

def of_line(*_):
    while not os.path.exists({flag!r}):
        time.sleep(0.005)

LineAuthors.of_line = of_line
"""


async def test_a_version_is_kept_while_other_work_takes_long(new_editor: Callable[[], Any], root: Path, agent: Any, tmp_path: Path) -> None:
    flag = tmp_path / "go on"
    editor = new_editor()
    await editor.start(before=HELD_UP.format(flag=str(flag)))
    uri = editor.open("a.txt")
    await editor.settled()
    await editor.settled()  # and what the opening put into the queue: now the folder is watched
    here = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(0, 0))
    held_up = asyncio.ensure_future(editor.client.text_document_hover_async(here))
    behind_it = asyncio.ensure_future(editor.settled())
    for text in ("passing\n", "staying\n"):
        (root / "a.txt").write_text(text, encoding="utf-8")
        await editor.until(lambda text=text: agent.workspace.store.content(agent.hash_content(text.encode())) == text.encode())
    assert not held_up.done()
    assert not behind_it.done()
    flag.touch()
    await behind_it
    await held_up
    await editor.until(lambda: agent.events(kind="outside"))
    assert agent.events(kind="outside", file_path="a.txt")[0].after_hash == agent.hash_content(b"staying\n")
    await editor.stop()
