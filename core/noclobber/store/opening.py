"""Opening ``state.db`` whatever its condition: absent, older, newer, locked, damaged.

A damaged database is set aside and never deleted; wherever the state is made anew while a journal
exists, the history is taken from the journal. All of it happens behind the gate, so that of several processes one does it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from ..clock import utc_now
from ..errors import StoreBusyError, StoreDamagedError, StoreError, WorkspaceError
from ..progress import Progress, unwatched
from ..records import Event
from .connections import Connections, connect
from .faults import is_damage, is_io, no_access, translated
from .gate import Gate
from .rows import PUT_EVENT, event_row
from .schema import STEPS, Step, check_version, raise_to_current

__all__ = ["Opened", "make_state_dir", "open_state", "set_aside"]

_SWEEPS = 10  # how often the state may be taken away while it is being opened
_REPORTED = 500  # lines of a journal, some ten milliseconds


class Opened(NamedTuple):
    """A usable state. ``notice``: one sentence for the person where it had to be repaired, else None."""

    connections: Connections
    epoch: str
    notice: str | None


def make_state_dir(folder: str) -> None:
    """Make the state's folder where it is missing, for its owner alone."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise no_access(folder, error, "made ({}); make the folder above it writable.") from error


def open_state(
    path: str,
    gate: Gate,
    busy_seconds: float,
    *,
    prepare: Callable[[], None],
    steps: tuple[Step, ...] = STEPS,
    damaged: Connections | None = None,
    progress: Progress = unwatched,
) -> Opened:
    """Open, make, migrate or repair the database at ``path``.

    ``damaged``: connections that met damage; their file is set aside unless another process has done so. ``progress``
    counts the bytes of a journal that the history is taken from; cancelled there, nothing is made, and the next opening begins anew.
    Whoever removes the state may be at it still: what is taken away while it is opened is made once more.
    Raises StoreBusyError, StoreTooNewError, StoreDamagedError (it could not be set aside), WorkspaceError.
    """
    attempt = 1
    while True:
        if not os.path.isdir(os.path.dirname(path)):
            prepare()
        try:
            return _open_or_repair(path, gate, busy_seconds, steps, damaged, progress)
        except (WorkspaceError, StoreError) as error:
            if attempt == _SWEEPS or isinstance(error, StoreBusyError) or (os.path.lexists(path) and not _is_swept(error)):
                raise
        time.sleep(0.001 * attempt)
        attempt += 1


def _is_swept(error: Exception) -> bool:
    """Whether it may be that the log went before the database did: SQLite only says that it cannot read or write then."""
    return isinstance(error.__cause__, sqlite3.Error) and is_io(error.__cause__)


def _open_or_repair(
    path: str, gate: Gate, busy_seconds: float, steps: tuple[Step, ...], damaged: Connections | None, progress: Progress
) -> Opened:
    with gate:
        if not gate.is_current():
            gate.reopen()
        aside = set_aside(path) if damaged is not None and damaged.is_current() else None
        try:
            return _open(path, busy_seconds, steps, aside, progress)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise translated(error, path) from error
        aside = set_aside(path)
        try:
            return _open(path, busy_seconds, steps, aside, progress)
        except sqlite3.Error as error:
            raise translated(error, path) from error


def set_aside(path: str) -> str:
    """Rename the database and its log to ``state.db.damaged-<time>``; the new name."""
    aside = f"{path}.damaged-{_stamp()}"
    while os.path.lexists(aside):
        aside += "+"
    try:
        for suffix in ("-wal", "-shm", ""):
            if os.path.lexists(path + suffix):
                os.rename(path + suffix, aside + suffix)
    except OSError as error:
        raise StoreDamagedError(f"{path} is damaged and could not be set aside ({error.strerror}); move it away by hand.") from error
    return aside


def _stamp() -> str:
    return utc_now().replace(":", "").replace("-", "")


