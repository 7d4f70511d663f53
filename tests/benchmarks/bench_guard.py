"""What one guarded call costs, beside what the same would cost without the guard."""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path

from frame import Bench, Figure, by_turns, content_of, percentile

from noclobber import ConcurrencyGuard
from noclobber.records import Snapshot
from noclobber.store.protocol import Batch

SIZE = 10 * 1024


def _check_of_an_unchanged_file(folder: Path) -> Iterable[Figure]:
    target = folder / "a.py"
    target.write_bytes(content_of(SIZE))
    os.utime(target, (1_700_000_000, 1_700_000_000))
    with ConcurrencyGuard(folder, "alice") as guard:
        _settled_read(guard, target)
        for crowd in (10, 100_000):
            _fill(guard, crowd)
            checked = by_turns(lambda: guard.verify_before_write("a.py"), lambda: os.stat(target), rounds=300, batch=20)
            ours, floor = checked.medians
            yield Figure(f"check, {crowd:,} live snapshots", ours, "os.stat", floor, ours / floor, most_ratio=10)


def _settled_read(guard: ConcurrencyGuard, target: Path) -> None:
    """Read until the file is old enough for its signature to be trusted."""
    while True:
        known = guard.read(target.name).snapshot
        if known.signature is not None and known.signature.settled:
            return


def _fill(guard: ConcurrencyGuard, crowd: int) -> None:
    """Other writers' live snapshots, of other files, until there are this many."""
    store = guard.workspace.store
    there = len(store.snapshots())
    some = Snapshot("", "0" * 64, "turn-1", "INT-1", "2026-01-01T00:00:00.000Z", "bob")
    rows = (some._replace(file_path=f"src/part_{number % 100}/module_{number}.py") for number in range(there, crowd))
    while chunk := tuple(itertools.islice(rows, 5000)):
        store.apply(Batch(snapshots=chunk))


def _record_a_snapshot(folder: Path) -> Iterable[Figure]:
    target = folder / "a.py"
    content = content_of(SIZE)
    target.write_bytes(content)
    raw_insert = _raw_insert(folder / "raw.db")

    def floor() -> None:
        raw_insert(hashlib.sha256(content).hexdigest())

    with ConcurrencyGuard(folder, "alice", turn_id="turn-1", intent_id="INT-1") as guard:
        guard.record_snapshot("a.py", content)
        timing = by_turns(lambda: guard.record_snapshot("a.py", content), floor, rounds=1500)
    ours, raw = timing.medians
    yield Figure("record a snapshot", ours, "raw WAL insert + SHA-256", raw, ours / raw, most_ratio=3)


def _raw_insert(path: Path) -> Callable[[str], None]:
    """One row, committed by itself, with a snapshot's columns and three indexes: what no bookkeeping could do without."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("CREATE TABLE rows (seq INTEGER PRIMARY KEY, file_path, read_hash, turn_id, intent_id, timestamp, agent_id)")
    for column in ("file_path", "turn_id", "intent_id"):
        database.execute(f"CREATE INDEX by_{column} ON rows ({column})")

    def insert(content_hash: str) -> None:
        row = ("a.py", content_hash, "turn-1", "INT-1", "2026-01-01T00:00:00.000Z", "alice")
        database.execute("INSERT INTO rows (file_path, read_hash, turn_id, intent_id, timestamp, agent_id) VALUES (?, ?, ?, ?, ?, ?)", row)

    return insert


def _guarded_write(folder: Path) -> Iterable[Figure]:
    (folder / "raw").mkdir()
    contents = itertools.cycle([content_of(SIZE, seed) for seed in range(50)])
    raw_target = folder / "raw" / "a.py"
    with ConcurrencyGuard(folder, "alice", turn_id="turn-1") as guard:
        guard.write("a.py", next(contents))
        timing = by_turns(lambda: guard.write("a.py", next(contents)), lambda: raw_write(raw_target, next(contents)), rounds=600, warm=20)
    ours, raw = timing.medians
    note = f"p99 {percentile(timing.samples[0], 0.99) * 1000:.2f} ms against {percentile(timing.samples[1], 0.99) * 1000:.2f} ms"
    yield Figure("guarded write, flushed", ours, "temp + fsync + rename", raw, ours / raw, most_ratio=2.5, note=note)


def raw_write(target: Path, content: bytes) -> None:
    """What a careful program does without the guard."""
    temporary = f"{target}.new"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, target)


def _status(folder: Path) -> Iterable[Figure]:
    names = [f"src/part_{number % 100}/module_{number}.py" for number in range(10_000)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content_of(200, seed=len(name)))
    paths = [str(folder / name) for name in names]
    with ConcurrencyGuard(folder, "alice") as guard:
        for name in names:
            guard.read(name)
        timing = by_turns(guard.status, lambda: [os.stat(path) for path in paths], rounds=15)
        assert all(one.state == "fresh" for one in guard.status())
    ours, floor = timing.medians
    yield Figure("status, 10,000 live snapshots", ours, "10,000 os.stat", floor, ours / floor, most_seconds=0.1)


def _revert(folder: Path) -> Iterable[Figure]:
    names = [f"module_{number}.py" for number in range(20)]
    turns = itertools.count()

    with ConcurrencyGuard(folder, "alice") as guard:
        for name in names:
            guard.write(name, content_of(SIZE))
        latest = ""

        def write_all() -> None:
            nonlocal latest
            number = next(turns)
            latest = f"turn-{number}"
            for name in names:
                guard.write(name, content_of(SIZE, seed=number + 1), turn_id=latest)

        # A revert does not count as having shown the files: they are read before they are written again.
        timing = by_turns(write_all, lambda: guard.revert(turn_id=latest), lambda: [guard.read(name) for name in names], rounds=15)
    writes, ours, _ = timing.medians
    yield Figure("revert of a turn of 20 files", ours, "the guarded writes", writes, ours / writes, most_ratio=3)


BENCHES = (
    Bench("check", _check_of_an_unchanged_file),
    Bench("record", _record_a_snapshot),
    Bench("write", _guarded_write),
    Bench("status", _status),
    Bench("revert", _revert),
)
