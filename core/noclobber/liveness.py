"""Who is alive: whoever holds the lock on its own file ``.noclobber/live/<id>``.

The system lets go of the lock when a process ends, however it ends, so no process id and no clock is
asked. The lock belongs to the open file; a forked child closes its copy at once and keeps nobody alive.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import weakref
from collections.abc import Mapping
from typing import NamedTuple

from .clock import boot_id, monotonic_ns, utc_now, wall_seconds
from .errors import WorkspaceError

__all__ = ["Clocks", "Live", "Living", "clocks_at_start", "is_alive", "living"]

_OFD = hasattr(fcntl, "F_OFD_SETLK")
_LOCK = struct.Struct("hhqqi4x")
_WHOLE = _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


class Living(NamedTuple):
    """One that lives, as it described itself; a value it did not give is empty, ``pid`` then 0."""

    id: str
    agent_id: str
    pid: int
    front: str
    started: str


class Clocks(NamedTuple):
    """What the clocks showed at one moment of a boot, in seconds."""

    boot_id: str
    wall: float
    monotonic: float


class Live:
    """The life of this process, from construction to ``close`` or its end. ``id`` names it to others.

    ``description`` may have ``agent_id`` and ``front``; the process id and the time are added. WorkspaceError: no
    lock can be had there.
    """

    def __init__(self, state_dir: str | os.PathLike[str], description: Mapping[str, str] | None = None) -> None:
        import json

        self.id = os.urandom(8).hex()
        folder = os.path.join(os.path.abspath(os.fspath(state_dir)), "live")
        self._path = os.path.join(folder, self.id)
        self._pid = os.getpid()
        self._fd = -1
        clocks = Clocks(boot_id(), wall_seconds(), monotonic_ns() / 1e9)
        text = json.dumps({**(description or {}), "pid": self._pid, "started": utc_now(), "clocks": clocks})
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            self._fd = _take(self._path, text.encode() + b"\n")
        except OSError as error:
            raise _no_life(folder, error) from error
        myself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _after_fork(myself))

    def held(self) -> bool:
        """Whether this life is still on record: not closed, not inherited over a fork, its file not deleted."""
        if self._fd < 0:
            return False
        try:
            mine, theirs = os.fstat(self._fd), os.stat(self._path)
        except OSError:
            return False
        return (mine.st_dev, mine.st_ino) == (theirs.st_dev, theirs.st_ino)

    def close(self) -> None:
        """End this life; idempotent. In a forked child it touches nothing of the parent's."""
        if self._fd < 0:
            return
        if self.held():
            _unlink(self._path)
        os.close(self._fd)
        self._fd = -1

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _no_life(folder: str, error: OSError) -> WorkspaceError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(f"The disk that holds {folder} is full ({error.strerror}); free some space, and try again.")
    return WorkspaceError(f"{folder} cannot hold a lock ({error.strerror}); noclobber needs a writable local file system.")


def is_alive(state_dir: str | os.PathLike[str], live_id: str) -> bool:
    """Whether the holder of this id lives."""
    if not live_id or "/" in live_id:
        return False
    return _locked(os.path.join(os.fspath(state_dir), "live", live_id)) is not None


def clocks_at_start(state_dir: str | os.PathLike[str], live_id: str) -> Clocks | None:
    """What the clocks showed when this life began, also where it has ended since; None where that is not on record any more."""
    import json

    if not live_id or "/" in live_id:
        return None
    try:
        with open(os.path.join(os.fspath(state_dir), "live", live_id), "rb") as file:
            boot, wall, monotonic = json.loads(file.read(4096))["clocks"]
        return Clocks(str(boot), float(wall), float(monotonic))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def living(state_dir: str | os.PathLike[str]) -> list[Living]:
    """All that live, oldest first; files of the dead are deleted."""
    folder = os.path.join(os.fspath(state_dir), "live")
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found: list[Living] = []
    for name in names:
        path = os.path.join(folder, name)
        content = _locked(path)
        if content is None:
            # An id is used once and its file appears locked, so one without a lock stays without.
            _unlink(path)
        elif not name.startswith("."):
            found.append(_described(name, content))
    return sorted(found, key=lambda one: (one.started, one.id))


def _take(path: str, content: bytes) -> int:
    """Make the file so that nobody ever sees it unlocked: locked and filled under another name first."""
    folder, name = os.path.split(path)
    hidden = os.path.join(folder, f".{name}")
    while True:
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if _OFD:
                fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _WHOLE)
            else:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(fd, content)
            os.rename(hidden, path)
        except FileNotFoundError:
            os.close(fd)  # swept between its making and its lock
        except BaseException:
            os.close(fd)
            raise
        else:
            return fd


def _locked(path: str) -> bytes | None:
    """The file's content if somebody holds its lock, else None; the lock is asked about, never taken, where the system can do that."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.read(fd, 4096) if _is_locked(fd) else None
    except OSError:
        return None
    finally:
        os.close(fd)


def _is_locked(fd: int) -> bool:
    if _OFD:
        return bool(_LOCK.unpack(fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _WHOLE))[0] != fcntl.F_UNLCK)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    return False


def _described(name: str, content: bytes) -> Living:
    import json

    try:
        row = json.loads(content)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        row = {}
    pid = row.get("pid")
    return Living(
        name, str(row.get("agent_id", "")), pid if isinstance(pid, int) else 0, str(row.get("front", "")), str(row.get("started", ""))
    )


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _after_fork(reference: weakref.ref[Live]) -> None:
    live = reference()
    if live is not None:
        live._let_go()
