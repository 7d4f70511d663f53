"""One process's access to ``state.db``: transactions, and going on when the file was deleted or is damaged.

Knows how to run a piece of work on a connection, not what the work is about. ``read`` and ``write`` run a function, once
more if the state had to be made anew beneath it; ``reading`` and ``writing`` are the same as context
managers, for parts of noclobber that keep tables of their own.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from ..errors import StoreDamagedError, StoreError
from ..progress import Progress, unwatched
from .connections import Connections, GivenUp
from .faults import is_damage, translated, unstorable
from .gate import Gate
from .opening import Opened, make_state_dir, open_state
from .schema import STEPS, Step

__all__ = ["Database"]

T = TypeVar("T")

_ATTEMPTS: Final = 5
_RESTLESS_SECONDS: Final = 5.0  # how long one call follows a state that others take away whenever it has been opened
_FORK_SECONDS: Final = 2.0  # how long a fork waits for transactions of other threads


class _Attempts:
    """How often one call tries: for some seconds while others take the state away, however slow this machine is beside them.

    A database that is damaged whenever it was made anew is given up soon: each time a file is set aside. There are none of these
    where the first attempt does it, as nearly always.
    """

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._made = self._repairs = 0

    def are_over(self, *, repaired: bool) -> bool:
        """Whether the one that has just failed was the last."""
        self._made += 1
        self._repairs += repaired
        late = self._made >= _ATTEMPTS and time.monotonic() - self._begun > _RESTLESS_SECONDS
        return late or self._repairs >= _ATTEMPTS


class Database:
    """The database ``folder/state.db``. ``prepare`` makes the folder, at first and whenever it was deleted.

    Every method may raise StoreBusyError, StoreTooNewError, StoreDamagedError, WorkspaceError or StoreError.
    """

    def __init__(
        self,
        folder: str,
        busy_seconds: float,
        prepare: Callable[[], None] | None = None,
        steps: tuple[Step, ...] = STEPS,
        progress: Progress = unwatched,
    ) -> None:
        self.path = os.path.join(folder, "state.db")
        self.notice: str | None = None
        self.epoch = ""  # of the state that is open, or was last
        self._busy_seconds = busy_seconds
        self._prepare = prepare if prepare is not None else lambda: make_state_dir(folder)
        self._steps = steps
        self._progress = progress
        self._gate = Gate(os.path.join(folder, "commit.lock"), busy_seconds)
        self._opening = threading.Lock()
        self._opened: Opened | None = None
        self._openings = 0
        self._closed = False
        self._torn: Connections | None = None  # during a fork: those that another thread did not give back in time
        self._unusable = False
        _prepare_for_forks(weakref.ref(self))
        try:
            self._state()
        except BaseException:
            self._gate.close()
            raise

    def version(self) -> int:
        """Another number after each commit by anybody, and whenever the state was made anew."""
        attempts = None
        while True:
            state, repaired = self._state(), False
            try:
                if state.connections.is_current():
                    return self._openings << 40 | state.connections.data_version()
                self._reopen(state)
            except GivenUp:
                self._reopen(state)
            except sqlite3.Error as error:
                repaired = self._repair(error, state)
            attempts = self._failed(attempts, repaired=repaired)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` on a connection, outside of a transaction unless it begins one."""
        attempts = None
        while True:
            state, repaired = self._state(), False
            try:
                connection = state.connections.take()
                try:
                    return work(connection)
                finally:
                    state.connections.give(connection)
            except GivenUp:
                self._reopen(state)
            except sqlite3.Error as error:
                repaired = self._repair(error, state)
            except (UnicodeEncodeError, OverflowError) as error:
                raise unstorable(error, "nothing can be found by that") from error
            attempts = self._failed(attempts, repaired=repaired)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``work`` in a write transaction: all of it is committed, or nothing."""
        attempts = None
        while True:
            state, repaired = self._state(), False
            failure: sqlite3.Error | None = None
            with self._gate:
                # Asked behind the gate: nobody sets the file aside between here and the commit.
                if state.connections.is_current():
                    try:
                        return _transact(state.connections, work)
                    except GivenUp:
                        pass  # opened anew below, once the gate is free
                    except sqlite3.Error as error:
                        failure = error
            if failure is None:
                self._reopen(state)
            else:
                repaired = self._repair(failure, state)
            attempts = self._failed(attempts, repaired=repaired)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which all statements see one and the same state."""
        attempts = None
        while True:
            state = self._state()
            connection = _take_current(state)
            if connection is not None:
                with _transaction(state.connections, connection, "BEGIN", self.path):
                    yield connection
                return
            self._reopen(state)
            attempts = self._failed(attempts)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a write transaction, committed at the end, rolled back if the body raises."""
        attempts = None
        while True:
            state = self._state()
            with self._gate:
                connection = _take_current(state)
                if connection is not None:
                    with _transaction(state.connections, connection, "BEGIN IMMEDIATE", self.path):
                        yield connection
                    return
            self._reopen(state)
            attempts = self._failed(attempts)

    def close(self) -> None:
        """Let go of the files; idempotent."""
        with self._opening:
            self._closed = True
            if self._opened is not None:
                self._opened.connections.close()
                self._opened = None
        self._gate.close()

    def before_fork(self) -> None:
        """Close everything, and hold back other threads until the fork is made.

        SQLite remembers for the whole process which locks it holds on a file. A child would inherit that memory but not
        the locks, believe it held them, and work on a log that others then delete. So no connection lives over a fork.
        """
        self._opening.acquire()
        state, self._opened = self._opened, None
        if state is not None:
            state.connections.close()
            if not state.connections.wait_until_closed(_FORK_SECONDS):
                self._torn = state.connections

    def after_fork_in_parent(self) -> None:
        """Go on; the next use opens anew."""
        self._torn = None
        self._opening.release()

    def after_fork_in_child(self) -> None:
        """Forget the parent's locks; the next use opens anew."""
        self._opening = threading.Lock()
        self._gate.after_fork()
        if self._torn is not None:
            self._torn.abandon()
            self._unusable = True

    def _state(self) -> Opened:
        state = self._opened
        return state if state is not None else self._reopen(None)

    def _reopen(self, old: Opened | None, damaged: bool = False) -> Opened:
        """Open in place of ``old``, unless another thread has done so."""
        with self._opening:
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed.")
            if self._unusable:
                raise StoreError("this process was forked in the middle of a transaction and cannot use the state; start it anew.")
            if self._opened is not None and self._opened is not old:
                return self._opened
            opened = open_state(
                self.path,
                self._gate,
                self._busy_seconds,
                prepare=self._prepare,
                steps=self._steps,
                damaged=old.connections if old is not None and damaged else None,
                progress=self._progress,
            )
            self.epoch = opened.epoch
            self._opened = opened
            self._openings += 1
            self.notice = opened.notice or self.notice
        if old is not None:
            old.connections.close()
        return opened

    def _repair(self, error: sqlite3.Error, state: Opened) -> bool:
        """Open anew where that can help, so that the caller tries again; else raise what the error means. Whether it was damaged."""
        damaged = state.connections.is_unchanged()  # it is this file's own error then
        if damaged and not is_damage(error):
            raise translated(error, self.path) from error
        self._reopen(state, damaged=damaged)
        return damaged

    def _failed(self, attempts: _Attempts | None, *, repaired: bool = False) -> _Attempts:
        """One more attempt failed. StoreDamagedError: it was the last."""
        attempts = attempts or _Attempts()
        if attempts.are_over(repaired=repaired):
            raise StoreDamagedError(f"{self.path} was damaged or replaced again and again; see who else writes into its folder.")
        return attempts


