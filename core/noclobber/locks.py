"""One writer at a time for each path, among threads and processes, without ever locking a user's file.

A path's lock is one of 4,096 stripes: byte ranges of ``.noclobber/path.locks`` under open-file-description locks, which die
with their holder. Two names of one file (hard links) meet on a second 4,096, by inode, always taken after the
paths'. Knows nothing of what is done under a lock. macOS was not tried; Windows has no such locks.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import time
import weakref
from _thread import get_ident
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from zlib import crc32

from .errors import StoreBusyError, WorkspaceError

__all__ = ["HeldLock", "PathLocks"]

_FILE = "path.locks"
_HASH = "crc32"
_STRIPES = 4096
_HEADER, _PROBE = 0, 1  # bytes locked while the header is written, and to see whether locks work at all
_BASE = 1 << 16  # where the stripes begin; the file itself stays short
_IDLE = 16  # descriptors kept open for the next takers
_DARWIN = sys.platform == "darwin"
_SET = getattr(fcntl, "F_OFD_SETLK", 90 if _DARWIN else -1)
_WAIT = getattr(fcntl, "F_OFD_SETLKW", 91 if _DARWIN else -1)
_BUSY = (errno.EAGAIN, errno.EACCES)
_PATIENCE_S = 30.0


class HeldLock:
    """Locks as held: a context manager that gives them back. Must be released by the thread that took them."""

    __slots__ = ("_fd", "_held_as", "_locks", "_process")

    def __init__(self, locks: PathLocks, fd: int, held_as: tuple[int, str]) -> None:
        self._locks = locks
        self._fd = fd
        self._held_as = held_as
        self._process = locks.process

    def __enter__(self) -> HeldLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def intact(self) -> bool:
        """Whether others still meet us here: false once ``.noclobber`` was deleted while we held the lock."""
        return self._fd >= 0 and self._process is self._locks.process and self._locks.names(self._fd)

    def release(self) -> None:
        """Give the locks back; idempotent. In a forked child nothing happens: they are the parent's."""
        fd, self._fd = self._fd, -1
        if fd >= 0 and self._process is self._locks.process:
            self._locks.take_back(fd, self._held_as)


