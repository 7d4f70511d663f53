"""The client as this server sees it: who it is, what it can do, and the few things that are said to it unasked."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from .text import Span

if TYPE_CHECKING:
    from .server import NoclobberServer

__all__ = ["Client", "lsp_range"]

logger = logging.getLogger(__name__)
_ANSWER_S = 10.0
_LAST_PID = 2**31 - 1  # no system has larger ones; what is none must not come into the store


def lsp_range(span: Span) -> types.Range:
    """A span in the protocol's words."""
    return types.Range(types.Position(*span.start), types.Position(*span.end))


class Client:
    """Made from what ``initialize`` said."""

    def __init__(self, server: NoclobberServer, params: types.InitializeParams) -> None:
        self._server = server
        info = params.client_info
        self.name = _plain(info.name if info else "") or "editor"
        self.process_id = params.process_id if params.process_id and 0 < params.process_id <= _LAST_PID else None
        self.agent_id = f"editor:{self.name}:{os.getppid() if self.process_id is None else self.process_id}"
        capabilities = params.capabilities
        document, workspace, window = capabilities.text_document, capabilities.workspace, capabilities.window
        published = document.publish_diagnostics if document else None
        self.takes_versions = bool(published and published.version_support)
        self.takes_related = bool(published and published.related_information)
        edits = workspace.workspace_edit if workspace else None
        # Neovim checks versions in documentChanges without saying that it takes them.
        self.takes_versioned_edits = bool(edits and edits.document_changes) or self.name.lower().startswith("neovim")
        self.takes_edits = bool(workspace and workspace.apply_edit)
        self.asks = bool(window and window.show_message and window.show_message.message_action_item) or self.name.lower() in ("neovim",)
        self.shows_progress = bool(window and window.work_done_progress)
        watched = workspace.did_change_watched_files if workspace else None
        self._takes_watchers = bool(watched and watched.dynamic_registration)
        # These send a change only half a second after the keystroke, but write the file at once.
        self.speaks_late = any(word in self.name.lower() for word in ("emacs", "eglot", "neovim"))

    def watch_files(self) -> None:
        """From any thread: have the client tell of the files that it sees change, once and where it can be asked for that."""
        if self._takes_watchers:
            self._takes_watchers = False
            self._server.in_loop(lambda: self._server.run_task(self._register_watcher()))

    async def _register_watcher(self) -> None:
        everything = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher("**/*")])
        wanted = types.Registration("noclobber.files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, everything)
        try:
            await self._server.client_register_capability_async(types.RegistrationParams([wanted]))
        except JsonRpcException as error:
            logger.info("The client does not watch files for us: %s", error)

    def publish(self, uri: str, version: int, diagnostics: list[types.Diagnostic]) -> None:
        """The diagnostics of one document, replacing what was said before."""
        stated = version if self.takes_versions else None
        self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, stated))

    def notify(self, method: str, params: Any) -> None:
        """A notification of our own."""
        self._server.protocol.notify(method, params)

    def tell(self, message: str) -> None:
        """One message a person has to see."""
        self._server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))

    async def ask(self, message: str, choices: list[str]) -> str | None:
        """A message with choices; what was chosen, None for nothing."""
        if not self.asks:
            self.tell(message)
            return None
        actions = [types.MessageActionItem(choice) for choice in choices]
        answer = await self._server.window_show_message_request_async(
            types.ShowMessageRequestParams(types.MessageType.Warning, message, actions)
        )
        return answer.title if answer else None

    async def apply(self, uri: str, version: int, edits: list[types.TextEdit], label: str) -> str | None:
        """Ask for an edit of one document at one version; None, or why the client did not take it. Its yes proves nothing."""
        if self.takes_versioned_edits:
            document = types.OptionalVersionedTextDocumentIdentifier(uri, version)
            edit = types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, list(edits))])
        else:
            edit = types.WorkspaceEdit(changes={uri: edits})
        request = self._server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, label))
        try:
            answer = await asyncio.wait_for(request, _ANSWER_S)
        except JsonRpcException as error:  # eglot answers a stale version this way
            return error.message
        except TimeoutError:
            return "the editor did not answer"
        return None if answer.applied else answer.failure_reason or "the editor refused the edit"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.strip() if letter.isprintable()).replace(":", "-")[:60]
