"""The lines of standard input and output, however they come and however slowly they are read."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber_server.mcp.stdio import Incoming, Outgoing

MAIN = [sys.executable, "-m", "noclobber_server.main", "mcp"]
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}  # fmt: skip


@contextmanager
def channel(kind: str) -> Iterator[list[int]]:
    """A pipe or a socket: the end to read, the end to write; neither waits in the kernel. One that is closed is taken out."""
    ends = list(os.pipe()) if kind == "pipe" else [end.detach() for end in socket.socketpair()]
    for end in ends:
        os.set_blocking(end, False)
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@given(st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\x00", b"\n")), max_size=20))
async def test_lines_are_the_same_in_whatever_pieces_they_come(pieces: list[bytes]) -> None:
    with channel("pipe") as ends:
        reading, writing = ends

        async def send() -> None:
            for piece in pieces:
                os.write(writing, piece)
                await asyncio.sleep(0)
            os.close(ends.pop())

        sending = asyncio.ensure_future(send())
        lines = [line async for line in Incoming(reading)]
        await sending
    whole = b"".join(pieces)
    expected = whole.split(b"\n")
    assert lines == [line.decode(errors="replace") for line in (expected if expected[-1] else expected[:-1])]


@pytest.mark.parametrize("kind", ["pipe", "socket"])
async def test_what_is_written_arrives_whole_though_it_is_read_slowly(kind: str) -> None:
    text = "ä€😀" * 300_000 + "\n"  # more than any channel holds
    with channel(kind) as (reading, writing):
        sending = asyncio.ensure_future(Outgoing(writing).write(text))
        incoming = Incoming(reading)
        await asyncio.sleep(0.05)
        assert not sending.done()
        assert await anext(incoming) == text[:-1]
        await sending


@pytest.mark.parametrize("kind", ["pipe", "socket"])
async def test_a_reader_that_left_is_told_as_closed(kind: str) -> None:
    with channel(kind) as ends:
        os.close(ends.pop(0))
        with pytest.raises(anyio.ClosedResourceError):
            await Outgoing(ends[0]).write("x\n")


def talk(process: Any, *messages: dict[str, Any]) -> None:
    for message in messages:
        process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


@contextmanager
def served(project: Path) -> Iterator[Any]:
    """A server that has said hello."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(MAIN, cwd=project, **pipes) as process:  # type: ignore[call-overload]
        talk(process, HELLO, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert json.loads(process.stdout.readline())["id"] == 1
        yield process


def call(number: int, name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def test_a_client_that_stops_reading_ends_nothing_by_force(project: Path) -> None:
    with served(project) as process:
        process.stdout.close()
        talk(process, call(2, "check_files"), call(3, "check_files"))
        process.stdin.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == b""


def test_content_of_any_size_goes_in_and_out(project: Path) -> None:
    text = "0123456789abcdef\n" * 500_000
    with served(project) as process:
        talk(process, call(2, "write_to_file", path="large.txt", content=text))
        assert json.loads(process.stdout.readline())["result"]["structuredContent"]["outcome"] == "done"
        talk(process, call(3, "read_file", path="large.txt"))
        assert json.loads(process.stdout.readline())["result"]["structuredContent"]["content"] == text
    assert (project / "large.txt").read_text(encoding="utf-8") == text


def test_calls_sent_at_once_are_all_answered(project: Path) -> None:
    with served(project) as process:
        talk(process, *(call(number, "query_snapshots") for number in range(2, 202)))
        assert {json.loads(process.stdout.readline())["id"] for _ in range(200)} == set(range(2, 202))


def test_a_conversation_can_come_from_a_file_and_go_to_one(project: Path) -> None:
    asked, answered = project / "asked", project / "answered"
    asked.write_text("".join(f"{json.dumps(message)}\n" for message in (HELLO, {"jsonrpc": "2.0", "id": 2, "method": "ping"})))
    with asked.open("rb") as given, answered.open("wb") as taken:
        assert subprocess.run(MAIN, cwd=project, stdin=given, stdout=taken, timeout=60, check=False).returncode == 0
    assert [json.loads(line)["id"] for line in answered.read_text(encoding="utf-8").splitlines()] == [1, 2]


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_without_a_standard_input_or_output_it_says_so(project: Path, closed: str) -> None:
    command = f"exec {sys.executable} -m noclobber_server.main mcp {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=project, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == b"noclobber: Standard input or output is closed, so there is nobody to serve.\n"


def test_what_else_prints_or_reads_in_the_process_does_not_reach_the_conversation(project: Path) -> None:
    chatty = """if True:
        import subprocess, sys
        import noclobber_server.mcp.tools as tools
        from noclobber_server.main import main
        check_files = tools.check_files
        def chatting(*given):
            print("stray word", flush=True)
            subprocess.run(["sh", "-c", "cat; echo stray child"], check=True)
            return check_files(*given)
        tools.check_files = chatting
        sys.argv = ["noclobber", "mcp"]
        sys.exit(main())
    """
    asked = [HELLO, {"jsonrpc": "2.0", "method": "notifications/initialized"}, call(2, "check_files"), call(3, "query_snapshots")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", chatty], cwd=project, **pipes) as process:  # type: ignore[call-overload]
        talk(process, *asked)
        assert {json.loads(process.stdout.readline())["id"] for _ in range(3)} == {1, 2, 3}
        process.stdin.close()
        assert process.wait(30) == 0
        assert process.stdout.read() == b""
        assert sorted(process.stderr.read().split(b"\n")) == [b"", b"stray child", b"stray word"]


def test_at_a_terminal_it_answers_and_leaves_the_terminal_as_it_was(project: Path) -> None:
    ours, terminal = os.openpty()
    with subprocess.Popen(MAIN, cwd=project, stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL) as process:
        os.write(ours, json.dumps(HELLO).encode() + b"\n")
        said = b""
        while b'"serverInfo"' not in said:
            said += os.read(ours, 1 << 16)
        assert os.get_blocking(terminal)
        process.kill()
    os.close(ours)
    os.close(terminal)


def test_the_pipe_waits_again_for_whoever_has_it_after_the_server(project: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, True)
    done = subprocess.run(MAIN, cwd=project, stdin=subprocess.DEVNULL, stdout=writing, timeout=60, check=False)
    assert done.returncode == 0
    assert os.get_blocking(writing)
    os.close(reading)
    os.close(writing)
