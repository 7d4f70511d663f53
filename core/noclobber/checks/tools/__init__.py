"""One small class for each kind of tool; which one a command line starts is found here, whatever it is wrapped in."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from .lines import AnyTool, GoTest, Tsc
from .linters import Eslint, Mypy, Pyright, Ruff
from .protocol import Command, Tool
from .pytest import Pytest
from .python_unittest import Unittest
from .vitest import Vitest

__all__ = ["recognise"]

_RUNNERS = {
    **dict.fromkeys(("poetry", "pdm", "hatch", "pipenv", "rye", "pixi"), ("run",)),
    "uv": ("run", "x"),
    "npm": ("exec",),
    "pnpm": ("exec", "dlx", "run"),
    "yarn": ("run", "exec", "dlx"),
    "bun": ("x", "run"),
}
_PREFIXES = {"env", "time", "nice", "command", "exec", "npx", "bunx", "uvx", "pipx", "xvfb-run", "stdbuf", "dotenv", "direnv"}
_VALUED = {
    "--with",
    "--python",
    "-p",
    "--package",
    "--project",
    "--directory",
    "--extra",
    "--group",
    "--env-file",
    "-n",
    "-C",
    "--from",
    "--index",
}


def recognise(argv: Sequence[str]) -> tuple[Tool, Command]:
    """The tool that a command line starts, and the line taken apart at its name."""
    at = _tool_at(argv)
    name = _name(argv[at])
    command = Command(tuple(argv[: at + 1]), tuple(argv[at + 1 :]))
    return _tool(name, command.rest), command


def _tool(name: str, rest: Sequence[str]) -> Tool:
    if name in ("pytest", "py.test"):
        return Pytest()
    if name == "go" and "test" in rest[:2]:
        return GoTest()
    kinds: dict[str, type[Tool]] = {
        "ruff": Ruff,
        "mypy": Mypy,
        "pyright": Pyright,
        "basedpyright": Pyright,
        "eslint": Eslint,
        "tsc": Tsc,
        "vitest": Vitest,
        "unittest": Unittest,
    }
    return kinds.get(name, AnyTool)()


def _tool_at(argv: Sequence[str]) -> int:
    """Behind environment settings, runners (``uv run``, ``npx``) and interpreters (``python -m``)."""
    at = 0
    while at < len(argv) - 1:
        name = _name(argv[at])
        if re.fullmatch(r"[A-Za-z_]\w*=.*", argv[at], re.DOTALL):
            at += 1
        elif re.fullmatch(r"python[\d.]*|pypy[\d.]*|coverage", name):
            module = _module_at(argv, at)
            if module is None:
                return at
            at = module
        elif name in ("node", "deno") and not argv[at + 1].startswith("-"):
            at += 1
        elif name == "timeout":
            at = _past_options(argv, at + 1) + 1
        elif name in _PREFIXES:
            at = _past_options(argv, at + 1)
        elif name in _RUNNERS:
            inner = _past_options(argv, at + 1)
            at = _past_options(argv, inner + 1) if inner < len(argv) and argv[inner] in _RUNNERS[name] else inner
        else:
            return at
    return min(at, len(argv) - 1)


def _module_at(argv: Sequence[str], at: int) -> int | None:
    """Where the module stands that an interpreter is to run; None where it runs something else."""
    for index in range(at + 1, len(argv) - 1):
        if argv[index] == "-m":
            return index + 1
        if not argv[index].startswith("-") and argv[index] != "run" and argv[index - 1] not in ("-W", "-X"):
            return None
    return None


def _past_options(argv: Sequence[str], at: int) -> int:
    while at < len(argv) and argv[at].startswith("-"):
        if argv[at] == "--":
            return at + 1
        at += 2 if argv[at] in _VALUED else 1
    return at


def _name(word: str) -> str:
    return re.sub(r"\.(?:exe|cmd|[cm]?js|py)$", "", os.path.basename(word))
