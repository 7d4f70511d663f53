"""The floor of ``bench_agents``: a server of the SDK with tools that guard nothing. Started over stdio by the benchmark."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mcp.server import MCPServer

server = MCPServer("bare", log_level="WARNING")


@server.tool()
def read(path: str) -> str:
    """The file's text."""
    return Path(path).read_bytes().decode()


@server.tool()
def write(path: str, content: str) -> str:
    """Replace a file whole and flush it; nothing is compared or kept."""
    handle, name = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "wb") as file:
        file.write(content.encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)
    return "done"


if __name__ == "__main__":
    server.run("stdio")
