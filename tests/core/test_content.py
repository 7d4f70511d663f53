from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber import content, syscalls
from noclobber.content import hash_content, open_regular, same_signature, signature_of, stable_read
from noclobber.errors import FileAccessError, PathError

TICK_NS = 20_000_000


@contextmanager
def opened(file: Path) -> Iterator[int]:
    parent = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fd = open_regular(parent, file.name, path=file.name)
    finally:
        os.close(parent)
    try:
        yield fd
    finally:
        os.close(fd)


def read(file: Path) -> content.StableRead:
    with opened(file) as fd:
        return stable_read(fd, path=file.name)


def past(file: Path) -> os.stat_result:
    """The file's stat once its ctime is old enough to be trusted."""
    stat = file.stat()
    while time.time_ns() - stat.st_ctime_ns <= TICK_NS:
        stat = file.stat()
    return stat


@given(st.binary())
def test_equal_content_gives_equal_hashes_of_64_digits(data: bytes) -> None:
    digest = hash_content(data)
    assert digest == hash_content(bytearray(data)) == hash_content(memoryview(data)) == hashlib.sha256(data).hexdigest()
    assert len(digest) == 64


@pytest.mark.parametrize(("size", "loads_openssl"), [(0, False), (10_000, False), (65_536, False), (65_537, True), (1_000_000, True)])
def test_a_process_that_has_hashed_nothing_gives_the_same_hash_and_loads_openssl_for_large_content_only(
    size: int, loads_openssl: bool
) -> None:
    code = "import sys; from noclobber.content import hash_content; print(hash_content(b'z' * int(sys.argv[1])), '_hashlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code, str(size)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [hashlib.sha256(b"z" * size).hexdigest(), str(loads_openssl)]


@pytest.mark.parametrize("data", [b"", b"x", b"\0\r\n\xff" * 1000, b"z" * 300_000])
def test_a_read_gives_all_bytes_and_the_stat_that_belongs_to_them(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "f"
    file.write_bytes(data)
    done = read(file)
    assert done.content == data
    assert done.stat.st_size == done.signature.size == len(data)
    assert (done.signature.inode, done.signature.device) == (done.stat.st_ino, done.stat.st_dev)


def test_reading_twice_through_one_descriptor_starts_at_the_beginning(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    with opened(file) as fd:
        assert stable_read(fd, path="f").content == stable_read(fd, path="f").content == b"abc"


def test_no_lease_is_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    with opened(file) as fd:
        stable_read(fd, path="f")
        os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK))  # would fail with EWOULDBLOCK under a lease


def test_a_file_of_200_megabytes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "huge"
    with file.open("wb") as out:
        out.truncate(200_000_000)
        out.seek(199_999_999)
        out.write(b"!")
    done = read(file)
    assert len(done.content) == 200_000_000
    assert done.content.endswith(b"\0!")
    file.unlink()


