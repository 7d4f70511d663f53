"""A buffer that was reloaded from somebody's version and changed again before anybody could look at it, and was then saved.

Everything the editor sends in the meantime waits behind a piece of work that is held up, so that the order is the same every time.
"""

from __future__ import annotations

import mmap
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

TEN = "".join(f"line {n}\n" for n in range(1, 11))
THEIRS = TEN.replace("line 8", "v   =  [ 8,'a' ]")
FORMATTED = TEN.replace("line 8", 'v = [8, "a"]')


@pytest.fixture
def nobody_looks(editor: Any, root: Path, nobody_writes: Any) -> Callable[[], AbstractAsyncContextManager[None]]:
    """While it lasts, all that the server is sent of a.txt waits unlooked at."""
    (root / "b.txt").write_text("other", encoding="utf-8")
    other = editor.open("b.txt")

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        with nobody_writes():
            editor.put(other, editor.texts[other] + " typed")  # putting that on record takes as long as we like
            await arrived()
            yield
            await arrived()

    async def arrived() -> None:
        """All sent so far is queued: this is answered without any work."""
        await editor.about_to_save(other, types.TextDocumentSaveReason.AfterDelay)

    return held


@pytest.fixture
async def uri(editor: Any, nobody_looks: Any) -> Any:
    opened = editor.open("a.txt")
    await editor.settled()
    return opened


def reloaded_and_formatted(editor: Any, uri: str, root: Path) -> None:
    editor.put(uri, (root / "a.txt").read_text(encoding="utf-8"))
    editor.put(uri, editor.texts[uri].replace(THEIRS, FORMATTED))


async def nothing_unseen_was_replaced(editor: Any, agent: Any, theirs: bytes) -> None:
    await editor.heard_out(held_back=False)
    assert editor.questions == []
    (save,) = [event for event in agent.events(kind="save") if event.file_path == "a.txt"]
    hashes = [agent.hash_content(content) for content in (theirs, FORMATTED.encode())]
    assert (save.outcome, [save.before_hash, save.after_hash]) == ("done", hashes)


async def test_a_buffer_reloaded_and_formatted_at_once_is_saved_over_nothing_unseen(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    agent.edit("a.txt", [("line 8", "v   =  [ 8,'a' ]")])
    async with nobody_looks():
        reloaded_and_formatted(editor, uri, root)
    await editor.save(uri)
    await nothing_unseen_was_replaced(editor, agent, THEIRS.encode())


async def test_a_save_told_of_before_anybody_looked_is_over_nothing_unseen_either(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    agent.edit("a.txt", [("line 8", "v   =  [ 8,'a' ]")])
    async with nobody_looks():
        reloaded_and_formatted(editor, uri, root)
        await editor.save(uri, by_hand=False)
    await nothing_unseen_was_replaced(editor, agent, THEIRS.encode())


async def test_a_version_that_was_reloaded_before_anybody_saw_it_on_disk_counts_as_seen(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    editor.put(uri, THEIRS)
    await editor.settled()
    async with nobody_looks():
        (root / "a.txt").write_text(THEIRS, encoding="utf-8")
        editor.put(uri, FORMATTED)
    await editor.save(uri)
    await nothing_unseen_was_replaced(editor, agent, THEIRS.encode())


async def test_a_reload_and_a_formatting_sent_in_one_message_are_two_texts(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    agent.edit("a.txt", [("line 8", "v   =  [ 8,'a' ]")])
    async with nobody_looks():
        editor.texts[uri], editor.versions[uri] = FORMATTED, editor.versions[uri] + 1
        line = types.Range(types.Position(7, 0), types.Position(8, 0))
        texts = ["v   =  [ 8,'a' ]\n", 'v = [8, "a"]\n']
        changes = [types.TextDocumentContentChangePartial(line, text) for text in texts]
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=editor.versions[uri])
        editor.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, changes))
    await editor.save(uri)
    await nothing_unseen_was_replaced(editor, agent, THEIRS.encode())


async def test_a_newer_version_than_the_reloaded_one_is_still_told(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any, nobody_writes: Any
) -> None:
    agent.edit("a.txt", [("line 8", "v   =  [ 8,'a' ]")])
    newer = THEIRS.replace("[ 8", "[ 9")
    async with nobody_looks():
        reloaded_and_formatted(editor, uri, root)
    (root / "a.txt").write_text(newer, encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.questions)
    (save,) = agent.events(kind="save")
    assert (save.outcome, save.before_hash) == ("overridden", agent.hash_content(newer.encode()))
    assert agent.content(save.before_hash) == newer.encode()


async def test_a_newer_version_is_told_too_where_the_save_over_it_is_told_of_before_anybody_looks(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    agent.edit("a.txt", [("line 8", "v   =  [ 8,'a' ]")])
    newer = FORMATTED.replace('[8, "a"]', '[9, "b"]')
    async with nobody_looks():
        reloaded_and_formatted(editor, uri, root)
    (root / "a.txt").write_text(newer, encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    await editor.about_to_save(uri, types.TextDocumentSaveReason.AfterDelay)
    with (root / "a.txt").open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:  # such a write stirs no watcher
        mapped[:] = FORMATTED.encode()
        mapped.flush()
        editor.saved(uri)
        await editor.until(lambda: editor.questions)
    (save,) = agent.events(kind="save")
    assert (save.outcome, save.before_hash) == ("overridden", agent.hash_content(newer.encode()))


async def test_a_version_that_the_buffer_never_showed_is_told_though_others_were_reloaded(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    agent.edit("a.txt", [("line 8", "v   =  [ 8,'a' ]")])
    async with nobody_looks():
        editor.put(uri, THEIRS.replace("line 3", "not theirs"))
        editor.put(uri, FORMATTED)
        await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.questions)
    (save,) = [event for event in agent.events(kind="save") if event.file_path == "a.txt"]
    assert (save.outcome, save.before_hash) == ("overridden", agent.hash_content(THEIRS.encode()))


async def test_a_save_that_was_typed_past_before_anybody_looked_is_on_record(
    editor: Any, agent: Any, root: Path, uri: str, nobody_looks: Any
) -> None:
    async with nobody_looks():
        editor.type(uri, "line 2", "mine 2")
        await editor.save(uri, by_hand=False)
        editor.type(uri, "line 3", "mine 3")
    await editor.settled()
    (save,) = [event for event in agent.events(kind="save") if event.file_path == "a.txt"]
    before, after = TEN.encode(), TEN.replace("line 2", "mine 2").encode()
    assert (save.outcome, save.before_hash, save.after_hash) == ("done", agent.hash_content(before), agent.hash_content(after))
    await editor.heard_out()
    assert agent.events(kind="outside") == []
