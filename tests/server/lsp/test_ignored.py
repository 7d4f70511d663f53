"""What is none of our business is ignored quietly, and the server goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lsprotocol import types


@pytest.mark.parametrize(
    "uri",
    [
        "untitled:Untitled-1",
        "git:/a.txt?ref",
        "vscode-remote://wsl/a.txt",
        "file://other-host/a.txt",
        "file:///etc/hostname",
        "no uri",
        "file:///%00",
    ],
)
async def test_documents_that_are_none_of_ours_are_ignored_quietly(editor: Any, uri: str) -> None:
    item = types.TextDocumentItem(uri, "plaintext", 1, "text\n")
    editor.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=2)
    editor.client.text_document_did_change(
        types.DidChangeTextDocumentParams(identifier, [types.TextDocumentContentChangeWholeDocument("other")])
    )
    editor.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))
    editor.close(uri)
    await editor.heard_out(held_back=False)
    assert editor.published == []
    assert editor.messages == []


async def test_a_change_of_a_document_that_is_not_open_is_ignored(editor: Any) -> None:
    uri = editor.uri("a.txt")
    editor.texts[uri], editor.versions[uri] = "x", 1
    editor.put(uri, "y")
    await editor.settled()
    assert editor.messages == []


async def test_a_version_that_goes_back_is_ignored(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    known = editor.texts[uri]
    editor.versions[uri] = -5
    editor.put(uri, "from long ago")
    editor.texts[uri], editor.versions[uri] = known, 2
    await editor.settled()
    (row,) = agent.workspace.store.buffers("a.txt")
    assert agent.content(row.text_hash) == known.encode()


async def test_files_of_git_and_of_our_own_state_are_left_alone(editor: Any, root: Any, agent: Any) -> None:
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("x\n", encoding="utf-8")
    editor.open(".git/config")
    editor.open(".noclobber/.gitignore")
    await editor.settled()
    assert agent.workspace.store.buffers() == []


@pytest.mark.parametrize("env", [{"NOCLOBBER": "off"}, {"CI": "true"}])
async def test_turned_off_it_makes_no_state_and_says_nothing(new_editor: Callable[[], Any], root: Any, env: dict[str, str]) -> None:
    editor = new_editor()
    await editor.start(env=env)
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    assert not (root / ".noclobber").exists()
    await editor.stop()
