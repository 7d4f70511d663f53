"""Resources: a file's history, and the lessons; whoever listens hears when they grow, whichever process wrote."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError
from mcp.shared.subscriptions import ResourceUpdated

from noclobber.errors import NoclobberError
from noclobber.store.protocol import EventQuery
from noclobber.workspace import Workspace

from .identity import Caller
from .workspaces import Workspaces

__all__ = ["LESSONS_URI", "add_resources", "history_uri", "watch_history"]

LESSONS_URI = "noclobber://lessons"
_READER = Caller("mcp:reader")
_EVENTS = 200
_POLL_S = 0.25


def history_uri(file_path: str) -> str:
    """The address of a file's history."""
    return f"noclobber://history/{quote(file_path, safe='')}"


def add_resources(server: MCPServer[Any], workspaces: Workspaces) -> None:
    """Register them; they are read only when asked for."""

    @server.resource(
        "noclobber://history/{path}", name="history", description="A file's history, one event a line.", mime_type="application/jsonl"
    )
    def history(path: str) -> str:
        file_path = unquote(path)
        try:
            guard = workspaces.guard(_READER, file_path)
            events = guard.events(file_path=file_path, limit=_EVENTS)
        except NoclobberError as problem:
            raise ResourceError(str(problem)) from problem
        return "".join(json.dumps(event.to_json()) + "\n" for event in events)

    @server.resource(LESSONS_URI, name="lessons", description="The lessons of this workspace, one a line.", mime_type="application/jsonl")
    def lessons() -> str:
        from noclobber.lessons.catalogue import Catalogue
        from noclobber.lessons.records import FILED_STATES

        try:
            found = Catalogue(workspaces.guard(_READER).workspace.store).all(FILED_STATES)
        except NoclobberError as problem:
            raise ResourceError(str(problem)) from problem
        return "".join(json.dumps(lesson.to_json()) + "\n" for lesson in found)


async def watch_history(server: MCPServer[Any], workspaces: Workspaces) -> None:
    """Publish each new event's file; a look costs two microseconds while nothing happens."""
    seen: dict[str, tuple[int, int]] = {}
    while True:
        await anyio.sleep(_POLL_S)
        for workspace in workspaces.opened():
            try:
                updated = _updated(workspace, seen)
            except NoclobberError:
                continue  # the state is being made anew; the next look sees it
            for uri in updated:
                await server._subscriptions.publish(ResourceUpdated(uri=uri))


def _updated(workspace: Workspace, seen: dict[str, tuple[int, int]]) -> set[str]:
    version = workspace.store.version()
    before = seen.get(workspace.root)
    if before is not None and before[0] == version:
        return set()
    newest = workspace.store.last_seq()
    seen[workspace.root] = (version, newest)
    if before is None or newest == before[1]:
        return set()
    events = workspace.store.events(EventQuery(after_seq=before[1], limit=_EVENTS))
    uris = {history_uri(event.file_path) for event in events if event.file_path is not None}
    return uris | ({LESSONS_URI} if any(event.kind == "lesson" for event in events) else set())
