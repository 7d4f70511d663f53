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

__all__ = ["Connections", "GivenUp", "connect"]

# One row with its indexes dirties as many pages as there are trees, and each is written whole: small ones are cheaper (a read
# is recorded in 16 µs with pages of 1 KB and in 21 with 4 KB, a version of 10 KB kept in 35 and 37).
_PAGE = 1024
# A checkpoint flushes to the disk (1 to 8 ms); at SQLite's own 1,000 pages one commit in 80 would pay for it.
_LOG_BEFORE_CHECKPOINT = 16 * 1024 * 1024
# A folder's mtime counts in steps of the kernel's clock: a change within the same step could go unseen.
_MTIME_STEP_NS = 20_000_000


class GivenUp(Exception):
    """These connections were closed meanwhile; the caller asks for the present ones and goes on."""


def connect(path: str, busy_seconds: float) -> sqlite3.Connection:
    """A connection to an existing database (the file may be empty); statements commit by themselves outside BEGIN.

    Never makes the file: one that was deleted under us is made anew in one place only, see ``opening``.
    """
    uri = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23") + "?mode=rw"
    connection = sqlite3.connect(uri, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=200, uri=True)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA page_size = {_PAGE}")  # heeded only while the database is empty
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_BEFORE_CHECKPOINT // page}")
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
        self._growing = threading.Lock()
        # Only ever reads: a connection's data_version does not move at its own commits.
        self._watching = threading.Lock()
        self._watcher: sqlite3.Connection | None = None
        first.execute("SELECT count(*) FROM sqlite_master").fetchone()  # makes state.db-wal exist
        self._files = self._identities()
        self._seen = self._look()

    def take(self) -> sqlite3.Connection:
        """A connection for the caller alone until ``give``. GivenUp: there are none to be had here any more."""
        try:
            return self._free.pop()
        except IndexError:
            return self._grow()

    def give(self, connection: sqlite3.Connection) -> None:
        """Take it back for the next caller."""
        self._free.append(connection)
        if self._closed:
            self._close_free()

    def data_version(self) -> int:
        """Another number after each commit by anybody."""
        with self._watching:
            if self._watcher is None:
                self._watcher = self._grow()
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
        files = self._identities()
        return not self._closed and files is not None and files == self._files

    def close(self) -> None:
        """Close them all; one in use is closed when it is given back."""
        with self._growing:
            self._closed = True
        self._close_free()
        with self._watching:
            if self._watcher is not None:
                self._shut(self._watcher)
                self._watcher = None

    def wait_until_closed(self, seconds: float) -> bool:
        """Whether the last one in use was given back, and so closed, within this time."""
        deadline = time.monotonic() + seconds
        while self._all:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.0005)
        return True

    def abandon(self) -> None:
        """In a forked child, of those in use at the fork: never close them, for that could undo the parent's log."""
        import ctypes

        for connection in self._all:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

    def _close_free(self) -> None:
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return
            self._shut(connection)

    def _grow(self) -> sqlite3.Connection:
        with self._growing:
            # Where another database has taken the place, its memory would be mapped beside the old one's in this process.
            if self._closed or not self.is_unchanged():
                raise GivenUp
            connection = connect(self._path, self._busy_seconds)
            self._all.append(connection)
            return connection

    def _shut(self, connection: sqlite3.Connection) -> None:
        connection.close()
        with self._growing:
            self._all.remove(connection)

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
