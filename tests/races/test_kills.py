"""Writers are killed at random instants; several processes recover at once; nothing is a mixture, nothing is left, the history is true."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from crew import Worker
from killing import kill_often

from noclobber import ConcurrencyGuard
from noclobber.liveness import is_alive


def test_after_a_kill_at_any_instant_files_are_whole_and_the_history_agrees(tmp_path: Path) -> None:
    kill_often(tmp_path, 60)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_after_thousands_of_kills_as_well(tmp_path: Path) -> None:
    kill_often(tmp_path, 3000)


def test_a_killed_parents_locks_and_life_end_though_its_forked_child_lives(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old\n")
    holder = Worker("holder", first="holding", root=str(tmp_path))
    try:
        child, life = holder.first.split()
        with ConcurrencyGuard(tmp_path, "other") as other:
            assert is_alive(tmp_path / ".noclobber", life)
            assert other.workspace.locks.try_exclusive("file") is None
            holder.process.kill()
            holder.process.wait()
            os.kill(int(child), 0)  # the child lives
            assert not is_alive(tmp_path / ".noclobber", life)
            other.read("file")
            assert other.write("file", b"new\n").outcome == "done"
    finally:
        holder.close()
