"""What is kept for how long, in the database: compressing, expiring, purging.

Each pass works in small transactions, so that no writer waits long behind it.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

from ..clock import format_utc, parse_utc
from .kept import KeptFiles
from .rows import FORM_FILE, FORM_FINAL, FORM_RAW, FORM_ZLIB

__all__ = [
    "SNAPSHOT_IDLE_SECONDS",
    "KeptContent",
    "Transactions",
    "compress",
    "drop_outdated",
    "expired",
    "purge",
    "sweep",
]

T = TypeVar("T")

SNAPSHOT_IDLE_SECONDS: Final = 7 * 86_400
_DAY: Final = 86_400
_COMPRESSED_AT_ONCE: Final = 1_000_000
_DROPPED_AT_ONCE: Final = 200

_NEEDED: Final = """SELECT read_hash FROM snapshots
    UNION SELECT base_hash FROM buffers UNION SELECT text_hash FROM buffers
    UNION SELECT placing FROM pending UNION SELECT expecting FROM pending"""
# ?1 the file, ?2 the hash, ?3 the newest event when it was kept: earlier ones that named it had it not.
_ONLY_A_BUFFERS: Final = """SELECT id FROM contents WHERE hash = ?2
    AND NOT EXISTS (SELECT 1 FROM events INDEXED BY events_changes_by_hash WHERE after_hash = ?2 AND kind <> 'read')
    AND NOT EXISTS (SELECT 1 FROM events INDEXED BY events_changes_by_file
        WHERE file_path = ?1 AND kind <> 'read' AND seq > ?3 AND (before_hash = ?2 OR instr(detail, ?2)))
    AND NOT EXISTS (SELECT 1 FROM snapshots WHERE read_hash = ?2)
    AND NOT EXISTS (SELECT 1 FROM buffers WHERE ?2 IN (base_hash, text_hash))
    AND NOT EXISTS (SELECT 1 FROM pending WHERE ?2 IN (placing, expecting))"""


class Transactions(Protocol):
    """How this module gets at the database."""

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run on a connection."""

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run in a write transaction."""


class KeptContent(NamedTuple):
    """A kept version. ``stored``: bytes it takes; ``kept_at``: seconds since 1970 when it was last asked to be kept."""

    hash: str
    stored: int
    kept_at: int


def expired(contents: Iterable[KeptContent], needed: set[str], now: float, limit_bytes: float, keep_seconds: float) -> list[KeptContent]:
    """What goes: all that is over age, then the oldest until the rest fits; nothing younger than a day, nothing needed."""
    ordered = sorted(contents, key=lambda one: (one.kept_at, one.hash))
    total = sum(one.stored for one in ordered)
    gone: list[KeptContent] = []
    for one in ordered:
        age = now - one.kept_at
        if one.hash in needed or age <= _DAY or (age <= keep_seconds and total <= limit_bytes):
            continue
        gone.append(one)
        total -= one.stored
    return gone


def sweep(database: Transactions, kept: KeptFiles, now: str, limit_bytes: float, keep_seconds: float) -> int:
    """Expire snapshots, take in files, drop contents, compress what stays; bytes freed by dropping."""
    seconds = parse_utc(now)
    idle_since = format_utc(seconds - SNAPSHOT_IDLE_SECONDS)
    database.write(lambda connection: connection.execute("DELETE FROM snapshots WHERE timestamp < ?", (idle_since,)))
    _take_in(database, kept)
    compress(database)
    contents = database.read(
        lambda connection: [KeptContent(*row) for row in connection.execute("SELECT hash, stored, kept_at FROM contents")]
    )
    needed = database.read(_needed)
    gone = expired(contents, needed, seconds, limit_bytes, keep_seconds)
    freed = sum(_drop(database, kept, gone[start : start + _DROPPED_AT_ONCE]) for start in range(0, len(gone), _DROPPED_AT_ONCE))
    if gone:
        database.write(lambda connection: connection.execute("PRAGMA incremental_vacuum(1000)").fetchall())
    return freed


def purge(database: Transactions, kept: KeptFiles, hashes: Iterable[str] | None) -> int:
    """Drop these contents, or (None) all, overwriting where they stood; how many there were."""
    if hashes is None:
        _take_in(database, kept)

    def work(connection: sqlite3.Connection) -> int:
        count = 0
        # A secret that was kept by mistake must not stay readable in a free page, nor in the log.
        connection.execute("PRAGMA secure_delete = ON")
        wanted = set(hashes) if hashes is not None else {row[0] for row in connection.execute("SELECT hash FROM contents")}
        for content_hash in wanted:
            connection.execute("DELETE FROM blobs WHERE id = (SELECT id FROM contents WHERE hash = ?)", (content_hash,))
            count += connection.execute("DELETE FROM contents WHERE hash = ?", (content_hash,)).rowcount
            kept.drop(content_hash)
        connection.execute("PRAGMA secure_delete = OFF")
        return count

    count = database.write(work)
    database.read(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    return count


def drop_outdated(connection: sqlite3.Connection, kept: KeptFiles, outdated: Iterable[tuple[str, str, int]]) -> None:
    """Drop what only a buffer needed (see ``Batch.outdated``), within the transaction in which the buffer moved on."""
    for named in outdated:
        row = connection.execute(_ONLY_A_BUFFERS, named).fetchone()
        if row is not None:
            connection.execute("DELETE FROM contents WHERE id = ?", row)
            connection.execute("DELETE FROM blobs WHERE id = ?", row)
            kept.drop(named[1])


def compress(database: Transactions) -> None:
    """Compress what was kept raw, a megabyte at a time, outside of any transaction."""
    while batch := database.read(_raw_contents):
        packed = [(number, data, zlib.compress(data)) for number, data in batch]
        database.write(partial(_replace, packed=packed))


def _raw_contents(connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    total = 0
    for number, data in connection.execute("SELECT id, data FROM contents JOIN blobs USING (id) WHERE form = ? LIMIT 100", (FORM_RAW,)):
        found.append((number, data))
        total += len(data)
        if total > _COMPRESSED_AT_ONCE:
            break
    return found


def _replace(connection: sqlite3.Connection, *, packed: Iterable[tuple[int, bytes, bytes]]) -> None:
    for number, data, small in packed:
        worth = len(small) < len(data)
        form, size = (FORM_ZLIB, len(small)) if worth else (FORM_FINAL, len(data))
        changed = connection.execute(
            "UPDATE contents SET form = ?, stored = ? WHERE id = ? AND form = ?", (form, size, number, FORM_RAW)
        ).rowcount
        if changed and worth:
            connection.execute("UPDATE blobs SET data = ? WHERE id = ?", (small, number))


def _needed(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute(_NEEDED)}


def _take_in(database: Transactions, kept: KeptFiles) -> None:
    """Files that a crash left without a row, or a damaged database without its rows, get one."""
    files = kept.sizes()
    if not files:
        return
    known = database.read(lambda connection: {row[0] for row in connection.execute("SELECT hash FROM contents")})
    rows = [(name, size, size, FORM_FILE, mtime) for name, (size, mtime) in files.items() if name not in known]
    if rows:
        database.write(
            lambda connection: connection.executemany(
                "INSERT OR IGNORE INTO contents (hash, size, stored, form, kept_at) VALUES (?, ?, ?, ?, ?)", rows
            )
        )


def _drop(database: Transactions, kept: KeptFiles, gone: list[KeptContent]) -> int:
    """Drop those that are still unneeded and were not asked for again since they were looked at; bytes freed."""

    def work(connection: sqlite3.Connection) -> list[KeptContent]:
        needed = _needed(connection)
        dropped: list[KeptContent] = []
        for one in gone:
            row = connection.execute("SELECT id FROM contents WHERE hash = ? AND kept_at = ?", (one.hash, one.kept_at)).fetchone()
            if row is None or one.hash in needed:
                continue
            connection.execute("DELETE FROM contents WHERE id = ?", row)
            connection.execute("DELETE FROM blobs WHERE id = ?", row)
            kept.drop(one.hash)  # inside the transaction: a writer that keeps it again comes before or after, never between
            dropped.append(one)
        return dropped

    return sum(one.stored for one in database.write(work))
