"""Resources: a file's history, and the lessons, read only when asked for. ``subscribing.py`` tells who listens when they grow."""

from __future__ import annotations

import json
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import anyio.to_thread
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from noclobber.errors import NoclobberError

from .identity import Caller
from .workspaces import Workspaces

__all__ = ["LESSONS_URI", "READER", "Resources", "file_of", "history_uri", "no_resource"]

LESSONS_URI = "noclobber://lessons"
READER = Caller("mcp:reader")
_HISTORY = "noclobber://history/"
_EVENTS = 200
_TYPE = "application/jsonl"

_Context = ServerRequestContext[Any, Any]


def history_uri(file_path: str) -> str:
    """The address of a file's history."""
    return f"{_HISTORY}{quote(file_path, safe='')}"


def file_of(uri: str) -> str | None:
    """The file whose history has this address; None where it is no such address."""
    return unquote(uri.removeprefix(_HISTORY)) or None if uri.startswith(_HISTORY) else None


def no_resource(uri: str) -> MCPError:
    """The answer to an address that is none of ours."""
    said = f"There is no resource {uri}: {LESSONS_URI} and {_HISTORY}FILE are there."
    return MCPError(INVALID_PARAMS, said, {"uri": uri})


class Resources:
    """The resources of some workspaces."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def list(self, _ctx: _Context, _params: PaginatedRequestParams | None) -> ListResourcesResult:
        """The one that always has the same address."""
        described = "The lessons of this workspace, one a line."
        return ListResourcesResult(resources=[Resource(uri=LESSONS_URI, name="lessons", description=described, mime_type=_TYPE)])

    async def list_templates(self, _ctx: _Context, _params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        """Those that there is one of for each file."""
        described = "A file's history, one event a line."
        template = ResourceTemplate(uri_template=_HISTORY + "{path}", name="history", description=described, mime_type=_TYPE)
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read(self, _ctx: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """One of them, as it is now. MCPError where there is none, or where core has an error."""
        uri = params.uri
        file_path = file_of(uri)
        if file_path is None and uri != LESSONS_URI:
            raise no_resource(uri)
        try:
            text = await anyio.to_thread.run_sync(self._lessons if file_path is None else partial(self._history, file_path))
        except NoclobberError as problem:
            raise MCPError(INVALID_PARAMS, str(problem), {"uri": uri}) from problem
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=_TYPE)])

    def _history(self, file_path: str) -> str:
        events = self._workspaces.guard(READER, file_path).events(file_path=file_path, limit=_EVENTS)
        return "".join(json.dumps(event.to_json()) + "\n" for event in events)

    def _lessons(self) -> str:
        from noclobber.lessons.catalogue import Catalogue
        from noclobber.lessons.records import FILED_STATES

        found = Catalogue(self._workspaces.guard(READER).workspace.store).all(FILED_STATES)
        return "".join(json.dumps(lesson.to_json()) + "\n" for lesson in found)
