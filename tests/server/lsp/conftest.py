"""A real server process with a real client, and an agent that writes through the guard."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from noclobber import ConcurrencyGuard

TEN = "".join(f"line {n}\n" for n in range(1, 11))
PATIENCE_S = 15.0
SERVING = """
import os, sys
os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
from noclobber_server.lsp.server import main
raise SystemExit(main([]))
"""


class ServerLog:
    """What all servers of a test write to standard error: no error and no traceback, unless the test says that it expects one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._expected: list[str] = []

    def command(self, before: str = "") -> list[str]:
        """Starts a server that writes there; ``before``: Python to run first."""
        return [sys.executable, "-c", before + SERVING, str(self._path)]

    def expect(self, pattern: str) -> None:
        """An error or a traceback in which this is found is no fault of this test's."""
        self._expected.append(pattern)

    @property
    def text(self) -> str:
        """All that was written so far."""
        return self._path.read_text(encoding="utf-8", errors="replace") if self._path.exists() else ""

    def faults(self) -> list[str]:
        """The entries that nobody expected."""
        entries = re.split(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} )", self.text, flags=re.MULTILINE)
        return [
            entry
            for entry in entries
            if re.search(r"\A\S+ \S+ (ERROR|CRITICAL) |^(ERROR|CRITICAL)\b|^\s*Traceback \(", entry, re.MULTILINE)
            and not any(re.search(pattern, entry) for pattern in self._expected)
        ]


