"""What a killed process left half done is settled by whoever touches it next in a process that has been open all along."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, FileAccessError, Refused
from noclobber.content import hash_content

KilledAt = Callable[..., bool]
OLD, NEW = b"the old version\n" * 40, b"the new one\n" * 30
STEPS_OF_A_MOVE = 6


def _move(guard: ConcurrencyGuard) -> None:
    guard.move("a", "sub/b")


def _touch(bob: ConcurrencyGuard, name: str, how: str) -> None:
    with suppress(Refused, FileAccessError):
        if how == "read":
            bob.read(name)
        elif how == "write":
            bob.write(name, NEW)
        else:
            bob.move("other", name)


@pytest.mark.parametrize("name", ["a", "sub/b"])
@pytest.mark.parametrize("how", ["read", "write", "move here"])
def test_a_move_cut_off_is_settled_by_a_touch_of_either_of_its_names(tmp_path: Path, killed_at: KilledAt, name: str, how: str) -> None:
    interrupted = 0
    for at in range(1, STEPS_OF_A_MOVE):
        root = tmp_path / str(at)
        root.mkdir()
        (root / "a").write_bytes(OLD)
        (root / "other").write_bytes(b"another file\n")
        with ConcurrencyGuard(root, "bob") as bob:
            assert killed_at(root, _move, at), at
            interrupted += bob.workspace.store.pending() != []
            _touch(bob, name, how)
            assert bob.workspace.store.pending() == [], (at, name)
            moved = bob.events(kind="move", agent_id="alice") != []
            here = [path for path in (root / "a", root / "sub/b") if _content(path) == OLD]
            assert len(here) == 1 or how != "read", (at, here)
            if how == "read":
                assert (here == [root / "sub/b"]) == moved, at
    assert interrupted == STEPS_OF_A_MOVE - 3  # not before the row is on record, nor once the outcome is


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def test_the_mover_reads_its_file_under_the_new_name_whoever_finished_the_move(tmp_path: Path, killed_at: KilledAt) -> None:
    (tmp_path / "a").write_bytes(OLD)
    with ConcurrencyGuard(tmp_path, "bob") as bob:
        assert killed_at(tmp_path, _move, 3)
        assert (tmp_path / "sub/b").read_bytes() == OLD
        assert bob.read("sub/b").content == OLD
        (move,) = bob.events(file_path="sub/b", kind="move")
        assert (move.agent_id, move.file_path, move.after_hash) == ("alice", "a", hash_content(OLD))
        assert bob.as_writer("alice").write("sub/b", NEW).outcome == "done"


def test_a_move_of_bytes_nobody_expected_that_is_cut_off_is_taken_back(tmp_path: Path, killed_at: KilledAt) -> None:
    """An outsider was quicker than the rename: what was moved is not what the mover knew, and goes back."""
    (tmp_path / "a").write_bytes(OLD)

    def overtaken(guard: ConcurrencyGuard) -> None:
        kill = guard.workspace.step

        def step(name: str) -> None:
            if name == "move":
                (tmp_path / "a").write_bytes(b"outside\n")
            kill(name)

        guard.workspace.step = step
        guard.move("a", "b")

    with ConcurrencyGuard(tmp_path, "bob") as bob:
        assert killed_at(tmp_path, overtaken, 3)
        assert (tmp_path / "b").read_bytes() == b"outside\n"
        with pytest.raises(FileAccessError, match="no file 'b'"):
            bob.read("b")
        assert (tmp_path / "a").read_bytes() == b"outside\n"
        assert bob.events(kind="move") == []


def test_a_rewrite_in_place_cut_off_is_settled_by_the_next_writer(tmp_path: Path, killed_at: KilledAt) -> None:
    (tmp_path / "linked").write_bytes(OLD)
    os.link(tmp_path / "linked", tmp_path / "other name")
    with ConcurrencyGuard(tmp_path, "bob") as bob:
        bob.read("linked")
        assert killed_at(tmp_path, lambda guard: void(guard.write("linked", NEW)), 3)
        with suppress(Refused):
            bob.write("linked", b"bob\n")
        assert bob.workspace.store.pending() == []
        assert (tmp_path / "other name").read_bytes() == (tmp_path / "linked").read_bytes()


LINKED: dict[str, tuple[Callable[[ConcurrencyGuard], object], str, str | None]] = {
    "create": (lambda guard: guard.write("new", NEW), "tmp", "new"),
    "delete": (lambda guard: guard.delete("a"), "a", "tmp"),
    "move": (lambda guard: guard.move("a", "b"), "a", "b"),
}
"""The change, and from which name to which its file goes; ``tmp``: its temporary name."""


@pytest.mark.parametrize("kind", LINKED)
def test_a_kill_between_the_link_and_the_unlink_that_stand_for_a_rename_leaves_one_name(
    tmp_path: Path, killed_at: KilledAt, kind: str
) -> None:
    """So a file goes to its place where no rename can refuse to replace; the change is finished, and on record."""
    work, old, new = LINKED[kind]
    (tmp_path / "a").write_bytes(OLD)
    with ConcurrencyGuard(tmp_path, "bob") as bob:
        assert killed_at(tmp_path, lambda guard: void(work(guard)), 2)
        (row,) = bob.workspace.store.pending()
        temporary = f".noclobber/tmp/{row.temp_name}"
        os.link(tmp_path / (temporary if old == "tmp" else old), tmp_path / (temporary if new == "tmp" else str(new)))
        with suppress(FileAccessError):
            bob.read("new" if kind == "create" else "a")
        assert bob.workspace.store.pending() == []
        here = {name: (tmp_path / name).stat().st_nlink for name in ("a", "b", "new") if (tmp_path / name).exists()}
        assert here == {"create": {"a": 1, "new": 1}, "delete": {}, "move": {"b": 1}}[kind]
        assert [event.kind for event in bob.events(agent_id="alice") if event.kind != "read"] == [{"create": "write"}.get(kind, kind)]
        assert bob.events(kind="outside") == []
        assert os.listdir(tmp_path / ".noclobber/tmp") == []


def void(_result: object) -> None:
    return None
