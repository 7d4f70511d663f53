"""Who listens to the resources, and how they hear: a look at the history a few times a second, whichever process wrote.

Clients of 2026-07-28 open a stream (``subscriptions/listen``, served by the SDK from the bus here), older ones subscribe to one
address after another (``resources/subscribe``, served here). The list of resources is always the same, so nobody is told of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ServerEvent
from mcp.types import INVALID_PARAMS, EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from noclobber.errors import NoclobberError
from noclobber.store.protocol import EventQuery
from noclobber.workspace import Workspace

from .resources import LESSONS_URI, READER, file_of, history_uri, no_resource
from .workspaces import Workspaces

__all__ = ["HistoryBus", "Subscribers"]

_POLL_S = 0.25
_EVENTS = 200
_SLOW_CLIENT_S = 2.0


class HistoryBus(InMemorySubscriptionBus):
    """What the history's growth is published on. Whoever listens from now on hears of all that is recorded from now on."""

    def __init__(self, workspaces: Workspaces) -> None:
        super().__init__()
        self._workspaces = workspaces
        self._seen: dict[str, tuple[int, int]] = {}

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        """Let a listener hear of all that is recorded from now on; how to end that."""
        with suppress(NoclobberError):
            self.begin(None)
        return super().subscribe(listener)

    def begin(self, file_path: str | None) -> None:
        """Have the workspace of a file (None: the base one) looked at from now on. Raises the errors of core."""
        workspace = self._workspaces.guard(READER, file_path).workspace
        if workspace.root not in self._seen:
            self._seen[workspace.root] = workspace.store.version(), workspace.store.last_seq()

    async def watch(self, subscribers: Subscribers) -> None:
        """Publish the addresses that each new event is about; a look costs two microseconds while nothing happens."""
        while True:
            await anyio.sleep(_POLL_S)
            for workspace in self._workspaces.opened():
                try:
                    updated = self._updated(workspace)
                except NoclobberError:
                    continue  # the state is being made anew; the next look sees it
                for uri in updated:
                    await self.publish(ResourceUpdated(uri=uri))
                await subscribers.tell(updated)

    def _updated(self, workspace: Workspace) -> set[str]:
        version = workspace.store.version()
        before = self._seen.get(workspace.root)
        if before is not None and before[0] == version:
            return set()
        if before is None:
            self._seen[workspace.root] = version, workspace.store.last_seq()
            return set()
        events = workspace.store.events(EventQuery(after_seq=before[1], limit=_EVENTS, oldest=True))
        # what is beyond the limit is for the next look, which a version never seen before makes sure of
        self._seen[workspace.root] = (version if len(events) < _EVENTS else -1, events[-1].seq if events else before[1])
        paths = {path for event in events for path in (event.file_path, event.to_path) if path is not None}
        return {history_uri(path) for path in paths} | ({LESSONS_URI} if any(event.kind == "lesson" for event in events) else set())


class Subscribers:
    """The clients before 2026-07-28, one entry a connection: its newest session, and the addresses it named, by ours."""

    def __init__(self, bus: HistoryBus) -> None:
        self._bus = bus
        self._by_connection: dict[object, tuple[ServerSession, dict[str, str]]] = {}

    def __len__(self) -> int:
        return len(self._by_connection)

    async def tell(self, updated: set[str]) -> None:
        """Tell each client of those among these addresses that it named. One that does not take its messages is told no more."""
        for connection, (session, named) in list(self._by_connection.items()):
            told = [uri for ours, uri in named.items() if ours in updated]
            with anyio.move_on_after(_SLOW_CLIENT_S) as patience:
                for uri in told:
                    await session.send_resource_updated(uri)
            if patience.cancelled_caught:
                self._by_connection.pop(connection, None)

    async def subscribe(self, ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        """Have this connection told of an address. MCPError where it is none of ours."""
        ours = _own_form(params.uri)
        try:
            self._bus.begin(file_of(ours))
        except NoclobberError as problem:
            raise MCPError(INVALID_PARAMS, str(problem)) from problem
        connection = ctx.session._connection
        _, named = self._by_connection.get(connection, (ctx.session, {}))
        if connection not in self._by_connection:
            connection.exit_stack.callback(self._by_connection.pop, connection, None)
        self._by_connection[connection] = ctx.session, {**named, ours: params.uri}
        return EmptyResult()

    async def unsubscribe(self, ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams) -> EmptyResult:
        """Have it told no more."""
        _, named = self._by_connection.get(ctx.session._connection, (ctx.session, {}))
        named.pop(_own_form(params.uri), None)
        return EmptyResult()


def _own_form(uri: str) -> str:
    """The address as we write it: clients quote in ways of their own."""
    if uri == LESSONS_URI:
        return uri
    file_path = file_of(uri)
    if file_path is None:
        raise no_resource(uri)
    return history_uri(file_path)
