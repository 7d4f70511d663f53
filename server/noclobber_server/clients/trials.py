"""Trying a command as a client would run it: a hook with a sample, a server with a greeting, a program with ``--version``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Timer

__all__ = ["TrialError", "try_hook", "try_server", "version_said"]

_PATIENCE_S = 30.0


class TrialError(Exception):
    """It did not do what it should; the message says what it did instead."""


def version_said(program: str) -> str:
    """What a program says to ``--version``. TrialError where it does not run."""
    done = _ran([program, "--version"], b"", None)
    if done.returncode:
        raise TrialError(_last_line(done.stderr) or f"it ended with status {done.returncode}")
    return done.stdout.decode(errors="replace").strip()


def try_hook(command: Sequence[str]) -> None:
    """Have a hook check a write of a file that was never read, in a project of its own. TrialError where that is not refused."""
    with TemporaryDirectory(prefix="noclobber-doctor-") as folder:
        # a repository of its own: the folder for temporary files may lie in somebody's workspace
        for name in (".git", ".noclobber"):
            os.mkdir(os.path.join(folder, name))
        path = os.path.join(folder, "sample.txt")
        Path(path).write_text("sample\n", encoding="utf-8")
        payload = {
            "session_id": f"doctor-{token_hex(4)}", "cwd": folder, "hook_event_name": "PreToolUse", "tool_name": "Write",
            "tool_input": {"file_path": path, "content": "other\n"}, "tool_use_id": token_hex(4), "permission_mode": "acceptEdits",
            "prompt_id": "1",
        }  # fmt: skip
        done = _ran(command, json.dumps(payload).encode(), folder)
    if b"UNREAD_FILE" not in done.stdout:
        raise TrialError(_last_line(done.stderr) or f"it answered {done.stdout[:80]!r}")


def try_server(command: Sequence[str]) -> int:
    """Start a server over stdio and have it list its tools; how many there are. TrialError where it does not answer."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "doctor", "version": "1"}}}  # fmt: skip
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    answer, errors = _asked(command, b"".join(json.dumps(message).encode() + b"\n" for message in (hello, ready, listing)))
    count = answer.count(b'"inputSchema"')
    if not count:
        raise TrialError(_last_line(errors) or "it said nothing")
    return count


def _asked(command: Sequence[str], payload: bytes) -> tuple[bytes, bytes]:
    """The server's second answer (empty: none came in time), and what it said on stderr.

    Its input stays open until then: at the end of its input a server gives up what it has not answered yet.
    """
    try:
        server = Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0, env=_environ())
    except OSError as problem:
        return b"", str(problem).encode()
    with server:
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


def _ran(command: Sequence[str], payload: bytes, folder: str | None) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(command, input=payload, capture_output=True, timeout=_PATIENCE_S, check=False, env=_environ(), cwd=folder)
    except (OSError, subprocess.TimeoutExpired) as problem:
        return subprocess.CompletedProcess(command, 1, b"", str(problem).encode())


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")}


def _last_line(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or [""])[-1]
