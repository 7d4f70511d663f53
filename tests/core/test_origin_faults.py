"""The faults of the guard this project began with: each has a test that names it, so that none comes back."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, StaleFileError, UnreadFileError


def test_one_writers_fresh_read_does_not_hide_anothers_stale_one(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    old = alice.read("a.txt").content
    lines.write_bytes(old + b"from outside\n")
    bob.read("a.txt")
    assert bob.verify_before_write("a.txt") is None
    refusal = alice.verify_before_write("a.txt")
    assert refusal is not None
    assert refusal.type == "STALE_FILE"
    with pytest.raises(StaleFileError):
        alice.write("a.txt", old + b"alice\n")


def test_one_writers_write_does_not_clear_anothers_snapshot(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    alice.write("a.txt", content + b"alice\n")
    with pytest.raises(StaleFileError):
        bob.write("a.txt", content + b"bob\n")
    assert lines.read_bytes() == content + b"alice\n"


def test_a_deleted_file_does_not_count_as_fine(alice: ConcurrencyGuard, lines: Path) -> None:
    content = alice.read("a.txt").content
    lines.unlink()
    refusal = alice.verify_before_write("a.txt")
    assert refusal is not None
    assert refusal.current_hash is None
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write("a.txt", content)
    assert not lines.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything: see the test with a folder in the file's place")
def test_an_unreadable_file_does_not_count_as_fine(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.chmod(0)
    with pytest.raises(Exception, match="Cannot read"):
        alice.write("a.txt", b"x")


def test_a_file_that_became_a_folder_does_not_count_as_fine(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.unlink()
    lines.mkdir()
    with pytest.raises(Exception, match="folder"):
        alice.write("a.txt", b"x")
    with pytest.raises(Exception, match="folder"):
        alice.verify_before_write("a.txt")


def test_check_and_write_are_one_step(alice: ConcurrencyGuard, lines: Path) -> None:
    """An outsider renames over the file between our last look and our exchange: its bytes come out, are compared, and go back."""
    content = alice.read("a.txt").content
    fired = threading.Event()

    def step(name: str) -> None:
        if name == "exchange" and not fired.is_set():
            fired.set()
            other = lines.with_name("other")
            other.write_bytes(content + b"in the gap\n")
            other.rename(lines)

    alice.workspace.step = step
    with pytest.raises(StaleFileError):
        alice.write("a.txt", content + b"alice\n")
    assert fired.is_set()
    assert lines.read_bytes() == content + b"in the gap\n"


def test_paths_are_normalised(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    content = alice.read(str(root / "sub" / ".." / "a.txt") if (root / "sub").mkdir() is None else "").content
    assert [snapshot.file_path for snapshot in alice.get_all_snapshots()] == ["a.txt"]
    lines.write_bytes(b"changed")
    for spelling in ("a.txt", "./a.txt", "sub/../a.txt", str(root / "a.txt"), root / "a.txt"):
        refusal = alice.verify_before_write(spelling)
        assert refusal is not None
        assert refusal.file_path == "a.txt"
    assert content != b"changed"


def test_a_clear_is_on_record_and_holds_after_a_restart(root: Path, lines: Path) -> None:
    with ConcurrencyGuard(root, "alice") as first:
        first.read("a.txt")
        first.clear_snapshot("a.txt")
    lines.write_bytes(b"changed")
    with ConcurrencyGuard(root, "alice") as again:
        assert again.verify_before_write("a.txt") is None
        assert [event.kind for event in again.events()] == ["read", "clear"]


def test_not_only_reads_are_on_record(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    alice.write("a.txt", content + b"1\n")
    with pytest.raises(StaleFileError):
        bob.write("a.txt", content)
    alice.move("a.txt", "b.txt")
    alice.delete("b.txt")
    found = [(event.kind, event.outcome) for event in alice.events()]
    assert found == [
        ("read", "done"),
        ("read", "done"),
        ("write", "done"),
        ("write", "refused"),
        ("move", "done"),
        ("delete", "done"),
    ]


def test_corrupt_log_lines_neither_vanish_silently_nor_lose_history(root: Path, lines: Path) -> None:
    with ConcurrencyGuard(root, "alice") as guard:
        guard.read("a.txt")
        guard.write("a.txt", b"new\n")
    journal = root / ".noclobber" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20] + b"\x00garbage")
    with ConcurrencyGuard(root, "alice") as again:
        assert [event.kind for event in again.events()] == ["read", "write"]
        again.read("a.txt")
    rows = [json.loads(line) for line in journal.read_text("utf-8").splitlines() if line.startswith("{") and line.endswith("}")]
    assert [row["seq"] for row in rows] == [1, 2, 3]


def test_it_is_wired_into_what_writes(alice: ConcurrencyGuard, lines: Path) -> None:
    with pytest.raises(UnreadFileError):
        alice.write("a.txt", b"never read")
    assert lines.read_bytes().startswith(b"line 1\n")
