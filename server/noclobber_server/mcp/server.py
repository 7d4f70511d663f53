"""The server object: the SDK's own, its handlers ours. It serves both eras of the protocol, over stdio and HTTP alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import Any

from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import ListenHandler
from mcp.types import ListPromptsResult, PaginatedRequestParams

from ..hooks.session import take_call
from .calling import Calls
from .identity import Identity
from .resources import Resources
from .subscribing import HistoryBus, Subscribers
from .tools import FILE_TOOLS, OTHER_TOOLS
from .workspaces import Workspaces

__all__ = ["build_server"]

INSTRUCTIONS = (
    "Guarded files: a write succeeds only if the file is still what you read. If it is refused, read the file again, "
    "apply your change to what it says now, and write. Pass the agent_id of an answer on in later calls."
)


def build_server(
    base: str, environ: Mapping[str, str], *, files: bool = True, stateless: bool = False
) -> tuple[Server[dict[str, Any]], Workspaces]:
    """The server for the workspace of ``base``, and the workspaces to close afterwards.

    ``files``: with the file tools. ``stateless``: over HTTP, where callers are many and a token is for one workspace; over stdio
    the client is a program of the person's own, which opens whatever they have.
    """
    workspaces = Workspaces(base, confined=stateless)
    bus = HistoryBus(workspaces)
    subscribers = Subscribers(bus)
    identity = Identity(environ, partial(_hook_call, workspaces), stateless=stateless)
    calls = Calls((*FILE_TOOLS, *OTHER_TOOLS) if files else OTHER_TOOLS, workspaces, identity, one_client=not stateless)
    resources = Resources(workspaces)

    @asynccontextmanager
    async def lifespan(_server: Server[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        watching = asyncio.gather(bus.watch(subscribers), workspaces.watch_settings())
        try:
            yield {}
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    server = Server(
        "noclobber",
        version=version("noclobber"),
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        get_tool_input_schema=calls.input_schema,
        on_list_tools=calls.list,
        on_call_tool=calls.call,
        on_list_prompts=_no_prompts,
        on_list_resources=resources.list,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read,
        on_subscribe_resource=subscribers.subscribe,
        on_unsubscribe_resource=subscribers.unsubscribe,
        on_subscriptions_listen=ListenHandler(bus),
    )
    if not any(name.startswith("OTEL_") for name in environ):
        server.middleware.clear()  # traces of each call, made whether or not anybody collects them
    return server, workspaces


async def _no_prompts(_ctx: ServerRequestContext[Any, Any], _params: PaginatedRequestParams | None) -> ListPromptsResult:
    """Clients and the conformance suite ask, whether or not prompts are offered."""
    return ListPromptsResult(prompts=[])


def _hook_call(workspaces: Workspaces, call_id: str) -> tuple[str, str | None] | None:
    state = workspaces.state()
    return None if state is None else take_call(state, call_id)
