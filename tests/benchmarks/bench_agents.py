"""What guarding costs an agent: a hook's whole process, a tool call over stdio, fifty agents over one HTTP server.

``NOCLOBBER_BENCH_NPM`` names a folder where npm has installed ``@modelcontextprotocol/server-filesystem``: then its write stands
beside ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import httpx2 as httpx
from frame import Bench, Figure, by_turns, content_of, percentile
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

SIZE = 10 * 1024
HOOK_ROUNDS = 25
CALLS = 300
AGENTS = 50
WRITES = int(os.environ.get("NOCLOBBER_BENCH_WRITES", "3000"))
RATE = 100.0
MAIN = [sys.executable, "-m", "noclobber_server.main"]


def _environment() -> dict[str, str]:
    """Byte code is cached, as it is where noclobber is installed."""
    left_out = ("CI", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if name not in left_out and not name.startswith("NOCLOBBER")}


def hooks(folder: Path) -> Iterable[Figure]:
    """One read recorded, one edit checked: each a process from start to end, against one that does nothing."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)  # as projects are: git is asked what it ignores
    file = folder / "a.py"
    text = content_of(SIZE).decode()
    file.write_text(text, encoding="utf-8")
    line = text.splitlines()[100]
    number = count()

    def payload(event: str, tool: str, given: dict[str, Any], response: dict[str, Any] | None = None) -> bytes:
        return json.dumps({
            "session_id": "bench", "cwd": str(folder), "hook_event_name": event, "prompt_id": "1", "permission_mode": "acceptEdits",
            "tool_name": tool, "tool_input": given, "tool_response": response, "tool_use_id": f"t{next(number)}",
        }).encode()  # fmt: skip

    total = text.count("\n") + 1
    shown = {"file": {"filePath": str(file), "content": text, "startLine": 1, "numLines": total, "totalLines": total}}

    def run(arguments: list[str], given: bytes) -> None:
        subprocess.run([*arguments], input=given, env=_environment(), cwd=folder, check=True, stdout=subprocess.DEVNULL)

    script = Path(sys.executable).with_name("noclobber")
    hook = [str(script) if script.exists() else sys.executable, *([] if script.exists() else MAIN[1:]), "hook", "claude-code"]
    timing = by_turns(
        lambda: run([sys.executable, "-c", "pass"], b""),
        lambda: run(hook, payload("PostToolUse", "Read", {"file_path": str(file)}, shown)),
        lambda: run(hook, payload("PreToolUse", "Edit", {"file_path": str(file), "old_string": line, "new_string": "x"})),
        rounds=HOOK_ROUNDS,
    )
    bare, read, edit = timing.medians
    for name, seconds in (("hook, read recorded", read), ("hook, edit checked", edit)):
        yield Figure(name, seconds, "python -c pass", bare, seconds / bare, most_ratio=5, most_seconds=0.060)


def stdio(folder: Path) -> Iterable[Figure]:
    """Calls by turns to our server and to bare ones, all over stdio with one kind of client."""
    return asyncio.run(_stdio(folder))


async def _stdio(folder: Path) -> list[Figure]:
    file = folder / "a.py"
    contents = [content_of(SIZE, seed).decode() for seed in range(2)]
    file.write_text(contents[0], encoding="utf-8")
    (folder / "b.py").write_text(contents[0], encoding="utf-8")
    (folder / "c.py").write_text(contents[0], encoding="utf-8")
    bare_script = str(Path(__file__).with_name("bare_mcp.py"))

    def started(command: str, *arguments: str) -> StdioServerParameters:
        return StdioServerParameters(command=command, args=[*arguments], cwd=str(folder), env=_environment() | {"NOCLOBBER_AGENT": "bench"})

    npm = os.environ.get("NOCLOBBER_BENCH_NPM")
    async with Client(started(sys.executable, *MAIN[1:], "mcp")) as ours, Client(started(sys.executable, bare_script)) as bare:
        await ours.call_tool("read_file", {"path": "a.py"})
        turn = count()
        actions: dict[str, Callable[[], Awaitable[Any]]] = {
            "read": lambda: ours.call_tool("read_file", {"path": "a.py"}),
            "bare read": lambda: bare.call_tool("read", {"path": str(file)}),
            "write": lambda: ours.call_tool("write_to_file", {"path": "a.py", "content": contents[next(turn) % 2]}),
            "bare write": lambda: bare.call_tool("write", {"path": str(folder / "b.py"), "content": contents[next(turn) % 2]}),
        }
        if npm is None:
            took = await _by_turns(actions)
        else:
            server = Path(npm) / "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"
            async with Client(started("node", str(server), str(folder))) as other:
                actions["npm write"] = lambda: other.call_tool(
                    "write_file", {"path": str(folder / "c.py"), "content": contents[next(turn) % 2]}
                )
                took = await _by_turns(actions)
    figures = [
        Figure("mcp read_file, 10 KB", took["read"], "bare SDK tool", took["bare read"], took["read"] / took["bare read"], most_ratio=1.15),
        Figure("mcp write_to_file, 10 KB", took["write"], "bare SDK tool, flushed", took["bare write"], took["write"] / took["bare write"]),
    ]
    if npm is not None:
        ratio = took["write"] / took["npm write"]
        figures.append(Figure("mcp write_to_file, 10 KB", took["write"], "npm server-filesystem", took["npm write"], ratio, most_ratio=1.9))
    return figures


