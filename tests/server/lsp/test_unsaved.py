"""Unsaved edits reach the agents, through the store and the guard, and outlive their server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from noclobber import ConcurrencyGuard, UnsavedEditsError
from noclobber.clock import format_utc, parse_utc
from noclobber.liveness import living
from noclobber.store.protocol import EventQuery

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
    await editor.until(lambda: agent.workspace.store.content(row.text_hash) is None)  # the text of a second ago is not piled up


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


def keystroke_was(root: Path, seconds: float) -> None:
    """Moves the last keystroke in ``a.txt`` so far into the past."""
    connection = sqlite3.connect(root / ".noclobber" / "state.db", isolation_level=None)
    (moment,) = connection.execute("SELECT keystroke_at FROM buffers WHERE file_path = 'a.txt'").fetchone()
    connection.execute("UPDATE buffers SET keystroke_at = ?", (format_utc(parse_utc(moment) - seconds),))
    connection.close()


async def test_ten_minutes_after_the_last_keystroke_a_refusal_becomes_a_notice(editor: Any, agent: Any, root: Path) -> None:
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    theirs = TEN.replace("line 2", "agent 2").encode()
    keystroke_was(root, 590)
    with pytest.raises(UnsavedEditsError):
        agent.write("a.txt", theirs)
    keystroke_was(root, 11)
    done = agent.write("a.txt", theirs)
    (notice,) = done.notices
    assert notice.startswith("a.txt has unsaved edits (lines 2) in editor:Test:")
    assert "untouched for 10 minutes" in notice
    (shown,) = await editor.shown(uri, "stale-conflict")
    assert "claude/1 (turn-12, INT-3)" in shown.message
    (row,) = agent.workspace.store.buffers("a.txt")
    assert (row.unsaved, agent.content(row.text_hash)) == (True, editor.texts[uri].encode())


async def test_a_keystroke_after_ten_minutes_makes_it_a_refusal_again(editor: Any, agent: Any, root: Path) -> None:
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    keystroke_was(root, 700)
    editor.type(uri, "mine 2", "mine two")
    await editor.until(lambda: agent.content(agent.workspace.store.buffers("a.txt")[0].text_hash) == editor.texts[uri].encode())
    with pytest.raises(UnsavedEditsError):
        agent.write("a.txt", TEN.replace("line 2", "agent 2").encode())


async def test_a_dead_servers_claim_stays_for_a_minute_and_as_long_as_its_editor_lives(
    new_editor: Callable[[], Any], agent: Any, root: Path
) -> None:
    window = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    editor = new_editor()
    await editor.start(process_id=window.pid)
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    editor.kill()
    await editor.client._server.wait()
    theirs = TEN.replace("line 2", "agent 2").encode()
    keystroke_was(root, 120)
    with pytest.raises(UnsavedEditsError):  # its editor lives
        agent.write("a.txt", theirs)
    window.communicate()
    keystroke_was(root, -80)
    with pytest.raises(UnsavedEditsError):  # both are gone, but for less than a minute
        agent.write("a.txt", theirs)
    keystroke_was(root, 30)
    assert agent.write("a.txt", theirs).notices == ()
    (row,) = agent.workspace.store.buffers("a.txt")
    assert agent.restore("a.txt", row.text_hash).outcome == "done"
    assert (root / "a.txt").read_text(encoding="utf-8") == editor.texts[uri] == TEN.replace("line 2", "mine 2")


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
        await again.heard_out()
        assert again.published == []
        (row,) = agent.workspace.store.buffers("a.txt")
        assert row.agent_id == f"editor:Test:{other.pid}"
        assert row.base_hash == agent.hash_content(TEN.encode())
        await again.stop()
    finally:
        other.communicate()


@pytest.mark.parametrize(("theirs", "state"), [("line 8", "mergeable"), ("line 2", "conflict")])
async def test_unsaved_text_that_a_window_reopens_over_a_changed_disk_is_compared_with_what_it_came_from(
    editor: Any, agent: Any, new_editor: Callable[[], Any], theirs: str, state: str
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    await editor.stop()
    keystroke_was(editor.root, 700)  # the person was away for longer than unsaved edits refuse a write
    agent.edit("a.txt", [(f"{theirs}\n", "theirs\n")])
    again = new_editor()
    await again.start()
    again.open("a.txt", editor.texts[uri])
    await again.until(lambda: [d.data["state"] for d in again.diagnostics.get(uri, [])] == [state])
    (shown,) = again.diagnostics[uri]
    assert "claude/1 (turn-12, INT-3)" in shown.message
    assert shown.data["baseHash"] == agent.hash_content(TEN.encode())
    await again.stop()


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


async def test_a_server_told_to_terminate_saves_the_state(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    for old, new in (("line 2", "mine 2"), ("line 3", "mine 3")):
        editor.type(uri, old, new)
        await editor.settled()
    server = editor.client._server
    server.terminate()
    assert await asyncio.wait_for(server.wait(), 15) == 128 + signal.SIGTERM
    (row,) = agent.workspace.store.buffers("a.txt")
    assert agent.content(row.text_hash) == editor.texts[uri].encode()
    assert server.pid not in {one.pid for one in living(agent.workspace.state)}


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


async def test_a_keystroke_during_the_first_look_is_reported_as_well(
    editor: Any, agent: Any, nobody_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    with nobody_writes():
        editor.type(uri, "line 2", "mine 2")
        here = types.CodeActionParams(
            types.TextDocumentIdentifier(uri), types.Range(types.Position(1, 0), types.Position(1, 0)), types.CodeActionContext([])
        )
        for _ in range(20):  # answered beside the look, which has the text by now and waits for the history
            await editor.client.text_document_code_action_async(here)
        editor.type(uri, "line 7", "mine 7")
    await editor.until(lambda: agent.workspace.store.buffers("a.txt")[0].lines == ((2, 2), (7, 7)))


async def test_what_is_typed_while_an_agents_hook_holds_the_file_is_claimed_when_it_lets_go(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    lease = agent.lease("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.release(lease)
    await editor.until(lambda: agent.workspace.store.buffers("a.txt")[0].lines == ((2, 2),))


async def test_what_a_crashed_editor_had_not_saved_can_be_restored_after_the_file_is_opened_again(
    new_editor: Callable[[], Any], agent: Any, root: Path
) -> None:
    window = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    crashed = new_editor()
    await crashed.start(process_id=window.pid)
    uri = crashed.open("a.txt")
    crashed.type(uri, "line 2", "mine 2")
    await crashed.settled()
    crashed.kill()
    await crashed.client._server.wait()
    window.communicate()
    again = new_editor()
    await again.start()
    again.open("a.txt")
    await again.settled()
    rows = (await again.command("panel.history", {"uri": uri}))["entries"]
    (given_up,) = [row for row in rows if row["kind"] == "unsaved text, given up"]
    assert given_up["agentId"] == f"editor:Test:{window.pid}"
    assert agent.content(given_up["afterHash"]) == TEN.replace("line 2", "mine 2").encode()
    assert [row.agent_id for row in agent.workspace.store.buffers("a.txt")] == [f"editor:Test:{os.getpid()}"]
    await again.stop()


async def test_text_closed_and_opened_again_keeps_what_it_came_from(editor: Any, agent: Any, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    editor.close(uri)  # a changed language, a changed name: closed and opened anew
    (root / "a.txt").rename(root / "b.txt")
    moved = editor.open("b.txt", TEN.replace("line 2", "mine 2"))
    await editor.settled()
    (row,) = agent.workspace.store.buffers("b.txt")
    assert (row.unsaved, row.lines, row.base_hash) == (True, ((2, 2),), agent.hash_content(TEN.encode()))
    assert not editor.diagnostics.get(moved)


async def test_a_second_name_of_the_file_neither_takes_the_claim_nor_lets_go_of_it(editor: Any, agent: Any, root: Path) -> None:
    (root / "alias.txt").symlink_to("a.txt")
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    alias = editor.open("alias.txt")
    await editor.settled()
    (claimed,) = agent.workspace.store.buffers("a.txt")
    assert (claimed.unsaved, claimed.lines) == (True, ((2, 2),))
    editor.close(alias)
    await editor.settled()
    (claimed,) = agent.workspace.store.buffers("a.txt")
    assert (claimed.unsaved, claimed.lines) == (True, ((2, 2),))
    assert "unsaved_text" not in str([event.detail for event in agent.workspace.store.events(EventQuery(file_path="a.txt"))])
    editor.close(uri)
    await editor.settled()
    assert agent.workspace.store.buffers("a.txt") == []


async def test_unsaved_text_is_on_record_again_when_the_state_was_removed(editor: Any, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    shutil.rmtree(root / ".noclobber", ignore_errors=True)
    state = root / ".noclobber" / "state.db"
    await editor.until(state.exists)  # without another keystroke
    with ConcurrencyGuard(root, "claude/1") as agent:
        await editor.until(lambda: [row.lines for row in agent.workspace.store.buffers("a.txt")] == [((2, 2),)])
        agent.read("a.txt")
        with pytest.raises(UnsavedEditsError):
            agent.write("a.txt", TEN.replace("line 2", "agent 2").encode())
