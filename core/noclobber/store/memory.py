"""The store in plain dictionaries: for tests and for work that leaves no trace. It dies with its process.

It is also the specification in its simplest form: the embedded store must answer the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from ..clock import format_utc, parse_utc
from ..records import Buffer, Event, Lease, Snapshot
from .protocol import LOOKED_BACK, Batch, EventQuery, Pending
from .retention import SNAPSHOT_IDLE_SECONDS, KeptContent, expired
from .rows import given_hash, json_text, json_value
from .schema import new_epoch

__all__ = ["MemoryStore"]


class MemoryStore:
    """See ``Store`` for what each method does. May be shared by threads, not by processes."""

    def __init__(self, *, keep_megabytes: float = 500, keep_days: float = 7) -> None:
        self._keep_bytes = keep_megabytes * 1_000_000
        self._keep_seconds = keep_days * 86_400
        self._lock = threading.RLock()
        self._epoch = new_epoch()
        self._version = 0
        self._events: list[Event] = []
        self._snapshots: dict[tuple[str, str], Snapshot] = {}
        self._contents: dict[str, tuple[bytes, int]] = {}
        self._pending: dict[str, Pending] = {}
        self._buffers: dict[tuple[str, str], Buffer] = {}
        self._leases: dict[str, Lease] = {}
        self._token = time.time_ns() // 1_000_000
        self._meta: dict[str, str] = {}
        self._listeners: tuple[Callable[[], None], ...] = ()

    @property
    def epoch(self) -> str:
        """Names this run of sequence numbers."""
        return self._epoch

    @property
    def opening_notice(self) -> str | None:
        """None: there is nothing to repair."""
        return None

    def version(self) -> int:
        """Another number after each change."""
        return self._version

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each commit that recorded events; it must be quick and not raise."""
        self._listeners = (*self._listeners, listener)

    # changes
    def apply(self, batch: Batch) -> tuple[int, ...]:
        """Make all changes of the batch or none."""
        with self._lock:
            events = [_plain(event, self._epoch) for event in batch.events]  # the only step that can fail comes first
            pending = [one._replace(outcome=json_value(json_text(one.outcome))) for one in batch.pending]
            first = len(self._events) + 1
            seqs = tuple(range(first, first + len(events)))
            self._events += [event._replace(seq=seq) for seq, event in zip(seqs, events, strict=True)]
            self._keep(batch.contents)
            self._put_snapshots(batch, seqs[-1] if seqs else 0)
            self._pending.update((one.id, one) for one in pending)
            for settled in batch.settled:
                self._pending.pop(settled, None)
            for agent_id, file_path in batch.closed:
                self._buffers.pop((file_path, agent_id), None)
            self._buffers.update(((one.file_path, one.agent_id), one) for one in batch.buffers)
            for file_path, content_hash, seq in batch.outdated:
                if content_hash not in self._needed() and not self._is_named(file_path, content_hash, seq):
                    self._contents.pop(content_hash, None)
            self._version += 1
        if seqs:
            for listener in self._listeners:
                listener()
        return seqs

    def _keep(self, contents: Iterable[tuple[str, bytes]]) -> None:
        now = int(time.time())
        for content_hash, content in contents:
            kept = self._contents.get(content_hash)
            self._contents[content_hash] = (kept[0] if kept else bytes(content), now)

    def _is_named(self, file_path: str, content_hash: str, seq: int) -> bool:
        """Whether a change left this version behind, or one of the file after ``seq`` names it in another way."""
        changes = [event for event in self._events if event.kind != "read"]
        return any(
            event.after_hash == content_hash
            or (
                event.file_path == file_path
                and event.seq > seq
                and (event.before_hash == content_hash or content_hash in json_text(event.detail or {}))
            )
            for event in changes
        )

    def _put_snapshots(self, batch: Batch, last: int) -> None:
        for agent_id, file_path in batch.forget:
            for key in [key for key in self._snapshots if key[1] == agent_id and file_path in (None, key[0])]:
                del self._snapshots[key]
        for snapshot in batch.snapshots:
            self._snapshots[snapshot.file_path, snapshot.agent_id] = snapshot._replace(seq=snapshot.seq or last)
        for snapshot in batch.signatures:
            live = self._snapshots.get((snapshot.file_path, snapshot.agent_id))
            if live is not None and (live.seq, live.read_hash) == (snapshot.seq, snapshot.read_hash):
                self._snapshots[snapshot.file_path, snapshot.agent_id] = live._replace(signature=snapshot.signature)

    # history
    def last_seq(self) -> int:
        """The newest event's sequence number, 0 if there is none."""
        return len(self._events)

    def events(self, query: EventQuery) -> list[Event]:
        """The events asked for, in order of ``seq``."""
        with self._lock:
            found = [event for event in self._events if _matches(event, query)]
        if query.limit is None or len(found) <= query.limit:
            return found
        return found[: max(query.limit, 0)] if query.oldest else found[len(found) - max(query.limit, 0) :]

    def event(self, seq: int) -> Event | None:
        """One event."""
        return self._events[seq - 1] if 0 < seq <= len(self._events) else None

    def was_given(self, agent_id: str, file_path: str, content_hash: str) -> Event | None:
        """The newest event by which this writer was really given this version of this file."""
        with self._lock:
            under_it = [one for one in self._events if one.file_path == file_path][-LOOKED_BACK:]
            moved_to_it = [one for one in self._events if one.to_path == file_path]
        given = [one for one in (*under_it, *moved_to_it) if one.agent_id == agent_id and given_hash(one) == content_hash]
        return max(given, key=lambda one: one.seq, default=None)

    # live snapshots
    def snapshot(self, agent_id: str, file_path: str) -> Snapshot | None:
        """What this writer knows of this file."""
        return self._snapshots.get((file_path, agent_id))

    def snapshots(self, agent_id: str | None = None, file_path: str | None = None) -> list[Snapshot]:
        """Live snapshots, all or of one writer or of one file, ordered by file and writer."""
        with self._lock:
            ordered = sorted(self._snapshots.items())
        return [one for key, one in ordered if agent_id in (None, key[1]) and file_path in (None, key[0])]

    # contents
    def content(self, content_hash: str) -> bytes | None:
        """The bytes of a version, None where they are not (or no longer) kept."""
        kept = self._contents.get(content_hash)
        return kept[0] if kept else None

    def find_hashes(self, prefix: str) -> list[str]:
        """Kept versions whose hash begins with these hex digits (at most 10), in order."""
        with self._lock:
            return sorted(one for one in self._contents if one.startswith(prefix.lower()))[:10]

    def purge(self, hashes: Iterable[str] | None) -> int:
        """Drop these contents now, or (None) all; how many there were."""
        with self._lock:
            self._version += 1
            wanted = list(self._contents) if hashes is None else set(hashes)
            return sum(self._contents.pop(one, None) is not None for one in wanted)

    def sweep(self, now: str) -> int:
        """Apply the retention limits; bytes freed."""
        seconds = parse_utc(now)
        idle_since = format_utc(seconds - SNAPSHOT_IDLE_SECONDS)
        with self._lock:
            self._snapshots = {key: one for key, one in self._snapshots.items() if one.timestamp >= idle_since}
            contents = [KeptContent(name, len(content), kept_at) for name, (content, kept_at) in self._contents.items()]
            gone = expired(contents, self._needed(), seconds, self._keep_bytes, self._keep_seconds)
            for one in gone:
                del self._contents[one.hash]
            self._version += 1
        return sum(one.stored for one in gone)

    def _needed(self) -> set[str]:
        needed = {snapshot.read_hash for snapshot in self._snapshots.values()}
        for buffer in self._buffers.values():
            needed |= {one for one in (buffer.base_hash, buffer.text_hash) if one is not None}
        for pending in self._pending.values():
            needed |= {one for one in (pending.placing, pending.expecting) if one is not None}
        return needed

    # pending exchanges and unsaved buffers
    def pending(self, file_path: str | None = None) -> list[Pending]:
        """Exchanges under way (of one path), ordered by group and position."""
        with self._lock:
            ordered = sorted(self._pending.values(), key=lambda one: (one.group, one.position, one.id))
        return [one for one in ordered if file_path in (None, one.file_path, one.to_path)]

    def buffers(self, file_path: str | None = None) -> list[Buffer]:
        """Open buffers, all or of one file, ordered by file and writer."""
        with self._lock:
            ordered = sorted(self._buffers.items())
        return [one for key, one in ordered if file_path in (None, key[0])]

    # leases
    def acquire_lease(self, file_path: str, agent_id: str, boot_id: str, now_ns: int, until_ns: int) -> Lease | None:
        """Take or renew the path's lease, with a token above all earlier ones; None while another writer holds one."""
        with self._lock:
            held = self.lease(file_path, boot_id, now_ns)
            if held is not None and held.agent_id != agent_id:
                return None
            self._token += 1
            self._version += 1
            self._leases[file_path] = lease = Lease(file_path, agent_id, self._token, boot_id, until_ns)
            return lease

    def lease(self, file_path: str, boot_id: str, now_ns: int) -> Lease | None:
        """The lease now in force on a path."""
        held = self._leases.get(file_path)
        return held if held is not None and held.boot_id == boot_id and held.expires_ns > now_ns else None

    def release_lease(self, file_path: str, token: int) -> bool:
        """Give up a lease; false where another token is in force."""
        with self._lock:
            held = self._leases.get(file_path)
            if held is None or held.token != token:
                return False
            del self._leases[file_path]
            self._version += 1
            return True

    def release_leases(self, agent_id: str) -> int:
        """Give up all leases of one writer; how many."""
        with self._lock:
            mine = [path for path, lease in self._leases.items() if lease.agent_id == agent_id]
            for path in mine:
                del self._leases[path]
            self._version += 1
            return len(mine)

    # small named values
    def get_meta(self, key: str) -> str | None:
        """A named value."""
        return self._meta.get(key)

    def put_meta(self, key: str, value: str | None) -> None:
        """Set or (None) drop a named value."""
        with self._lock:
            self._version += 1
            if value is None:
                self._meta.pop(key, None)
            else:
                self._meta[key] = value

    def close(self) -> None:
        """Nothing is held that outlives the process."""


def _plain(event: Event, epoch: str) -> Event:
    """The event as any other store would give it back: its detail is what JSON can carry."""
    detail = None if event.detail is None else json_value(json_text(event.detail))
    return event._replace(epoch=epoch, detail=detail)


def _matches(event: Event, query: EventQuery) -> bool:
    return (
        (query.file_path is None or query.file_path in (event.file_path, event.to_path))
        and query.agent_id in (None, event.agent_id)
        and query.turn_id in (None, event.turn_id)
        and query.intent_id in (None, event.intent_id)
        and (query.kinds is None or event.kind in query.kinds)
        and (query.outcomes is None or event.outcome in query.outcomes)
        and (query.after_hash is None or (event.after_hash == query.after_hash and event.kind != "read"))
        and (query.since is None or event.timestamp >= query.since)
        and (query.after_seq is None or event.seq > query.after_seq)
        and (query.before_seq is None or event.seq < query.before_seq)
    )
