"""What SQLite's errors mean to somebody who only wants to write a file."""

from __future__ import annotations

import errno
import os
import sqlite3

from ..errors import NoclobberError, StoreBusyError, StoreError, WorkspaceError

__all__ = ["is_busy", "is_damage", "is_io", "no_access", "translated", "unstorable"]

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LITTLE_ROOM = 1 << 16
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNUSABLE = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOLFS,
)


def _primary(error: sqlite3.Error) -> int:
    """The primary result code; extended ones keep it in the lowest byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is not, or no longer, a database."""
    return _primary(error) in _DAMAGE


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody held the database for longer than the busy timeout."""
    return _primary(error) in _BUSY


def is_io(error: sqlite3.Error) -> bool:
    """Whether the system would not read or write a file of the database."""
    return _primary(error) == sqlite3.SQLITE_IOERR


def no_access(path: str, error: OSError, otherwise: str) -> WorkspaceError:
    """The system would not let us have this file; ``otherwise``: what does not work, and what to do, unless the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(f"The disk that holds {path} is full ({error.strerror}); free some space, and try again.")
    return WorkspaceError(f"{path} cannot be {otherwise.format(error.strerror)}")


def _is_full(path: str) -> bool:
    """Whether the disk has no room for what SQLite needs (its shared memory alone takes 32 KB), or for one more file: it says so
    itself only where the room ends in the middle of a write."""
    try:
        disk = os.statvfs(os.path.dirname(path))
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LITTLE_ROOM or (disk.f_files > 0 and disk.f_favail == 0)


def unstorable(error: UnicodeEncodeError | OverflowError, otherwise: str) -> StoreError:
    """A value that no record can have: text that is no UTF-8, a number of more than 64 bits."""
    return StoreError(f"{otherwise}: a value cannot be stored ({error}).")


def translated(error: sqlite3.Error, path: str) -> NoclobberError:
    """The error of ours that says what was wrong and what to do."""
    code = _primary(error)
    if code in _BUSY:
        return StoreBusyError(f"{path} stayed locked; another program holds a transaction open in it. End that program, and try again.")
    if code == sqlite3.SQLITE_FULL or (code in (*_UNUSABLE, sqlite3.SQLITE_IOERR) and _is_full(path)):
        return StoreError(f"the disk that holds {path} is full; nothing was recorded. Free some space, and try again.")
    if code in _UNUSABLE:
        return WorkspaceError(
            f"{path} cannot be used ({error}); make its folder writable, on a local file system with locks and shared memory."
        )
    if is_io(error):
        return StoreError(f"reading or writing {path} failed ({error}); check the disk, and that the file system is a local one.")
    return StoreError(f"{path}: {error}")
