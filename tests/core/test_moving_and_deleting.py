"""Files taken away and files given another name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    ExistsError,
    FileAccessError,
    LeasedError,
    StaleFileError,
    UnreadFileError,
)


def test_a_deleted_file_can_be_made_anew_once_the_writer_has_seen_that(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.unlink()
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write("a.txt", b"x")
    with pytest.raises(Exception, match="There is no file"):
        alice.read("a.txt")
    assert alice.write("a.txt", b"anew\n").before_hash is None


def test_delete_needs_a_fresh_read_and_stays_restorable(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    lines.chmod(0o754)
    os.setxattr(lines, "user.origin", b"kept")
    with pytest.raises(UnreadFileError):
        alice.delete("a.txt")
    read = alice.read("a.txt")
    bob.read("a.txt")
    bob.write("a.txt", b"bob\n")
    with pytest.raises(StaleFileError):
        alice.delete("a.txt")
    alice.read("a.txt")
    alice.delete("a.txt")
    assert not lines.exists()
    bob.restore("a.txt", read.snapshot.read_hash)
    assert lines.read_bytes() == read.content
    assert stat.S_IMODE(lines.stat().st_mode) == 0o754
    assert os.getxattr(lines, "user.origin") == b"kept"


def test_move_keeps_the_bytes_and_never_replaces(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    content = alice.read("a.txt").content
    (root / "taken.txt").write_bytes(b"taken")
    with pytest.raises(ExistsError):
        alice.move("a.txt", "taken.txt")
    alice.move("a.txt", "sub/b.txt")
    assert (root / "sub/b.txt").read_bytes() == content
    assert not lines.exists()
    assert (root / "taken.txt").read_bytes() == b"taken"
    assert alice.write("sub/b.txt", b"known there\n").outcome == "done"


def test_a_file_moved_away_is_stale_for_others(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = bob.read("a.txt").content
    alice.move("a.txt", "b.txt")
    with pytest.raises(StaleFileError) as caught:
        bob.write("a.txt", content)
    assert [(c["agent_id"], c["kind"]) for c in caught.value.refusal.changed_by] == [("alice", "move")]


@pytest.mark.parametrize("call", ["delete", "move"])
def test_what_is_not_there_is_neither_deleted_nor_moved(alice: ConcurrencyGuard, call: str) -> None:
    with pytest.raises(FileAccessError, match="There is no file 'none'"):
        _ = alice.delete("none") if call == "delete" else alice.move("none", "b")
    assert alice.events() == []


def test_a_move_onto_a_name_another_writer_has_leased_is_refused(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    bob.lease("b.txt")
    with pytest.raises(LeasedError, match=r"bob is writing b\.txt"):
        alice.move("a.txt", "b.txt")
    assert lines.exists()


def test_a_name_that_is_taken_is_told_with_its_own_hash(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    alice.read("a.txt")
    (root / "taken").write_bytes(b"taken")
    with pytest.raises(ExistsError) as caught:
        alice.move("a.txt", "taken")
    refusal = caught.value.refusal
    assert (refusal.file_path, refusal.expected_hash, refusal.current_hash) == ("taken", None, alice.hash_content(b"taken"))
