from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from noclobber import ConcurrencyGuard
from noclobber_server.mcp.server import build_server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    return root


@pytest.fixture
def guard(project: Path) -> Iterator[ConcurrencyGuard]:
    with ConcurrencyGuard(project, "observer") as opened:
        yield opened


class Agent:
    """One client in memory; ``name`` is passed as ``agent_id`` with each call."""

    def __init__(self, client: Client, name: str | None) -> None:
        self.client, self.name = client, name

    async def __call__(self, tool: str, meta: dict[str, Any] | None = None, **arguments: Any) -> Any:
        if self.name is not None:
            arguments.setdefault("agent_id", self.name)
        return await self.client.call_tool(tool, arguments, meta=meta)

    async def did(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer of a call that succeeds."""
        result = await self(tool, **arguments)
        assert not result.is_error, result.content
        answer: dict[str, Any] = result.structured_content
        return answer

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured refusal of a call that does not."""
        result = await self(tool, **arguments)
        assert result.is_error, result.structured_content
        refusal: dict[str, Any] = result.structured_content
        return refusal


@pytest.fixture
def connected(project: Path) -> Any:
    """``async with connected() as agent``: ``agent("A")`` speaks as A over one connection."""

    @asynccontextmanager
    async def connect(files: bool = True, environ: dict[str, str] | None = None, mode: str = "auto") -> AsyncIterator[Any]:
        server, workspaces = build_server(str(project), environ or {}, files=files)
        try:
            async with Client(server, mode=mode) as client:
                yield lambda name=None: Agent(client, name)
        finally:
            workspaces.close()

    return connect
