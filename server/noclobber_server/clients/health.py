"""What ``noclobber doctor`` asks of the agents' side: is each client set up, does its server start, does its hook answer, how fast.

Each check does what the client would do, and says what is wrong and how to mend it. No finding holds a file's contents.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Timer

from noclobber.diagnosis import Finding

from .records import FileProblem, Places, Target
from .registry import CLIENTS, detect, targets
from .texts import put_in

__all__ = ["findings"]

_SLOW_US = 60_000
_PATIENCE_S = 30.0


def findings(root: str | None) -> list[Finding]:
    """Everything about the agents' fronts; ``root`` None where there is no workspace yet."""
    places = Places(Path(root or os.getcwd()), Path.home(), dict(os.environ))
    found = [_launcher(), *_versions(), *_registrations(places), _hook(), _mcp()]
    if root is not None:
        found += _durations(root)
    return found


def _launcher() -> Finding:
    path = shutil.which("noclobber")
    if path is None:
        advice = "install it with pipx or uv tool, or put its folder on the PATH"
        return Finding("command", "warning", "noclobber is not on the PATH: configured hooks and servers do nothing", advice)
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
        said = _ran([path, "--version"], b"").stdout.decode(errors="replace").strip()
        if said and said != f"noclobber {mine}":
            found.append(Finding("versions", "warning", f"{path} is {said}, this is {mine}", "upgrade or remove the older one"))
    return found


def _registrations(places: Places) -> list[Finding]:
    """For each client found: set up where, or not."""
    found = []
    for client in detect(places):
        where = [
            target
            for shared in (True, False)
            for target in targets((client,), places, shared=shared)
            if target.client == client and _holds(target)
        ]
        if not where:
            found.append(Finding(client, "warning", "used here, and not set up", f"noclobber init --clients {client}"))
            continue
        paths = ", ".join(str(target.path).replace(str(places.home), "~") for target in where)
        twice = len({target.path.name for target in where}) < len(where)
        advice = "one registration is enough: noclobber init --remove, and then noclobber init" if twice else ""
        found.append(Finding(client, "warning" if twice else "fine", f"set up {'twice ' if twice else ''}in {paths}", advice))
    unknown = [] if found else [Finding("clients", "fine", f"none found of {', '.join(CLIENTS)}")]
    return found + unknown


def _holds(target: Target) -> bool:
    try:
        text = target.path.read_text(encoding="utf-8")
        return text == target.text if target.format == "own" else put_in(target, text)[0] == text
    except (OSError, UnicodeDecodeError, FileProblem):
        return False


def _hook() -> Finding:
    """Runs the hook with a sample, in a project of its own."""
    with TemporaryDirectory(prefix="noclobber-doctor-") as folder:
        path = os.path.join(folder, "sample.txt")
        Path(path).write_text("sample\n", encoding="utf-8")
        payload = {
            "session_id": "doctor", "cwd": folder, "hook_event_name": "PreToolUse", "tool_name": "Write", "prompt_id": "1",
            "tool_input": {"file_path": path, "content": "other\n"}, "tool_use_id": "1", "permission_mode": "acceptEdits",
        }  # fmt: skip
        done = _ran([*_self(), "hook", "claude-code"], json.dumps(payload).encode())
    if b"UNREAD_FILE" in done.stdout:
        return Finding("hook", "fine", "refuses a write of a file that was never read, as it should")
    said = done.stderr.decode(errors="replace").strip() or f"it answered {done.stdout[:80]!r}"
    return Finding(
        "hook", "problem", f"a sample was not refused as it should be: {said}", "run it by hand: noclobber hook claude-code < payload"
    )


def _mcp() -> Finding:
    """Starts the server as a client would, over stdio, and lists its tools."""
    if find_spec("mcp") is None:
        return Finding("mcp", "warning", "the MCP server is not installed", "pip install 'noclobber[mcp]'")
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "doctor", "version": "1"}}}  # fmt: skip
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    answer, errors = _asked([*_self(), "mcp"], b"".join(json.dumps(message).encode() + b"\n" for message in (hello, ready, listing)))
    count = answer.count(b'"inputSchema"')
    if count:
        return Finding("mcp", "fine", f"starts, and offers {count} tools")
    said = errors.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    return Finding("mcp", "problem", f"the server does not answer: {said[0]}", "run it by hand: noclobber mcp")


def _durations(root: str) -> list[Finding]:
    """The 95th percentile of the hooks lately, without the interpreter's start."""
    try:
        lines = Path(root, ".noclobber", "hooks", "durations").read_text(encoding="ascii").split("\n")
    except OSError:
        return []
    took = sorted(int(line.rsplit(" ", 1)[1]) for line in lines if line.rsplit(" ", 1)[-1].isdigit() and " " in line)
    if not took:
        return []
    p95 = took[min(len(took) - 1, len(took) * 95 // 100)]
    slow = p95 > _SLOW_US
    advice = "a slow or networked disk is the usual cause" if slow else ""
    return [Finding("hooks", "warning" if slow else "fine", f"{len(took)} lately, 95 % within {p95 / 1000:.0f} ms", advice)]


def _self() -> list[str]:
    return [sys.executable, "-m", "noclobber_server.main"]


def _asked(command: list[str], payload: bytes) -> tuple[bytes, bytes]:
    """The server's second answer (empty: none came in time), and what it said on stderr.

    Its input stays open until then: at the end of its input a server gives up what it has not answered yet.
    """
    with Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0, env=_environ()) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        patience = Timer(_PATIENCE_S, server.kill)
        patience.start()
        try:
            server.stdin.write(payload)
            server.stdout.readline()
            answer = server.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            patience.cancel()
        server.kill()
        return answer, server.stderr.read()


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")}


def _ran(command: list[str], payload: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=payload, capture_output=True, timeout=_PATIENCE_S, check=False, env=_environ())
    except (OSError, subprocess.TimeoutExpired) as problem:
        return subprocess.CompletedProcess(command, 1, b"", str(problem).encode())
