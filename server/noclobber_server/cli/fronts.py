"""``lsp``, ``mcp`` and ``hook``: handed on whole; what they need is imported only when they are asked for."""

from __future__ import annotations

import sys

from .registry import Command

__all__ = ["COMMANDS"]


def _lsp(arguments: list[str]) -> int:
    from ..lsp.server import main

    return main(arguments)


def _mcp(arguments: list[str]) -> int:
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        sys.stderr.write("noclobber: the MCP server needs the 'mcp' extra; install it with: pip install 'noclobber[mcp]'\n")
        return 1
    from ..mcp.main import run

    return run(arguments)


def _hook(arguments: list[str]) -> int:
    """Only ``noclobber help hook`` comes here; ``main.py`` hands a real one on before this module is imported."""
    from ..hooks.main import run

    return run(arguments)


COMMANDS = {
    "lsp": Command(options="raw", run_raw=_lsp),
    "mcp": Command(options="raw", run_raw=_mcp),
    "hook": Command(options="raw", run_raw=_hook),
}
