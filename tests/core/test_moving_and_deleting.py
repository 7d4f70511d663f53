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
    PathError,
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


@pytest.mark.parametrize("link", ["link", "chain", "folder/link"])
@pytest.mark.parametrize("call", ["delete", "move"])
def test_a_symlink_does_not_stand_for_the_file_that_is_to_leave_its_name(
    alice: ConcurrencyGuard, root: Path, lines: Path, call: str, link: str
) -> None:
    (root / "sub").mkdir()
    (root / "folder").symlink_to("sub")
    (root / "link").symlink_to("a.txt")
    (root / "chain").symlink_to("link")
    (root / "sub/link").symlink_to("../a.txt")
    content = alice.read(link).content
    said = f"'{link.replace('folder', 'sub')}' is a symlink to 'a.txt'; name the file itself."
    with pytest.raises(PathError, match=said):
        _ = alice.delete(link) if call == "delete" else alice.move(link, "b.txt")
    assert lines.read_bytes() == content
    assert not (root / "b.txt").exists()


def test_a_file_below_a_symlink_to_its_folder_is_deleted_and_moved(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "sub").mkdir()
    (root / "folder").symlink_to("sub")
    for name in ("a", "b"):
        (root / "sub" / name).write_bytes(b"text\n")
        alice.read(f"folder/{name}")
    alice.delete("folder/a")
    alice.move("folder/b", "folder/c")
    assert [path.name for path in (root / "sub").iterdir()] == ["c"]


def test_a_revert_that_would_take_away_a_symlinks_target_is_refused(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("made", b"text\n")
    (root / "made").rename(root / "kept")
    (root / "made").symlink_to("kept")
    with pytest.raises(PathError, match="is a symlink to 'kept'"):
        alice.revert(turn_id="turn-1")
    assert (root / "kept").read_bytes() == b"text\n"


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


def test_what_an_outsider_wrote_just_before_a_move_is_not_moved_unseen(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    content = alice.read("a.txt").content

    def step(name: str) -> None:
        if name == "move" and lines.read_bytes() == content:
            lines.write_bytes(content + b"outside\n")

    alice.workspace.step = step
    with pytest.raises(StaleFileError):
        alice.move("a.txt", "b.txt")
    assert lines.read_bytes() == content + b"outside\n"
    assert not (root / "b.txt").exists()
    assert alice.events(kind="move", outcome="done") == []
