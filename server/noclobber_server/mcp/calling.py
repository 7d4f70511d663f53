"""From a request to a tool: whose it is, whether its arguments will do, on which guard it runs, and what is answered."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import anyio.from_thread
import anyio.to_thread
from mcp.server.context import ServerRequestContext
from mcp.types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams, Tool

from noclobber.errors import NoclobberError

from .answers import failed
from .identity import LABELS, Identity
from .notices import Notices
from .schemas import Arguments, flat
from .tools import ToolCall, ToolRow
from .workspaces import Workspaces

__all__ = ["Calls"]

_log = logging.getLogger(__name__)

_Context = ServerRequestContext[Any, Any]


class Calls:
    """Lists and calls ``tools``. ``one_client``: a program at the other end of a pipe, which no other has to wait for."""

    def __init__(self, tools: Sequence[ToolRow], workspaces: Workspaces, identity: Identity, *, one_client: bool) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._workspaces = workspaces
        self._identity = identity
        self._one_client = one_client
        self._notices = Notices()
        # Now, not at the first call, while others would wait.
        self._arguments = {tool.name: Arguments(tool.arguments, last=LABELS) for tool in tools}
        self._shown = [
            Tool(
                name=tool.name,
                description=tool.description,
                annotations=tool.annotations,
                input_schema=self._arguments[tool.name].schema,
                output_schema=flat(tool.answer),
            )
            for tool in tools
        ]

    def input_schema(self, name: str) -> Mapping[str, Any] | None:
        """What is shown of a tool's arguments; None where there is no such tool."""
        arguments = self._arguments.get(name)
        return None if arguments is None else arguments.schema

    async def list(self, _ctx: _Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
        """All tools at once: they are few."""
        return ListToolsResult(tools=self._shown)

    async def call(self, ctx: _Context, params: CallToolRequestParams) -> CallToolResult:
        """Do what a tool is for, in a thread, since it may wait for a lock that another process holds.

        A quick one for the only client of a pipe is done at once: a thread's turn costs a third of such a call.
        """
        try:
            tool = self._tools.get(params.name)
            if tool is None:
                raise NoclobberError(f"There is no tool {params.name!r} here; there are {', '.join(self._tools)}.")
            given = self._arguments[tool.name].taken(params.arguments or {})
            if tool.quick and self._one_client:
                return self._run(ctx, tool, given)
            return await anyio.to_thread.run_sync(partial(self._run, ctx, tool, given))
        except NoclobberError as problem:
            return failed(problem)
        except Exception:  # noqa: BLE001 - one bad call must not end the server, and a model gets no traceback
            _log.exception("%s failed", params.name)
            return failed(NoclobberError(f"{params.name} met a fault of noclobber's own; what it was is on the server's stderr."))

    def _run(self, ctx: _Context, tool: ToolRow, given: Mapping[str, Any]) -> CallToolResult:
        client = ctx.session.client_params
        caller = self._identity.caller(
            {name: given.get(name) for name in tool.labels},
            ctx.meta or {},
            client=None if client is None else client.client_info.name,
            session=_session_of(ctx),
        )

        def progress(done: int, total: int) -> None:
            anyio.from_thread.run(ctx.session.report_progress, float(done), float(total))

        guard = self._workspaces.guard(caller, given.get("path"))
        return tool.run(ToolCall(guard, caller, self._notices, progress), given)


def _session_of(ctx: _Context) -> str | None:
    headers = getattr(ctx.request, "headers", None)
    return None if headers is None else headers.get("mcp-session-id")
