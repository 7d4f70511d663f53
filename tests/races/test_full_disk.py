"""A disk that is full, or fills up in the middle of a change: a clear error that says so and what to do, and nothing changes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, FileAccessError, NoclobberError, StoreError, WorkspaceError
from noclobber.liveness import Live

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB and 80 files."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m,nr_inodes=80", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    """Take all space that is left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass
    return filler


STEPS = ("record", "exchange", "compare", "settle", "tidy", "forget")


@pytest.mark.parametrize("kind", ["exchanged", "hard-linked", "several"])
@pytest.mark.parametrize("at", ["", *STEPS])
def test_a_disk_that_fills_up_in_the_middle_of_a_write_is_an_error_and_nothing_changes(small_disk: Path, kind: str, at: str) -> None:
    old, new = b"old\n" * 10, os.urandom(200_000)
    (small_disk / "file").write_bytes(old)
    (small_disk / "other").write_bytes(old)
    if kind == "hard-linked":
        os.link(small_disk / "file", small_disk / "linked")
    with ConcurrencyGuard(small_disk, "alice") as alice:
        alice.read("file")
        alice.read("other")

        def step(name: str) -> None:
            if name == at:
                _fill(small_disk)

        if not at:
            _fill(small_disk)
        alice.workspace.step = step
        failure = ""
        try:
            if kind == "several":
                alice.write_many({"file": new, "other": new})
            else:
                alice.write("file", new)
        except (FileAccessError, StoreError, WorkspaceError) as error:
            failure = str(error)
        assert not failure or "space" in failure
        alice.workspace.step = lambda _name: None
        wanted = old if failure else new
        assert (small_disk / "file").read_bytes() == wanted
        (small_disk / "filler").unlink(missing_ok=True)
        assert alice.read("file").content == wanted
        assert alice.write("file", b"there is room again\n").outcome == "done"
        if kind == "several":
            assert alice.read("other").content == wanted
    with ConcurrencyGuard(small_disk, "bob") as bob:
        assert bob.workspace.store.pending() == []
        assert list((small_disk / ".noclobber/tmp").iterdir()) == []


@pytest.mark.parametrize("short_of", ["room", "files"])
def test_a_workspace_on_a_full_disk_says_that_it_is_full_and_opens_once_it_is_not(small_disk: Path, short_of: str) -> None:
    """With nothing left, a little more, and so on until there is enough: each step of opening and of the first write hits the end once."""
    told = set()
    for left in range(0, 400_000, 4096) if short_of == "room" else range(20):
        filler = _fill(small_disk) if short_of == "room" else _use_up_files(small_disk, left)
        if short_of == "room":
            os.truncate(filler, max(filler.stat().st_size - left, 0))
        try:
            with ConcurrencyGuard(small_disk, "alice") as alice:
                alice.write("file", b"new\n")
            done = True
        except NoclobberError as error:
            done = False
            told.add(str(error))
            assert not (small_disk / "file").exists()
        _clear(small_disk)
        if done:
            break
    else:
        pytest.fail("it never was enough")
    assert told
    assert [message for message in told if "full" not in message and "No space left" not in message] == []
    assert [message for message in told if "ree some space" not in message] == []


def test_a_life_that_cannot_begin_on_a_full_disk_says_that_it_is_full(small_disk: Path) -> None:
    (small_disk / "live").mkdir()
    _fill(small_disk)
    with pytest.raises(WorkspaceError, match=r"is full \(No space left on device\); free some space"):
        Live(small_disk)
    (small_disk / "filler").unlink()
    Live(small_disk).close()


def _use_up_files(folder: Path, left: int) -> Path:
    """Make files until no more can be made, then take some away again."""
    many = folder / "many"
    many.mkdir()
    made = []
    try:
        while True:
            path = many / str(len(made))
            path.touch()
            made.append(path)
    except OSError:
        for path in made[:left]:
            path.unlink()
    return many


def _clear(folder: Path) -> None:
    subprocess.run(["find", str(folder), "-mindepth", "1", "-delete"], check=True)
