"""No permission, the state deleted under running processes, the clock set back, a huge file, worktrees and submodules."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crew import Worker

from noclobber import ConcurrencyGuard, FileAccessError, NoclobberError, StaleFileError, WorkspaceError
from noclobber.content import hash_content

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="only root may mount a small file system, or become somebody else")


def _as_nobody(root: Path, act: str) -> str:
    """What happens to a user without rights, in a child: the error's type and message, or ``done``."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        answer = "crash"
        try:
            os.setgid(65534)
            os.setuid(65534)
            try:
                with ConcurrencyGuard(root, "nobody") as guard:
                    guard.read("file")
                    guard.write("file" if act == "write" else act, b"new\n")
                answer = "done"
            except NoclobberError as error:
                answer = f"{type(error).__name__}: {error}"
        finally:
            os.write(writable, answer.encode()[:4000])
            os._exit(0)
    os.close(writable)
    with open(readable, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    import tempfile

    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    with ConcurrencyGuard(folder, "first") as first:  # so that all is loaded: nobody may not be let into the interpreter's own folder
        first.write("x", b"1")
        first.write("x", b"2")
        first.delete("x")
    shutil.rmtree(folder / ".noclobber")
    yield folder
    shutil.rmtree(folder)


@needs_root
@pytest.mark.parametrize("act", ["write", "create"])
def test_a_folder_that_may_not_be_written_is_a_clear_error(open_folder: Path, act: str) -> None:
    inner = open_folder / "inner"
    inner.mkdir()
    (inner / "file").write_bytes(b"old\n")
    (inner / "file").chmod(0o644)
    assert _as_nobody(inner, act).startswith("WorkspaceError: Cannot keep state in")
    with ConcurrencyGuard(inner, "root"):
        pass
    assert _as_nobody(inner, act).startswith(("WorkspaceError", "StoreError"))
    shutil.rmtree(inner / ".noclobber")
    inner.chmod(0o777)
    assert _as_nobody(inner, "first") == "done"
    (inner / "first").unlink()
    inner.chmod(0o755)
    assert "ermission" in (answer := _as_nobody(inner, act)), answer
    assert (inner / "file").read_bytes() == b"old\n"
    assert sorted(os.listdir(inner)) == [".noclobber", "file"]


@needs_root
@pytest.mark.parametrize("name", ["tmp", "kept"])
def test_a_folder_of_the_state_that_may_not_be_opened_is_told(open_folder: Path, name: str) -> None:
    (open_folder / "file").write_bytes(b"x")
    for path in (open_folder, open_folder / "file"):
        os.chown(path, 65534, 65534)
    assert _as_nobody(open_folder, "write") == "done"
    (open_folder / ".noclobber" / name).chmod(0)
    assert _as_nobody(open_folder, "write").startswith(
        f"WorkspaceError: Cannot keep state in {open_folder}/.noclobber/{name}: Permission denied."
    )


@needs_root
def test_a_folder_mounted_for_reading_only_is_a_clear_error_and_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    try:
        (folder / "file").write_bytes(b"old\n")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with ConcurrencyGuard(tmp_path, "alice") as alice:
            assert alice.read("fixed/file").content == b"old\n"
            for act in (
                lambda: alice.write("fixed/file", b"new\n"),
                lambda: alice.delete("fixed/file"),
                lambda: alice.write("fixed/new", b""),
            ):
                with pytest.raises(FileAccessError, match="Read-only file system"):
                    act()
            assert alice.workspace.store.pending() == []
            assert os.listdir(tmp_path / ".noclobber/tmp") == []
        assert os.listdir(folder) == ["file"]
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@needs_root
def test_a_file_that_may_not_be_read_is_a_clear_error(open_folder: Path) -> None:
    (open_folder / "file").write_bytes(b"secret\n")
    (open_folder / "file").chmod(0o600)
    assert _as_nobody(open_folder, "write").startswith("FileAccessError")
    assert (open_folder / "file").read_bytes() == b"secret\n"


@needs_root
def test_a_file_of_somebody_else_keeps_its_owner_where_only_writing_in_place_can_do_that(open_folder: Path) -> None:
    (open_folder / "file").write_bytes(b"of root\n")
    (open_folder / "file").chmod(0o666)
    assert _as_nobody(open_folder, "write") == "done"
    stat = (open_folder / "file").stat()
    assert (stat.st_uid, stat.st_mode & 0o777) == (0, 0o666)
    assert (open_folder / "file").read_bytes() == b"new\n"


@pytest.mark.parametrize("megabytes", [20, pytest.param(200, marks=pytest.mark.soak)])
@pytest.mark.timeout(300)
def test_a_huge_file_is_written_moved_and_restored(tmp_path: Path, megabytes: int) -> None:
    old = os.urandom(1 << 20) * megabytes
    (tmp_path / "huge").write_bytes(old)
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        assert alice.read("huge").content == old
        new = old[:-1] + b"!"
        assert alice.write("huge", new).outcome == "done"
        (tmp_path / "huge").write_bytes(old)
        with pytest.raises(StaleFileError):
            alice.write("huge", b"small\n")
        alice.restore("huge", hash_content(new))
        assert (tmp_path / "huge").read_bytes() == new


def test_the_clock_set_back_changes_nothing_but_the_times(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"begin\n")
    worker = Worker("backwards", root=str(tmp_path), count=20)
    worker.say("go")
    result = worker.result()
    assert result == {"writes": 20, "ordered": True, "refused": "STALE_FILE"}


def test_the_state_swept_away_under_running_processes_is_made_anew_and_they_still_exclude_each_other(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "file").write_bytes(b"begin\n")
    (tmp_path / "counter").write_bytes(b"0\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    sweeps = 0
    workers = [Worker("persistent", root=str(tmp_path), agent=agent, seconds=2.5) for agent in ("one", "two")]
    try:
        for worker in workers:
            worker.say("go")
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            if (tmp_path / ".noclobber/state.db").exists():
                subprocess.run(["git", "-C", str(tmp_path), "clean", "-fdxq"], check=False, capture_output=True)
                sweeps += 1
            time.sleep(0.03)  # only so that some work gets done between two sweeps
        for worker in workers:
            worker.heard("then")
        for worker in workers:
            worker.say("go")
        results = [worker.result() for worker in workers]
    finally:
        for worker in workers:
            worker.close()
    print(f"state swept away {sweeps} times: {results}")
    assert int((tmp_path / "counter").read_bytes()) == 40
    assert all(result["done"] > 0 for result in results)
    assert all(result["epochs"] > 1 for result in results)
    with ConcurrencyGuard(tmp_path, "checker") as checker:
        assert checker.workspace.store.pending() == []


def test_no_access_to_the_state_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".noclobber").write_bytes(b"a file where the folder should be\n")
    with pytest.raises(WorkspaceError, match=r"noclobber.*: Not a directory"):
        ConcurrencyGuard(tmp_path, "alice")


def _git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_a_worktree_is_a_workspace_of_its_own_and_a_submodule_belongs_to_the_one_above(tmp_path: Path) -> None:
    main, library = tmp_path / "main", tmp_path / "library"
    for folder in (main, library):
        folder.mkdir()
        _git(folder, "init", "-q")
        (folder / "file").write_bytes(b"old\n")
        _git(folder, "add", ".")
        _git(folder, "commit", "-qm", "x")
    _git(main, "submodule", "add", "-q", str(library), "sub")
    _git(main, "worktree", "add", "-q", str(tmp_path / "tree"))
    with ConcurrencyGuard(main, "alice") as alice, ConcurrencyGuard(tmp_path / "tree", "bob") as bob:
        assert alice.workspace.root == str(main)
        assert bob.workspace.root == str(tmp_path / "tree")
        alice.read("sub/file")
        alice.write("sub/file", b"new\n")
        with ConcurrencyGuard(main / "sub", "carol") as carol:
            assert carol.workspace.root == str(main)
            assert carol.read("sub/file").content == b"new\n"
            with pytest.raises(NoclobberError):
                alice.write(tmp_path / "tree/file", b"not from here\n")
        bob.read("file")
        bob.write("file", b"of the worktree\n")
    assert (main / "file").read_bytes() == b"old\n"
