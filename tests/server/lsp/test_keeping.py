"""What comes to stand on disk is kept at once, however long the work that was begun before it is held up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from noclobber.workspace import Workspace
from noclobber_server.lsp.keeping import Keeper
from noclobber_server.lsp.rooms import Room
from noclobber_server.lsp.surveillance import Surveillance
from noclobber_server.lsp.worker import Worker


@pytest.fixture
def held_up(root: Path, agent: Any) -> Iterator[list[Exception]]:
    """What agents know in the folder is watched, and the worker has stopped at something; what has failed."""
    agent.read("a.txt")
    errors: list[Exception] = []
    room, worker, keeper = Room(Workspace.open(root)), Worker(errors.append), Keeper(errors.append)
    rooms: Any = [room]
    surveillance = Surveillance(worker, rooms, Mock(), Mock(), Mock(), keeper, Mock(), Mock(), on_short=Mock())
    surveillance.refresh()
    worker.call(lambda: None).result(10)
    enough = threading.Event()
    worker.submit(enough.wait)
    yield errors
    enough.set()
    surveillance.close()
    keeper.close(10)
    assert worker.close(10)
    room.workspace.close()


def test_a_version_is_kept_while_the_other_work_is_held_up(held_up: list[Exception], root: Path, agent: Any) -> None:
    until = time.monotonic() + 10
    for text in (b"passing\n", b"staying\n"):
        (root / "a.txt").write_bytes(text)
        while agent.workspace.store.content(agent.hash_content(text)) != text:
            assert time.monotonic() < until, text
            time.sleep(0.01)
    assert held_up == []
