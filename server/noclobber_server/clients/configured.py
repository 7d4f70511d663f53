"""What is configured for a client now: the commands of ours in its files, and whether each file has all that belongs there."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from .commands import Call, Kind, call_in, is_ours
from .jsontext import parse, plain
from .records import FileProblem, Places, Target
from .registry import targets
from .texts import put_in

__all__ = ["Configured", "configured", "kinds_of"]

_SCRIPT = "#!/bin/sh\n# noclobber\nexec "
_PLUGIN = "const COMMAND = "


class Configured(NamedTuple):
    """One file of a client's with commands of ours in it; ``whole``: init would have nothing to add or to bring up to date."""

    target: Target
    commands: tuple[tuple[tuple[str, ...], Call], ...]
    whole: bool

    def has(self, kind: Kind) -> bool:
        """Whether it registers hooks, or the server."""
        return any(call.kind == kind for _, call in self.commands)


def configured(client: str, places: Places) -> list[Configured]:
    """Every file that this client reads and that has commands of ours, shared ones first."""
    found: dict[object, Configured] = {}
    for shared in (True, False):
        wanted = _read_by(client, places, shared)
        scripts = all(target.path.exists() for target in wanted.values() if target.format == "own")
        for target in wanted.values():
            commands = () if target.path in found or target.format == "lines" else tuple(_commands_in(target))
            if commands:
                launcher = commands[0][1].launcher or places.launcher
                expected = _read_by(client, places._replace(launcher=launcher), shared)[target.path]
                found[target.path] = Configured(target, commands, scripts if target.format == "own" else _is_whole(expected))
    return list(found.values())


def kinds_of(client: str, places: Places) -> list[Kind]:
    """What a client is to be set up with."""
    wanted: list[Kind] = []
    for target in targets((client,), places, shared=True):
        if target.format == "own" or any(entry.element for entry in target.entries):
            wanted.append("hooks")
        if target.format == "toml" or any(not entry.element and isinstance(entry.value, dict) for entry in target.entries):
            wanted.append("MCP server")
    return list(dict.fromkeys(wanted))


def _read_by(client: str, places: Places, shared: bool) -> dict[object, Target]:
    names = (client, "copilot") if client == "vscode" else (client,)  # VS Code reads Copilot's own files too
    both = (*targets(names, places, shared=shared), *targets((client,), places, shared=shared))
    return {target.path: target for target in both}


def _is_whole(target: Target) -> bool:
    text = target.path.read_text(encoding="utf-8")
    try:
        return put_in(target, text)[0] == text
    except FileProblem:
        return False


def _commands_in(target: Target) -> Iterator[tuple[tuple[str, ...], Call]]:
    """The commands of ours in a file as a client would run them, each once; none where it cannot be read."""
    try:
        text = target.path.read_text(encoding="utf-8").lstrip("\ufeff")
        if target.format == "own":
            yield from _commands_of_script(target, text)
            return
        value = tomllib.loads(text) if target.format == "toml" else plain(parse(text))
    except (OSError, ValueError):
        return
    for command in dict.fromkeys(_walk(value)):
        call = call_in(command)
        if call is not None:
            yield command, call


def _commands_of_script(target: Target, text: str) -> Iterator[tuple[tuple[str, ...], Call]]:
    if text.startswith(_SCRIPT):
        line, run = text.removeprefix(_SCRIPT).strip(), [str(target.path)]
    else:
        found = next((line for line in text.splitlines() if line.startswith(_PLUGIN)), f'{_PLUGIN}""')
        line = json.loads(found.removeprefix(_PLUGIN))
        run = ["sh", "-c", line]
    call = call_in(["sh", "-c", line]) or (Call("hooks", None) if is_ours(text) else None)
    if call is not None:
        yield tuple(run), call


def _walk(value: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        command, arguments = value.get("command"), value.get("args")
        if isinstance(command, list):
            yield tuple(str(word) for word in command)
        elif isinstance(command, str):
            yield (command, *(str(word) for word in arguments)) if isinstance(arguments, list) else ("sh", "-c", command)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(inner)
