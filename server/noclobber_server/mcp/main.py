"""``noclobber mcp``: arguments in, a running server out; says on stderr what went wrong, never on stdout, which is the protocol's."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from noclobber.errors import NoclobberError
from noclobber.roots import root_for

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Serve until the client leaves; the exit status."""
    options = _parser().parse_args(arguments)
    if options.workspace is not None and not os.path.isdir(options.workspace):
        sys.stderr.write(f"noclobber: --workspace {options.workspace}: there is no such folder\n")
        return 2
    logging.getLogger().setLevel(logging.WARNING)
    try:
        base = root_for(options.workspace) if options.workspace else os.getcwd()
        return _serve_http(base, options) if options.http else _serve_stdio(base, options)
    except NoclobberError as problem:
        sys.stderr.write(f"noclobber: {problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="noclobber mcp", description="The MCP server, on stdio unless --http is given.", allow_abbrev=False
    )
    parser.add_argument("--no-files", action="store_true", help="without the file tools, for clients whose own are guarded by hooks")
    parser.add_argument("--http", action="store_true", help="streamable HTTP on this machine (127.0.0.1), with a bearer token")
    parser.add_argument("--port", type=_port, default=8765, help="for --http (default 8765)")
    parser.add_argument("--without-token", action="store_true", help="for --http: every program on this machine may call")
    parser.add_argument("--workspace", metavar="DIR", help="the workspace; else found from the current folder")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535 is wanted")
    return int(text)


def _serve_stdio(base: str, options: argparse.Namespace) -> int:
    import anyio

    from .server import build_server
    from .stdio import standard_streams

    server, workspaces = build_server(base, os.environ, files=not options.no_files)

    async def serve() -> None:
        async with standard_streams() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    try:
        anyio.run(serve)
    finally:
        workspaces.close()
    return 0


def _serve_http(base: str, options: argparse.Namespace) -> int:
    import anyio
    import uvicorn

    from noclobber.workspace import Workspace

    from .http import FixedToken, auth_settings, bound, find_or_make_token, transport_security
    from .server import build_server

    listening = bound(options.port)
    verifier = None
    said = "without a token: every program on this machine may call it"
    if not options.without_token:
        with Workspace.open(base) as workspace:
            token, where = find_or_make_token(workspace.state, os.environ.get("NOCLOBBER_MCP_TOKEN"))
        verifier = FixedToken(token)
        said = f"bearer token: {where}"
    server, workspaces = build_server(base, os.environ, files=not options.no_files, stateless=True)
    app = server.streamable_http_app(
        transport_security=transport_security(options.port),
        auth=None if verifier is None else auth_settings(options.port),
        token_verifier=verifier,
    )
    sys.stderr.write(f"noclobber: http://127.0.0.1:{options.port}/mcp ({said})\n")
    sys.stderr.flush()
    try:
        anyio.run(uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve, [listening])
    finally:
        workspaces.close()
        listening.close()
    return 0
