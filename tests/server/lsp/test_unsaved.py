"""Unsaved edits reach the agents, through the store and the guard, and outlive their server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from noclobber import UnsavedEditsError

TEN = "".join(f"line {n}\n" for n in range(1, 11))


async def test_a_read_reports_unsaved_edits_and_an_overlapping_write_is_refused(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    read = agent.read("a.txt")
    assert any("unsaved" in notice for notice in read.notices)
    with pytest.raises(UnsavedEditsError):
        agent.write("a.txt", TEN.replace("line 2", "agent 2").encode())
    done = agent.write("a.txt", TEN.replace("line 8", "agent 8").encode())
    assert done.outcome == "done"


async def test_the_first_keystroke_is_known_at_once_and_later_ones_within_a_second(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (row,) = agent.workspace.store.buffers("a.txt")
    assert (row.unsaved, row.lines) == (True, ((2, 2),))
    assert agent.content(row.text_hash) == editor.texts[uri].encode()
    editor.type(uri, "line 7", "mine 7")
    await editor.until(lambda: agent.workspace.store.buffers("a.txt")[0].lines == ((2, 2), (7, 7)))
    assert agent.workspace.store.content(row.text_hash) is None  # the text of a second ago is not piled up


async def test_undoing_everything_takes_the_claim_back(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    editor.type(uri, "mine 2", "line 2")
    await editor.until(lambda: not agent.workspace.store.buffers("a.txt")[0].unsaved)


async def test_saving_and_closing_take_the_claim_back(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.save(uri)
    await editor.settled()
    assert not agent.workspace.store.buffers("a.txt")[0].unsaved
    editor.type(uri, "line 3", "mine 3")
    await editor.settled()
    assert agent.workspace.store.buffers("a.txt")[0].unsaved
    editor.close(uri)
    await editor.settled()
    assert agent.workspace.store.buffers("a.txt") == []
    assert [s for s in agent.workspace.store.snapshots() if s.agent_id.startswith("editor:")] == []


async def test_an_open_document_is_a_snapshot_of_the_editor(editor: Any, agent: Any) -> None:
    editor.open("a.txt")
    await editor.settled()
    (snapshot,) = agent.workspace.store.snapshots(f"editor:Test:{os.getpid()}")
    assert (snapshot.file_path, snapshot.read_hash) == ("a.txt", agent.hash_content(TEN.encode()))


async def test_a_killed_servers_claim_stands_while_its_editor_lives(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    editor.kill()
    await editor.client._server.wait()
    with pytest.raises(UnsavedEditsError):
        agent.write("a.txt", TEN.replace("line 2", "agent 2").encode())
    (row,) = agent.workspace.store.buffers("a.txt")
    assert agent.content(row.text_hash) == editor.texts[uri].encode()


async def test_a_restarted_server_takes_the_base_up_again(editor: Any, agent: Any, new_editor: Callable[[], Any]) -> None:
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    editor.kill()
    await editor.client._server.wait()
    agent.edit("a.txt", [("line 8", "theirs")])
    again = new_editor()
    await again.start()
    again.open("a.txt", editor.texts[uri])
    (shown,) = await again.shown(uri, "stale-buffer")
    assert shown.data["state"] == "mergeable"
    await again.stop()


async def test_a_reopened_window_takes_the_base_of_its_unsaved_text_up_again(
    editor: Any, agent: Any, new_editor: Callable[[], Any]
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    await editor.stop()
    (row,) = agent.workspace.store.buffers("a.txt")
    assert row.unsaved
    again = new_editor()
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        await again.start(process_id=other.pid)
        again.open("a.txt", editor.texts[uri])
        await again.settled()
        assert again.published == []
        (row,) = agent.workspace.store.buffers("a.txt")
        assert row.agent_id == f"editor:Test:{other.pid}"
        assert row.base_hash == agent.hash_content(TEN.encode())
        await again.stop()
    finally:
        other.communicate()


async def test_ending_without_a_word_saves_the_state(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    editor.type(uri, "line 9", "mine 9")
    await editor.settled()
    editor.client._server._transport.get_pipe_transport(0).close()
    await asyncio.wait_for(editor.client._server.wait(), 10)
    (row,) = agent.workspace.store.buffers("a.txt")
    assert agent.content(row.text_hash) == editor.texts[uri].encode()


async def test_the_death_of_the_client_ends_the_server(new_editor: Callable[[], Any]) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    editor = new_editor()
    await editor.start(process_id=parent.pid)
    editor.open("a.txt")
    await editor.settled()
    parent.communicate()
    await asyncio.wait_for(editor.client._server.wait(), 10)
    await editor.client.stop()


async def test_edits_that_an_agent_makes_through_the_editor_are_not_the_persons(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    lease = agent.lease("a.txt")
    editor.type(uri, "line 2", "agent 2")
    await editor.settled()
    assert not agent.workspace.store.buffers("a.txt")[0].unsaved
    agent.release(lease)
    editor.type(uri, "line 3", "mine 3")
    await editor.until(lambda: agent.workspace.store.buffers("a.txt")[0].unsaved)


async def test_the_contents_of_secret_files_are_never_kept(editor: Any, root: Any, agent: Any) -> None:
    (root / ".env").write_text("KEY=1\n", encoding="utf-8")
    uri = editor.open(".env")
    editor.type(uri, "KEY=1", "KEY=2")
    await editor.settled()
    (row,) = agent.workspace.store.buffers(".env")
    assert (row.unsaved, row.text_hash) == (True, None)
    assert agent.workspace.store.content(agent.hash_content(b"KEY=1\n")) is None
    assert agent.workspace.store.content(agent.hash_content(b"KEY=2\n")) is None
