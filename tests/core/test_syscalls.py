from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from noclobber import syscalls


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_exchange_swaps_the_contents_of_two_names(tmp_path: Path, folder: int) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    syscalls.exchange(folder, "a", folder, "b")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert (tmp_path / "b").read_bytes() == b"one"


def test_exchange_works_across_folders_and_with_names_that_are_not_ascii(tmp_path: Path, folder: int) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "é").write_bytes(b"one")
    (tmp_path / "sub" / "日本").write_bytes(b"two")
    below = os.open(tmp_path / "sub", os.O_RDONLY | os.O_DIRECTORY)
    syscalls.exchange(folder, "é", below, "日本")
    os.close(below)
    assert (tmp_path / "é").read_bytes() == b"two"


def test_exchange_with_a_missing_name_fails_and_changes_nothing(tmp_path: Path, folder: int) -> None:
    (tmp_path / "a").write_bytes(b"one")
    with pytest.raises(FileNotFoundError) as caught:
        syscalls.exchange(folder, "a", folder, "nowhere")
    assert caught.value.filename == "a"
    assert (tmp_path / "a").read_bytes() == b"one"


def test_rename_noreplace_moves_but_never_replaces(tmp_path: Path, folder: int) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    with pytest.raises(FileExistsError):
        syscalls.rename_noreplace(folder, "a", folder, "b")
    assert (tmp_path / "b").read_bytes() == b"two"
    syscalls.rename_noreplace(folder, "a", folder, "c")
    assert (tmp_path / "c").read_bytes() == b"one"
    assert not (tmp_path / "a").exists()


def test_a_nameless_file_gets_its_name_but_never_replaces(tmp_path: Path, folder: int) -> None:
    fd = os.open(tmp_path, os.O_TMPFILE | os.O_WRONLY, 0o600)
    os.write(fd, b"new")
    (tmp_path / "taken").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        syscalls.link_at(fd, folder, "taken")
    syscalls.link_at(fd, folder, "fresh")
    os.close(fd)
    assert (tmp_path / "taken").read_bytes() == b"old"
    assert (tmp_path / "fresh").read_bytes() == b"new"


@pytest.fixture(params=["openat2", "walk"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to open beneath a folder: with ctypes loaded, and as a process that has not loaded it."""
    if request.param == "walk":
        monkeypatch.delitem(sys.modules, "ctypes", raising=False)
    else:
        import ctypes

        monkeypatch.setitem(sys.modules, "ctypes", ctypes)
        if not syscalls._openat2_works():
            pytest.skip("this kernel has no openat2")
    return str(request.param)


def test_open_beneath_opens_what_lies_beneath(tmp_path: Path, folder: int, way: str) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "f").write_bytes(b"here")
    fd = syscalls.open_beneath(folder, "x/y/f", os.O_RDONLY)
    assert os.read(fd, 10) == b"here"
    assert not os.get_inheritable(fd)
    os.close(fd)
    fd = syscalls.open_beneath(folder, ".", os.O_RDONLY | os.O_DIRECTORY)
    assert os.path.samestat(os.fstat(fd), os.stat(tmp_path))
    os.close(fd)


@pytest.mark.parametrize("path", ["../outside", "x/../../outside", "/etc/passwd", "link/passwd", "x/up/passwd", "last"])
def test_open_beneath_is_never_led_out(tmp_path: Path, folder: int, way: str, path: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "x" / "up").symlink_to("../../../../../../../../etc")
    (tmp_path / "last").symlink_to("/etc/passwd")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=r".") as caught:
        syscalls.open_beneath(folder, path, os.O_RDONLY)
    assert caught.value.errno in (errno.EXDEV, errno.ELOOP, errno.ENOTDIR)
    assert len(os.listdir("/proc/self/fd")) == before


def test_open_beneath_reports_what_is_missing(folder: int, way: str) -> None:
    with pytest.raises(FileNotFoundError):
        syscalls.open_beneath(folder, "no/such", os.O_RDONLY)


def test_importing_the_calls_does_not_import_ctypes() -> None:
    code = "import sys, noclobber.syscalls; sys.exit('ctypes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_lease_is_granted_only_while_nobody_has_the_file_open_for_writing(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x")
    fd = os.open(file, os.O_RDONLY)
    with file.open("ab"):
        assert not syscalls.read_lease(fd)
    assert syscalls.read_lease(fd)
    assert syscalls.lease_held(fd)
    syscalls.drop_lease(fd)
    assert not syscalls.lease_held(fd)
    os.close(fd)


def test_a_writer_waits_for_the_lease_and_breaking_it_kills_nobody(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x")
    fd = os.open(file, os.O_RDONLY)
    assert syscalls.read_lease(fd)
    code = "import sys; print('at it', flush=True); open(sys.argv[1], 'ab').write(b'y'); print('written', flush=True)"
    with subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"at it\n"
        while syscalls.lease_held(fd):  # the writer asks for it back, which sends us a signal
            pass
        assert file.stat().st_size == 1
        syscalls.drop_lease(fd)
        assert writer.stdout.readline() == b"written\n"
    assert file.read_bytes() == b"xy"
    os.close(fd)


def test_where_there_are_no_leases_none_is_claimed() -> None:
    reader, writer = os.pipe()
    assert not syscalls.read_lease(reader)
    assert not syscalls.lease_held(reader)
    syscalls.drop_lease(reader)
    os.close(reader)
    os.close(writer)


def test_a_write_lease_is_granted_only_while_nobody_else_has_the_file_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    with path.open("r+b") as mine:
        with path.open("rb"):
            assert syscalls.write_lease(mine.fileno()) is False
        assert syscalls.write_lease(mine.fileno()) is True
        with pytest.raises(BlockingIOError):
            os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        syscalls.drop_lease(mine.fileno())
        path.read_bytes()
    read_end, write_end = os.pipe()
    assert syscalls.write_lease(write_end) is None
    os.close(read_end)
    os.close(write_end)