def test_an_unchanged_file_has_the_same_signature_and_a_touched_one_has_not(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    past(file)
    signature = read(file).signature
    assert signature.settled
    assert same_signature(signature, file.stat())
    file.touch()
    assert not same_signature(signature, file.stat())


def test_a_change_that_keeps_size_and_modification_time_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    stat = past(file)
    signature = read(file).signature
    file.write_bytes(b"xyz")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    forged = file.stat()
    assert (forged.st_size, forged.st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert not same_signature(signature, forged)


def test_a_file_replaced_by_another_with_its_times_is_seen(tmp_path: Path) -> None:
    file, other = tmp_path / "f", tmp_path / "other"
    file.write_bytes(b"abc")
    other.write_bytes(b"xyz")
    past(other)
    signature = read(file).signature
    os.utime(other, ns=(signature.mtime_ns, signature.mtime_ns))
    other.replace(file)
    assert not same_signature(signature, file.stat())


def test_a_signature_taken_within_20_ms_of_the_change_is_never_trusted(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    stat = file.stat()
    young = signature_of(stat, stat.st_ctime_ns + TICK_NS)
    assert not young.settled
    assert not same_signature(young, stat)
    old = signature_of(stat, stat.st_ctime_ns + TICK_NS + 1)
    assert old.settled
    assert same_signature(old, stat)


def test_a_ctime_in_the_future_is_never_trusted(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    stat = file.stat()
    assert not signature_of(stat, stat.st_ctime_ns - 3_600_000_000_000).settled


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def make_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("make", "said"), [(make_folder, "a folder"), (make_pipe, "a named pipe"), (make_socket, "a socket"), (make_link, "a symlink")]
)
def test_anything_but_a_regular_file_is_refused_without_waiting(tmp_path: Path, make: object, said: str) -> None:
    assert callable(make)
    make(tmp_path / "it")
    with pytest.raises(PathError, match=f"'it' is {said}") as caught, opened(tmp_path / "it"):
        pass
    assert caught.value.path == "it"


def test_a_device_is_refused_and_never_opened() -> None:
    with pytest.raises(PathError, match="'tty' is a device"), opened(Path("/dev/tty")):
        pass


def test_a_pipe_is_not_even_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathError), opened(tmp_path / "pipe"):
        pass
    with pytest.raises(OSError, match="No such device"):  # a writer finds no reader
        os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="Cannot read 'nowhere': No such file") as caught, opened(tmp_path / "nowhere"):
        pass
    assert caught.value.errno == 2


def test_no_descriptor_is_left_open_after_a_refusal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        with pytest.raises(PathError), opened(tmp_path / "pipe"):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def no_lease(fd: int) -> bool:
    return False


@pytest.fixture(params=["leases", "no leases"])
def leases(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With read leases, and as on a file system that has none."""
    if request.param == "no leases":
        monkeypatch.setattr(content, "read_lease", no_lease)
    return str(request.param)


def test_a_file_that_somebody_merely_keeps_open_for_writing_is_read_soon(tmp_path: Path, leases: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"abc")
    with file.open("ab"):
        began = time.monotonic()
        assert read(file).content == b"abc"
        assert time.monotonic() - began < 2  # what a file that is being written gets


IN_PLACE = """
import sys, itertools
print("going", flush=True)
for n in itertools.count():
    with open(sys.argv[1], "wb", buffering=0) as file:      # truncated, then written in pieces
        for _ in range(8):
            file.write(b"%07d\\n" % (n % 10_000_000) * 32)
"""
WHOLE = 8 * 32 * 8


@contextmanager
def writing_in_place(file: Path) -> Iterator[None]:
    command = [sys.executable, "-c", IN_PLACE, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"going\n"
        try:
            yield
        finally:
            writer.kill()


def is_whole(data: bytes) -> bool:
    return len(data) == WHOLE and data == data[:8] * (WHOLE // 8)


def test_a_writer_in_place_never_shows_half_a_file_under_a_lease(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"0000000\n" * (WHOLE // 8))
    seen: set[bytes] = set()
    reads = torn_plain = 0
    with writing_in_place(file):
        while torn_plain < 150 or len(seen) < 50:  # until the window was hit often; pytest's own limit ends a writer that is too slow
            reads += 1
            torn_plain += not is_whole(file.read_bytes())
            data = read(file).content
            assert is_whole(data), f"{len(data)} bytes: {data[:40]!r}"
            seen.add(data[:7])
    print(f"plain reads torn: {torn_plain} of {reads}; stable reads torn: 0 of {reads}, {len(seen)} versions seen")


def test_the_signature_belongs_to_the_bytes_even_while_others_write(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"0000000\n" * (WHOLE // 8))
    with writing_in_place(file):
        for _ in range(200):
            done = read(file)
            assert done.signature.size == len(done.content)


def whenever_asked(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], leases: str = "no leases") -> None:
    """Somebody acts each time the reader asks for a lease, so that however busy the machine is, it happens between two reads."""
    really = syscalls.read_lease

    def ask(fd: int) -> bool:
        act()
        return leases == "leases" and really(fd)

    monkeypatch.setattr(content, "read_lease", ask)


def test_without_leases_a_slow_writer_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    until = time.monotonic() + 0.4

    with file.open("wb", buffering=0) as out:

        def write_slowly() -> None:
            if time.monotonic() < until:
                out.write(b"x")
            elif not out.closed:
                out.write(b"end")
                out.close()

        whenever_asked(monkeypatch, write_slowly)
        assert read(file).content.endswith(b"end")


def test_a_file_just_emptied_by_a_writer_is_read_again(tmp_path: Path, leases: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    until = time.monotonic() + 0.1  # well over the 20 ms after which a file counts as quiet

    with file.open("wb", buffering=0) as out:

        def write_at_last() -> None:
            if time.monotonic() > until and not out.closed:
                out.write(b"new")
                out.close()

        whenever_asked(monkeypatch, write_at_last, leases)
        assert read(file).content == b"new"


def test_a_log_written_without_a_pause_is_read_as_it_stood(tmp_path: Path, leases: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"first\n")
    with file.open("ab", buffering=0) as out:
        whenever_asked(monkeypatch, lambda: void(out.write(b"line\n")), leases)
        began = time.monotonic()
        done = read(file)
    assert done.content.startswith(b"first\nline\nline\n")
    assert done.signature.size == len(done.content)
    assert not done.signature.settled
    assert time.monotonic() - began < 20


def test_a_file_rewritten_without_a_pause_is_refused_where_nothing_proves_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"0")
    versions = itertools.count()
    with file.open("r+b", buffering=0):
        whenever_asked(monkeypatch, lambda: void(file.write_bytes(b"%d" % next(versions))))
        with pytest.raises(FileAccessError, match="is being written without a pause") as caught:
            read(file)
    assert caught.value.path == "f"


def void(_: object) -> None:
    """For a lambda that is called for what it does."""


def test_bytes_written_through_a_mapping_after_the_lease_was_refused_are_compared(tmp_path: Path) -> None:
    import mmap

    file = tmp_path / "f"
    file.write_bytes(b"a" * 4096)
    with file.open("r+b") as out, mmap.mmap(out.fileno(), 4096) as mapped:
        mapped[0:1] = b"b"
        assert read(file).content == b"b" + b"a" * 4095


def test_a_file_under_a_write_lease_is_read_as_soon_as_that_is_given_up(tmp_path: Path) -> None:
    """It is being rewritten in place: a reader that does not want to wait in the kernel asks again and again."""
    (tmp_path / "file").write_bytes(b"whole\n")
    folder = os.open(tmp_path, os.O_RDONLY)
    found: list[bytes] = []

    def read() -> None:
        fd = open_regular(folder, "file", path="file")
        found.append(os.read(fd, 100))
        os.close(fd)

    with (tmp_path / "file").open("r+b") as writer:
        assert syscalls.write_lease(writer.fileno())
        reader = threading.Thread(target=read)
        reader.start()
        while fcntl.fcntl(writer.fileno(), fcntl.F_GETLEASE) == fcntl.F_WRLCK and reader.is_alive():
            os.sched_yield()  # until somebody wants to open it
        assert found == []
        syscalls.drop_lease(writer.fileno())
        reader.join()
    os.close(folder)
    assert found == [b"whole\n"]