class Editor:
    """A client that keeps its documents the way an editor does: text, version, and what it does with edits it is asked for."""

    def __init__(self, root: Path, log: ServerLog) -> None:
        self.root = root
        self._log = log
        self.client = LanguageClient("test-editor", "1")
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.diagnostics: dict[str, list[types.Diagnostic]] = {}
        self.published: list[tuple[str, list[types.Diagnostic]]] = []
        self.messages: list[types.ShowMessageParams] = []
        self.questions: list[types.ShowMessageRequestParams] = []
        self.logged: list[str] = []
        self.activity: list[Any] = []
        self.progress: list[Any] = []
        self.registered: list[types.Registration] = []
        self.asked_edits: list[types.ApplyWorkspaceEditParams] = []
        self.answer: str | None = None
        self.before_apply: Callable[[], None] | None = None
        self.lies = False
        self._heard = 0
        self._moved = asyncio.Event()
        self._handle()

    def _handle(self) -> None:
        client = self.client

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def _(params: types.PublishDiagnosticsParams) -> None:
            self.diagnostics[params.uri] = list(params.diagnostics)
            self.published.append((params.uri, list(params.diagnostics)))
            self._moved.set()

        @client.feature(types.WINDOW_SHOW_MESSAGE)
        def _(params: types.ShowMessageParams) -> None:
            self.messages.append(params)
            self._moved.set()

        @client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
        def _(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
            self.questions.append(params)
            self._moved.set()
            return types.MessageActionItem(self.answer) if self.answer else None

        @client.feature(types.WINDOW_LOG_MESSAGE)
        def _(params: types.LogMessageParams) -> None:
            self.logged.append(params.message)
            self._moved.set()

        @client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
        def _(params: types.WorkDoneProgressCreateParams) -> None:
            self.progress.append(params.token)

        @client.feature(types.PROGRESS)
        def _(params: types.ProgressParams) -> None:
            self.progress.append(params.value)

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def _(params: types.RegistrationParams) -> None:
            self.registered += params.registrations
            self._moved.set()

        @client.feature("noclobber/activity")
        def _(params: Any) -> None:
            self.activity.append(params)
            self._moved.set()

        @client.feature(types.WORKSPACE_APPLY_EDIT)
        def _(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
            return self._apply(params)

    def _apply(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        self.asked_edits.append(params)
        if self.before_apply is not None:
            self.before_apply()
        for change in params.edit.document_changes or ():
            assert isinstance(change, types.TextDocumentEdit)
            uri, version = change.text_document.uri, change.text_document.version
            if version is not None and version != self.versions[uri]:
                return types.ApplyWorkspaceEditResult(applied=self.lies)
            self.put(uri, applied(self.texts[uri], change.edits))
        return types.ApplyWorkspaceEditResult(applied=True)

    async def start(
        self,
        *,
        encodings: list[str] | None = None,
        process_id: int | None = None,
        address: tuple[str, int] | None = None,
        **options: Any,
    ) -> types.InitializeResult:
        env = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")} | options.pop("env", {})
        folders = options.pop("folders", [self.root])
        command = self._log.command(options.pop("before", ""))
        if address is None:
            await self.client.start_io(*command, env=env)
        else:
            await self.client.start_tcp(*address)
        result = await self.client.initialize_async(
            types.InitializeParams(
                capabilities=capabilities(encodings),
                process_id=os.getpid() if process_id is None else process_id,
                client_info=types.ClientInfo(options.pop("name", "Test"), "1"),
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders],
                initialization_options=options,
            )
        )
        self.client.initialized(types.InitializedParams())
        return result

    async def stop(self) -> None:
        await asyncio.wait_for(self.client.shutdown_async(None), PATIENCE_S)
        self.client.exit(None)
        await asyncio.wait_for(self.client._server.wait(), PATIENCE_S)  # type: ignore[union-attr]
        await self.client.stop()

    def kill(self) -> None:
        self.client._server.kill()  # type: ignore[union-attr]

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str, text: str | None = None) -> str:
        uri = self.uri(name)
        shown = (self.root / name).read_bytes().decode().replace("\r\n", "\n") if text is None else text
        self.texts[uri], self.versions[uri] = shown, 1
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "plaintext", 1, shown)))
        return uri

    def put(self, uri: str, text: str) -> None:
        """The whole text, as an editor that reloads sends it."""
        self.texts[uri] = text
        self.versions[uri] += 1
        self._change(uri, types.TextDocumentContentChangeWholeDocument(text))

    def type(self, uri: str, old: str, new: str) -> None:
        """Replace the first occurrence of some text, as a keystroke does."""
        before = self.texts[uri]
        at = before.index(old)
        start = _position(before, at)
        end = _position(before, at + len(old))
        self.texts[uri] = before[:at] + new + before[at + len(old) :]
        self.versions[uri] += 1
        self._change(uri, types.TextDocumentContentChangePartial(types.Range(start, end), new))

    def _change(self, uri: str, change: Any) -> None:
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    async def save(self, uri: str, *, by_hand: bool = True) -> None:
        reason = types.TextDocumentSaveReason.Manual if by_hand else types.TextDocumentSaveReason.AfterDelay
        edits = await self.about_to_save(uri, reason)
        if edits:
            self.put(uri, applied(self.texts[uri], edits))
        Path(uri.removeprefix("file://")).write_bytes(self.texts[uri].encode())
        self.saved(uri)

    async def about_to_save(self, uri: str, reason: types.TextDocumentSaveReason) -> Sequence[types.TextEdit] | None:
        """Say so; the edits to make first."""
        params = types.WillSaveTextDocumentParams(types.TextDocumentIdentifier(uri), reason)
        return await self.client.text_document_will_save_wait_until_async(params)

    def saved(self, uri: str) -> None:
        """Say that it is written."""
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def command(self, name: str, argument: Any = None) -> Any:
        arguments = [] if argument is None else [argument]
        return await asyncio.wait_for(
            self.client.workspace_execute_command_async(types.ExecuteCommandParams(f"noclobber.{name}", arguments)), PATIENCE_S
        )

    async def settled(self) -> None:
        """Everything sent so far has been looked at: commands are done in order after it."""
        await self.command("activity", {"limit": 1})

    async def heard_out(self, *, held_back: bool = True) -> None:
        """All is said that there is to say of what happened so far: what somebody else did only now has been told of as well.

        Nothing is held back for longer than the word of a stale buffer without edits. Without ``held_back`` only that has been said
        which is said at once. Leaves nothing in ``published``, and only a file, its reading and its writing in the history.
        """
        self._heard += 1
        name = f"heard-out-{self._heard}"
        (self.root / name).write_text(TEN, encoding="utf-8")
        uri = self.open(name)
        if not held_back:
            self.type(uri, "line 2", "mine 2")
        await self.settled()
        with ConcurrencyGuard(self.root, "heard-out") as other:
            other.edit(name, [("line 8", "theirs 8")])
        await self.shown(uri, "stale-buffer")
        self.close(uri)
        await self.shown(uri, None)
        await self.settled()
        self.published = [(about, said) for about, said in self.published if about != uri]

    async def until(self, is_so: Callable[[], Any]) -> None:
        """Wait for something the server sends; fails after a while."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self._moved.clear()
                try:
                    await asyncio.wait_for(self._moved.wait(), 0.05)
                except TimeoutError:
                    continue

    async def shown(self, uri: str, code: str | None) -> list[types.Diagnostic]:
        """Wait until the document's diagnostics have this code, or (None) are none."""
        await self.until(lambda: [d.code for d in self.diagnostics.get(uri, [])][:1] == ([] if code is None else [code]))
        return self.diagnostics.get(uri, [])


