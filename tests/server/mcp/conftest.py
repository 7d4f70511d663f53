from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

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


class Http:
    """A server over HTTP, with what its own stderr said."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.url = f"http://127.0.0.1:{port}/mcp"

    def post(self, **headers: str) -> httpx.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}  # fmt: skip
        sent = {"Accept": "application/json, text/event-stream", **headers}
        return httpx.post(self.url, json=body, headers=sent, timeout=20)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A client with the token, connected."""
        web = httpx.AsyncClient(headers={"Authorization": f"Bearer {self.token}"})
        async with web, Client(streamable_http_client(self.url, http_client=web)) as connected:
            yield connected


@pytest.fixture
def http(project: Path) -> Iterator[Http]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = subprocess.Popen(
        [sys.executable, "-m", "noclobber_server.main", "mcp", "--http", "--port", str(port)],
        cwd=project,
        env=os.environ | {"NOCLOBBER_MCP_TOKEN": "secret"},
        stderr=subprocess.PIPE,
    )
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                assert started.poll() is None
                assert time.monotonic() < until
        yield Http(port, "secret")
    finally:
        started.terminate()
        started.wait(20)
        assert started.stderr is not None
        started.stderr.close()