def _transact(connections: Connections, work: Callable[[sqlite3.Connection], T]) -> T:
    connection = connections.take()
    try:
        connection.execute("BEGIN IMMEDIATE")
        result = work(connection)
        connection.execute("COMMIT")
        return result
    except (UnicodeEncodeError, OverflowError) as error:
        raise unstorable(error, "nothing was recorded") from error
    finally:
        _roll_back(connection)
        connections.give(connection)


def _take_current(state: Opened) -> sqlite3.Connection | None:
    """A connection, unless the state was deleted, replaced or given up."""
    try:
        return state.connections.take() if state.connections.is_current() else None
    except GivenUp:
        return None


@contextmanager
def _transaction(connections: Connections, connection: sqlite3.Connection, begin: str, path: str) -> Iterator[None]:
    try:
        connection.execute(begin)
        yield
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise translated(error, path) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise unstorable(error, "nothing was found or recorded") from error
    finally:
        _roll_back(connection)
        connections.give(connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    """Undo what was not committed; a connection whose transaction is over is left alone."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _prepare_for_forks(reference: weakref.ref[Database]) -> None:
    """Hooks cannot be taken back, so they hold nothing but a weak reference."""

    def call(name: str) -> None:
        database = reference()
        if database is not None:
            getattr(database, name)()

    os.register_at_fork(
        before=lambda: call("before_fork"),
        after_in_parent=lambda: call("after_fork_in_parent"),
        after_in_child=lambda: call("after_fork_in_child"),
    )
