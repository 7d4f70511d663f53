"""Files taken away lose their names at once; their blocks are freed behind the writer's back, and never many of them later."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard
from noclobber.discarding import Discarded


def _nameless(below: Path) -> list[str]:
    """What this process holds open of files below a folder that have no name any more."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:
            continue  # the listing's own
        if target.startswith(str(below)) and target.endswith(" (deleted)"):
            found.append(target)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> int:
    return os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)


def test_the_name_is_gone_at_once_and_the_blocks_after_free(tmp_path: Path, folder: int) -> None:
    discarded = Discarded()
    (tmp_path / "a").write_bytes(b"a")
    discarded.discard(folder, "a")
    assert list(tmp_path.iterdir()) == []
    assert len(_nameless(tmp_path)) == 1
    discarded.free()
    assert _nameless(tmp_path) == []


def test_of_many_files_only_the_last_wait_and_a_large_one_never_does(tmp_path: Path, folder: int) -> None:
    discarded = Discarded()
    for number in range(100):
        (tmp_path / "a").write_bytes(b"%d" % number)
        discarded.discard(folder, "a")
    assert len(_nameless(tmp_path)) == 16
    discarded.free()
    (tmp_path / "large").write_bytes(bytes(64 * 1024 + 1))
    discarded.discard(folder, "large")
    assert _nameless(tmp_path) == []


def test_where_there_is_no_file_nothing_happens_and_a_folder_is_an_error_that_leaves_nothing_open(tmp_path: Path, folder: int) -> None:
    discarded = Discarded()
    discarded.discard(folder, "a")
    (tmp_path / "b").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises((IsADirectoryError, PermissionError)):
        discarded.discard(folder, "b")
    assert len(os.listdir("/proc/self/fd")) == before
    assert (tmp_path / "b").is_dir()


def test_a_guard_that_writes_leaves_nothing_behind_while_it_lives_nor_after(tmp_path: Path) -> None:
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        for number in range(40):
            alice.write("a.txt", b"%d\n" % number)
        assert os.listdir(tmp_path / ".noclobber/tmp") == []
        deadline = time.monotonic() + 20
        while _nameless(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert _nameless(tmp_path) == []
        alice.write("a.txt", b"the last\n")
    assert _nameless(tmp_path) == []


def test_a_forked_child_holds_none_of_its_parents(tmp_path: Path) -> None:
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        for number in range(10):
            alice.write("a.txt", b"%d\n" % number)
        child = os.fork()
        if child == 0:
            os._exit(len(_nameless(tmp_path)))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
