"""Resources: a file's history, and the lessons, read only when asked for. ``subscribing.py`` tells who listens when they grow."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError

from noclobber.errors import NoclobberError

from .identity import Caller
from .workspaces import Workspaces

__all__ = ["LESSONS_URI", "READER", "add_resources", "file_of", "history_uri"]

LESSONS_URI = "noclobber://lessons"
READER = Caller("mcp:reader")
_HISTORY = "noclobber://history/"
_EVENTS = 200


def history_uri(file_path: str) -> str:
    """The address of a file's history."""
    return f"{_HISTORY}{quote(file_path, safe='')}"


def add_resources(server: MCPServer[Any], workspaces: Workspaces) -> None:
    """Register them; they are read only when asked for."""

    @server.resource(_HISTORY + "{path}", name="history", description="A file's history, one event a line.", mime_type="application/jsonl")
    def history(path: str) -> str:
        file_path = unquote(path)
        try:
            guard = workspaces.guard(READER, file_path)
            events = guard.events(file_path=file_path, limit=_EVENTS)
        except NoclobberError as problem:
            raise ResourceError(str(problem)) from problem
        return "".join(json.dumps(event.to_json()) + "\n" for event in events)

    @server.resource(LESSONS_URI, name="lessons", description="The lessons of this workspace, one a line.", mime_type="application/jsonl")
    def lessons() -> str:
        from noclobber.lessons.catalogue import Catalogue
        from noclobber.lessons.records import FILED_STATES

        try:
            found = Catalogue(workspaces.guard(READER).workspace.store).all(FILED_STATES)
        except NoclobberError as problem:
            raise ResourceError(str(problem)) from problem
        return "".join(json.dumps(lesson.to_json()) + "\n" for lesson in found)


def file_of(uri: str) -> str | None:
    """The file whose history has this address; None where it is no such address."""
    return unquote(uri.removeprefix(_HISTORY)) or None if uri.startswith(_HISTORY) else None
