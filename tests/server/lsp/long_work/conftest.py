"""pytest-lsp's client with a real server, and waiting for its progress bars."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import LanguageClient

Start = Callable[..., Awaitable["Person"]]


class Person:
    """Somebody who looks at the bars in an editor, and stops some."""

    def __init__(self, client: LanguageClient) -> None:
        self._client = client
        self.bars: dict[Any, list[Any]] = client.progress_reports  # type: ignore[assignment]
        self.messages = client.messages

    async def run(self, name: str, argument: Any, token: str | None = None, request: str | None = None) -> Any:
        """A command; ``token`` names a bar of the editor's own, ``request`` the request."""
        params = types.ExecuteCommandParams(f"noclobber.{name}", [argument], work_done_token=token)
        return await self._client.protocol.send_request_async(types.WORKSPACE_EXECUTE_COMMAND, params, request)

    async def bar(self, kind: str = "begin", *, title: str | None = None, token: Any = None) -> tuple[Any, Any]:
        """Wait until a bar begins (one with this title), or ends (this one); its token and what was said."""
        async with asyncio.timeout(15):
            while True:
                coming = asyncio.ensure_future(self._client.protocol.wait_for_notification_async(types.PROGRESS))
                for shown, values in self.bars.items():
                    for value in values:
                        if value.kind == kind and title in (None, getattr(value, "title", None)) and token in (None, shown):
                            return shown, value
                await asyncio.wait([coming])  # left to itself where the time is up: the client sets it all the same

    def stop(self, token: Any) -> None:
        """Press the bar's button."""
        self._client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))

    def withdraw(self, request: str) -> None:
        """Take the request back."""
        self._client.protocol.notify(types.CANCEL_REQUEST, types.CancelParams(request))

    def open(self, path: Path, text: str) -> None:
        """Open a document."""
        item = types.TextDocumentItem(path.as_uri(), "plaintext", 1, text)
        self._client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    async def heard(self) -> None:
        """What was sent so far has been taken in; the worker may be busy."""
        await self._client.text_document_hover_async(types.HoverParams(types.TextDocumentIdentifier("file:///x"), types.Position(0, 0)))

    async def settled(self) -> None:
        """What was sent so far has been taken in, and the worker has done it."""
        await self.run("activity", {"limit": 1})


@pytest.fixture
async def start(root: Path, server_log: Any) -> AsyncIterator[Start]:
    """Starts servers for editors that show progress, or do not."""
    running: list[LanguageClient] = []

    async def started(*, shows_progress: bool = True) -> Person:
        client = pytest_lsp.make_test_lsp_client()
        await client.start_io(*server_log.command())
        running.append(client)
        window = types.WindowClientCapabilities(work_done_progress=shows_progress)
        folders = [types.WorkspaceFolder(root.as_uri(), "project")]
        await client.initialize_session(
            types.InitializeParams(types.ClientCapabilities(window=window), client_info=types.ClientInfo("Test"), workspace_folders=folders)
        )
        return Person(client)

    yield started
    for client in running:
        client.protocol._notification_futures.clear()  # nobody waits any more
        await client.shutdown_session()
        await client.stop()
