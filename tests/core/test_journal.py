"""The journal mirrors the history: each event once, in order, whatever happened to the file."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from noclobber.errors import StoreError
from noclobber.journal import Journal, follow
from noclobber.records import Event
from noclobber.store import Batch, EventQuery, SqliteStore

WRITER = """
import sys
from noclobber.journal import Journal
from noclobber.records import Event
from noclobber.store import Batch, SqliteStore
store = SqliteStore(sys.argv[1])
journal = Journal(sys.argv[1], store)
for number in range(int(sys.argv[3])):
    event = Event(0, "2026-05-09T10:00:00.000Z", "read", "done", None, "", sys.argv[2], None, None, f"{number}.py", None, None, None)
    store.apply(Batch(events=[event, event]))
    if number == 0:
        print("ready", flush=True)
    if number % 50 == 0:
        journal.flush()
if sys.argv[4] == "close":
    journal.close()
"""


def event(number: int) -> Event:
    return Event(0, "2026-05-09T10:00:00.000Z", "read", "done", None, "", "alice", None, None, f"{number}.py", None, None, None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
def journal(tmp_path: Path, store: SqliteStore) -> Iterator[Journal]:
    journal = Journal(tmp_path, store)
    yield journal
    journal.close()


def record(store: SqliteStore, count: int) -> None:
    store.apply(Batch(events=[event(number) for number in range(count)]))


def lines(journal: Journal) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(journal.path).read_bytes().splitlines()]


def assert_mirrors(journal: Journal, store: SqliteStore) -> None:
    assert lines(journal) == [one.to_json() for one in store.events(EventQuery())]


def reached(store: SqliteStore, seq: int) -> bool:
    return store.last_seq() >= seq


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_events_are_mirrored_by_themselves_soon_after_the_commit(store: SqliteStore, journal: Journal) -> None:
    record(store, 3)
    wait_until(lambda: os.path.exists(journal.path) and len(lines(journal)) == 3)
    record(store, 2)
    wait_until(lambda: len(lines(journal)) == 5)
    assert_mirrors(journal, store)


def test_a_flush_writes_what_is_missing_and_nothing_twice(store: SqliteStore, journal: Journal) -> None:
    record(store, 2500)
    journal.flush()
    assert journal.flush() == 0
    assert_mirrors(journal, store)
    assert oct(os.stat(journal.path).st_mode & 0o777) == "0o600"


def test_closing_writes_out_what_is_missing(store: SqliteStore, journal: Journal) -> None:
    record(store, 3)
    journal.close()
    journal.close()
    assert_mirrors(journal, store)


@pytest.mark.parametrize(
    "tail", [b'{"seq": 4, "epo', b"garbage\n", b"\x00" * 70_000, b"{}\n[]\n\n\n", b'{"seq": "x", "epoch": 1}\n', b"\n" * 200_000]
)
def test_a_torn_or_garbled_end_repairs_itself(store: SqliteStore, journal: Journal, tail: bytes) -> None:
    record(store, 3)
    journal.flush()
    with open(journal.path, "ab") as file:
        file.write(tail)
    record(store, 2)
    journal.flush()
    assert_mirrors(journal, store)


@pytest.mark.parametrize("keep", [0, 1, 100, 150, 400])
def test_a_shortened_file_is_completed(store: SqliteStore, journal: Journal, keep: int) -> None:
    record(store, 3)
    journal.flush()
    os.truncate(journal.path, keep)
    journal.flush()
    assert_mirrors(journal, store)


def test_a_deleted_or_rotated_file_is_written_anew(store: SqliteStore, journal: Journal, tmp_path: Path) -> None:
    record(store, 3)
    journal.flush()
    os.rename(journal.path, tmp_path / "old")
    record(store, 1)
    journal.flush()
    assert_mirrors(journal, store)


def test_lines_of_events_that_the_database_lost_are_replaced_by_those_that_came_instead(store: SqliteStore, journal: Journal) -> None:
    record(store, 2)
    journal.flush()
    lost = event(9)._replace(seq=3, epoch=store.epoch)
    with open(journal.path, "a") as file:
        file.write(json.dumps(lost.to_json()) + "\n")
    record(store, 1)
    fresh = Journal(os.path.dirname(journal.path), store)
    fresh.flush()
    fresh.close()
    wait_until(lambda: len(lines(journal)) == 3)


def test_the_end_of_a_history_that_is_nowhere_else_stays(store: SqliteStore, journal: Journal) -> None:
    earlier = json.dumps(event(1)._replace(seq=7, epoch="earlier").to_json()) + "\n"
    Path(journal.path).write_text(earlier)
    record(store, 2)
    journal.flush()
    assert [(line["epoch"], line["seq"]) for line in lines(journal)] == [("earlier", 7), (store.epoch, 1), (store.epoch, 2)]
    Path(journal.path).write_text(Path(journal.path).read_text() + "torn")
    record(store, 1)
    journal.flush()
    assert [line["seq"] for line in lines(journal)] == [7, 1, 2, 3]


def test_several_processes_mirror_each_event_once_in_order(store: SqliteStore, journal: Journal, tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"w{number}", "100", "close"], stdout=subprocess.PIPE)
        for number in range(4)
    ]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert len(lines(journal)) == 800
    assert_mirrors(journal, store)


def test_after_writers_were_killed_the_journal_is_complete_and_in_order(store: SqliteStore, journal: Journal, tmp_path: Path) -> None:
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), "w", "1000000", "-"], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        until = store.last_seq() + 137
        wait_until(partial(reached, store, until))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        journal.flush()
        assert_mirrors(journal, store)
    assert store.last_seq() % 2 == 0


def test_a_process_that_ends_without_closing_leaves_a_complete_journal(store: SqliteStore, journal: Journal, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITER, str(tmp_path), "w", "60", "-"], check=True, capture_output=True)
    assert len(lines(journal)) == 120


def test_a_forked_child_mirrors_by_itself(store: SqliteStore, journal: Journal) -> None:
    record(store, 1)
    wait_until(lambda: os.path.exists(journal.path) and len(lines(journal)) == 1)
    child = os.fork()
    if child == 0:
        record(store, 1)
        deadline = time.monotonic() + 10
        while len(lines(journal)) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        os._exit(0 if len(lines(journal)) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    record(store, 1)
    wait_until(lambda: len(lines(journal)) == 3)
    assert_mirrors(journal, store)


def test_a_journal_that_cannot_be_written_says_so_and_stops_nobody(store: SqliteStore, journal: Journal) -> None:
    os.mkdir(journal.path)
    record(store, 1)
    with pytest.raises(StoreError, match=r"journal\.jsonl cannot be written .* the history itself is safe"):
        journal.flush()
    os.rmdir(journal.path)
    record(store, 1)
    journal.flush()
    assert_mirrors(journal, store)


def test_following_gives_new_events_as_they_come(store: SqliteStore) -> None:
    record(store, 2)
    seen: list[int] = []
    ready = threading.Event()

    def read() -> None:
        stream = follow(store, EventQuery(agent_id="alice", after_seq=1), poll_seconds=0.005, stop=lambda: len(seen) >= 4)
        for one in stream:
            seen.append(one.seq)
            ready.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert ready.wait(10)
    other = event(0)._replace(agent_id="bob")
    store.apply(Batch(events=[other, event(1)]))
    store.apply(Batch(events=[event(2)]))
    store.apply(Batch(events=[event(3)]))
    reader.join(10)
    assert not reader.is_alive()
    assert seen == [2, 4, 5, 6]


def test_a_stopped_mirror_holds_nobody_up_for_long_and_nothing_is_missing_later(
    store: SqliteStore, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("noclobber.journal._PATIENCE_SECONDS", 0.2)
    with open(tmp_path / "journal.lock", "a", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        record(store, 1)
        journal.flush()
    journal.flush()
    assert_mirrors(journal, store)
