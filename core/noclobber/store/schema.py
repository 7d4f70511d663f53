"""The tables of ``state.db``, and how an older state becomes a newer one: nothing that is on record is ever dropped.

Each ``Step`` adds tables and columns, adds or drops indexes, and names the oldest schema whose programs may go on
using the result, so that an older front beside a newer one keeps working. A later part of noclobber
that needs tables of its own appends a step here; it reads and writes them through
``SqliteStore.reading()`` and ``SqliteStore.writing()``.
"""

from __future__ import annotations

import sqlite3
import time
from typing import NamedTuple

from ..errors import StoreTooNewError

__all__ = ["SCHEMA_VERSION", "STEPS", "Step", "check_version", "new_epoch", "raise_to_current"]


class Step(NamedTuple):
    """What makes schema ``version`` out of the one before it; ``usable_from``: the oldest schema version known
    to a program that may still use the result."""

    version: int
    usable_from: int
    statements: tuple[str, ...]


# Every index ends in the rowid, which is seq: an index on (agent_id) walks one agent's events in order of seq.
# `given_hash` is the version the writer knew after the event, where the event gave it one. `latest` is the highest
# timestamp before an event, where the clock had been set back: with it a time finds its place by bisection over
# seq, and no index on timestamp has to be written. Kind `read` and outcome `done` are nearly everything, and
# walking seq finds them at once; only the rest is indexed. Bytes stand apart from what is said about them, so that
# touching or sweeping a row never rewrites or reads them.
_FIRST = Step(
    version=1,
    usable_from=1,
    statements=(
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE marks (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL, refusal TEXT,
            epoch TEXT NOT NULL, agent_id TEXT NOT NULL, turn_id TEXT, intent_id TEXT, file_path TEXT, to_path TEXT,
            before_hash TEXT, after_hash TEXT, detail TEXT, given_hash TEXT, latest TEXT)""",
        "CREATE INDEX events_by_agent ON events (agent_id)",
        "CREATE INDEX events_by_turn ON events (turn_id) WHERE turn_id IS NOT NULL",
        "CREATE INDEX events_by_intent ON events (intent_id) WHERE intent_id IS NOT NULL",
        "CREATE INDEX events_by_file ON events (file_path) WHERE file_path IS NOT NULL",
        "CREATE INDEX events_changes_by_file ON events (file_path) WHERE file_path IS NOT NULL AND kind <> 'read'",
        "CREATE INDEX events_changes_by_agent ON events (agent_id) WHERE kind <> 'read'",
        "CREATE INDEX events_by_to_path ON events (to_path) WHERE to_path IS NOT NULL",
        "CREATE INDEX events_by_kind ON events (kind) WHERE kind <> 'read'",
        "CREATE INDEX events_by_outcome ON events (outcome) WHERE outcome <> 'done'",
        """CREATE TABLE snapshots (
            file_path TEXT NOT NULL, read_hash TEXT NOT NULL, turn_id TEXT, intent_id TEXT, timestamp TEXT NOT NULL,
            agent_id TEXT NOT NULL, lines TEXT, signature BLOB, seq INTEGER NOT NULL,
            PRIMARY KEY (file_path, agent_id)) WITHOUT ROWID""",
        "CREATE INDEX snapshots_by_agent ON snapshots (agent_id)",
        """CREATE TABLE contents (
            id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, stored INTEGER NOT NULL,
            form INTEGER NOT NULL, kept_at INTEGER NOT NULL)""",
        "CREATE TABLE blobs (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
        """CREATE TABLE pending (
            id TEXT PRIMARY KEY, "group" TEXT NOT NULL, position INTEGER NOT NULL, file_path TEXT NOT NULL, action TEXT NOT NULL,
            temp_name TEXT, placing TEXT, expecting TEXT, to_path TEXT, state TEXT NOT NULL, outcome TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE buffers (
            file_path TEXT NOT NULL, agent_id TEXT NOT NULL, base_hash TEXT, text_hash TEXT, unsaved INTEGER NOT NULL,
            lines TEXT, keystroke_at TEXT NOT NULL, live_id TEXT NOT NULL, editor_pid INTEGER,
            PRIMARY KEY (file_path, agent_id)) WITHOUT ROWID""",
        """CREATE TABLE leases (
            file_path TEXT PRIMARY KEY, agent_id TEXT NOT NULL, token INTEGER NOT NULL, boot_id TEXT NOT NULL,
            expires_ns INTEGER NOT NULL) WITHOUT ROWID""",
    ),
)

# Lessons and the runs of checks they come from. Words are indexed apart, row by row with the lesson's own number.
_LESSONS = Step(
    version=2,
    usable_from=1,
    statements=(
        """CREATE TABLE lessons (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, key TEXT NOT NULL, state TEXT NOT NULL, "when" TEXT NOT NULL,
            lesson TEXT NOT NULL, context TEXT NOT NULL, failure TEXT NOT NULL, resolution TEXT NOT NULL, files TEXT NOT NULL,
            agent_id TEXT, turn_id TEXT, intent_id TEXT, "check" TEXT, "commit" TEXT, corrects TEXT, place TEXT, note TEXT,
            seen INTEGER NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, detail TEXT)""",
        "CREATE INDEX lessons_by_key ON lessons (key)",
        "CREATE INDEX lessons_by_state ON lessons (state)",
        """CREATE VIRTUAL TABLE lesson_words USING fts5
            (lesson, context, failure, resolution, files, tokenize = "unicode61 tokenchars '_'")""",
        """CREATE TABLE check_runs (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL, at TEXT NOT NULL, agent_id TEXT NOT NULL, turn_id TEXT, intent_id TEXT,
            status INTEGER NOT NULL, seconds REAL NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL, keys TEXT NOT NULL)""",
        "CREATE INDEX check_runs_by_name ON check_runs (name)",
    ),
)

# Every index is one more page that the record of a read writes. These two were asked for so rarely that a walk along the
# file's own events does; a program that names them cannot go on.
_FEWER_INDEXES = Step(
    version=3,
    usable_from=3,
    statements=(
        "DROP INDEX IF EXISTS events_by_agent_and_file",
        "DROP INDEX IF EXISTS events_by_hash",
        "CREATE INDEX events_changes_by_hash ON events (after_hash) WHERE after_hash IS NOT NULL AND kind <> 'read'",
    ),
)

STEPS: tuple[Step, ...] = (_FIRST, _LESSONS, _FEWER_INDEXES)
SCHEMA_VERSION = STEPS[-1].version


def new_epoch() -> str:
    """A name for a run of sequence numbers that begins now; later ones sort later."""
    import os

    return f"{time.time_ns() // 1_000_000_000:08x}-{os.urandom(3).hex()}"


def check_version(connection: sqlite3.Connection, steps: tuple[Step, ...] = STEPS) -> bool:
    """Whether the state is of this schema, or of a newer one that allows this program.

    False: it is older, or new, and ``raise_to_current`` is needed. StoreTooNewError: this program is too old.
    """
    version = _version(connection)
    current = steps[-1].version
    if version <= current:
        return version == current
    row = connection.execute("SELECT value FROM meta WHERE key = 'usable_from'").fetchone()
    usable_from = int(row[0]) if row else version
    if usable_from > current:
        raise StoreTooNewError(
            f"the state in .noclobber has schema {version} and needs a noclobber that knows schema {usable_from}; this one knows "
            f"{current}. Update noclobber here, or remove .noclobber to begin anew."
        )
    return True


def raise_to_current(connection: sqlite3.Connection, steps: tuple[Step, ...] = STEPS) -> bool:
    """Add what is missing; the caller holds a write transaction, so that of two processes one does it. True: the state was made anew."""
    version = _version(connection)
    for step in steps:
        if step.version > version:
            for statement in step.statements:
                connection.execute(statement)
            _put(connection, "schema_version", str(step.version))
            _put(connection, "usable_from", str(step.usable_from))
            connection.execute(f"PRAGMA user_version = {step.version:d}")
    if version:
        return False
    _put(connection, "epoch", new_epoch())
    # Begins at the clock, so that tokens of a state made anew are above those of the lost one.
    _put(connection, "lease_token", str(time.time_ns() // 1_000_000))
    return True


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _put(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))
