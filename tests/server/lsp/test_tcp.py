"""``noclobber lsp --tcp``: one client on a port, and clear words where that cannot be."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CODE = """
import signal, sys
from noclobber_server.lsp.server import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits it ignored
raise SystemExit(main(sys.argv[1:]))
"""
SERVER = [sys.executable, "-c", CODE]


class Listening:
    """A server that listens on a port of its own choice."""

    def __init__(self, address: str = "127.0.0.1:0") -> None:
        self.process = subprocess.Popen([*SERVER, "--tcp", address], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        assert said.startswith("listening on 127.0.0.1:"), said
        self.address = "127.0.0.1", int(said.rpartition(":")[2])

    def ended(self) -> tuple[int, str]:
        """Its exit status and the rest of what it said."""
        _, said = self.process.communicate(timeout=15)
        return self.process.returncode, said


@pytest.fixture
def listening() -> Iterator[Listening]:
    server = Listening()
    yield server
    server.process.kill()
    server.process.communicate()


async def test_a_client_on_a_port_opens_edits_is_warned_and_shuts_down(
    listening: Listening, new_editor: Callable[[], Any], agent: Any, root: Path
) -> None:
    editor = new_editor()
    await editor.start(address=listening.address)
    uri = editor.open("a.txt")
    agent.read("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    await editor.shown(uri, "stale-buffer")
    assert (await editor.command("buffer.merge", {"uri": uri}))["outcome"] == "merged"
    await editor.save(uri)
    await editor.settled()
    assert {"mine 2", "theirs"} < set((root / "a.txt").read_text(encoding="utf-8").split("\n"))
    await asyncio.wait_for(editor.client.shutdown_async(None), 15)
    editor.client.exit(None)
    assert await asyncio.to_thread(listening.ended) == (0, "")
    editor.client.protocol.writer.close()
    await editor.client.stop()


def test_a_second_client_is_turned_away_while_the_first_is_served_and_afterwards(listening: Listening) -> None:
    with socket.create_connection(listening.address) as first:
        first.sendall(framed({"id": 1, "method": "initialize", "params": {"capabilities": {}}}))
        assert first.recv(15) == b"Content-Length:"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(listening.address)
        first.sendall(framed({"id": 2, "method": "no/such/thing"}))
        assert b"-32601" in received(first, b"-32601")
    status, said = listening.ended()
    assert status == 0
    assert "Traceback" not in said
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(listening.address)


def test_a_client_that_goes_without_a_word_ends_the_server(listening: Listening) -> None:
    socket.create_connection(listening.address).close()
    assert listening.ended() == (0, "")


def test_an_interrupt_while_nobody_has_come_ends_it_quietly(listening: Listening) -> None:
    listening.process.send_signal(signal.SIGINT)
    assert listening.ended() == (0, "")


def test_exit_without_shutdown_has_its_own_status(listening: Listening) -> None:
    with socket.create_connection(listening.address) as client:
        client.sendall(framed({"id": 1, "method": "initialize", "params": {"capabilities": {}}}) + framed({"method": "exit"}))
        assert listening.ended() == (1, "")


def test_a_port_in_use_is_said_and_no_traceback(listening: Listening) -> None:
    done = run(f"127.0.0.1:{listening.address[1]}")
    assert done.returncode == 1
    assert done.stderr == (
        f"noclobber lsp: cannot listen on 127.0.0.1:{listening.address[1]}: {os.strerror(98)}; choose another port, or 0 for any free one\n"
    )


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:٣", ":1e3"])
def test_what_is_no_port_is_wrong_usage(address: str) -> None:
    done = run(address)
    assert (done.returncode, done.stderr) == (
        2,
        f"noclobber lsp: --tcp wants HOST:PORT with a port of 0 to 65535, not {address!r}\n",
    )


def test_a_host_that_is_none_of_this_machine_is_said() -> None:
    done = run("203.0.113.7:0")
    assert done.returncode == 1
    assert done.stderr.startswith("noclobber lsp: cannot listen on 203.0.113.7:0: ")
    assert done.stderr.count("\n") == 1


def run(address: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SERVER, "--tcp", address], capture_output=True, text=True, timeout=30, check=False)


def framed(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def received(client: socket.socket, until: bytes) -> bytes:
    client.settimeout(15)
    got = b""
    while until not in got:
        part = client.recv(4096)
        assert part, got
        got += part
    return got
