"""Agents that behave as the clients do: ask the hook, use their own tool on the real file, tell the hook."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_lsp
from lsprotocol import types

from noclobber import ConcurrencyGuard
from noclobber_server.hooks.main import answer

_CALLS = count(1)
PATIENCE_S = 30.0


class ClaudeCode:
    """Claude Code's tools, hooks included; ``said`` collects what reached the model, ``printed`` every word.

    ``process``: each hook is a process of its own.
    """

    def __init__(
        self, root: Path, session: str, *, subagent: str | None = None, mode: str = "acceptEdits", process: bool = False,
        environ: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.root, self.session, self.subagent, self.mode, self.process = root, session, subagent, mode, process
        self.environ = environ or {}
        self.calls = 0
        self.printed: list[str] = []
        self.said: list[str] = []
        self.warned: list[str] = []

    @property
    def agent_id(self) -> str:
        return f"claude-code:{self.session}" + (f"/{self.subagent}" if self.subagent else "")

    def hook(self, event: str, **fields: Any) -> dict[str, Any]:
        payload = {
            "session_id": self.session, "cwd": str(self.root), "hook_event_name": event, "prompt_id": "turn-1",
            "permission_mode": self.mode, **({"agent_id": self.subagent} if self.subagent else {}), **fields,
        }  # fmt: skip
        printed = self._answer(json.dumps(payload).encode())
        self.calls += 1
        self.printed += [printed] if printed else []
        answered: dict[str, Any] = json.loads(printed) if printed else {}
        specific = answered.get("hookSpecificOutput", {})
        if specific.get("additionalContext"):
            self.said.append(specific["additionalContext"])
        if answered.get("systemMessage"):
            self.warned.append(answered["systemMessage"])
        return specific

    def _answer(self, payload: bytes) -> str:
        if self.process:
            command = [sys.executable, "-m", "noclobber_server.main", "hook", "claude-code"]
            done = subprocess.run(command, input=payload, capture_output=True, check=False, timeout=60, cwd=self.root)
            assert (done.returncode, done.stderr) == (0, b"")
            return done.stdout.decode()
        output = answer("claude-code", payload, self.environ)
        assert (output.status, output.stderr) == (0, "")
        return output.stdout

    def read(self, name: str, offset: int | None = None, limit: int | None = None) -> str:
        path = self.root / name
        text = path.read_bytes().decode()
        lines = text.split("\n")
        start = offset or 1
        shown = lines[start - 1 : start - 1 + limit] if limit else lines[start - 1 :]
        given: dict[str, Any] = {"file_path": str(path)} | ({"offset": offset} if offset else {}) | ({"limit": limit} if limit else {})
        response = {
            "type": "text",
            "file": {
                "filePath": str(path),
                "content": "\n".join(shown),
                "startLine": start,
                "numLines": len(shown),
                "totalLines": len(lines),
            },
        }
        self.hook("PostToolUse", tool_name="Read", tool_input=given, tool_response=response, tool_use_id=_id())
        return text

    def check(self, tool: str, given: dict[str, Any], call: str) -> dict[str, Any]:
        return self.hook("PreToolUse", tool_name=tool, tool_input=given, tool_use_id=call)

    def edit(self, name: str, old: str, new: str) -> dict[str, Any]:
        """Edit as Claude Code does: onto whatever stands there, if the old text is in it."""
        path, call = self.root / name, _id()
        given = {"file_path": str(path), "old_string": old, "new_string": new, "replace_all": False}
        decided = self.check("Edit", given, call)
        if decided.get("permissionDecision") in (None, "allow"):
            before = path.read_bytes().decode()
            assert before.count(old) == 1, "the client's own tool would have failed"
            path.write_bytes(before.replace(old, new).encode())
            self.finish("Edit", given, before, call)
        return decided

    def write(self, name: str, content: str, *, before_writing: Any = None) -> dict[str, Any]:
        path, call = self.root / name, _id()
        given = {"file_path": str(path), "content": content}
        decided = self.check("Write", given, call)
        if decided.get("permissionDecision") in (None, "allow"):
            given = decided.get("updatedInput", given)
            if before_writing is not None:
                before_writing()
            before = path.read_bytes().decode() if path.exists() else None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(given["content"].encode())
            self.finish("Write", given, before, call)
        return decided

    def finish(self, tool: str, given: dict[str, Any], before: str | None, call: str) -> None:
        response = {"filePath": given["file_path"], "originalFile": before, "structuredPatch": [], "userModified": False}
        self.hook("PostToolUse", tool_name=tool, tool_input=given, tool_response=response, tool_use_id=call)

    def shell(self, command: str) -> None:
        """Run a command as the client does, in a real shell, and tell the hook how it ended."""
        self.check("Bash", {"command": command, "description": "x"}, _id())
        begun = time.monotonic()
        done = subprocess.run(["bash", "-c", command], cwd=self.root, capture_output=True, text=True, check=False, timeout=60)
        took = int((time.monotonic() - begun) * 1000)
        self.ran(command, failed=done.returncode != 0, stdout=done.stdout + done.stderr, duration_ms=took)

    def ran(self, command: str, *, failed: bool = False, stdout: str = "", duration_ms: int | None = None) -> None:
        """Tell the hook of a shell command that has been run."""
        took = {} if duration_ms is None else {"duration_ms": duration_ms}
        given = {"command": command, "description": "x"}
        if failed:
            self.hook(
                "PostToolUseFailure",
                tool_name="Bash",
                tool_input=given,
                tool_use_id=_id(),
                error=f"Exit code 1\n{stdout}",
                is_interrupt=False,
                **took,
            )
        else:
            self.hook(
                "PostToolUse", tool_name="Bash", tool_input=given, tool_use_id=_id(), tool_response={"stdout": stdout, "stderr": ""}, **took
            )


def _id() -> str:
    return f"toolu_{next(_CALLS)}"


class Person:
    """Somebody at an editor whose language server is ``noclobber lsp``; ``text`` is what stands in the buffer."""

    def __init__(self, path: Path) -> None:
        self.uri, self.path, self.text, self._version = path.as_uri(), path, "", 1
        self.client = pytest_lsp.make_test_lsp_client()

    async def open(self) -> None:
        await self.client.start_io(sys.executable, "-m", "noclobber_server.main", "lsp")
        published = types.TextDocumentClientCapabilities(
            publish_diagnostics=types.PublishDiagnosticsClientCapabilities(version_support=True),
            synchronization=types.TextDocumentSyncClientCapabilities(will_save=True, will_save_wait_until=True, did_save=True),
        )
        folder = self.path.parent
        await self.client.initialize_session(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(text_document=published),
                client_info=types.ClientInfo("Person"),
                workspace_folders=[types.WorkspaceFolder(folder.as_uri(), folder.name)],
            )
        )
        self.text = self.path.read_text(encoding="utf-8")
        document = types.TextDocumentItem(self.uri, "python", self._version, self.text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(document))

    async def type(self, old: str, new: str) -> None:
        """Change the buffer, and wait until the server has taken it in."""
        self._put(self.text.replace(old, new))
        query = types.ExecuteCommandParams("noclobber.activity", [{"limit": 1}])
        await asyncio.wait_for(self.client.workspace_execute_command_async(query), PATIENCE_S)

    async def save(self) -> None:
        """Save by hand: the server is asked first what is to be put into the buffer."""
        identifier = types.TextDocumentIdentifier(self.uri)
        params = types.WillSaveTextDocumentParams(identifier, types.TextDocumentSaveReason.Manual)
        edits = await asyncio.wait_for(self.client.text_document_will_save_wait_until_async(params), PATIENCE_S)
        if edits:
            self._put(_with_edits(self.text, edits))
        self.path.write_text(self.text, encoding="utf-8")
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))
        query = types.ExecuteCommandParams("noclobber.activity", [{"limit": 1}])
        await asyncio.wait_for(self.client.workspace_execute_command_async(query), PATIENCE_S)

    async def shown(self, is_so: Callable[[list[types.Diagnostic]], bool]) -> list[types.Diagnostic]:
        """The problems of the file, once they are like this."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so(found := list(self.client.diagnostics.get(self.uri, []))):
                await self.client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        return found

    async def reload_format_and_save(self, formatted: Callable[[str], str]) -> None:
        """What an editor does that has nothing unsaved and formats when it saves."""
        self._put(self.path.read_text(encoding="utf-8"))
        self._put(formatted(self.text))
        await self.save()

    async def leave(self) -> None:
        await self.client.shutdown_session()
        await self.client.stop()

    def _put(self, text: str) -> None:
        self.text, self._version = text, self._version + 1
        identifier = types.VersionedTextDocumentIdentifier(uri=self.uri, version=self._version)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [whole]))


