"""The protocol layer: pygls' own, less the work it would do on documents and plus the answers it would not give.

pygls rewrites the whole text at every keystroke and splits lines where editors do not, so documents are ours
alone. It also leaves a request whose parameters cannot be read without an answer; here every request gets one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Generator
from concurrent.futures import Future
from typing import Any

import cattrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInternalError, JsonRpcInvalidParams, JsonRpcInvalidRequest, JsonRpcParseError
from pygls.protocol import LanguageServerProtocol, lsp_method

from .calling import CommandCall

__all__ = ["Protocol"]

logger = logging.getLogger(__name__)
_SHOWN_FAULTS = 5


class Protocol(LanguageServerProtocol):
    """Hands document notifications to our handlers only, and answers what cannot be understood."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Leave nested objects alone: a payload may hold any key, "jsonrpc" too."""
        return data

    def handle_message(self, message: Any) -> None:
        """Structure one whole message, then dispatch it; a request that cannot be structured is answered with why."""
        if not isinstance(message, dict) or "jsonrpc" not in message:
            self._answer(None, JsonRpcInvalidRequest("A message is one JSON object with the key jsonrpc."))
            return
        if "params" not in message and self._is_unknown(message.get("method")):
            message = {**message, "params": None}  # they may be left out, but pygls' class for such a message has no default
        try:
            structured = super().structure_message(message)
        except JsonRpcException as error:
            self._answer_fault(message, JsonRpcInvalidParams(f"Invalid Params: {faults(error.__cause__)}"))
            return
        if isinstance(structured, dict):
            self._answer_fault(message, JsonRpcInvalidRequest("The message is neither a request, a notification nor a response."))
            return
        if isinstance(structured, types.ExecuteCommandRequest) and structured.params.work_done_token is not None:
            # Before any other message is looked at: the next one may say that the bar's button was pressed.
            self.progress.tokens.setdefault(structured.params.work_done_token, Future())
        super().handle_message(structured)

    def answer_unreadable(self, message: str) -> None:
        """Answer bytes that are no message; nobody can say which request they were."""
        self._answer(None, JsonRpcParseError(message))

    def _is_unknown(self, method: object) -> bool:
        return isinstance(method, str) and self.get_message_type(method) is None

    def _answer_fault(self, message: dict[str, Any], error: JsonRpcException) -> None:
        logger.warning("%s", error.message)
        if isinstance(message.get("id"), int | str) and "method" in message:
            self._answer(message["id"], error)

    def _answer(self, request_id: int | str | None, error: JsonRpcException) -> None:
        self._send_data({"jsonrpc": "2.0", "id": request_id, "error": {"code": error.code, "message": error.message}})

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run a command with its arguments as they came: each checks its own, so that an error can name the field.

        One that the client withdraws is still answered with what became of it: stopped, or done because it could not be stopped any more.
        The button of its bar withdraws it, too, and may be pressed before the work has come to its turn.
        """
        call = CommandCall(tuple(params.arguments or ()), params.work_done_token)
        if call.token is None:
            return await self._run(params.command, call)
        self.progress.tokens.setdefault(call.token, Future()).add_done_callback(lambda _: call.withdraw())
        try:
            return await self._run(params.command, call)
        finally:
            self.progress.tokens.pop(call.token, None)

    async def _run(self, command: str, call: CommandCall) -> Any:
        handler = self.fm.commands.get(command)
        if handler is None:
            known = ", ".join(sorted(self.fm.commands))
            raise JsonRpcInvalidParams(f"Invalid Params: there is no command {command!r}; there are {known}.")
        running = asyncio.ensure_future(handler(call))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            call.withdraw()
            return await running

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Answer as pygls does, and that commands tell of their progress."""
        result: types.InitializeResult = yield from super().lsp_initialize(params)
        if result.capabilities.execute_command_provider is not None:
            result.capabilities.execute_command_provider.work_done_progress = True
        return result

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_args: Any) -> None:  # type: ignore[override]
        """Stop serving; the exit status says whether ``shutdown`` came before."""
        self._server.stop(0 if self._shutdown else 1)  # type: ignore[attr-defined]

    def _send_handler_result(self, future: Any, *, msg_id: Any) -> None:
        """Answer a request; an unforeseen error is answered in one line, its traceback goes to the log alone."""
        error = None if future.cancelled() else future.exception()
        if error is not None:
            self._request_futures.pop(msg_id, None)
            if not isinstance(error, JsonRpcException):
                logger.error("A request failed.", exc_info=error)
                error = JsonRpcInternalError(f"{type(error).__name__}: {error}")
            self._send_response(msg_id, error=error.to_response_error())
            return
        super()._send_handler_result(future, msg_id=msg_id)

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """Pass on, without a document of pygls' own."""
        self.fm.features[types.TEXT_DOCUMENT_DID_OPEN](params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Pass on, without a document of pygls' own."""
        self.fm.features[types.TEXT_DOCUMENT_DID_CHANGE](params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """Pass on, without a document of pygls' own."""
        self.fm.features[types.TEXT_DOCUMENT_DID_CLOSE](params)


def faults(error: BaseException | None) -> str:
    """What was wrong with a message, each fault with the path of its field."""
    if error is None:
        return "the message cannot be read"
    found = cattrs.transform_error(error)
    more = f" and {len(found) - _SHOWN_FAULTS} more" if len(found) > _SHOWN_FAULTS else ""
    return "; ".join(found[:_SHOWN_FAULTS]) + more
