"""Every state of a buffer and the ways between them, seen by a client of a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from noclobber.clock import format_utc
from noclobber.pausing import pause, resume
from noclobber.store.protocol import EventQuery

CODES = {"stale-buffer", "stale-conflict", "deleted-on-disk"}


async def test_a_fresh_buffer_shows_nothing(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.heard_out()
    assert editor.published == []


async def test_an_agents_write_elsewhere_is_a_warning_that_says_who_when_and_why(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs 8")])
    (shown,) = await editor.shown(uri, "stale-buffer")
    assert shown.severity == types.DiagnosticSeverity.Warning
    assert shown.source == "noclobber"
    assert shown.message.startswith("Changed on disk by claude/1 (turn-12, INT-3) ")
    assert " ago, line 8." in shown.message
    assert shown.range == types.Range(types.Position(7, 0), types.Position(7, 6))
    assert shown.related_information[0].message == "On disk now: theirs 8"
    assert shown.related_information[0].location.range.start.line == 7
    assert shown.data["state"] == "mergeable"
    assert shown.data["changedBy"][0]["agentId"] == "claude/1"
    assert shown.data["changedBy"][0]["turnId"] == "turn-12"


async def test_an_outside_change_in_the_same_lines_is_a_conflict(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text(editor.texts[uri].replace("mine 2", "theirs 2"), encoding="utf-8")
    (shown,) = await editor.shown(uri, "stale-conflict")
    assert shown.severity == types.DiagnosticSeverity.Error
    assert "by an outside change" in shown.message


async def test_a_clean_buffer_that_is_not_reloaded_is_shown_as_behind_after_a_second(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    began = time.monotonic()
    agent.edit("a.txt", [("line 3\n", "")])
    (shown,) = await editor.shown(uri, "stale-buffer")
    assert time.monotonic() - began >= 1.0
    assert shown.severity == types.DiagnosticSeverity.Information
    assert shown.data["state"] == "behind"


async def test_a_clean_buffer_that_its_editor_reloads_never_shows_anything(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    agent.edit("a.txt", [("line 3", "theirs 3")])
    editor.put(uri, (root / "a.txt").read_text(encoding="utf-8"))
    await editor.settled()
    editor.type(uri, "line 5", "mine 5")
    await editor.heard_out()
    assert editor.published == []


async def test_a_deleted_file_is_shown_until_it_is_back(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    content = (root / "a.txt").read_bytes()
    (root / "a.txt").unlink()
    (shown,) = await editor.shown(uri, "deleted-on-disk")
    assert shown.severity == types.DiagnosticSeverity.Warning
    (root / "a.txt").write_bytes(content)
    await editor.shown(uri, None)


async def test_a_file_replaced_by_delete_and_create_is_never_called_deleted(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    for _ in range(20):
        content = (root / "a.txt").read_bytes()
        (root / "a.txt").unlink()
        (root / "a.txt").write_bytes(content)
    await editor.heard_out()
    assert editor.published == []
    assert editor.diagnostics.get(uri, []) == []


async def test_the_diagnostic_moves_with_the_edits(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs 8")])
    await editor.shown(uri, "stale-buffer")
    editor.type(uri, "line 1", "above\nabove\nline 1")
    await editor.until(lambda: [d.range.start.line for d in editor.diagnostics[uri]] == [9])


async def test_typing_into_the_changed_lines_turns_mergeable_into_conflict_and_back(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs 8")])
    await editor.shown(uri, "stale-buffer")
    editor.type(uri, "line 8", "mine 8")
    await editor.shown(uri, "stale-conflict")
    editor.type(uri, "mine 8", "line 8")
    await editor.shown(uri, "stale-buffer")


async def test_it_goes_when_the_disk_is_put_back(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    before = (root / "a.txt").read_bytes()
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_bytes(before + b"more\n")
    await editor.shown(uri, "stale-buffer")
    (root / "a.txt").write_bytes(before)
    await editor.shown(uri, None)


async def test_it_goes_when_the_buffer_comes_to_say_the_same(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text(editor.texts[uri].replace("line 9", "theirs 9"), encoding="utf-8")
    await editor.shown(uri, "stale-buffer")
    editor.type(uri, "line 9", "theirs 9")
    await editor.shown(uri, None)


async def test_it_goes_when_the_document_is_closed(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text("other\n", encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    editor.close(uri)
    await editor.shown(uri, None)


async def test_each_writer_is_named_with_its_own_lines(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 5", "mine 5")
    await editor.settled()
    agent.edit("a.txt", [("line 2", "claude 2")])
    agent.as_writer("codex/1", turn_id="t-7").edit("a.txt", [("line 9", "codex 9")])
    await editor.until(lambda: len(editor.diagnostics.get(uri, [])) == 2)
    await editor.until(lambda: "codex/1 (t-7)" in editor.diagnostics[uri][1].message)
    first, second = editor.diagnostics[uri]
    assert "claude/1 (turn-12, INT-3)" in first.message
    assert "line 2" in first.message
    assert "codex" not in first.message
    assert "line 9" in second.message
    assert "claude" not in second.message


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\xef\xbb\xbfone\ntwo\n", "one\ntwo\n"),
        (b"one\r\ntwo\nthree\r", "one\ntwo\nthree\n"),
        ("caf\xe9\n".encode("latin-1"), "caf\xe9\n"),
        ("caf\xe9\n".encode("latin-1"), "caf\ufffd\n"),
        (b"no newline", "no newline\n"),
        (b"", "\n"),
        (b"a\x0cb\n\xe2\x80\xa8\n", "a\x0cb\n\u2028\n"),
    ],
)
async def test_a_buffer_nobody_touched_is_never_called_changed(editor: Any, root: Any, content: bytes, shown: str, agent: Any) -> None:
    (root / "a.txt").write_bytes(content)
    editor.open("a.txt", shown)
    await editor.settled()
    (row,) = agent.workspace.store.buffers("a.txt")
    assert not row.unsaved
    assert row.base_hash == row.text_hash == agent.hash_content(content)
    await editor.heard_out(held_back=False)
    assert editor.published == []


async def test_a_text_unlike_the_disk_of_unknown_origin_is_a_conflict(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt", "something else entirely\n")
    (shown, *_) = await editor.shown(uri, "stale-conflict")
    assert "not known" in shown.message


async def test_a_text_of_an_older_known_version_is_behind_not_conflict(editor: Any, root: Any, agent: Any) -> None:
    old = (root / "a.txt").read_text(encoding="utf-8")
    agent.read("a.txt")
    agent.edit("a.txt", [("line 4", "theirs 4")])
    uri = editor.open("a.txt", old)
    (shown,) = await editor.shown(uri, "stale-buffer")
    assert shown.data["state"] == "behind"


async def test_a_new_file_that_does_not_exist_yet_is_fresh(editor: Any) -> None:
    editor.open("new.txt", "")
    editor.type(editor.uri("new.txt"), "", "first words")
    await editor.heard_out()
    assert editor.published == []


@pytest.mark.parametrize(("setting", "warning", "error"), [("all", True, True), ("conflicts", False, True), ("off", False, False)])
async def test_the_setting_says_which_are_shown(
    new_editor: Callable[[], Any], root: Any, agent: Any, setting: str, warning: bool, error: bool
) -> None:
    (root / "b.txt").write_bytes((root / "a.txt").read_bytes())
    editor = new_editor()
    await editor.start(diagnostics=setting)
    soft, hard = editor.open("a.txt"), editor.open("b.txt")
    editor.type(soft, "line 2", "mine 2")
    editor.type(hard, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text((root / "a.txt").read_text(encoding="utf-8").replace("line 8", "x"), encoding="utf-8")
    (root / "b.txt").write_text((root / "b.txt").read_text(encoding="utf-8").replace("line 2", "x"), encoding="utf-8")
    if error:
        await editor.shown(hard, "stale-conflict")
    if warning:
        await editor.shown(soft, "stale-buffer")
    await editor.until(lambda: len(agent.events(kind="outside")) == 2)  # both have been looked at
    await editor.settled()
    assert bool(editor.diagnostics.get(soft)) == warning
    assert bool(editor.diagnostics.get(hard)) == error
    await editor.stop()


async def test_changing_the_setting_shows_and_withdraws_at_once(editor: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text("other\n", encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"noclobber": {"diagnostics": "off"}}))
    await editor.shown(uri, None)
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"noclobber": {"diagnostics": "all"}}))
    await editor.shown(uri, "stale-conflict")


async def test_a_diagnostic_does_not_grow_with_the_number_of_changes(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    said = "line 8"
    for number in range(60):
        agent.as_writer(f"claude/{number}").read("a.txt")
        agent.as_writer(f"claude/{number}").edit("a.txt", [(said, f"theirs {number}")])
        said = f"theirs {number}"
    await editor.until(lambda: [d.data["changedBy"][-1]["agentId"] for d in editor.diagnostics.get(uri, [])] == ["claude/59"])
    (shown,) = editor.diagnostics[uri]
    assert len(shown.message) < 500
    assert len(json.dumps(shown.data)) < 8000


async def test_while_noclobber_is_paused_nothing_is_shown_and_no_save_is_merged(editor: Any, root: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs 8")])
    await editor.shown(uri, "stale-buffer")
    state = agent.workspace.state
    pause(state, format_utc(time.time() + 3600))
    await editor.shown(uri, None)
    assert not await editor.about_to_save(uri, types.TextDocumentSaveReason.Manual)
    resume(state)
    await editor.shown(uri, "stale-buffer")
    assert await editor.about_to_save(uri, types.TextDocumentSaveReason.Manual)
    pause(state, format_utc(time.time() + 1))
    await editor.shown(uri, None)
    await editor.shown(uri, "stale-buffer")


async def test_changed_settings_are_gone_by_at_once_and_those_that_cannot_be_read_change_nothing(
    editor: Any, root: Any, agent: Any, server_log: Any
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs 8")])
    await editor.shown(uri, "stale-buffer")
    settings, coming = root / "noclobber.toml", root / "coming"
    coming.write_text('[lsp]\ndiagnostics = "off"\n', encoding="utf-8")
    coming.replace(settings)
    await editor.shown(uri, None)
    coming.write_text("[lsp\n", encoding="utf-8")
    coming.replace(settings)
    await editor.until(lambda: "is not TOML" in server_log.text)
    assert editor.diagnostics[uri] == []
    settings.unlink()
    await editor.shown(uri, "stale-buffer")


async def test_settings_are_gone_by_where_nothing_is_open(editor: Any, root: Any) -> None:
    async def mode() -> Any:
        return (await editor.command("panel.overview", {}))["roots"][0]["mode"]

    assert await mode() == "guarding"
    (root / "noclobber.toml").write_text('mode = "observe"\n', encoding="utf-8")
    async with asyncio.timeout(20):
        while await mode() != "observing":
            await asyncio.sleep(0.01)


async def test_a_pause_that_began_before_the_server_is_heeded_and_its_end_too(new_editor: Callable[[], Any], agent: Any) -> None:
    began = time.monotonic()
    pause(agent.workspace.state, format_utc(time.time() + 3))
    editor = new_editor()
    await editor.start()
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (editor.root / "a.txt").write_text("other\n", encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    assert time.monotonic() - began >= 2.9
    (row,) = agent.workspace.store.buffers("a.txt")
    assert row.unsaved
    await editor.stop()


@pytest.mark.parametrize("settings", [None, {}, {"python": {}}, {"noclobber": {}}, {"noclobber": None}])
async def test_settings_that_say_nothing_change_nothing(new_editor: Callable[[], Any], root: Any, settings: Any) -> None:
    editor = new_editor()
    await editor.start(diagnostics="off")
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text("other\n", encoding="utf-8")
    assert (await editor.command("buffer.merge", {"uri": uri}))["state"] == "conflict"
    assert editor.published == []
    await editor.stop()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_ranges_are_counted_in_the_negotiated_encoding(new_editor: Callable[[], Any], root: Any, encoding: str) -> None:
    (root / "a.txt").write_text("one\né😀x\nthree\nfour\nfive\n", encoding="utf-8")
    editor = new_editor()
    result = await editor.start(encodings=[encoding])
    assert result.capabilities.position_encoding == encoding
    uri = editor.open("a.txt")
    editor.type(uri, "five", "cinq")
    await editor.settled()
    (root / "a.txt").write_text("one\nother\nthree\nfour\nfive\n", encoding="utf-8")
    (shown,) = await editor.shown(uri, "stale-buffer")
    assert shown.range.end.character == {"utf-8": 7, "utf-16": 4, "utf-32": 3}[encoding]
    await editor.stop()


@pytest.mark.parametrize("reads_it_first_as", ["utf-8", "latin-1"])
async def test_a_file_that_the_editor_is_told_to_read_in_another_encoding_is_not_called_changed(
    editor: Any, agent: Any, root: Path, reads_it_first_as: str
) -> None:
    content = "plain\nčtyři\nmore\nžluť\n".encode("cp1250")
    (root / "c.txt").write_bytes(content)
    uri = editor.open("c.txt", content.decode(reads_it_first_as, "replace"))
    await editor.settled()
    editor.put(uri, content.decode("cp1250"))  # "Reopen with encoding"
    await editor.settled()
    (row,) = agent.workspace.store.buffers("c.txt")
    assert not row.unsaved
    editor.type(uri, "plain", "mine")
    await editor.settled()
    (row,) = agent.workspace.store.buffers("c.txt")
    assert (row.unsaved, row.lines) == (True, ((1, 1),))
    assert agent.content(row.text_hash) == content.replace(b"plain", b"mine")


async def test_a_file_that_the_editor_saves_in_another_encoding_is_on_record_as_saved(editor: Any, agent: Any, root: Path) -> None:
    text = "plain\nčtyři\n"
    (root / "c.txt").write_bytes(text.encode())
    uri = editor.open("c.txt", text)
    await editor.settled()
    await editor.about_to_save(uri, types.TextDocumentSaveReason.Manual)
    (root / "c.txt").write_bytes(text.encode("cp1250"))  # "Save with encoding"
    editor.saved(uri)
    await editor.settled()
    (row,) = agent.workspace.store.buffers("c.txt")
    assert (row.unsaved, row.base_hash) == (False, agent.hash_content(text.encode("cp1250")))
    assert not editor.diagnostics.get(uri)
    assert agent.workspace.store.events(EventQuery(file_path="c.txt", kinds=("save",)))[-1].after_hash == row.base_hash


async def test_opening_what_is_open_already_takes_back_what_was_said_of_it(editor: Any, root: Path) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text("other\n", encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    editor.open("a.txt")
    await editor.shown(uri, None)