async def _by_turns(actions: dict[str, Callable[[], Awaitable[Any]]]) -> dict[str, float]:
    samples: dict[str, list[float]] = {name: [] for name in actions}
    for round_number in range(CALLS + 20):
        for name, action in actions.items():
            begun = time.perf_counter()
            result = await action()
            if round_number >= 20:
                samples[name].append(time.perf_counter() - begun)
            assert not result.is_error, result.content
    return {name: percentile(times, 0.5) for name, times in samples.items()}


def http(folder: Path) -> Iterable[Figure]:
    """Fifty agents on files of their own, a hundred writes a second in all; then as many as the server takes."""
    return asyncio.run(_http(folder))


async def _http(folder: Path) -> list[Figure]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [*MAIN, "mcp", "--http", "--port", str(port)],
        cwd=folder,
        env=_environment() | {"NOCLOBBER_MCP_TOKEN": "t"},
        stderr=subprocess.DEVNULL,
    )
    try:
        await _listening(port)
        steady, _ = await _fleet(folder, port, WRITES, RATE)
        hard, rate = await _fleet(folder, port, WRITES, None)
    finally:
        server.terminate()
        server.wait()
    p99, p50 = percentile(steady, 0.99), percentile(steady, 0.5)
    most = f"at most {rate:.0f} a second, with p99 {percentile(hard, 0.99) * 1000:.0f} ms"
    note = f"{WRITES} writes by {AGENTS} agents at {RATE:g} a second, none lost; {most}"
    return [Figure("mcp over HTTP, 50 agents, p99", p99, "its own median", p50, p99 / p50, most_seconds=0.050, note=note)]


async def _listening(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise TimeoutError("the server does not listen")


async def _fleet(folder: Path, port: int, writes: int, rate: float | None) -> tuple[list[float], float]:
    """How long each write took, and how many there were a second; every agent's last content must stand."""
    took: list[float] = []
    each = writes // AGENTS
    begun = time.perf_counter() + 0.5

    async def agent(number: int, client: Client) -> None:
        for turn in range(each):
            if rate is not None:
                await asyncio.sleep(max(0.0, begun + (turn * AGENTS + number) / rate - time.perf_counter()))
            at = time.perf_counter()
            given = {"path": f"agent-{number}.txt", "content": f"{turn}\n" * 200, "agent_id": f"agent-{number}"}
            result = await client.call_tool("write_to_file", given)
            took.append(time.perf_counter() - at)
            assert not result.is_error, result.content

    async with AsyncExitStack() as stack:
        limits = httpx.Limits(max_connections=AGENTS)
        web = await stack.enter_async_context(httpx.AsyncClient(headers={"Authorization": "Bearer t"}, limits=limits))
        url = f"http://127.0.0.1:{port}/mcp"
        clients = [await stack.enter_async_context(Client(streamable_http_client(url, http_client=web))) for _ in range(5)]
        started = time.perf_counter()
        await asyncio.gather(*(agent(number, clients[number % 5]) for number in range(AGENTS)))
        seconds = time.perf_counter() - started
    for number in range(AGENTS):
        assert (folder / f"agent-{number}.txt").read_text(encoding="utf-8") == f"{each - 1}\n" * 200
    return took, len(took) / seconds


BENCHES = (Bench("hooks", hooks), Bench("mcp-stdio", stdio), Bench("mcp-http", http))
