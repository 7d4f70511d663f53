"""Who listens hears of what another process recorded: ``resources/subscribe`` before 2026-07-28, ``subscriptions/listen`` since."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.types import ResourceUpdatedNotification

from noclobber import ConcurrencyGuard
from noclobber_server.mcp.resources import LESSONS_URI, file_of, history_uri
from noclobber_server.mcp.subscribing import HistoryBus, Subscribers
from noclobber_server.mcp.workspaces import Workspaces

PATIENCE_S = 30.0
MAIN = [sys.executable, "-m", "noclobber_server.main"]


class Heard:
    """The addresses a client was told of, in order."""

    def __init__(self) -> None:
        self._uris: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, message: Any) -> None:
        if isinstance(message, ResourceUpdatedNotification):
            self._uris.put_nowait(message.params.uri)

    async def next(self) -> str:
        return await asyncio.wait_for(self._uris.get(), PATIENCE_S)


def other_process(project: Path, *arguments: str, payload: bytes = b"") -> None:
    """A command of somebody else's, to its end."""
    command = [*MAIN, *arguments]
    done = subprocess.run(command, cwd=project, input=payload, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr


def stdio(project: Path) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=[*MAIN[1:], "mcp"], cwd=str(project), env=dict(os.environ))


@contextmanager
def older_protocol() -> Iterator[None]:
    """Subscribing one by one is what clients before 2026-07-28 do; the SDK says of it that it is over."""
    with pytest.warns(MCPDeprecationWarning):
        yield


async def test_a_subscribed_client_hears_of_another_processs_write(project: Path) -> None:
    heard = Heard()
    async with Client(stdio(project), mode="legacy", message_handler=heard) as client:
        capabilities = client.server_capabilities.resources
        assert capabilities is not None
        assert capabilities.subscribe
        with older_protocol():
            await client.subscribe_resource(history_uri("src/a b.txt"))
            await client.subscribe_resource(LESSONS_URI)
        await asyncio.to_thread(other_process, project, "write", "src/other.txt", payload=b"x\n")
        await asyncio.to_thread(other_process, project, "lesson", "add", "--failure", "It broke", "--resolution", "Mend it")
        assert await heard.next() == LESSONS_URI
        await asyncio.to_thread(other_process, project, "write", "src/a b.txt", payload=b"one\n")
        assert await heard.next() == "noclobber://history/src%2Fa%20b.txt"
        read = await client.read_resource("noclobber://history/src%2Fa%20b.txt")
        assert '"kind": "write"' in read.contents[0].text  # type: ignore[union-attr]


async def test_one_who_ended_a_subscription_hears_no_more_of_it(project: Path) -> None:
    heard = Heard()
    async with Client(stdio(project), mode="legacy", message_handler=heard) as client:
        with older_protocol():
            for name in ("a.txt", "b.txt"):
                await client.subscribe_resource(history_uri(name))
            await client.unsubscribe_resource(history_uri("a.txt"))
        await asyncio.to_thread(other_process, project, "write", "a.txt", payload=b"1\n")
        await asyncio.to_thread(other_process, project, "write", "b.txt", payload=b"1\n")
        assert await heard.next() == history_uri("b.txt")


async def test_a_file_that_comes_or_goes_by_a_move_is_told_under_both_names(project: Path) -> None:
    (project / "a.txt").write_text("one\n", encoding="utf-8")
    heard = Heard()
    async with Client(stdio(project), mode="legacy", message_handler=heard) as client:
        with older_protocol():
            await client.subscribe_resource(history_uri("b.txt"))
        await asyncio.to_thread(other_process, project, "read", "--agent", "me", "a.txt")
        await asyncio.to_thread(other_process, project, "move", "--agent", "me", "a.txt", "b.txt")
        assert await heard.next() == history_uri("b.txt")


