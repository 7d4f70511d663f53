"""Everything the server answers to, registered in one place. Handlers unpack, call one thing, and pack."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from .calling import CommandCall
from .panel import register_panel

if TYPE_CHECKING:
    from .server import NoclobberServer

__all__ = ["register"]


def register(server: NoclobberServer) -> None:
    """Register the life of the session, documents, requests about documents, and commands."""
    _register_life(server)
    _register_documents(server)
    _register_saves(server)
    _register_requests(server)
    _register_commands(server)


def _register_life(server: NoclobberServer) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(ls: NoclobberServer, params: types.InitializeParams) -> None:
        ls.introduce(params)

    @server.feature(types.INITIALIZED)
    def initialized(ls: NoclobberServer, _params: types.InitializedParams) -> None:
        ls.watch_parent(ls.session.client.process_id)
        ls.session.begin()

    @server.feature(types.SHUTDOWN)
    async def shutdown(ls: NoclobberServer, _params: None) -> None:
        await asyncio.to_thread(ls.end)

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def did_change_configuration(ls: NoclobberServer, params: types.DidChangeConfigurationParams) -> None:
        ls.session.configured(params.settings)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_folders(ls: NoclobberServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
        event = params.event
        ls.session.folders_changed([folder.uri for folder in event.added], [folder.uri for folder in event.removed])

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched_files(ls: NoclobberServer, params: types.DidChangeWatchedFilesParams) -> None:
        ls.session.hinted([change.uri for change in params.changes])


def _register_documents(server: NoclobberServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(ls: NoclobberServer, params: types.DidOpenTextDocumentParams) -> None:
        ls.session.opened(params.text_document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(ls: NoclobberServer, params: types.DidChangeTextDocumentParams) -> None:
        ls.session.changed(params.text_document.uri, params.text_document.version, params.content_changes)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(ls: NoclobberServer, params: types.DidCloseTextDocumentParams) -> None:
        ls.session.closed(params.text_document.uri)


def _register_saves(server: NoclobberServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_WILL_SAVE_WAIT_UNTIL)
    async def will_save(ls: NoclobberServer, params: types.WillSaveTextDocumentParams) -> list[types.TextEdit] | None:
        by_hand = params.reason == types.TextDocumentSaveReason.Manual
        edits = ls.session.before_save(params.text_document.uri, by_hand=by_hand)
        if edits is None:
            return None
        from .editing import text_edits

        return text_edits(await asyncio.wrap_future(edits))

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(ls: NoclobberServer, params: types.DidSaveTextDocumentParams) -> None:
        ls.session.saved(params.text_document.uri)


def _register_requests(server: NoclobberServer) -> None:
    kinds = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def code_action(ls: NoclobberServer, params: types.CodeActionParams) -> list[types.CodeAction]:
        return ls.session.quick_fixes(params.text_document.uri, params.context.diagnostics)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(ls: NoclobberServer, params: types.HoverParams) -> types.Hover | None:
        text = await ls.session.hover(params.text_document.uri, params.position.line)
        return None if text is None else types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text))


def _register_commands(server: NoclobberServer) -> None:
    register_panel(server)
    for name in (
        "noclobber.lesson.append",
        "noclobber.snapshots",
        "noclobber.activity",
        "noclobber.buffer.merge",
        "noclobber.buffer.takeDisk",
        "noclobber.buffer.keepMine",
        "noclobber.restore",
        "noclobber.revert",
    ):
        _register_command(server, name)


def _register_command(server: NoclobberServer, name: str) -> None:
    @server.command(name)
    async def command(ls: NoclobberServer, call: CommandCall) -> Any:
        return await ls.session.commands.run(name, call)