def _with_edits(text: str, edits: Any) -> str:
    lines = text.splitlines(keepends=True)

    def offset(at: types.Position) -> int:
        return sum(len(line) for line in lines[: at.line]) + at.character  # the file is ASCII

    for edit in sorted(edits, key=lambda edit: (edit.range.start.line, edit.range.start.character), reverse=True):
        text = text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]
    return text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    return root


@pytest.fixture
def guard(project: Path) -> Iterator[ConcurrencyGuard]:
    with ConcurrencyGuard(project, "observer") as opened:
        yield opened


@pytest.fixture
def sent() -> Callable[..., dict[str, Any]]:
    """Sends one payload through one client's hook: ``sent("codex", {…})``."""

    def answered(client: str, payload: dict[str, Any]) -> dict[str, Any]:
        output = answer(client, json.dumps(payload).encode(), {})
        assert (output.status, output.stderr) == (0, "")
        found: dict[str, Any] = json.loads(output.stdout) if output.stdout else {}
        return found

    return answered


@pytest.fixture
def claude(project: Path) -> Any:
    """Makes agents that work in the project: ``claude("A")``."""

    def made(session: str, **options: Any) -> ClaudeCode:
        return ClaudeCode(project, session, **options)

    return made


@pytest.fixture
async def person_at() -> AsyncIterator[Any]:
    """Opens files in editors: ``await person_at(path)``."""
    people: list[Person] = []

    async def opened(path: Path) -> Person:
        people.append(Person(path))
        await people[-1].open()
        return people[-1]

    yield opened
    for somebody in people:
        await somebody.leave()
