"""The commands that stand in configuration files: they do nothing, cost nothing and say nothing where noclobber is not installed."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = ["Call", "Kind", "LauncherError", "call_in", "find_launcher", "hook_command", "is_ours", "mcp_command"]

_CALL = re.compile(r"""noclobber['"]*\s+(hook|mcp)\b""")  # a launcher's path with blanks ends in quotation marks

_WORDS_BEFORE = len(shlex.split("command -v X >/dev/null 2>&1 || exit 0; exec X"))

Kind = Literal["hooks", "MCP server"]


class Call(NamedTuple):
    """What a configured command calls, and by which ``launcher``: None where it is in a form that we do not write."""

    kind: Kind
    launcher: str | None


class LauncherError(Exception):
    """There is no lasting way to call noclobber; the message says what to do."""


def find_launcher(path: str | None = None, argv0: str | None = None) -> str:
    """``noclobber`` where it is on the PATH, else this installation's own absolute path.

    Raises LauncherError where that path names a version: it would break with the next upgrade.
    """
    if shutil.which("noclobber", path=path):
        return "noclobber"
    own = Path(argv0 if argv0 is not None else sys.argv[0]).absolute()
    if own.name != "noclobber" or not own.is_file():
        raise LauncherError("noclobber is not on the PATH: install it with pipx or uv tool, or put its folder on the PATH")
    if any(_names_version(part) for part in own.parts):
        raise LauncherError(f"{own} would break with the next upgrade: put noclobber on the PATH first, for example with pipx or uv tool")
    return str(own)


def _names_version(part: str) -> bool:
    digits = part.replace("-", ".").split(".")
    return sum(piece.isdigit() for piece in digits) >= 2


def _guarded(launcher: str, arguments: str) -> str:
    name = shlex.quote(launcher)
    return f"command -v {name} >/dev/null 2>&1 || exit 0; exec {name} {arguments}"


def hook_command(launcher: str, client: str, *, everywhere: bool) -> str:
    """One shell line. ``everywhere``: it stands in a file for all projects, and acts only in those that were set up."""
    arguments = f"hook {client}" + (" --set-up-only" if everywhere else "")
    return f"sh -c {shlex.quote(_guarded(launcher, arguments))}"


def mcp_command(launcher: str, *, files: bool) -> list[str]:
    """Program and arguments. ``files``: with the file tools, for clients whose own are not guarded by hooks."""
    return ["sh", "-c", _guarded(launcher, "mcp" if files else "mcp --no-files")]


def is_ours(command: object) -> bool:
    """Whether a configured command calls noclobber."""
    words = " ".join(str(word) for word in command) if isinstance(command, list) else str(command)
    return _CALL.search(words) is not None


def call_in(command: Sequence[str]) -> Call | None:
    """How a configured command calls noclobber; None where it does not."""
    found = _CALL.search(" ".join(command))
    if found is None:
        return None
    line, words = "", list(command)
    try:
        while len(words) == 3 and words[:2] == ["sh", "-c"]:  # one shell line may be in another
            line, words = words[2], shlex.split(words[2])
    except ValueError:
        words = []
    ours = len(words) > _WORDS_BEFORE and line == _guarded(words[2], " ".join(words[_WORDS_BEFORE:]))
    return Call("hooks" if found[1] == "hook" else "MCP server", words[2] if ours else None)
