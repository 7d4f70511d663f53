"""Real processes: stdio as a client starts it, HTTP with its token, Origin and Host."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

from noclobber import ConcurrencyGuard
from noclobber_server.mcp.http import bound, find_or_make_token
from noclobber_server.mcp.resources import history_uri
from noclobber_server.mcp.server import build_server

MAIN = ["-m", "noclobber_server.main", "mcp"]


def environment(**extra: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("NOCLOBBER") and name != "CI"} | extra


async def test_a_session_over_stdio_reads_and_writes(project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    started = StdioServerParameters(command=sys.executable, args=MAIN, cwd=str(project), env=environment(NOCLOBBER_AGENT="me"))
    async with Client(started) as client:
        read = await client.call_tool("read_file", {"path": "a.txt"})
        assert read.structured_content["agent_id"] == "me"
        done = await client.call_tool("write_to_file", {"path": "a.txt", "content": "two\n"})
        assert not done.is_error
    assert (project / "a.txt").read_bytes() == b"two\n"
    assert (project / ".noclobber" / "journal.jsonl").read_bytes().count(b"\n") == 2


async def test_two_processes_of_one_project_meet(project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")

    def started(name: str) -> StdioServerParameters:
        return StdioServerParameters(command=sys.executable, args=MAIN, cwd=str(project), env=environment(NOCLOBBER_AGENT=name))

    async with Client(started("A")) as a, Client(started("B")) as b:
        for client in (a, b):
            await client.call_tool("read_file", {"path": "a.txt"})
        await a.call_tool("write_to_file", {"path": "a.txt", "content": "A\n"})
        refused = await b.call_tool("write_to_file", {"path": "a.txt", "content": "B\n"})
        assert refused.is_error
        assert refused.structured_content["changed_by"][0]["agent_id"] == "A"


@pytest.mark.parametrize("environ", [{}, {"CI": "true"}])
def test_a_server_whose_client_leaves_at_once_ends_quietly_and_leaves_nothing(project: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, *MAIN], input=b"", capture_output=True, cwd=project, env=environment(**environ), timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (project / ".noclobber").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [(["--port", "0"], 2, "is no port"), (["--host", "0.0.0.0"], 2, "unrecognized"), (["--workspace", "absent"], 2, "no such folder")],
)
def test_wrong_use_is_said_on_stderr(project: Path, arguments: list[str], status: int, says: str) -> None:
    done = subprocess.run([sys.executable, *MAIN, *arguments], capture_output=True, cwd=project, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr


def test_http_wants_the_token_and_knows_only_this_machines_names(http: Any) -> None:
    right = {"Authorization": "Bearer secret"}
    assert http.post().status_code == 401
    assert http.post(Authorization="Bearer wrong").status_code == 401
    assert http.post(**right).status_code == 200
    assert http.post(**right, Origin="https://evil.example").status_code == 403
    assert http.post(**right, Origin=f"http://127.0.0.1:{http.port}").status_code == 200
    assert http.post(**right, Host="evil.example").status_code == 421


def test_http_listens_on_this_machine_only(http: Any) -> None:
    addresses = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), http.port, type=socket.SOCK_STREAM)}
    for address in addresses - {"127.0.0.1", "::1"}:
        if address.startswith("127."):
            continue
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((address, http.port), 1).close()


async def test_agents_over_one_http_server_are_told_apart_by_name(http: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with http.client() as client:
        for name in ("A", "B"):
            await client.call_tool("read_file", {"path": "a.txt", "agent_id": name})
        await client.call_tool("write_to_file", {"path": "a.txt", "content": "A\n", "agent_id": "A"})
        refused = await client.call_tool("write_to_file", {"path": "a.txt", "content": "B\n", "agent_id": "B"})
        assert refused.is_error
        nameless = await client.call_tool("read_file", {"path": "a.txt"})
        handle = nameless.structured_content["agent_id"]
        done = await client.call_tool("write_to_file", {"path": "a.txt", "content": "C\n", "agent_id": handle})
        assert not done.is_error


async def test_over_http_one_workspace_is_served_and_over_stdio_every_one_there_is(http: Any, project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret.txt").write_text("theirs\n", encoding="utf-8")
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    with ConcurrencyGuard(other, "x"):
        pass
    async with http.client() as client:
        for tool, arguments in (
            ("read_file", {}),
            ("write_to_file", {"content": "x"}),
            ("edit_file", {"edits": [{"old": "t", "new": "T"}]}),
        ):
            refused = await client.call_tool(tool, {"path": str(other / "secret.txt"), "agent_id": "A", **arguments})
            assert refused.is_error
            assert refused.content[0].text.startswith(
                f"OUTSIDE_WORKSPACE: '{other}/secret.txt' leads out of the workspace. Name a file inside"
            )
        with pytest.raises(MCPError, match=r"Unknown resource|leads out"):
            await client.read_resource(history_uri(str(other / "secret.txt")))
        inside = await client.call_tool("read_file", {"path": str(project / "a.txt"), "agent_id": "A"})
        assert inside.structured_content["content"] == "one\n"
    async with Client(StdioServerParameters(command=sys.executable, args=MAIN, cwd=str(project), env=environment())) as client:
        read = await client.call_tool("read_file", {"path": str(other / "secret.txt")})
        assert read.structured_content["content"] == "theirs\n"
    assert (other / "secret.txt").read_bytes() == b"theirs\n"


async def test_over_http_no_two_nameless_calls_are_one_agent(http: Any, project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    async with http.client() as client:
        names = [(await client.call_tool("read_file", {"path": "a.txt"})).structured_content["agent_id"] for _ in range(2)]
        assert names[0] != names[1]
        refused = await client.call_tool("write_to_file", {"path": "a.txt", "content": "x"})
        assert refused.structured_content["type"] == "UNREAD_FILE"


def test_a_port_that_another_program_has_is_an_error_in_words(http: Any, project: Path) -> None:
    again = subprocess.run(
        [sys.executable, *MAIN, "--http", "--port", str(http.port)],
        cwd=project, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"noclobber: Port {http.port} cannot be had (Address already in use); name another with --port.\n"


async def test_an_answer_over_http_does_not_wait_for_the_one_before_to_be_acknowledged() -> None:
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=bound(0))
    async with server:
        _, ours = await asyncio.open_connection(*server.sockets[0].getsockname())
        theirs = await accepted
        assert theirs.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        ours.close()
        theirs.close()


def test_a_token_of_its_own_is_for_its_owners_eyes(tmp_path: Path) -> None:
    token, where = find_or_make_token(str(tmp_path), None)
    assert find_or_make_token(str(tmp_path), None) == (token, where)
    assert len(token) >= 32
    assert os.stat(where).st_mode & 0o777 == 0o600
    assert find_or_make_token(str(tmp_path), "given") == ("given", "NOCLOBBER_MCP_TOKEN")


@pytest.mark.parametrize(("environ", "traced"), [({}, False), ({"OTEL_TRACES_EXPORTER": "otlp"}, True)])
def test_calls_are_traced_only_where_somebody_collects_traces(project: Path, environ: dict[str, str], traced: bool) -> None:
    server, workspaces = build_server(str(project), environ)
    workspaces.close()
    assert [type(middleware).__name__ for middleware in server.middleware] == ["OpenTelemetryMiddleware"] * traced