def _open(path: str, busy_seconds: float, steps: tuple[Step, ...], aside: str | None, progress: Progress) -> Opened:
    connection = _connected(path, busy_seconds)
    try:
        taken = None if check_version(connection, steps) else _bring_up(connection, path, steps, progress)
        row = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        return Opened(Connections(path, connection, busy_seconds), row[0], _notice(path, aside, taken))
    except BaseException:
        connection.close()
        raise


def _connected(path: str, busy_seconds: float) -> sqlite3.Connection:
    for _ in range(_SWEEPS):
        _create_private(path)
        try:
            return connect(path, busy_seconds)
        except sqlite3.OperationalError:
            if os.path.lexists(path):
                raise
    raise WorkspaceError(f"{path} is deleted again and again; see who cleans its folder.")


def _create_private(path: str) -> None:
    """Make the file where it does not exist: nobody can have it open through SQLite then, so closing drops no lock.

    Log and shared memory of a deleted one go first. Taken over, they would belong to two databases at once, and this process might
    still have them mapped: SQLite empties memory that it takes to be nobody's, and whoever looks at the mapping is killed (SIGBUS).
    """
    try:
        if not os.path.lexists(path):
            for leftover in (path + "-wal", path + "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(leftover)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise no_access(path, error, "made ({}); make its folder writable.") from error


def _bring_up(connection: sqlite3.Connection, path: str, steps: tuple[Step, ...], progress: Progress) -> int | None:
    """Make or migrate the tables; how many events were taken from the journal, None where none had to be."""
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != 2:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only a database still empty can be told
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise WorkspaceError(f"{path} is on a file system without shared memory; noclobber needs a local one.")
    connection.execute("BEGIN IMMEDIATE")
    try:
        anew = raise_to_current(connection, steps)
        taken = _take_history(connection, os.path.join(os.path.dirname(path), "journal.jsonl"), progress) if anew else None
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return taken


def _take_history(connection: sqlite3.Connection, journal: str, progress: Progress) -> int | None:
    count = last = 0
    renumbered = False
    try:
        for event in _journalled(journal, progress):
            seq = max(last + 1, event.seq)
            renumbered = renumbered or seq != event.seq
            connection.execute(PUT_EVENT, event_row(event, event.epoch, seq))
            count, last = count + 1, seq
        if renumbered:
            # It counted anew somewhere: it is kept as it is, and the mirror begins a file with the numbers given here.
            os.rename(journal, f"{journal}.{_stamp()}")
    except OSError:
        return count or None  # there is none, or it cannot be read: the history begins with what was read
    return count or None


def _journalled(journal: str, progress: Progress) -> Iterator[Event]:
    """The events of the journal; a torn or foreign line is passed over."""
    import json

    with open(journal, "rb") as lines:
        size, done = os.fstat(lines.fileno()).st_size, 0
        for number, line in enumerate(lines):
            if number % _REPORTED == 0:
                progress(done, size)
            done += len(line)
            try:
                event = _event(json.loads(line))
            except (ValueError, TypeError, KeyError):
                continue
            yield event
        progress(size, size)


def _event(row: dict[str, Any]) -> Event:
    texts = [row[name] for name in ("timestamp", "kind", "outcome", "epoch", "agent_id")]
    rest = [row.get(name) for name in ("refusal", "turn_id", "intent_id", "file_path", "to_path", "before_hash", "after_hash")]
    detail = row.get("detail")
    if (
        not all(isinstance(value, str) for value in texts)
        or not all(value is None or isinstance(value, str) for value in rest)
        or not isinstance(row["seq"], int)
        or not (detail is None or isinstance(detail, dict))
    ):
        raise TypeError("not an event")
    return Event._make(row.get(name) for name in Event._fields)


def _notice(path: str, aside: str | None, taken: int | None) -> str | None:
    history = f"{taken} events of history were taken from the journal" if taken else "there was no history to take from the journal"
    if aside is not None:
        name = os.path.basename(aside)
        return (
            f"The state was damaged and made anew; the damaged file is {name}; {history}. Files count as unread until they are read again."
        )
    if taken:
        return f"{os.path.basename(path)} was missing and made anew; {history}. Files count as unread until they are read again."
    return None
