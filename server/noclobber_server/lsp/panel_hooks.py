"""Whether the hooks that clients were given can do their work: they still stand in the client's file, and the program they name is
there, and of this version.

A hook that is gone or finds no noclobber lets everything pass without a word, so the person has to be told here. Each program is
asked once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..clients.records import Places, Target
from ..clients.registry import CLIENTS, targets
from ..clients.remembered import Remembered

__all__ = ["HookCheck"]

_CALL = re.compile(r"""noclobber['"\\]*\s+hook\b""")  # as it stands in JSON
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
        places = Places(Path(root), self._home, self._environ)
        record = Remembered(places)
        named: dict[str, str] = {}
        for client, target in _hook_files(places):
            text = _text(target.path)
            if _CALL.search(text):
                found = _NAMED.search(text)
                named.setdefault(client, found.group(1) if found else "")
            elif record.is_set_up(target.path):
                return _missing(target.path, places)
        return next((problem for client, name in named.items() if name and (problem := self._problem(client, name))), "")

    def _problem(self, client: str, name: str) -> str:
        path = shutil.which(name, path=self._environ.get("PATH"))
        if path is None:
            return f"The hooks of {client} name {name}, which is not on the PATH: its edits are not guarded. Install noclobber there."
        version = self._version(path) if self._mine is not None else ""
        if version and version != self._mine:
            return f"The hooks of {client} run noclobber {version}, this is {self._mine}. Upgrade the older one."
        return ""

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


def _hook_files(places: Places) -> Iterator[tuple[str, Target]]:
    """Where each client's hooks stand or would stand: shared with a project, or personal."""
    for client in CLIENTS:
        for shared in (True, False):
            for target in targets((client,), places, shared=shared):
                if target.client == client and (target.format == "own" or any(entry.element for entry in target.entries)):
                    yield client, target


def _missing(path: Path, places: Places) -> str:
    clients = [client for client, target in _hook_files(places) if target.path == path]
    away = f"or if that is meant: noclobber init --remove --clients {','.join(clients)}"
    where = f"The hooks of {' and '.join(clients)} are gone from {places.short(path)}"
    return f"{where}: edits are not guarded there. Set Up Agents puts them back; {away}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
