"""The bytes of a file: their hash, a read that no half-finished write can tear, and the signature that saves reading.

Nothing here decodes text or knows of workspaces: a descriptor goes in, bytes and what ``stat`` said come out.
"""

from __future__ import annotations

import errno
import os
import stat as modes
import time
from hashlib import sha256
from typing import NamedTuple

from .errors import FileAccessError, PathError
from .records import Signature
from .syscalls import PATH_ONLY, drop_lease, lease_held, read_lease

__all__ = ["StableRead", "access_error", "check_regular", "hash_content", "open_regular", "same_signature", "signature_of", "stable_read"]

_SETTLED_NS = 20_000_000  # a kernel tick is at most 10 ms: a later change cannot carry a ctime this old
_QUIET_S = 0.02  # unchanged for so long counts as finished where no lease can prove it
_OLD_NS = 2_000_000_000  # a ctime this old needs no waiting, even with a file server's clock a second off
_EMPTIED_S = 0.25  # how long a file just emptied, with a writer at it, is given to fill again
_PATIENCE_S = 2.0
_BREAK_S = 0.5  # a lease that is asked back still holds its writer off for at least a second


class StableRead(NamedTuple):
    """A file as it stood at one moment: all its bytes, their signature, and the whole ``stat`` that belongs to them."""

    content: bytes
    signature: Signature
    stat: os.stat_result


def hash_content(content: bytes | bytearray | memoryview) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    return sha256(content).hexdigest()


def signature_of(stat: os.stat_result, now_ns: int) -> Signature:
    """The signature of bytes whose reading began at ``now_ns`` (``time.time_ns``), ``stat`` being taken with them."""
    settled = now_ns - stat.st_ctime_ns > _SETTLED_NS
    return Signature(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev, settled)


def same_signature(signature: Signature, stat: os.stat_result) -> bool:
    """Whether the file that ``stat`` describes surely holds the bytes the signature was made with."""
    return (
        signature.settled
        and signature.ctime_ns == stat.st_ctime_ns
        and signature.inode == stat.st_ino
        and signature.size == stat.st_size
        and signature.mtime_ns == stat.st_mtime_ns
        and signature.device == stat.st_dev
    )


def check_regular(stat: os.stat_result, path: str) -> None:
    """PathError, saying what it is, unless it is a regular file."""
    kind = modes.S_IFMT(stat.st_mode)
    if kind != modes.S_IFREG:
        name = _KINDS.get(kind, "not a regular file")
        raise PathError(path, f"{path!r} is {name}; only regular files can be read or written under the guard.")


def open_regular(parent_fd: int, name: str, *, path: str) -> int:
    """Open a regular file for reading, without following a symlink, without waiting, without ever opening a device.

    ``path`` is what messages call it. PathError for anything but a regular file, FileAccessError where the system says no.
    """
    try:
        handle = os.open(name, PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=parent_fd)
        try:
            check_regular(os.fstat(handle), path)
            return _reopen(handle, parent_fd, name)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise PathError(path, f"{path!r} became a symlink while it was opened; try again.") from error
        raise access_error(path, error, "read") from error


def stable_read(fd: int, *, path: str) -> StableRead:
    """All bytes of an open regular file as they stood at one moment; reads again while somebody writes.

    A read lease over the read proves that nobody wrote. Where none is to be had (a writer has it open, it is another
    user's, the file system has none) the file must stay unchanged for 20 ms and read equal twice. After about 2 s of
    ceaseless writing the last read that nothing was seen to change is returned; if there is none, FileAccessError (EAGAIN).
    """
    try:
        return _under_lease(fd) or _when_quiet(fd, path)
    except OSError as error:
        raise access_error(path, error, "read") from error


def access_error(path: str, error: OSError, doing: str) -> FileAccessError:
    """The system's refusal as ours: which file, what we were doing, what the system said."""
    number = error.errno or errno.EIO
    return FileAccessError(path, number, f"Cannot {doing} {path!r}: {os.strerror(number)}.")


def _reopen(handle: int, parent_fd: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(f"/proc/self/fd/{handle}", flags)
    except FileNotFoundError:  # no /proc: a device renamed over the file in this moment would be opened
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=parent_fd)


def _under_lease(fd: int) -> StableRead | None:
    if not read_lease(fd):
        return None
    try:
        began = time.monotonic()
        now_ns = time.time_ns()
        stat = os.fstat(fd)
        content = _read_all(fd, stat.st_size)
        # Asked back in the meantime is no harm: the writer is held off until we let go, or for a second at the least.
        if len(content) == stat.st_size and (lease_held(fd) or time.monotonic() - began < _BREAK_S):
            return StableRead(content, signature_of(stat, now_ns), stat)
        return None
    finally:
        drop_lease(fd)


def _when_quiet(fd: int, path: str) -> StableRead:
    deadline = time.monotonic() + _PATIENCE_S
    last: StableRead | None = None
    previous: StableRead | None = None
    while True:
        present = _unmoved_read(fd)
        last = present or last
        if present and _finished(present, previous):
            return present
        if time.monotonic() > deadline:
            break
        previous = present
        leased = _wait_quiet(fd, present)
        if leased:
            return leased
    if last is None:
        raise FileAccessError(path, errno.EAGAIN, f"{path!r} is being written without a pause; try again when its writer has finished.")
    return last


def _wait_quiet(fd: int, present: StableRead | None) -> StableRead | None:
    """Wait 20 ms, or until the writer has gone, which a lease then proves."""
    until = time.monotonic() + _QUIET_S
    old = present is not None and _age_ns(present.stat) > _OLD_NS
    while not old and time.monotonic() < until:
        time.sleep(0.002)
        leased = _under_lease(fd)
        if leased:
            return leased
    return None


def _finished(present: StableRead, previous: StableRead | None) -> bool:
    if previous is None or not _unmoved(present.stat, previous.stat) or present.content != previous.content:
        return False
    return bool(present.content) or _age_ns(present.stat) > _EMPTIED_S * 1e9


def _unmoved_read(fd: int) -> StableRead | None:
    now_ns = time.time_ns()
    before = os.fstat(fd)
    content = _read_all(fd, before.st_size)
    after = os.fstat(fd)
    if len(content) != after.st_size or not _unmoved(before, after):
        return None
    return StableRead(content, signature_of(after, now_ns), after)


def _unmoved(a: os.stat_result, b: os.stat_result) -> bool:
    return a.st_ctime_ns == b.st_ctime_ns and a.st_mtime_ns == b.st_mtime_ns and a.st_size == b.st_size


def _age_ns(stat: os.stat_result) -> int:
    return abs(time.time_ns() - stat.st_ctime_ns)


def _read_all(fd: int, size: int) -> bytes:
    """From the start to the end; one call where the file has the size it said, whatever the size."""
    content = os.pread(fd, size + 1, 0)
    if len(content) == size:  # fewer than asked for: the end
        return content
    parts = [content]
    at = len(content)
    while part := os.pread(fd, 1 << 20, at):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


_KINDS = {
    modes.S_IFDIR: "a folder",
    modes.S_IFLNK: "a symlink",
    modes.S_IFIFO: "a named pipe",
    modes.S_IFSOCK: "a socket",
    modes.S_IFCHR: "a device",
    modes.S_IFBLK: "a device",
}
