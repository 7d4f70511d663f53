"""The embedded store: one SQLite database in WAL mode, shared by any number of threads and processes.

It runs each operation on a connection of the pool, writers one after the other behind the gate, and
goes on by itself where the database was deleted under it or is damaged. How rows look, which
index answers what, how a state is opened and what is swept are in the modules beside it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Final

from ..content import hash_content
from ..progress import Progress, unwatched
from ..records import Buffer, Event, Lease, Snapshot
from . import rows
from .database import Database
from .kept import KeptFiles
from .protocol import Batch, EventQuery, Pending
from .queries import LARGEST, select_events, was_given

__all__ = ["LARGE_CONTENT", "SqliteStore"]

LARGE_CONTENT: Final = 16 * 1024 * 1024
"""Contents over so many bytes are kept as files."""

_REFRESH_SECONDS: Final = 3600  # a version asked for again is younger again, but not at the price of a row for each read
_BUSY_SECONDS: Final = 10.0


class SqliteStore:
    """The state in ``state_dir/state.db``; see ``Store`` for what each method does.

    ``keep_megabytes`` and ``keep_days`` limit the kept contents. ``prepare`` makes the state's folder, at first
    and whenever it was deleted under us.
    ``progress`` counts the bytes of a journal whenever the history is rebuilt from it.
    Raises on opening and later: StoreBusyError, StoreTooNewError, StoreDamagedError, WorkspaceError, StoreError.
    """

    def __init__(
        self,
        state_dir: str | os.PathLike[str],
        *,
        keep_megabytes: float = 500,
        keep_days: float = 7,
        busy_seconds: float = _BUSY_SECONDS,
        prepare: Callable[[], None] | None = None,
        progress: Progress = unwatched,
    ) -> None:
        folder = os.path.abspath(os.fspath(state_dir))
        self._keep_bytes = keep_megabytes * 1_000_000
        self._keep_seconds = keep_days * 86_400
        self._kept = KeptFiles(os.path.join(folder, "kept"))
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._database = Database(folder, busy_seconds, prepare, progress=progress)

    @property
    def epoch(self) -> str:
        """Names this run of sequence numbers."""
        return self._database.epoch

    @property
    def opening_notice(self) -> str | None:
        """One sentence for the person where the state had to be repaired or made anew, else None."""
        return self._database.notice

    def version(self) -> int:
        """Another number whenever any process has committed a change."""
        return self._database.version()

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """For parts that keep tables of their own: a connection on which all statements see one state."""
        return self._database.reading()

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """For parts that keep tables of their own: a write transaction, committed at the end unless the body raises.

        Not to be nested, nor held across anything slow: every writer of the workspace waits behind it.
        """
        return self._database.writing()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit of this store that recorded events; it must be quick and not raise."""
        self._listeners = (*self._listeners, listener)

    # changes
    def apply(self, batch: Batch) -> tuple[int, ...]:
        """Make all changes of the batch or none."""
        large = [pair for pair in batch.contents if len(pair[1]) > LARGE_CONTENT]
        for content_hash, content in large:
            self._kept.put(content_hash, content)
        seqs = self._database.write(lambda connection: self._apply(connection, batch))
        if seqs:
            for listener in self._listeners:
                listener()
        return seqs

    def _apply(self, connection: sqlite3.Connection, batch: Batch) -> tuple[int, ...]:
        execute = connection.execute
        epoch = self._database.epoch
        for content_hash, content in batch.contents:
            self._keep(connection, content_hash, content)
        seqs = tuple([execute(rows.PUT_EVENT, rows.event_row(event, epoch)).lastrowid or 0 for event in batch.events])
        last = seqs[-1] if seqs else 0
        for agent_id, file_path in batch.forget:
            if file_path is None:
                execute("DELETE FROM snapshots WHERE agent_id = ?", (agent_id,))
            else:
                execute("DELETE FROM snapshots WHERE file_path = ? AND agent_id = ?", (file_path, agent_id))
        for snapshot in batch.snapshots:
            execute(rows.PUT_SNAPSHOT, rows.snapshot_row(snapshot, snapshot.seq or last))
        if batch.signatures:
            connection.executemany(rows.PUT_SIGNATURE, map(rows.signature_row, batch.signatures))
        if batch.pending:
            connection.executemany(rows.PUT_PENDING, map(rows.pending_row, batch.pending))
        if batch.settled:
            connection.executemany("DELETE FROM pending WHERE id = ?", [(one,) for one in batch.settled])
        if batch.closed:
            connection.executemany("DELETE FROM buffers WHERE agent_id = ? AND file_path = ?", batch.closed)
        if batch.buffers:
            connection.executemany(rows.PUT_BUFFER, map(rows.buffer_row, batch.buffers))
        if batch.outdated:
            from .retention import drop_outdated

            drop_outdated(connection, self._kept, batch.outdated)
        return seqs

    def _keep(self, connection: sqlite3.Connection, content_hash: str, content: bytes) -> None:
        now = int(time.time())
        row = connection.execute("SELECT kept_at FROM contents WHERE hash = ?", (content_hash,)).fetchone()
        large = len(content) > LARGE_CONTENT
        if large:
            self._kept.put(content_hash, content)  # a sweep may have dropped it since it was put
        if row is not None:
            if now - row[0] > _REFRESH_SECONDS:
                connection.execute("UPDATE contents SET kept_at = ? WHERE hash = ?", (now, content_hash))
            return
        size = len(content)
        values = (content_hash, size, size, rows.FORM_FILE if large else rows.FORM_RAW, now)
        number = connection.execute("INSERT INTO contents (hash, size, stored, form, kept_at) VALUES (?, ?, ?, ?, ?)", values).lastrowid
        if not large:
            connection.execute("INSERT INTO blobs (id, data) VALUES (?, ?)", (number, content))

    # history
    def last_seq(self) -> int:
        """The newest event's sequence number, 0 if there is none."""
        return int(self._database.read(lambda connection: connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]))

    def events(self, query: EventQuery) -> list[Event]:
        """The events asked for, in order of ``seq``."""
        return self._database.read(lambda connection: select_events(connection, query))

    def event(self, seq: int) -> Event | None:
        """One event."""
        if abs(seq) > LARGEST:
            return None
        statement = f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE seq = ?"
        found = self._database.read(lambda connection: rows.events_from_rows(connection.execute(statement, (seq,))))
        return found[0] if found else None

    def was_given(self, agent_id: str, file_path: str, content_hash: str) -> Event | None:
        """The newest event by which this writer was really given this version of this file."""
        return self._database.read(lambda connection: was_given(connection, agent_id, file_path, content_hash))

    # live snapshots
    def snapshot(self, agent_id: str, file_path: str) -> Snapshot | None:
        """What this writer knows of this file."""
        found = self._snapshots("WHERE file_path = ? AND agent_id = ?", (file_path, agent_id))
        return found[0] if found else None

    def snapshots(self, agent_id: str | None = None, file_path: str | None = None) -> list[Snapshot]:
        """Live snapshots, all or of one writer or of one file, ordered by file and writer."""
        filters = {name: value for name, value in (("agent_id", agent_id), ("file_path", file_path)) if value is not None}
        where = f"WHERE {' AND '.join(f'{name} = ?' for name in filters)}" if filters else ""
        return self._snapshots(where + " ORDER BY file_path, agent_id", tuple(filters.values()))

    def _snapshots(self, tail: str, parameters: tuple[str, ...]) -> list[Snapshot]:
        statement = f"SELECT {rows.SNAPSHOT_COLUMNS} FROM snapshots {tail}"
        return self._database.read(lambda connection: rows.snapshots_from_rows(connection.execute(statement, parameters)))

    # contents
    def content(self, content_hash: str) -> bytes | None:
        """The bytes of a version, None where they are not (or no longer) kept, or not any more those that were."""
        statement = "SELECT form, data FROM contents LEFT JOIN blobs USING (id) WHERE hash = ?"
        row = self._database.read(lambda connection: connection.execute(statement, (content_hash,)).fetchone())
        if row is None:
            return None
        if row[0] == rows.FORM_FILE:
            return self._kept.get(content_hash)
        return _whole(row[1], content_hash, packed=row[0] == rows.FORM_ZLIB)

    def find_hashes(self, prefix: str) -> list[str]:
        """Kept versions whose hash begins with these hex digits (at most 10), in order."""
        start = prefix.lower()
        if start.strip("0123456789abcdef"):
            return []
        statement = "SELECT hash FROM contents WHERE hash >= ? AND hash < ? ORDER BY hash LIMIT 10"
        return self._database.read(lambda connection: [row[0] for row in connection.execute(statement, (start, start + "g"))])

    def purge(self, hashes: Iterable[str] | None) -> int:
        """Drop these contents now, or (None) all, overwriting where they stood; how many there were."""
        from .retention import purge

        return purge(self._database, self._kept, hashes)

    def sweep(self, now: str) -> int:
        """Apply the retention limits and compress what is kept; bytes freed by dropping."""
        from .retention import sweep

        return sweep(self._database, self._kept, now, self._keep_bytes, self._keep_seconds)

    # pending exchanges and unsaved buffers
    def pending(self, file_path: str | None = None) -> list[Pending]:
        """Exchanges under way (of one path), ordered by group and position."""
        where, parameters = ("", ()) if file_path is None else ("WHERE ? IN (file_path, to_path)", (file_path,))
        statement = f'SELECT {rows.PENDING_COLUMNS} FROM pending {where} ORDER BY "group", position, id'
        return self._database.read(lambda connection: [rows.pending_from_row(row) for row in connection.execute(statement, parameters)])

    def buffers(self, file_path: str | None = None) -> list[Buffer]:
        """Open buffers, all or of one file, ordered by file and writer."""
        where, parameters = ("", ()) if file_path is None else ("WHERE file_path = ?", (file_path,))
        statement = f"SELECT {rows.BUFFER_COLUMNS} FROM buffers {where} ORDER BY file_path, agent_id"
        return self._database.read(lambda connection: [rows.buffer_from_row(row) for row in connection.execute(statement, parameters)])

    # leases
    def acquire_lease(self, file_path: str, agent_id: str, boot_id: str, now_ns: int, until_ns: int) -> Lease | None:
        """Take or renew the path's lease, with a token above all earlier ones; None while another writer holds one."""

        def work(connection: sqlite3.Connection) -> Lease | None:
            held = _lease_in_force(connection, file_path, boot_id, now_ns)
            if held is not None and held.agent_id != agent_id:
                return None
            connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'lease_token'")
            token = int(connection.execute("SELECT value FROM meta WHERE key = 'lease_token'").fetchone()[0])
            lease = Lease(file_path, agent_id, token, boot_id, until_ns)
            connection.execute(
                "INSERT OR REPLACE INTO leases (file_path, agent_id, token, boot_id, expires_ns) VALUES (?, ?, ?, ?, ?)", lease
            )
            return lease

        return self._database.write(work)

    def lease(self, file_path: str, boot_id: str, now_ns: int) -> Lease | None:
        """The lease now in force on a path."""
        return self._database.read(lambda connection: _lease_in_force(connection, file_path, boot_id, now_ns))

    def release_lease(self, file_path: str, token: int) -> bool:
        """Give up a lease; false where another token is in force."""
        statement = "DELETE FROM leases WHERE file_path = ? AND token = ?"
        return self._database.write(lambda connection: connection.execute(statement, (file_path, token)).rowcount) > 0

    def release_leases(self, agent_id: str) -> int:
        """Give up all leases of one writer; how many."""
        return self._database.write(lambda connection: connection.execute("DELETE FROM leases WHERE agent_id = ?", (agent_id,)).rowcount)

    # small named values
    def get_meta(self, key: str) -> str | None:
        """A named value."""
        row = self._database.read(lambda connection: connection.execute("SELECT value FROM marks WHERE key = ?", (key,)).fetchone())
        return None if row is None else row[0]

    def put_meta(self, key: str, value: str | None) -> None:
        """Set or (None) drop a named value."""
        if value is None:
            self._database.write(lambda connection: connection.execute("DELETE FROM marks WHERE key = ?", (key,)))
        else:
            self._database.write(
                lambda connection: connection.execute("INSERT OR REPLACE INTO marks (key, value) VALUES (?, ?)", (key, value))
            )

    def close(self) -> None:
        """Let go of everything; idempotent."""
        self._database.close()


def _whole(data: bytes | None, content_hash: str, *, packed: bool) -> bytes | None:
    """Kept bytes, if they are those once kept: a disk can damage them where the database itself does not notice."""
    if packed and data is not None:
        import zlib

        try:
            data = zlib.decompress(data)
        except zlib.error:
            return None
    return data if data is not None and hash_content(data) == content_hash else None


def _lease_in_force(connection: sqlite3.Connection, file_path: str, boot_id: str, now_ns: int) -> Lease | None:
    statement = "SELECT file_path, agent_id, token, boot_id, expires_ns FROM leases WHERE file_path = ? AND boot_id = ? AND expires_ns > ?"
    row = connection.execute(statement, (file_path, boot_id, now_ns)).fetchone()
    return None if row is None else Lease(*row)