class PathLocks:
    """The locks of one workspace; safe to share among threads. ``state_dir`` is ``.noclobber``, made if it is missing.

    Not re-entrant: a thread that holds a path's lock and asks for another would wait for itself, and is told so.
    WorkspaceError where the file system has no working locks, or the state was made by something that hashes otherwise;
    StoreBusyError where a lock is not to be had for ``patience`` seconds.
    """

    def __init__(self, state_dir: str | os.PathLike[str], *, patience: float = _PATIENCE_S) -> None:
        self.patience = patience
        self._file = os.path.join(os.fspath(state_dir), _FILE)
        self._stripes = _STRIPES
        self._fresh()
        os.register_at_fork(after_in_child=_forgetting(weakref.ref(self)))
        self._give(self._tried(self._open()))

    def exclusive(self, *file_paths: str) -> HeldLock:
        """Wait for the sole right to these paths; each stripe once, in order, so that no two takers wait for one another."""
        return self._wait("path", fcntl.F_WRLCK, [path.encode() for path in file_paths])

    def shared(self, file_path: str) -> HeldLock:
        """Wait until nobody holds the path exclusively; readers share it."""
        return self._wait("path", fcntl.F_RDLCK, [file_path.encode()])

    def try_exclusive(self, *file_paths: str) -> HeldLock | None:
        """The sole right to these paths if all are free this instant, else None. May be asked for while holding another."""
        return self._take(fcntl.F_WRLCK, [path.encode() for path in file_paths], (get_ident(), "path"), 0)

    def inode_exclusive(self, device: int, inode: int) -> HeldLock:
        """Wait for the sole right to a file under any of its names; taken after its path's lock, never before."""
        return self.inodes_exclusive([(device, inode)])

    def inodes_exclusive(self, inodes: Iterable[tuple[int, int]]) -> HeldLock:
        """The same for several (device, inode) pairs at once, in order, as a change of several hard-linked files needs it."""
        return self._wait("inode", fcntl.F_WRLCK, [b"%d:%d" % pair for pair in inodes])

    def close(self) -> None:
        """Close the idle descriptors; held locks end with their holders."""
        while self._idle:
            self._drop(self._idle.pop())

    def names(self, fd: int) -> bool:
        """Whether the lock file's name still leads to this open file of ours."""
        try:
            stat = os.stat(self._file)
        except OSError:
            return False
        return self._opened.get(fd) == (stat.st_dev, stat.st_ino)

    def take_back(self, fd: int, held_as: tuple[int, str]) -> None:
        """What a released ``HeldLock`` gives back."""
        self._count(held_as, -1)
        self._unlock(fd)

    def forget_all(self) -> None:
        """In a forked child: close what was inherited, so that the parent's death alone frees its locks."""
        for fd in self._opened:
            try:
                os.close(fd)
            except OSError:
                continue
        self._fresh()

    def _fresh(self) -> None:
        self.process = object()  # another one in every process
        self._idle: list[int] = []
        self._opened: dict[int, tuple[int, int]] = {}  # descriptor: device and inode of what it opened
        self._held: dict[tuple[int, str], int] = {}  # thread and kind of lock: how many it holds

    def _count(self, held_as: tuple[int, str], by: int) -> None:
        left = self._held.get(held_as, 0) + by
        if left > 0:
            self._held[held_as] = left
        else:
            self._held.pop(held_as, None)

    def _wait(self, kind: str, mode: int, keys: list[bytes]) -> HeldLock:
        owner = get_ident()
        if (owner, "inode") in self._held or (kind == "path" and (owner, "path") in self._held):
            raise WorkspaceError("This thread already holds such a lock; it would wait for itself. Take all paths in one call.")
        held = self._take(mode, keys, (owner, kind), self.patience)
        if held is None:
            names = ", ".join(os.fsdecode(key) for key in keys[:3]) if kind == "path" else "a file"
            raise StoreBusyError(
                f"{names} stayed locked for {self.patience:g} seconds; a stopped noclobber process may hold it. "
                "Continue or end that process, and try again."
            )
        return held

    def _take(self, mode: int, keys: list[bytes], held_as: tuple[int, str], patience: float) -> HeldLock | None:
        """Lock, then look whether the file is still the one all others come to; if it was deleted meanwhile, begin anew.

        None where somebody else held one of the locks for ``patience`` seconds.
        """
        deadline = None if patience <= 0 else time.monotonic() + patience
        while True:
            fd = self._idle.pop() if self._idle else self._open()
            stripes = self._stripes
            if not self._lock(fd, mode, _offsets(keys, stripes, held_as[1]), deadline):
                return None
            if self.names(fd) and stripes == self._stripes:
                self._count(held_as, 1)
                return HeldLock(self, fd, held_as)
            self._drop(fd)

    def _lock(self, fd: int, mode: int, offsets: list[int], deadline: float | None) -> bool:
        try:
            for offset in offsets:
                if not _locked(fd, _range(mode, offset), deadline):
                    self._unlock(fd)
                    return False
        except OSError as error:
            self._drop(fd)  # and with it whatever was locked so far
            raise self._unusable(error) from error
        except BaseException:  # Ctrl-C while waiting
            self._drop(fd)
            raise
        return True

    def _unlock(self, fd: int) -> None:
        try:
            fcntl.fcntl(fd, _SET, _range(fcntl.F_UNLCK, _BASE, 0))
        except OSError:
            self._drop(fd)  # closing unlocks as well
            return
        self._give(fd)

    def _tried(self, fd: int) -> int:
        """Say at once, not at the first write, that the file system has no locks."""
        try:
            fcntl.fcntl(fd, _SET, _range(fcntl.F_RDLCK, _PROBE))
            fcntl.fcntl(fd, _SET, _range(fcntl.F_UNLCK, _PROBE))
        except OSError as error:
            self._drop(fd)
            raise self._unusable(error) from error
        return fd

    def _give(self, fd: int) -> None:
        if len(self._idle) < _IDLE:
            self._idle.append(fd)
        else:
            self._drop(fd)

    def _drop(self, fd: int) -> None:
        self._opened.pop(fd, None)
        os.close(fd)

    def _open(self) -> int:
        """A descriptor of our own on the lock file, which is made where it is missing; a lock belongs to the descriptor."""
        try:
            fd = self._open_file()
            try:
                self._stripes = _agreed(fd, self._file)
                stat = os.fstat(fd)
            except BaseException:
                os.close(fd)
                raise
        except OSError as error:
            raise self._unusable(error) from error
        self._opened[fd] = (stat.st_dev, stat.st_ino)
        return fd

    def _open_file(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._file, flags, 0o600)
        except FileNotFoundError:
            folder = os.path.dirname(self._file)
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)  # one level: if the workspace itself is gone, that is an error
            return os.open(self._file, flags, 0o600)

    def _unusable(self, error: OSError) -> WorkspaceError:
        why = os.strerror(error.errno or errno.EIO)
        if error.errno in (errno.ENOLCK, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            return WorkspaceError(f"The file system of {self._file} has no working locks ({why}); keep the workspace on a local disk.")
        advice = " Free some space, and try again." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        return WorkspaceError(f"Cannot use the lock file {self._file}: {why}.{advice}")


def _locked(fd: int, wanted: bytes, deadline: float | None) -> bool:
    """Ask until it is granted, or (false) the time is up.

    Asking again every 0.05 to 1 ms is as quick as sleeping in the kernel, and it ends, where a holder stopped by Ctrl-Z would leave
    all others hanging.
    """
    pause = 0.00005
    while True:
        try:
            fcntl.fcntl(fd, _SET, wanted)
            return True
        except OSError as error:
            if error.errno not in _BUSY:
                raise
        if deadline is None or time.monotonic() > deadline:
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.001)


