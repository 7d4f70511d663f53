"""Runs of checks on record: when each last passed, and up to which event the history had come."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, cast

from ..clock import utc_now
from ..guard import ConcurrencyGuard

__all__ = ["UNKNOWN", "Run", "Runs"]

UNKNOWN = "Not resolved yet."
"""The resolution of a lesson that was filed while its check still fails."""

_KEPT = 200  # of each check


class Run(NamedTuple):
    """One run of a check; ``seq``: the newest event when it ended, in ``epoch``."""

    name: str
    at: str
    agent_id: str
    turn_id: str | None
    intent_id: str | None
    status: int
    seconds: float
    epoch: str
    seq: int
    keys: tuple[str, ...]


class _Sqlite(Protocol):
    def reading(self) -> AbstractContextManager[sqlite3.Connection]: ...

    def writing(self) -> AbstractContextManager[sqlite3.Connection]: ...


class Runs:
    """The runs of a workspace's checks."""

    def __init__(self, guard: ConcurrencyGuard) -> None:
        self._guard = guard
        self._store = cast("_Sqlite", guard.workspace.store)

    def record(self, name: str, status: int, seconds: float, keys: Sequence[str]) -> Run:
        """Put a run that has just ended on record."""
        guard, store = self._guard, self._guard.workspace.store
        run = Run(
            name,
            utc_now(),
            guard.agent_id,
            guard.turn_id,
            guard.intent_id,
            status,
            round(seconds, 3),
            store.epoch,
            store.last_seq(),
            tuple(keys),
        )
        with self._store.writing() as connection:
            marks = ", ".join("?" * len(run))
            connection.execute(f"INSERT INTO check_runs ({', '.join(Run._fields)}) VALUES ({marks})", (*run[:-1], json.dumps(run.keys)))
            old = "SELECT id FROM check_runs WHERE name = ? ORDER BY id DESC LIMIT -1 OFFSET ?"
            connection.execute(f"DELETE FROM check_runs WHERE id IN ({old})", (name, _KEPT))
        return run

    def leaves_open(self, name: str) -> bool:
        """Whether a pass of this check would resolve anything."""
        open_ones = "state = 'draft' OR (state IN ('live', 'archived') AND resolution = ?)"
        query = f'SELECT 1 FROM lessons WHERE "check" = ? AND ({open_ones}) LIMIT 1'
        with self._store.reading() as connection:
            return connection.execute(query, (name, UNKNOWN)).fetchone() is not None

    def last_pass(self, name: str) -> Run | None:
        """The newest run of this check that passed."""
        query = f"SELECT {', '.join(Run._fields)} FROM check_runs WHERE name = ? AND status = 0 ORDER BY id DESC LIMIT 1"
        with self._store.reading() as connection:
            row = connection.execute(query, (name,)).fetchone()
        return None if row is None else Run._make((*row[:-1], tuple(json.loads(row[-1]))))