def capabilities(encodings: list[str] | None) -> types.ClientCapabilities:
    published = types.PublishDiagnosticsClientCapabilities(related_information=True, version_support=True)
    return types.ClientCapabilities(
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True,
            workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True),
            did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
        ),
        text_document=types.TextDocumentClientCapabilities(publish_diagnostics=published),
        general=types.GeneralClientCapabilities(position_encodings=encodings),
        window=types.WindowClientCapabilities(
            work_done_progress=True,
            show_message=types.ShowMessageRequestClientCapabilities(types.ClientShowMessageActionItemOptions(True)),
        ),
    )


def _position(text: str, at: int) -> types.Position:
    before = text[:at].split("\n")
    return types.Position(len(before) - 1, len(before[-1].encode("utf-16-le")) // 2)


def _offset(text: str, position: types.Position) -> int:
    lines = text.split("\n")
    if position.line >= len(lines):
        return len(text)
    line = lines[position.line].encode("utf-16-le")[: 2 * position.character].decode("utf-16-le")
    return sum(len(other) + 1 for other in lines[: position.line]) + len(line)


def applied(text: str, edits: Any) -> str:
    """A text after edits that all speak of it as it was."""
    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        text = text[: _offset(text, edit.range.start)] + edit.new_text + text[_offset(text, edit.range.end) :]
    return text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.txt").write_text(TEN, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerLog]:
    """Fails a test whose servers logged an error, after everything else of it has ended."""
    log = ServerLog(tmp_path_factory.mktemp("log") / "stderr")
    yield log
    faults = log.faults()
    assert not faults, f"{len(faults)} in the servers' log:\n{''.join(faults[:3])}"


@pytest.fixture
async def editor(root: Path, server_log: ServerLog) -> AsyncIterator[Editor]:
    """A running editor with one workspace folder."""
    running = Editor(root, server_log)
    await running.start()
    yield running
    if running.client._server is not None and running.client._server.returncode is None:
        await running.stop()


@pytest.fixture
def new_editor(root: Path, server_log: ServerLog) -> Callable[[], Editor]:
    return lambda: Editor(root, server_log)


@pytest.fixture
def agent(root: Path) -> Iterator[ConcurrencyGuard]:
    with ConcurrencyGuard(root, "claude/1", turn_id="turn-12", intent_id="INT-3") as guard:
        yield guard


@pytest.fixture
def nobody_writes(root: Path) -> Callable[[], AbstractContextManager[None]]:
    """Holds the history's write lock, so that a server waits at the first thing it has to put on record, and all its work after that."""

    @contextmanager
    def held() -> Iterator[None]:
        connection = sqlite3.connect(root / ".noclobber" / "state.db", isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    return held
