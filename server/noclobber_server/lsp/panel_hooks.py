"""Whether the hooks that clients were given can do their work: the program they name is there, and of this version.

A hook that finds no noclobber lets everything pass without a word, so the person has to be told here. Each program is asked once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ..clients.commands import is_ours
from ..clients.records import Places
from ..clients.registry import CLIENTS, targets

__all__ = ["HookCheck"]

_NAMED = re.compile(r"command -v (\S+?)[ '\"\\]")
_PATIENCE_S = 10.0


class HookCheck:
    """Remembers what each program said of its version, by its path and time. ``mine``: the version that is right, None where unknown.

    ``trusted``: whether the folder's own files may name a program to be run; where not, only its presence is looked at.
    """

    def __init__(self, mine: str | None, home: Path, environ: Mapping[str, str], *, trusted: bool = True) -> None:
        self._mine = mine if trusted else None
        self._home = home
        self._environ = dict(environ)
        self._said: dict[tuple[str, int], str] = {}

    def problem(self, root: str) -> str:
        """What is wrong with the hooks of this workspace and what to do; empty where nothing is, or where none are set up."""
        for client, name in self._programs(root):
            path = shutil.which(name, path=self._environ.get("PATH"))
            if path is None:
                return f"The hooks of {client} name {name}, which is not on the PATH: its edits are not guarded. Install noclobber there."
            version = self._version(path) if self._mine is not None else ""
            if version and version != self._mine:
                return f"The hooks of {client} run noclobber {version}, this is {self._mine}. Upgrade the older one."
        return ""

    def _programs(self, root: str) -> list[tuple[str, str]]:
        places = Places(Path(root), self._home, self._environ)
        found: dict[str, str] = {}
        for client in CLIENTS:
            for target in (*targets((client,), places, shared=True), *targets((client,), places, shared=False)):
                text = _text(target.path)
                named = _NAMED.search(text)
                if target.client == client and named and is_ours(text):
                    found.setdefault(client, named.group(1))
        return list(found.items())

    def _version(self, path: str) -> str:
        try:
            key = path, os.stat(path).st_mtime_ns
        except OSError:  # taken away in this very moment: the next look says so
            return ""
        if key not in self._said:
            try:
                told = subprocess.run([path, "--version"], capture_output=True, timeout=_PATIENCE_S, check=False).stdout
            except (OSError, subprocess.TimeoutExpired):
                told = b""
            self._said[key] = told.decode(errors="replace").strip().removeprefix("noclobber ")
        return self._said[key]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
