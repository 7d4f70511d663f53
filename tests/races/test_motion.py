"""Folders moved away and symlinks swapped in while writes go on: nothing lands outside, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from crew import Worker, race

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content


def _move_about(tmp_path: Path, seconds: float, *, linked: bool) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "folder/file").write_bytes(b"begin\n")
    (outside / "file").write_bytes(b"not yours\n")
    link_to = str(outside) if linked else ""
    walker, mover = race(
        Worker("walker", root=str(root), outside=str(outside), seconds=seconds),
        Worker("mover", root=str(root), seconds=seconds, link_to=link_to),
    )
    way = " by way of a symlink" if linked else ""
    print(f"moved {mover['moves']} times{way}: {walker['done']} writes, {walker['refused']} not: {walker['kinds']}")
    assert walker["outside"] == ["file"]
    assert (outside / "file").read_bytes() == b"not yours\n"
    assert walker["done"] > 0
    with ConcurrencyGuard(root, "checker") as checker:
        standing = (root / "folder/file").read_bytes()
        last = [event for event in checker.events(file_path="folder/file", agent_id="walker", outcome="done") if event.kind == "write"][-1]
        assert last.after_hash == hash_content(standing)
        assert checker.workspace.store.pending() == []
        assert list((root / ".noclobber/tmp").iterdir()) == []
    assert {path.name for path in root.iterdir()} == {"folder", ".noclobber"}
    assert [path.name for path in (root / "folder").iterdir()] == ["file"]


@pytest.mark.parametrize("linked", [False, True], ids=["moved", "swapped for a symlink"])
def test_a_folder_in_motion_takes_no_write_outside_and_loses_none(tmp_path: Path, linked: bool) -> None:
    _move_about(tmp_path, 2.0, linked=linked)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("linked", [False, True], ids=["moved", "swapped for a symlink"])
def test_nor_in_a_long_run(tmp_path: Path, linked: bool) -> None:
    _move_about(tmp_path, 60.0, linked=linked)
