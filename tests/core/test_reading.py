from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, StaleFileError, UnreadFileError


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


def test_a_range_beyond_the_end_is_the_whole_file(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "a").write_bytes(b"1\n2\n3\n")
    (root / "empty").write_bytes(b"")
    for name in ("a", "empty"):
        assert alice.read(name, lines=[(1, 2000)]).snapshot.lines is None
        assert alice.write(name, b"all seen\n").outcome == "done"


def test_that_lines_are_gone_shows_only_to_who_saw_both_sides_of_the_gap(alice: ConcurrencyGuard, root: Path) -> None:
    before = b"".join(b"%d\n" % number for number in range(1, 21))
    path = root / "a"
    path.write_bytes(before)
    alice.read("a")
    path.write_bytes(before.replace(b"6\n7\n", b"", 1))
    alice.read("a", lines=[(1, 5)])
    with pytest.raises(StaleFileError):
        alice.write("a", before + b"from memory\n")
    alice.read("a", lines=[(5, 6)])
    assert alice.write("a", b"seen\n").outcome == "done"


def test_parts_shown_by_other_means_join_up(alice: ConcurrencyGuard, root: Path) -> None:
    content = b"".join(b"%d\n" % number for number in range(1, 21))
    (root / "a").write_bytes(content)
    alice.record_snapshot("a", content, lines=[(1, 10)])
    with pytest.raises(UnreadFileError, match="only lines 1-10"):
        alice.write("a", b"x\n")
    alice.record_snapshot("a", content, lines=[(11, 20)])
    alice.record_snapshot("a", content, lines=[(3, 4)])
    assert alice.write("a", b"all seen\n").outcome == "done"


def test_a_check_through_a_symlink_that_leads_elsewhere_by_now_looks_again(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("a", "b"):
        (root / name).write_bytes(name.encode())
        os.utime(root / name, (1, 1))
        alice.read(name)
    (root / "link").symlink_to("a")
    while alice.verify_before_write("link") is None and not alice._freshness._checked:
        continue  # until the file is old enough for its signature to be trusted
    (root / "b").write_bytes(b"changed")
    (root / "link").unlink()
    (root / "link").symlink_to("b")
    refusal = alice.verify_before_write("link")
    assert refusal is not None
    assert refusal.file_path == "b"


def test_an_outside_change_after_a_late_one_is_noticed(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "a").write_bytes(b"first\n")
    alice.read("a")
    alice.write("a", b"second\n")
    alice.record("late", file_path="a", before_hash=alice.hash_content(b"first\n"), after_hash=alice.hash_content(b"late\n"))
    (root / "a").write_bytes(b"outside\n")
    os.utime(root / "a", (1, 1))
    with pytest.raises(StaleFileError) as caught:
        alice.write("a", b"third\n")
    assert [change["agent_id"] for change in caught.value.refusal.changed_by] == ["outside"]
    assert [event.before_hash for event in alice.events(kind="outside")] == [alice.hash_content(b"second\n")]


def test_what_a_writer_says_it_was_shown_is_not_taken_for_what_stood_there(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path
) -> None:
    (root / "a").write_bytes(b"first\n")
    bob.read("a")
    bob.write("a", b"bob\n")
    alice.record_snapshot("a", b"first\n")
    with pytest.raises(StaleFileError) as caught:
        alice.write("a", b"alice\n")
    assert [change["agent_id"] for change in caught.value.refusal.changed_by] == ["bob"]
    assert alice.events(kind="outside") == []


def test_a_check_that_was_fresh_is_none_once_the_writer_says_it_knows_another_version(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "a").write_bytes(b"2\n")
    time.sleep(0.05)  # until its signature is trusted
    alice.read("a")
    assert alice.verify_before_write("a") is None
    alice.record_snapshot("a", b"1\n")
    refusal = alice.verify_before_write("a")
    assert refusal is not None
    assert refusal.type == "STALE_FILE"
