"""What ``noclobber doctor`` asks of the agents' side: is each client set up, does its server start, does its hook answer, how fast.

Each check does what the client would do, and says what is wrong and how to mend it. No finding holds a file's contents.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from noclobber.diagnosis import Finding

from .commands import Kind, LauncherError, find_launcher
from .configured import Configured, configured, kinds_of
from .records import Places
from .registry import CLIENTS, detect
from .trials import TrialError, try_hook, try_server, version_said

__all__ = ["findings"]

_SLOW_US = 60_000


def findings(root: str | None) -> list[Finding]:
    """Everything about the agents' fronts; ``root`` None where there is no workspace yet."""
    try:
        launcher = find_launcher()
    except LauncherError:
        launcher = "noclobber"
    places = Places(Path(root or os.getcwd()), Path.home(), dict(os.environ), launcher)
    found = [_launcher(), *_versions(), *_Registrations(places).findings(), _hook(), _mcp()]
    if root is not None:
        found += _durations(root)
    return found


def _launcher() -> Finding:
    path = shutil.which("noclobber")
    if path is None:
        advice = "install it with pipx or uv tool, or put its folder on the PATH"
        return Finding(
            "command", "warning", "noclobber is not on the PATH: hooks and servers that are configured by this name do nothing", advice
        )
    try:
        version_said(path)
    except TrialError as problem:
        return Finding(
            "command", "problem", f"{path} does not run: {problem}", "install it anew, or remove it: configured commands call it"
        )
    return Finding("command", "fine", path)


def _versions() -> list[Finding]:
    """Every noclobber on the PATH, and which are of another version than this one."""
    from importlib.metadata import version

    mine = version("noclobber")
    found = []
    for folder in dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep)):
        path = os.path.join(folder, "noclobber")
        if not os.access(path, os.X_OK) or os.path.isdir(path):
            continue
        try:
            said = version_said(path)
        except TrialError:
            continue  # the first one's is a finding of its own, and no other is ever run
        if said and said != f"noclobber {mine}":
            found.append(Finding("versions", "warning", f"{path} is {said}, this is {mine}", "upgrade or remove the older one"))
    return found


class _Registrations:
    """What is set up for each client found, and whether it does what it should when it is run as the client would run it."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._tried: dict[tuple[str, ...], str] = {}

    def findings(self) -> list[Finding]:
        """One for each client."""
        found = [self._of(client) for client in detect(self._places)]
        return found or [Finding("clients", "fine", f"none found of {', '.join(CLIENTS)}")]

    def _of(self, client: str) -> Finding:
        files = configured(client, self._places)
        set_up = f"noclobber init --clients {client}"
        if not files:
            return Finding(client, "warning", "used here, and not set up", set_up)
        paths = ", ".join(dict.fromkeys(self._places.short(_place(one)) for one in files))
        missing = [kind for kind in kinds_of(client, self._places) if not any(one.has(kind) for one in files)]
        if missing:
            return Finding(client, "warning", f"the {' and the '.join(missing)} not set up; there is only {paths}", set_up)
        idle = next((call.launcher for one in files for _, call in one.commands if not shutil.which(call.launcher or "sh")), None)
        if idle is not None:
            return Finding(client, "warning", f"set up in {paths}, which does nothing: there is no {idle}", f"install it, or {set_up}")
        problem = next((said for one in files for said in self._problems(one)), "")
        if problem:
            return Finding(client, "problem", f"set up in {paths}, but {problem}", f"run it by hand as it stands there, or {set_up}")
        if any(_twice(files, kind) for kind in ("hooks", "MCP server")):
            advice = "one registration is enough: noclobber init --remove, and then noclobber init"
            return Finding(client, "warning", f"set up twice in {paths}", advice)
        if not all(one.whole for one in files):
            return Finding(client, "warning", f"set up in part, or as an older noclobber did, in {paths}", set_up)
        return Finding(client, "fine", f"set up in {paths}")

    def _problems(self, one: Configured) -> list[str]:
        """What the commands in a file do wrong. Only those in a form of ours are run: a person's own may do anything."""
        return [said for command, call in one.commands if call.launcher and (said := self._try(command, call.kind))]

    def _try(self, command: tuple[str, ...], kind: Kind) -> str:
        if command not in self._tried:
            try:
                if kind == "hooks":
                    try_hook(command)
                else:
                    try_server(command)
                self._tried[command] = ""
            except TrialError as problem:
                failed = "its hook did not refuse a sample" if kind == "hooks" else "its server does not answer"
                self._tried[command] = f"{failed}: {problem}"
        return self._tried[command]


def _twice(files: list[Configured], kind: Kind) -> bool:
    """Whether a client meets hooks or server in several places."""
    return len({_place(one) for one in files if one.has(kind)}) > 1


def _place(one: Configured) -> Path:
    """Where a registration is: scripts side by side in one folder are one."""
    return one.target.path.parent if one.target.executable else one.target.path


def _hook() -> Finding:
    """Runs this installation's hook with a sample."""
    try:
        try_hook([*_self(), "hook", "claude-code"])
    except TrialError as problem:
        advice = "run it by hand: noclobber hook claude-code < payload"
        return Finding("hook", "problem", f"a sample was not refused as it should be: {problem}", advice)
    return Finding("hook", "fine", "refuses a write of a file that was never read, as it should")


def _mcp() -> Finding:
    """Starts this installation's server as a client would."""
    if find_spec("mcp") is None:
        return Finding("mcp", "warning", "the MCP server is not installed", "pip install 'noclobber[mcp]'")
    try:
        return Finding("mcp", "fine", f"starts, and offers {try_server([*_self(), 'mcp'])} tools")
    except TrialError as problem:
        return Finding("mcp", "problem", f"the server does not answer: {problem}", "run it by hand: noclobber mcp")


def _durations(root: str) -> list[Finding]:
    """The 95th percentile of the hooks lately, without the interpreter's start."""
    try:
        lines = Path(root, ".noclobber", "hooks", "durations").read_text(encoding="ascii").split("\n")
    except OSError:
        return []
    took = sorted(int(line.rsplit(" ", 1)[1]) for line in lines if line.rsplit(" ", 1)[-1].isdigit() and " " in line)
    if not took:
        return []
    p95 = took[(len(took) * 95 + 99) // 100 - 1]
    slow = p95 > _SLOW_US
    advice = "a slow or networked disk is the usual cause" if slow else ""
    return [Finding("hooks", "warning" if slow else "fine", f"{len(took)} lately, 95 % within {p95 / 1000:.0f} ms", advice)]


def _self() -> list[str]:
    return [sys.executable, "-m", "noclobber_server.main"]
