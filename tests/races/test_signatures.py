"""What ``stat`` says is never trusted further than it can be: forged times, changes within one tick of the clock."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, StaleFileError
from noclobber.content import hash_content


def _change(path: Path, number: int, how: int) -> None:
    """The same size, the time set back; by rename, in place, or in place through a descriptor opened before."""
    before = path.stat()
    content = b"%08d\n" % number
    if how == 0:
        path.write_bytes(content)
    elif how == 1:
        fresh = path.with_name("fresh")
        fresh.write_bytes(content)
        fresh.replace(path)
    else:
        fd = os.open(path, os.O_WRONLY)
        os.pwrite(fd, content, 0)
        os.close(fd)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def _at_once(root: Path, times: int) -> None:
    path = root / "file"
    path.write_bytes(b"%08d\n" % 0)
    with ConcurrencyGuard(root, "alice") as alice:
        for number in range(1, times + 1):
            alice.read("file")
            if number % 2:
                alice.verify_before_write("file")  # remembers the signature, if it may
            _change(path, number, number % 3)
            assert alice.verify_before_write("file") is not None, number
            assert [status.state for status in alice.status()] == ["stale"], number
            with pytest.raises(StaleFileError):
                alice.write("file", b"over it\n")
    print(f"racy signatures: {times}")


def test_a_change_of_the_same_size_and_time_right_after_the_read_is_always_seen(tmp_path: Path) -> None:
    _at_once(tmp_path, 200)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_over_thousands_of_changes(tmp_path: Path) -> None:
    _at_once(tmp_path, 5000)


def test_a_change_long_after_a_trusted_signature_is_seen_whatever_its_times_say(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"%08d\n" % 0)
    os.utime(path, ns=(1, 1))
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        alice.read("file")
        while alice.verify_before_write("file") is None and not alice._freshness._checked:
            continue  # until the file is old enough for its signature to be trusted
        for how in range(3):
            _change(path, how + 1, how)
            assert alice.verify_before_write("file") is not None
            alice.read("file")


def test_touched_rewritten_replaced_by_equal_bytes_is_never_stale(tmp_path: Path) -> None:
    path = tmp_path / "file"
    content = b"equal\n" * 100
    path.write_bytes(content)
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        alice.read("file")
        for number in range(60):
            if number % 3 == 0:
                path.touch()
            elif number % 3 == 1:
                path.write_bytes(content)
            else:
                (tmp_path / "fresh").write_bytes(content)
                (tmp_path / "fresh").replace(path)
            assert alice.verify_before_write("file") is None, number
            assert [status.state for status in alice.status()] == ["fresh"]
        assert alice.write("file", b"mine\n").before_hash == hash_content(content)