def _agreed(fd: int, file: str) -> int:
    """How many stripes the processes of this workspace use, as the file says; the first one writes it."""
    expected = f'{{"hash": "{_HASH}", "stripes": {_STRIPES}}}\n'.encode()
    header = os.pread(fd, 4096, 0)
    if header == expected:
        return _STRIPES
    fcntl.fcntl(fd, _WAIT, _range(fcntl.F_WRLCK, _HEADER))
    try:
        header = os.pread(fd, 4096, 0)
        if not header.strip(b"\0"):  # new, or its first writer lost power
            os.ftruncate(fd, 0)
            os.pwrite(fd, expected, 0)
            return _STRIPES
    finally:
        fcntl.fcntl(fd, _SET, _range(fcntl.F_UNLCK, _HEADER))
    return _stripes_in(header, file)


def _stripes_in(header: bytes, file: str) -> int:
    import json  # only where another version of us made the file

    try:
        values = json.loads(header)
        name, stripes = values["hash"], values["stripes"]
    except (ValueError, KeyError, TypeError) as error:
        raise WorkspaceError(f"{file} is damaged; with no noclobber process running, delete it.") from error
    if name != _HASH or not isinstance(stripes, int) or not 0 < stripes <= 1 << 24:
        raise WorkspaceError(
            f"{file} was made by another version of noclobber (hash {name!r}); use that version, or delete it when none runs."
        )
    return stripes


def _offsets(keys: list[bytes], stripes: int, kind: str) -> list[int]:
    base = _BASE if kind == "path" else _BASE + stripes
    if len(keys) == 1:
        return [base + crc32(keys[0]) % stripes]
    return sorted({base + crc32(key) % stripes for key in keys})


def _range(mode: int, start: int, length: int = 1) -> bytes:
    """``struct flock``; length 0 reaches to the end of all offsets."""
    if _DARWIN:
        return struct.pack("qqihh", start, length, 0, mode, os.SEEK_SET)
    return struct.pack("hhqqi4x", mode, os.SEEK_SET, start, length, 0)


def _forgetting(locks: weakref.ref[PathLocks]) -> Callable[[], None]:
    def forget() -> None:
        alive = locks()
        if alive is not None:
            alive.forget_all()

    return forget
