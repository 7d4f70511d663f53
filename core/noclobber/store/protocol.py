"""What a store must do. SQLite and memory pass one test suite; a networked engine joins by passing it too.

The store is the truth of a workspace: history, live snapshots, contents by hash, unsaved buffers,
leases and pending exchanges. It knows nothing of files in the working tree. Everything that must happen
together goes into one ``Batch``; sequence numbers are given in commit order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from ..records import Buffer, Event, EventKind, Lease, Outcome, Snapshot

__all__ = ["LOOKED_BACK", "Batch", "EventQuery", "Pending", "PendingState", "Store"]

LOOKED_BACK: Final = 5_000
"""How many of a file's events are looked through for a version that a writer says it was given: about 5 ms."""

PendingState = Literal["intended", "committed"]


class Pending(NamedTuple):
    """One file of a guarded change that is under way, on record before the file is touched.

    ``group``: the change it belongs to (a write of several files has one group, several rows, ``position`` from 0).
    ``action``: ``exchange`` (``temp_name`` in ``.noclobber/tmp`` holds what is to be placed; afterwards what came out),
    ``create``, ``inplace``, ``delete``, ``move``. ``placing`` and ``expecting`` are content hashes (None:
    absent). ``state``: ``intended`` until the outcome is on record, then ``committed`` until its temporary file is away.
    ``outcome``: the events, snapshots and so on that settle it (JSON), so that recovery can finish the history.
    """

    id: str
    group: str
    position: int
    file_path: str
    action: Literal["exchange", "create", "inplace", "delete", "move"]
    temp_name: str | None
    placing: str | None
    expecting: str | None
    to_path: str | None
    state: PendingState
    outcome: dict[str, Any]


class Batch(NamedTuple):
    """Changes that are made together or not at all.

    ``events`` carry ``seq`` 0 and get theirs in order; a snapshot with ``seq`` 0 gets the last of them. ``contents``
    are (hash, bytes) pairs; a hash already kept is kept once. ``forget`` drops live snapshots: (agent_id, file_path),
    a None file_path meaning all of that agent's. ``pending`` rows are put (replacing the same id), ``settled`` ids dropped.
    ``buffers`` are put by (agent_id, file_path), ``closed`` drops them. ``signatures`` are snapshots whose signature is put where
    the very same one (``seq``, ``read_hash``) is still live. ``outdated``: (file_path, hash, seq), contents kept for a buffer alone when
    ``seq`` was the newest event: dropped after all else, unless a change since, a live snapshot, a buffer or a pending exchange refers to
    them.
    """

    events: Sequence[Event] = ()
    snapshots: Sequence[Snapshot] = ()
    forget: Sequence[tuple[str, str | None]] = ()
    contents: Sequence[tuple[str, bytes]] = ()
    pending: Sequence[Pending] = ()
    settled: Sequence[str] = ()
    buffers: Sequence[Buffer] = ()
    closed: Sequence[tuple[str, str]] = ()
    signatures: Sequence[Snapshot] = ()
    outdated: Sequence[tuple[str, str, int]] = ()


class EventQuery(NamedTuple):
    """Which events; None means any. ``file_path`` matches ``to_path`` as well. ``since``: UTC timestamp, inclusive.

    ``after_hash``: the version that a change left behind (a ``read`` leaves none). ``after_seq`` and ``before_seq`` are
    exclusive. ``kinds`` and ``outcomes``: any of these. The newest ``limit`` of those that match are returned, in order of
    ``seq``; with ``oldest`` true the oldest ``limit``.
    """

    file_path: str | None = None
    agent_id: str | None = None
    turn_id: str | None = None
    intent_id: str | None = None
    kinds: tuple[EventKind, ...] | None = None
    outcomes: tuple[Outcome, ...] | None = None
    after_hash: str | None = None
    since: str | None = None
    after_seq: int | None = None
    before_seq: int | None = None
    limit: int | None = None
    oldest: bool = False


class Store(Protocol):
    """The state of one workspace. Safe to use from threads; any number of processes may have one open."""

    @property
    def epoch(self) -> str:
        """Names this run of sequence numbers; another one begins where the state was made anew."""

    @property
    def opening_notice(self) -> str | None:
        """One sentence for the person where the state had to be repaired or made anew, else None."""

    def apply(self, batch: Batch) -> tuple[int, ...]:
        """Make all changes of the batch or none; the events' sequence numbers, in order. The store fills in ``epoch``."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit of this store that recorded events; it must be quick and not raise."""

    def version(self) -> int:
        """A number that is another one whenever any process has committed a change; costs about 2 µs."""

    def last_seq(self) -> int:
        """The newest event's sequence number, 0 if there is none."""

    # history
    def events(self, query: EventQuery) -> list[Event]:
        """The events asked for, in order of ``seq``; through an index whatever the filter."""

    def event(self, seq: int) -> Event | None:
        """One event. Numbers go on where the history was rebuilt, so that they name one event across epochs too."""

    # live snapshots
    def snapshot(self, agent_id: str, file_path: str) -> Snapshot | None:
        """What this writer knows of this file."""

    def snapshots(self, agent_id: str | None = None, file_path: str | None = None) -> list[Snapshot]:
        """Live snapshots, all or of one writer or of one file, ordered by file and writer."""

    def was_given(self, agent_id: str, file_path: str, content_hash: str) -> Event | None:
        """The newest event by which this writer was really given this version of this file (a ``read``, or a change of its own),
        among the newest ``LOOKED_BACK`` events of the file; an older version counts as never given."""

    # contents
    def content(self, content_hash: str) -> bytes | None:
        """The bytes of a version, None where they are not (or no longer) kept."""

    def find_hashes(self, prefix: str) -> list[str]:
        """Kept versions whose hash begins with these hex digits (at most 10)."""

    def purge(self, hashes: Iterable[str] | None) -> int:
        """Drop these contents now, or (None) all; how many there were."""

    def sweep(self, now: str) -> int:
        """Apply the retention limits: contents over age or size that no live snapshot, buffer or pending
        exchange needs, and live snapshots idle for seven days; bytes freed."""

    # pending exchanges
    def pending(self, file_path: str | None = None) -> list[Pending]:
        """Exchanges under way (of one path; a move under both its names), ordered by group and position."""

    # unsaved buffers
    def buffers(self, file_path: str | None = None) -> list[Buffer]:
        """Open buffers, all or of one file."""

    # leases
    def acquire_lease(self, file_path: str, agent_id: str, boot_id: str, now_ns: int, until_ns: int) -> Lease | None:
        """Take or renew the path's lease; None while another writer holds one that has not run out. The token only grows."""

    def lease(self, file_path: str, boot_id: str, now_ns: int) -> Lease | None:
        """The lease now in force on a path."""

    def release_lease(self, file_path: str, token: int) -> bool:
        """Give up a lease; false where another token is in force."""

    def release_leases(self, agent_id: str) -> int:
        """Give up all leases of one writer; how many."""

    # small named values (settings of the state itself, marks of where somebody last looked)
    def get_meta(self, key: str) -> str | None:
        """A named value."""

    def put_meta(self, key: str, value: str | None) -> None:
        """Set or (None) drop a named value."""

    def close(self) -> None:
        """Let go of everything; idempotent."""
