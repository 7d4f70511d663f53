"""The bytes of a file: their hash, a read that no half-finished write can tear, and the signature that saves reading.

Nothing here decodes text or knows of workspaces: a descriptor goes in, bytes and what ``stat`` said come out.
"""

from __future__ import annotations

import errno
import os
import stat as modes
import sys
import time
from contextlib import suppress
from typing import NamedTuple

from .errors import FileAccessError, PathError
from .records import Signature
from .syscalls import PATH_ONLY, drop_lease, lease_held, open_for_writing, read_lease

__all__ = ["StableRead", "access_error", "check_regular", "hash_content", "open_regular", "same_signature", "signature_of", "stable_read"]

_SETTLED_NS = 20_000_000  # a kernel tick is at most 10 ms: a later change cannot carry a ctime this old
_QUIET_S = 0.02  # unchanged for so long counts as finished where no lease can prove it
_OLD_NS = 2_000_000_000  # a ctime this old needs no waiting, even with a file server's clock a second off
_QUIET_BESIDE_WRITER_S = 0.5  # and where a writer is known to be at it, who may only have lost its turn on a busy machine
_EMPTIED_NS = 250_000_000  # how long a file just emptied, with a writer at it, is given to fill again
_PATIENCE_S = 2.0
_ASKS = 200  # about 0.4 ms
_SMALL = 64 * 1024
_BREAK_S = 0.5  # a lease that is asked back still holds its writer off for at least a second


class StableRead(NamedTuple):
    """A file as it stood at one moment: all its bytes, their signature, and the whole ``stat`` that belongs to them."""

    content: bytes
    signature: Signature
    stat: os.stat_result


def hash_content(content: bytes | bytearray | memoryview) -> str:
    """SHA-256 as 64 lower-case hex digits."""
    hashlib = sys.modules.get("hashlib")
    return _first_hash(content) if hashlib is None else str(hashlib.sha256(content).hexdigest())


def _first_hash(content: bytes | bytearray | memoryview) -> str:
    """With Python's own SHA-256 where that will do: a hook hashes a few small files (80 µs for 10 KB), and to load OpenSSL takes 2.6 ms."""
    from importlib import import_module

    name = "_sha2" if sys.version_info >= (3, 12) else "_sha256"
    if len(content) <= _SMALL:
        with suppress(ImportError):
            return str(import_module(name).sha256(content).hexdigest())
    import hashlib

    return hashlib.sha256(content).hexdigest()


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

    A read lease over the read proves that nobody wrote. Where none is to be had (it is another user's, the file system has
    none) the file must stay unchanged for 20 ms and read equal twice; for half a second where somebody has it open for
    writing. After 2 s of ceaseless writing a file that only grew is given as it stood, else FileAccessError (EAGAIN).
    """
    try:
        return _under_lease(fd) or _when_quiet(fd, path)
    except OSError as error:
        raise access_error(path, error, "read") from error


def access_error(path: str, error: OSError, doing: str) -> FileAccessError:
    """The system's refusal as ours: which file, what we were doing, what the system said."""
    number = error.errno or errno.EIO
    advice = " Free some space, and try again." if number in (errno.ENOSPC, errno.EDQUOT) else ""
    return FileAccessError(path, number, f"Cannot {doing} {path!r}: {os.strerror(number)}.{advice}")


def _reopen(handle: int, parent_fd: int, name: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return os.open(f"/proc/self/fd/{handle}", flags)
        except FileNotFoundError:  # no /proc: a device renamed over the file in this moment would be opened
            return os.open(name, flags | os.O_NOFOLLOW, dir_fd=parent_fd)
        except BlockingIOError:  # rewritten in place at this moment, under a write lease
            if time.monotonic() > until:
                raise
            time.sleep(0.001)


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
    """Without proof: what stood unchanged for a while, or, at the end of our patience, a file that is only appended to."""
    quiet = _QUIET_BESIDE_WRITER_S if open_for_writing(fd) else _QUIET_S
    deadline = time.monotonic() + _PATIENCE_S
    previous: StableRead | None = None
    only_grew = True
    while True:
        present = _plain_read(fd)
        if previous is not None:
            if _finished(present, previous):
                return present
            # a file seen empty is rather being rewritten than appended to
            only_grew = only_grew and bool(previous.content) and present.content.startswith(previous.content)
        if time.monotonic() > deadline:
            break
        leased = _lease_within(fd, 0 if _age_ns(present.stat) > _OLD_NS else quiet)
        if leased is not None:
            return leased
        previous = present
    if only_grew:
        return present._replace(signature=present.signature._replace(settled=False))
    raise FileAccessError(path, errno.EAGAIN, f"{path!r} is being written without a pause; try again when its writer has finished.")


def _lease_within(fd: int, seconds: float) -> StableRead | None:
    """A read under a lease, as soon as the writer lets go. One that opens again at once is out for microseconds only: ask often."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for _ in range(_ASKS):
            leased = _under_lease(fd)
            if leased is not None:
                return leased
        time.sleep(0.001)
    return None


def _finished(present: StableRead, previous: StableRead) -> bool:
    if not _unmoved(present.stat, previous.stat) or present.content != previous.content:
        return False
    return bool(present.content) or _age_ns(present.stat) > _EMPTIED_NS


def _plain_read(fd: int) -> StableRead:
    """The bytes there were when the read began; those of a file that is only appended to are one of its states."""
    now_ns = time.time_ns()
    stat = os.fstat(fd)
    return StableRead(_read_all(fd, stat.st_size)[: stat.st_size], signature_of(stat, now_ns), stat)


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
