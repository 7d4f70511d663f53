from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from noclobber import ConcurrencyGuard


def test_status_says_for_each_writer_and_file_how_it_stands(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    for name in ("fresh", "stale", "deleted"):
        (root / name).write_bytes(b"1")
        alice.read(name)
    bob.read("stale")
    (root / "stale").write_bytes(b"2")
    (root / "deleted").unlink()
    bob.read("stale")
    found = {(row.file_path, row.agent_id): row.state for row in alice.status()}
    assert found == {
        ("fresh", "alice"): "fresh",
        ("stale", "alice"): "stale",
        ("stale", "bob"): "fresh",
        ("deleted", "alice"): "deleted",
    }


def test_a_change_right_after_the_read_within_one_clock_tick_is_seen(alice: ConcurrencyGuard, root: Path) -> None:
    path = root / "f"
    for number in range(300):
        path.write_bytes(b"%06d" % number)
        alice.read("f")
        path.write_bytes(b"x%05d" % number)
        assert alice.verify_before_write("f") is not None


def test_a_forged_signature_in_the_state_is_the_only_thing_a_check_trusts_so_a_write_reads(alice: ConcurrencyGuard, root: Path) -> None:
    """Even where every number ``stat`` gives were forged to match, a write compares bytes."""
    import pytest

    from noclobber import StaleFileError
    from noclobber.content import signature_of

    path = root / "f"
    path.write_bytes(b"old")
    alice.read("f")
    path.write_bytes(b"new")
    snapshot = alice.get_snapshot("f")
    assert snapshot is not None
    from noclobber.store.protocol import Batch

    forged = signature_of(os.stat(path), 2**62)
    alice.workspace.store.apply(Batch(snapshots=[snapshot._replace(signature=forged)]))
    with pytest.raises(StaleFileError):
        alice.write("f", b"mine")


def test_a_check_of_an_unchanged_file_asks_neither_disk_nor_database_again(alice: ConcurrencyGuard, root: Path) -> None:
    path = root / "f"
    path.write_bytes(b"x" * 10_000)
    os.utime(path, (1, 1))
    deadline = 200
    while deadline and not getattr(alice.read("f").snapshot.signature, "settled", False):
        deadline -= 1
    assert alice.verify_before_write("f") is None
    alice.workspace.locator.close()  # a check that had to look the file up again would fail from here on
    assert alice.verify_before_write("f") is None


def test_snapshots_of_before_a_restart_are_checked_too(root: Path) -> None:
    (root / "f").write_bytes(b"1")
    with ConcurrencyGuard(root, "alice") as first:
        first.read("f")
    with ConcurrencyGuard(root, "alice") as second:
        assert second.verify_before_write("f") is None
        (root / "f").write_bytes(b"2")
        assert second.verify_before_write("f") is not None


def test_the_state_folder_is_the_owners_alone_and_ignores_itself(alice: ConcurrencyGuard, root: Path) -> None:
    state = root / ".noclobber"
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / ".gitignore").read_text() == "*\n"
    with sqlite3.connect(f"file:{state / 'state.db'}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
