"""What is hostile is answered or dropped, and the server goes on: bytes, shapes, sizes, and everything at once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types

from noclobber_server.lsp.transport import MAX_MESSAGE

MISSHAPEN = "Unable to deserialize message"  # pygls' own word for it, said at the level of an error


class Raw:
    """A server spoken to byte by byte."""

    def __init__(self, root: Path, command: list[str]) -> None:
        env = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        folders = [{"uri": root.as_uri(), "name": "root"}]
        self.send(
            {"id": "init", "method": "initialize", "params": {"capabilities": {}, "processId": os.getpid(), "workspaceFolders": folders}}
        )
        assert self.answer("init")["result"]["capabilities"]
        self.send({"method": "initialized", "params": {}})

    def send(self, message: Any) -> None:
        self.frame(json.dumps({"jsonrpc": "2.0", **message} if isinstance(message, dict) else message).encode())

    def frame(self, body: bytes) -> None:
        self.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.stdin.flush()

    def receive(self) -> Any:
        length = 0
        while (line := self.stdout.readline().strip()) or not length:
            assert line or self.process.poll() is None, "the server ended"
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.stdout.read(length))

    def answer(self, request_id: Any) -> Any:
        while (message := self.receive()).get("id") != request_id or "method" in message:
            assert message.get("method") != "window/showMessage", message
        return message

    def is_alive(self) -> None:
        self.send({"id": "alive", "method": "workspace/executeCommand", "params": {"command": "noclobber.activity", "arguments": []}})
        assert "result" in self.answer("alive")

    def end(self) -> int:
        self.stdin.close()
        code = self.process.wait(15)
        self.stdout.close()
        return code


@pytest.fixture
def raw(root: Path, server_log: Any) -> Iterator[Raw]:
    server = Raw(root, server_log.command())
    yield server
    if not server.stdin.closed:
        assert server.end() == 0
    server.process.kill()
    server.process.wait()


def test_random_bytes_between_messages_are_skipped(raw: Raw) -> None:
    rng = random.Random(4)
    for size in (1, 10, 1000, 100_000):
        raw.stdin.write(rng.randbytes(size).replace(b":", b";") + b"\n")
        raw.is_alive()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"42", b'"x"', b"\xff\xfe", b"[" * 100_000, b"{}", b'{"jsonrpc": "1.0"}', b'{"jsonrpc": "2.0"}']
)
def test_what_is_no_message_is_answered_or_dropped(raw: Raw, body: bytes, server_log: Any) -> None:
    server_log.expect(MISSHAPEN)
    raw.frame(body)
    raw.is_alive()


@pytest.mark.parametrize("length", [b"99999999999999999999999", b"-1", b"ten", b"", b"1e3"])
def test_a_length_that_is_none_is_skipped(raw: Raw, length: bytes) -> None:
    raw.stdin.write(b"Content-Length: " + length + b"\r\n\r\n")
    raw.is_alive()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/hover", {}),
        ("textDocument/hover", {"textDocument": {"uri": 5}, "position": {"line": "x", "character": -1}}),
        ("textDocument/codeAction", []),
        ("textDocument/codeAction", None),
        ("workspace/executeCommand", {"command": 7}),
        ("textDocument/willSaveWaitUntil", {"textDocument": {}, "reason": 99}),
        ("no/such/request", {}),
    ],
)
def test_every_request_of_the_wrong_shape_gets_an_error(raw: Raw, method: str, params: Any, server_log: Any) -> None:
    server_log.expect(MISSHAPEN)
    raw.send({"id": 7, "method": method, "params": params})
    answer = raw.answer(7)
    assert answer["error"]["code"] in (-32602, -32601)
    assert "Traceback" not in json.dumps(answer)
    raw.is_alive()


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("textDocument/didOpen", {"textDocument": {"uri": "file:///x", "languageId": 1, "version": "x", "text": None}}),
        ("textDocument/didChange", {"textDocument": {"uri": "file:///x", "version": None}, "contentChanges": [{"range": 1}]}),
        ("textDocument/didChange", {}),
        ("workspace/didChangeConfiguration", {"settings": [1, 2]}),
        ("workspace/didChangeConfiguration", {"settings": {"noclobber": {"diagnostics": ["all"]}}}),
        ("workspace/didChangeWorkspaceFolders", {"event": {"added": [{"uri": "x", "name": "y"}], "removed": []}}),
        ("workspace/didChangeWatchedFiles", {"changes": [{"uri": "x", "type": 99}]}),
        ("$/cancelRequest", {"id": 999}),
        ("no/such/notification", {"jsonrpc": 1}),
    ],
)
def test_notifications_of_the_wrong_shape_are_dropped(raw: Raw, method: str, params: Any, server_log: Any) -> None:
    server_log.expect(MISSHAPEN)
    raw.send({"method": method, "params": params})
    raw.is_alive()


def test_a_request_nobody_knows_may_leave_out_its_parameters(raw: Raw) -> None:
    raw.send({"id": 7, "method": "no/such/request"})
    assert raw.answer(7)["error"] == {"code": -32601, "message": "Method Not Found: no/such/request"}
    raw.send({"method": "no/such/notification"})
    raw.is_alive()


def test_a_payload_may_hold_the_protocols_own_key(raw: Raw) -> None:
    raw.send(
        {"id": 7, "method": "workspace/executeCommand", "params": {"command": "noclobber.activity", "arguments": [{"jsonrpc": "2.0"}]}}
    )
    assert "jsonrpc" in raw.answer(7)["error"]["message"]


def test_a_truncated_message_at_the_end_ends_the_server_cleanly(raw: Raw) -> None:
    raw.stdin.write(b'Content-Length: 500\r\n\r\n{"jsonrpc": "2.0", "id"')
    assert raw.end() == 0


def test_ten_thousand_requests_at_once_are_all_answered(raw: Raw, server_log: Any) -> None:
    server_log.expect(MISSHAPEN)
    body = b"".join(
        b"Content-Length: %d\r\n\r\n%s" % (len(message), message)
        for number in range(10_000)
        for message in [json.dumps({"jsonrpc": "2.0", "id": number, "method": "textDocument/hover", "params": {}}).encode()]
    )
    raw.stdin.write(body)  # nobody reads meanwhile: the answers must not be waited for
    raw.stdin.flush()
    assert {raw.receive()["id"] for _ in range(10_000)} == set(range(10_000))
    raw.is_alive()


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_thousands_of_commands_at_once_are_all_done(editor: Any, agent: Any, count: int) -> None:
    agent.read("a.txt")
    uri = editor.open("a.txt")
    asked = [
        editor.client.workspace_execute_command_async(
            types.ExecuteCommandParams(
                *(("noclobber.activity", [{"limit": 1}]) if number % 2 else ("noclobber.buffer.merge", [{"uri": uri}]))
            )
        )
        for number in range(count)
    ]
    answers = await asyncio.wait_for(asyncio.gather(*asked), 100)
    assert {answer["outcome"] for answer in answers[::2]} == {"fresh"}
    assert {len(answer["events"]) for answer in answers[1::2]} == {1}
    assert editor.messages == []


def test_a_message_over_the_limit_is_skipped_and_answered(raw: Raw) -> None:
    length = MAX_MESSAGE + 1
    raw.stdin.write(b"Content-Length: %d\r\n\r\n" % length)
    for begun in range(0, length, 1 << 20):
        raw.stdin.write(bytes(min(1 << 20, length - begun)))
    raw.stdin.flush()
    answer = raw.answer(None)
    assert answer["error"]["code"] == -32700
    assert "over the limit" in answer["error"]["message"]
    assert resident(raw.process.pid) < 150_000_000
    raw.is_alive()


def resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("process_id", [2**63, 2**31, 0, -1, 1e300, "9" * 30])
async def test_a_process_id_that_is_none_does_no_harm(new_editor: Callable[[], Any], agent: Any, process_id: Any) -> None:
    editor = new_editor()
    await editor.start(process_id=process_id)
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (row,) = agent.workspace.store.buffers("a.txt")
    assert (row.agent_id, row.unsaved, row.editor_pid) == (f"editor:Test:{os.getpid()}", True, None)
    await editor.stop()


def test_requests_before_initialize_are_refused_clearly(server_log: Any) -> None:
    process = subprocess.Popen(server_log.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    body = json.dumps(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "textDocument/hover",
            "params": {"textDocument": {"uri": "file:///x"}, "position": {"line": 0, "character": 0}},
        }
    ).encode()
    out, _ = process.communicate(b"Content-Length: %d\r\n\r\n" % len(body) + body, timeout=20)
    assert b"-32002" in out


def test_exit_without_shutdown_has_its_own_status(raw: Raw) -> None:
    raw.send({"method": "exit"})
    assert raw.process.wait(15) == 1
    raw.stdin.close()
    raw.stdout.close()


async def test_random_documents_and_changes_never_end_the_server(editor: Any, root: Any) -> None:
    rng = random.Random(11)
    uri = editor.open("a.txt")
    for _ in range(300):
        span = types.Range(types.Position(rng.randrange(2**31), rng.randrange(2**31)), types.Position(rng.randrange(20), rng.randrange(20)))
        editor.versions[uri] += 1
        identifier = types.VersionedTextDocumentIdentifier(uri=uri, version=editor.versions[uri])
        change = types.TextDocumentContentChangePartial(span, rng.choice(["", "x", "\r", "\n", "\ud83d", "\u2028", "y" * 1000]))
        editor.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    await asyncio.wait_for(editor.settled(), 20)
    assert editor.messages == []
