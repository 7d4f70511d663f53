"""What nobody has explained is put on record in the end, whatever comes between; and what the watching thread may do meanwhile."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber.errors import StoreError
from noclobber_server.lsp.outside import OutsideChanges
from noclobber_server.lsp.rooms import Room, Rooms


class PutOff:
    """In place of a worker: what was put off is done when the test says so."""

    def __init__(self) -> None:
        self.jobs: dict[Hashable, Callable[[], object]] = {}

    def later(self, key: Hashable, _seconds: float, job: Callable[[], object]) -> None:
        self.jobs[key] = job

    def forget(self, key: Hashable) -> None:
        self.jobs.pop(key, None)

    def do(self, key: Hashable) -> None:
        self.jobs.pop(key)()


@pytest.fixture
def room(agent: ConcurrencyGuard) -> Iterator[Room]:
    return Room(agent.workspace)


def test_an_outside_change_that_the_store_would_not_take_is_put_on_record_the_next_time(
    room: Room, agent: ConcurrencyGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = PutOff()
    outside = OutsideChanges(worker, lambda: "editor:Test:1", lambda _room, _files: None)  # type: ignore[arg-type]
    agent.read("a.txt")
    (Path(room.root) / "a.txt").write_text("two\n", encoding="utf-8")
    outside.stirred(room, "a.txt")

    def fails(_batch: Any) -> Any:
        raise StoreError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(room.workspace.store, "apply", fails)
        with pytest.raises(StoreError):
            worker.do(("record", room))
    worker.do(("record", room))
    assert [event.file_path for event in agent.events(kind="outside")] == ["a.txt"]
    assert worker.jobs.keys() == {"keep"}


def test_the_rooms_can_be_gone_through_by_one_thread_while_another_opens_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def opened(root: str, progress: Any) -> Any:
        return SimpleNamespace(root=root, store=SimpleNamespace(epoch="", last_seq=lambda: 0))

    monkeypatch.setattr("noclobber_server.lsp.rooms.Workspace.open", opened)
    monkeypatch.setattr("noclobber_server.lsp.rooms.find_root", os.path.dirname)
    rooms = Rooms([], lambda _room: None, lambda _root: nullcontext())  # type: ignore[arg-type, return-value]
    before, problems, done = sys.getswitchinterval(), [], threading.Event()

    def go_through() -> None:
        try:
            while not done.is_set():
                list(rooms)
        except RuntimeError as error:
            problems.append(error)

    watching = threading.Thread(target=go_through)
    sys.setswitchinterval(1e-6)
    try:
        watching.start()
        for number in range(1000):
            rooms.room_for(str(tmp_path / str(number) / "a.txt"))
    finally:
        done.set()
        watching.join()
        sys.setswitchinterval(before)
    assert problems == []
    assert len(list(rooms)) == 1000