async def test_a_listener_of_the_newer_protocol_hears_it_on_its_stream(project: Path) -> None:
    async with (
        Client(stdio(project), mode="2026-07-28") as client,
        client.listen(resource_subscriptions=[history_uri("a.txt"), LESSONS_URI]) as stream,
    ):
        await asyncio.to_thread(other_process, project, "write", "b.txt", payload=b"1\n")
        await asyncio.to_thread(other_process, project, "write", "a.txt", payload=b"1\n")
        event = await asyncio.wait_for(anext(aiter(stream)), PATIENCE_S)
        assert event.uri == history_uri("a.txt")  # type: ignore[union-attr]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_both_are_told_over_http(http: Any, project: Path, mode: str) -> None:
    from mcp.client.streamable_http import streamable_http_client

    heard, uri = Heard(), history_uri("a.txt")
    web = httpx.AsyncClient(headers={"Authorization": f"Bearer {http.token}"}, timeout=PATIENCE_S)
    async with web, Client(streamable_http_client(http.url, http_client=web), mode=mode, message_handler=heard) as client:
        if mode == "legacy":
            with older_protocol():
                await client.subscribe_resource(uri)
            await asyncio.to_thread(other_process, project, "write", "a.txt", payload=b"1\n")
            assert await heard.next() == uri
        else:
            async with client.listen(resource_subscriptions=[uri]) as stream:
                await asyncio.to_thread(other_process, project, "write", "a.txt", payload=b"1\n")
                assert (await asyncio.wait_for(anext(aiter(stream)), PATIENCE_S)).uri == uri  # type: ignore[union-attr]


async def test_what_is_no_resource_of_ours_cannot_be_subscribed_to(connected: Any) -> None:
    async with connected(mode="legacy") as agent:
        for uri in ("noclobber://history/", "file:///etc/passwd", "noclobber://lesson"):
            with older_protocol(), pytest.raises(MCPError, match="There is no resource"):
                await agent().client.subscribe_resource(uri)


async def test_a_client_is_told_the_address_as_it_wrote_it(connected: Any, project: Path, guard: ConcurrencyGuard) -> None:
    from noclobber_server.mcp.server import build_server

    heard = Heard()
    server, workspaces = build_server(str(project), {})
    async with Client(server, mode="legacy", message_handler=heard) as client:
        with older_protocol():
            await client.subscribe_resource("noclobber://history/s%72c%2fa.txt")
        guard.write("src/a.txt", b"x\n")
        assert await heard.next() == "noclobber://history/s%72c%2fa.txt"
    workspaces.close()


async def test_a_client_that_left_is_forgotten(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from noclobber_server.mcp import server as module

    made: list[Subscribers] = []

    def remembered(bus: HistoryBus) -> Subscribers:
        made.append(Subscribers(bus))
        return made[-1]

    monkeypatch.setattr(module, "Subscribers", remembered)
    server, workspaces = module.build_server(str(project), {})
    async with Client(server, mode="legacy") as client:
        with older_protocol():
            await client.subscribe_resource(LESSONS_URI)
        assert len(made[0]) == 1
    assert len(made[0]) == 0
    workspaces.close()


async def test_more_events_than_one_look_takes_are_told_in_the_next(project: Path, guard: ConcurrencyGuard) -> None:
    workspaces = Workspaces(str(project))
    bus = HistoryBus(workspaces)
    awaited = {history_uri(f"f{number}.txt") for number in range(450)}
    all_heard = asyncio.Event()

    def listener(event: Any) -> None:
        awaited.discard(event.uri)
        if not awaited:
            all_heard.set()

    bus.subscribe(listener)
    for number in range(450):
        guard.record("check", file_path=f"f{number}.txt")
    watching = asyncio.ensure_future(bus.watch(Subscribers(bus)))
    try:
        await asyncio.wait_for(all_heard.wait(), PATIENCE_S)
    finally:
        watching.cancel()
        workspaces.close()


@pytest.mark.parametrize("name", ["a.txt", "src/a b.txt", "ä/ß.py", "100%.txt", "a?b#c"])
def test_an_address_names_one_file(name: str) -> None:
    assert file_of(history_uri(name)) == name
