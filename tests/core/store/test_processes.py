"""The embedded store between processes: order, all or nothing, forks, and writers that stop or die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from noclobber.errors import StoreBusyError
from noclobber.records import Event
from noclobber.store import Batch, EventQuery, SqliteStore
from noclobber.store.gate import Gate

AnEvent = Callable[..., Event]

RACER = """
import sys
from noclobber.clock import utc_now
from noclobber.records import Event, Snapshot
from noclobber.store import Batch, SqliteStore
state, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = SqliteStore(state)
print("ready", flush=True)
sys.stdin.read(1)
for number in range(count):
    told = store.last_seq()
    fields = (0, utc_now(), "write", "done", None, "", name, None, None, f"{number}.py", None, str(told))
    events = [Event(*fields, str(part)) for part in range(3)]
    snapshot = Snapshot("f", "0" * 64, None, None, utc_now(), name)
    given = store.apply(Batch(events=events, snapshots=[snapshot], contents=[(f"{number:064x}", b"x" * (number % 999))]))
    assert given[0] > told and list(given) == list(range(given[0], given[0] + 3)), given
store.close()
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("x")
    process.stdin.flush()


def batches_are_whole(store: SqliteStore) -> int:
    """Every batch is there with its three events side by side, or not at all; how many there are."""
    events = store.events(EventQuery())
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(events) % 3 == 0
    for first, second, third in zip(events[::3], events[1::3], events[2::3], strict=True):
        assert (first.after_hash, second.after_hash, third.after_hash) == ("0", "1", "2")
        assert first.agent_id == second.agent_id == third.agent_id
        assert first.file_path == second.file_path == third.file_path
    return len(events) // 3


def test_numbers_are_gapless_and_in_commit_order_under_eight_racing_processes(sqlite_store: SqliteStore, tmp_path: Path) -> None:
    racers = [start(RACER, tmp_path / "state", f"w{number}", 60) for number in range(8)]
    for racer in racers:
        go(racer)
    for racer in racers:
        racer.communicate()
        assert racer.returncode == 0
    assert batches_are_whole(sqlite_store) == 480
    events = sqlite_store.events(EventQuery())
    # Each writer looked at the newest number before it wrote: what it had seen lies below its own.
    assert all(int(event.before_hash or 0) < event.seq for event in events)
    switches = sum(one.agent_id != two.agent_id for one, two in pairwise(events))
    print(f"\n{switches} changes of writer in {len(events)} events")
    assert switches > 8


def test_writers_killed_at_any_instant_leave_whole_batches(sqlite_store: SqliteStore, tmp_path: Path) -> None:
    for round_number in range(12):
        seen = sqlite_store.last_seq()
        racers = [start(RACER, tmp_path / "state", f"w{number}", 10**9) for number in range(2)]
        for racer in racers:
            go(racer)
        while sqlite_store.last_seq() < seen + 3 + 30 * round_number:
            pass
        for racer in racers:
            racer.send_signal(signal.SIGKILL)
        for racer in racers:
            racer.communicate()
        batches_are_whole(sqlite_store)
    again = SqliteStore(tmp_path / "state")
    assert again.last_seq() == sqlite_store.last_seq()
    assert again.epoch == sqlite_store.epoch
    again.close()


def test_a_forked_child_uses_connections_of_its_own(sqlite_store: SqliteStore, an_event: AnEvent) -> None:
    sqlite_store.apply(Batch(events=[an_event(agent_id="parent")]))
    before = sqlite_store.version()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for _ in range(20):
                    sqlite_store.apply(Batch(events=[an_event(agent_id="child")]))
                sqlite_store.close()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    for _ in range(20):
        sqlite_store.apply(Batch(events=[an_event(agent_id="parent")]))
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert sqlite_store.version() != before
    assert len(sqlite_store.events(EventQuery(agent_id="child"))) == 80
    assert sqlite_store.last_seq() == 101


def test_a_fork_while_another_thread_writes_leaves_the_child_able_to_write(sqlite_store: SqliteStore, an_event: AnEvent) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            sqlite_store.apply(Batch(events=[an_event(agent_id="thread")]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    sqlite_store.apply(Batch(events=[an_event(agent_id="child")]))
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        writer.join()
    assert len(sqlite_store.events(EventQuery(agent_id="child"))) == 20
    total = sqlite_store.last_seq()
    assert len(sqlite_store.events(EventQuery(agent_id="thread"))) == total - 20


def _append(state: str, count: int) -> None:
    store = SqliteStore(state)
    for _ in range(count):
        store.put_meta("count", str(int(store.get_meta("count") or 0) + 1))
    store.close()


def test_a_process_of_the_standard_pool_opens_its_own(sqlite_store: SqliteStore, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_append, args=(str(tmp_path / "state"), 5))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert sqlite_store.get_meta("count") == "5"


def test_a_version_moves_when_another_process_commits(sqlite_store: SqliteStore, tmp_path: Path) -> None:
    before = sqlite_store.version()
    subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from noclobber.store import SqliteStore; SqliteStore(sys.argv[1]).put_meta('a', 'b')",
            tmp_path / "state",
        ],
        check=True,
    )
    assert sqlite_store.version() != before
    assert sqlite_store.get_meta("a") == "b"


class TestGate:
    HOLDER = """
import sys
from noclobber.store.gate import Gate
with Gate(sys.argv[1], 10):
    print("ready", flush=True)
    sys.stdin.read(1)
"""

    def test_one_at_a_time_between_threads(self, tmp_path: Path) -> None:
        gates = [Gate(str(tmp_path / "lock"), 10) for _ in range(2)]
        inside: list[int] = []
        most: list[int] = []

        def work(gate: Gate) -> None:
            for _ in range(200):
                with gate:
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()

        threads = [threading.Thread(target=work, args=(gates[number % 2],)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(most) == 800
        assert set(most) == {1}

    def test_it_is_free_as_soon_as_its_holder_is_killed(self, tmp_path: Path) -> None:
        holder = start(self.HOLDER, tmp_path / "lock")
        entered = threading.Event()

        def enter() -> None:
            with Gate(str(tmp_path / "lock"), 10):
                entered.set()

        waiter = threading.Thread(target=enter)
        waiter.start()
        assert not entered.wait(0.1)
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
        assert entered.wait(5)
        waiter.join()

    def test_a_holder_that_was_stopped_is_named_as_the_likely_reason(self, tmp_path: Path) -> None:
        holder = start(self.HOLDER, tmp_path / "lock")
        holder.send_signal(signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(StoreBusyError, match="a stopped process may hold it"), Gate(str(tmp_path / "lock"), 0.2):
                pass
            assert time.monotonic() - began < 5
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.communicate()
        with Gate(str(tmp_path / "lock"), 0.2):
            assert os.path.exists(tmp_path / "lock")
