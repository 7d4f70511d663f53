from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from noclobber import AsyncConcurrencyGuard, ConcurrencyGuard, FileAccessError, StaleFileError, VersionGoneError


def test_equal_content_has_equal_hashes_of_64_digits() -> None:
    first = ConcurrencyGuard.hash_content(b"same")
    assert first == ConcurrencyGuard.hash_content(b"same") == hashlib.sha256(b"same").hexdigest()
    assert len(first) == 64
    assert first != ConcurrencyGuard.hash_content(b"other")


def test_a_recorded_snapshot_says_what_was_read_by_whom_and_why(alice: ConcurrencyGuard, lines: Path) -> None:
    snapshot = alice.record_snapshot("a.txt", lines.read_bytes(), "turn-7", "INT-7")
    assert snapshot.file_path == "a.txt"
    assert snapshot.read_hash == ConcurrencyGuard.hash_content(lines.read_bytes())
    assert (snapshot.turn_id, snapshot.intent_id, snapshot.agent_id) == ("turn-7", "INT-7", "alice")
    assert snapshot.timestamp.endswith("Z")


def test_an_unchanged_file_verifies_as_none(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.record_snapshot("a.txt", lines.read_bytes())
    assert alice.verify_before_write("a.txt") is None
    assert alice.verify_before_write("a.txt") is None


def test_a_changed_file_is_stale_with_both_hashes_and_a_way_on(alice: ConcurrencyGuard, lines: Path) -> None:
    snapshot = alice.record_snapshot("a.txt", lines.read_bytes())
    lines.write_bytes(b"changed\n")
    refusal = alice.verify_before_write("a.txt")
    assert refusal is not None
    assert refusal.type == "STALE_FILE"
    assert "modified since you read it" in refusal.message
    assert "re-read the file" in refusal.resolution
    assert refusal.expected_hash == snapshot.read_hash
    assert refusal.current_hash == ConcurrencyGuard.hash_content(b"changed\n")
    assert refusal.changed_by[0]["agent_id"] == "outside"
    assert "-line 1\n" in refusal.diff


def test_the_same_case_is_told_in_the_same_words(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.write_bytes(b"changed\n")
    first, again = alice.verify_before_write("a.txt"), alice.verify_before_write("a.txt")
    assert first is not None
    assert again is not None
    assert (first.message, first.resolution) == (again.message, again.resolution)


def test_a_new_file_may_be_written_and_its_folders_are_made(alice: ConcurrencyGuard, root: Path) -> None:
    assert alice.verify_before_write("new.txt") is None
    done = alice.write("deep/er/new.txt", b"hello")
    assert (root / "deep/er/new.txt").read_bytes() == b"hello"
    assert done.before_hash is None
    assert done.read_hash == ConcurrencyGuard.hash_content(b"hello")


def test_clearing_one_snapshot_leaves_the_others(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("a", "b"):
        (root / name).write_bytes(b"1")
        alice.read(name)
    alice.clear_snapshot("a")
    assert [snapshot.file_path for snapshot in alice.get_all_snapshots()] == ["b"]
    assert alice.get_snapshot("a") is None
    alice.clear_all_snapshots()
    assert alice.get_all_snapshots() == []


def test_clearing_all_leaves_other_writers_alone(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    bob.read("a.txt")
    alice.clear_all_snapshots()
    assert len(bob.get_all_snapshots()) == 1


def test_snapshots_are_found_by_turn_intent_and_file_over_the_whole_history(root: Path, lines: Path) -> None:
    (root / "b.txt").write_bytes(b"b")
    with ConcurrencyGuard(root, "alice", turn_id="turn-1", intent_id="INT-1") as alice:
        alice.read("a.txt")
        alice.read("b.txt")
        alice.clear_all_snapshots()
    with ConcurrencyGuard(root, "bob", turn_id="turn-2", intent_id="INT-1") as bob:
        bob.read("a.txt")
        assert [s.file_path for s in bob.get_snapshots_by_turn("turn-1")] == ["a.txt", "b.txt"]
        assert [s.agent_id for s in bob.get_snapshots_by_intent("INT-1")] == ["alice", "alice", "bob"]
        assert [s.turn_id for s in bob.get_snapshots_by_file("a.txt")] == ["turn-1", "turn-2"]
        assert bob.get_snapshots_by_turn("turn-3") == []


def test_live_snapshots_survive_a_restart(root: Path, lines: Path) -> None:
    with ConcurrencyGuard(root, "alice") as guard:
        guard.read("a.txt")
    lines.write_bytes(b"changed\n")
    with ConcurrencyGuard(root, "alice") as again, pytest.raises(StaleFileError):
        again.write("a.txt", b"mine\n")


def test_events_are_selected_by_any_of_their_labels(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt", turn_id="turn-9")
    alice.write("a.txt", content + b"x\n", intent_id="INT-9")
    assert [e.agent_id for e in alice.events(agent_id="bob")] == ["bob"]
    assert [e.turn_id for e in alice.events(turn_id="turn-9")] == ["turn-9"]
    assert [e.kind for e in alice.events(intent_id="INT-9")] == ["write"]
    assert len(alice.events(file_path="a.txt")) == 3
    assert [e.kind for e in alice.events(kind="write", outcome="done")] == ["write"]
    assert [e.seq for e in alice.events(limit=2)] == [2, 3]


def test_text_is_matched_modulo_byte_order_mark_and_line_endings(alice: ConcurrencyGuard, root: Path) -> None:
    disk = b"\xef\xbb\xbfone\r\ntwo\r\n"
    (root / "crlf.txt").write_bytes(disk)
    snapshot = alice.record_snapshot("crlf.txt", "one\ntwo\n")
    assert snapshot.read_hash == ConcurrencyGuard.hash_content(disk)
    assert alice.verify_before_write("crlf.txt") is None


def test_a_kept_version_is_found_by_the_beginning_of_its_hash(alice: ConcurrencyGuard, lines: Path) -> None:
    read = alice.read("a.txt")
    assert alice.content(read.snapshot.read_hash[:10]) == read.content
    with pytest.raises(VersionGoneError, match="not kept"):
        alice.content("0" * 64)


def test_reading_a_missing_file_says_so(alice: ConcurrencyGuard) -> None:
    with pytest.raises(FileAccessError, match="There is no file"):
        alice.read("none.txt")


async def test_the_async_face_does_the_same(root: Path, lines: Path) -> None:
    unopened = AsyncConcurrencyGuard(root, "alice")
    assert not (root / ".noclobber").exists()  # opened off the event loop
    async with unopened as alice:
        assert alice.hash_content(b"x") == ConcurrencyGuard.hash_content(b"x")
        bob = alice.as_writer("bob")
        read, _ = await asyncio.gather(alice.read("a.txt"), bob.read("a.txt"))
        await alice.write("a.txt", read.content + b"alice\n")
        with pytest.raises(StaleFileError):
            await bob.write("a.txt", read.content + b"bob\n")
        await bob.edit("a.txt", [("line 5\n", "bob 5\n")])
    assert b"bob 5\n" in lines.read_bytes()
    assert lines.read_bytes().endswith(b"alice\n")


def test_a_guard_opened_in_a_nested_folder_is_the_same_workspace(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    (root / "pkg").mkdir()
    with ConcurrencyGuard(root / "pkg", "carol") as inner:
        assert inner.workspace.root == alice.workspace.root
        assert not (root / "pkg" / ".noclobber").exists()


def test_refusals_travel_between_processes_whole(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    import pickle

    content = alice.read("a.txt").content
    lines.write_bytes(b"other\n")
    with pytest.raises(StaleFileError) as caught:
        alice.write("a.txt", content)
    assert pickle.loads(pickle.dumps(caught.value)).refusal == caught.value.refusal


def test_the_public_names_are_those_listed() -> None:
    listed = "import noclobber; print(all(hasattr(noclobber, name) for name in noclobber.__all__))"
    assert subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.strip() == "True"
