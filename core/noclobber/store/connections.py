"""SQLite connections of one process to one ``state.db``: as many as threads use at once, none across a fork.

Also notices that the files were deleted or replaced under us. Knows nothing of the tables. No file of the
database is ever opened here but through SQLite: closing any other descriptor of it would drop
SQLite's locks (POSIX locks belong to the process).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time

__all__ = ["Connections", "connect"]

# A folder's mtime counts in steps of the kernel's clock: a change within the same step could go unseen.
_MTIME_STEP_NS = 20_000_000


def connect(path: str, busy_seconds: float) -> sqlite3.Connection:
    """A connection to an existing or new database; statements commit by themselves outside BEGIN."""
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=200)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


class Connections:
    """The open connections to one database file, which are all given up together once it is another file."""

    def __init__(self, path: str, first: sqlite3.Connection, busy_seconds: float) -> None:
        self._path = path
        self._folder = os.path.dirname(path)
        self._busy_seconds = busy_seconds
        self._all = [first]
        self._free = [first]
        self._closed = False
        # Only ever reads: a connection's data_version does not move at its own commits.
        self._watching = threading.Lock()
        self._watcher: sqlite3.Connection | None = None
        first.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes state.db-wal exist
        self._files = self._identities()
        self._seen = self._look()

    def take(self) -> sqlite3.Connection:
        """A connection for the caller alone until ``give``."""
        try:
            return self._free.pop()
        except IndexError:
            connection = connect(self._path, self._busy_seconds)
            self._all.append(connection)
            return connection

    def give(self, connection: sqlite3.Connection) -> None:
        """Take it back for the next caller."""
        self._free.append(connection)
        if self._closed:
            self._close_free()

    def data_version(self) -> int:
        """Another number after each commit by anybody."""
        with self._watching:
            if self._watcher is None:
                self._watcher = connect(self._path, self._busy_seconds)
                self._all.append(self._watcher)
            return int(self._watcher.execute("PRAGMA data_version").fetchone()[0])

    def is_current(self) -> bool:
        """Whether the files at the path are still the ones that are open here; one stat of the folder as a rule."""
        seen = self._look()
        if seen is not None and seen == self._seen and not self._closed:
            return True
        if not self.is_unchanged():
            return False
        self._seen = seen
        return True

    def is_unchanged(self) -> bool:
        """The same, asked of the files themselves."""
        return not self._closed and self._identities() == self._files

    def close(self) -> None:
        """Close them all; one in use is closed when it is given back."""
        self._closed = True
        self._close_free()
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

    def abandon(self) -> None:
        """In a forked child: never use them and never close them, for closing could undo the parent's log.

        Their memory is given up for good.
        """
        import ctypes

        for connection in self._all:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

    def _close_free(self) -> None:
        while True:
            try:
                self._free.pop().close()
            except IndexError:
                return

    def _look(self) -> tuple[int, int, int] | None:
        """The folder's identity and mtime, None while that is too young to be trusted."""
        try:
            stat = os.stat(self._folder)
        except OSError:
            return None
        if time.time_ns() - stat.st_mtime_ns < _MTIME_STEP_NS:
            return None
        return stat.st_dev, stat.st_ino, stat.st_mtime_ns

    def _identities(self) -> tuple[int, ...] | None:
        try:
            database, log = os.stat(self._path), os.stat(self._path + "-wal")
        except OSError:
            return None
        return database.st_dev, database.st_ino, log.st_dev, log.st_ino
