"""What a decision about one file rests on, gathered from the disk and the store under the path's lock.

Also notices what came from outside: a file that is not as the history left it gets an ``outside`` event.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from .claims import idle_seconds
from .clock import boot_id, format_utc, monotonic_ns, parse_utc, utc_now
from .content import StableRead, hash_content, open_regular, stable_read
from .decision import Situation
from .liveness import is_alive
from .merge.names import is_mergeable_name
from .paths import Located
from .records import Buffer, Event, EventKind, Outcome, Snapshot
from .store.protocol import EventQuery
from .unsaved import OpenBuffer
from .workspace import Workspace

__all__ = [
    "CHANGING",
    "EFFECTIVE",
    "OUTSIDE",
    "Survey",
    "Writer",
    "hash_after",
    "last_seen",
    "look",
    "notice_outside",
    "open_buffers",
    "survey",
    "without_explained",
]

OUTSIDE = "outside"
"""The ``agent_id`` of changes that came through no front of ours."""
CHANGING: tuple[EventKind, ...] = ("write", "edit", "delete", "move", "restore", "revert", "outside", "git", "save")
EFFECTIVE: tuple[Outcome, ...] = ("done", "merged", "formatted", "overridden", "observed")
_FORMATTER_S = 10.0
_CLOCK_SLACK_S = 0.1
_ORPHANED_S = 60.0


class Writer(NamedTuple):
    """Who is asking, in which turn, for what."""

    agent_id: str
    turn_id: str | None = None
    intent_id: str | None = None


class Survey(NamedTuple):
    """A situation, with how the file was read (None: absent) and the ``outside`` event that is due, if any."""

    situation: Situation
    read: StableRead | None
    outside: tuple[Event, ...]


def look(located: Located) -> StableRead | None:
    """The file's bytes as they stand, None where it is absent."""
    if located.parent_fd < 0:
        return None
    try:
        os.stat(located.name, dir_fd=located.parent_fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    fd = open_regular(located.parent_fd, located.name, path=located.file_path)
    try:
        return stable_read(fd, path=located.file_path)
    finally:
        os.close(fd)


def survey(workspace: Workspace, located: Located, writer: Writer, *, read_hash: str | None = None) -> Survey:
    """Everything about one file and one writer; ``read_hash`` names the version the writer says it knows."""
    store, path = workspace.store, located.file_path
    read = look(located)
    disk = None if read is None else read.content
    disk_hash = None if disk is None else hash_content(disk)
    snapshot, given = _known(workspace, writer, path, read_hash)
    outside = notice_outside(workspace, path, disk_hash)
    # The same bytes may be kept for another file: of a secret one nothing is looked up, so that no diff can show it.
    secret = workspace.secrecy.never_kept(path)
    now = Situation(path, disk, disk_hash, snapshot, None, given=given, may_merge=not secret and is_mergeable_name(path), secret=secret)
    if snapshot is not None and not now.stale:
        now = now._replace(known=disk)
    elif snapshot is not None and not secret:
        now = now._replace(known=store.content(snapshot.read_hash))
    if now.stale:
        now, outside = _with_changes(workspace, now, writer, read, outside)
    now = now._replace(buffers=open_buffers(workspace, path, writer), lease=_lease(workspace, path, writer))
    return Survey(now, read, outside)


def hash_after(event: Event, path: str) -> str | None:
    """What stood at a path after an event: a move, and a move taken back, leaves nothing at its old name."""
    if event.to_path is not None and path == event.file_path:
        return None
    return event.after_hash


def notice_outside(workspace: Workspace, path: str, disk_hash: str | None) -> tuple[Event, ...]:
    """The ``outside`` event that is due where the disk is not as the history left it."""
    last = last_seen(workspace, path)
    return () if last is None or hash_after(last, path) == disk_hash else (_outside_event(workspace, path, last, disk_hash),)


def without_explained(events: Sequence[Event]) -> list[Event]:
    """Events, oldest first, without the outside changes that somebody put on record as its own afterwards: whoever looked was quicker.

    A change that is made once more, after somebody changed what came out of it, is another one.
    """
    claimed: dict[tuple[str | None, str | None], set[str | None]] = {}
    left = []
    for event in reversed(events):
        path, before, after = event.file_path, event.before_hash, event.after_hash
        if event.kind == "outside" and before in claimed.get((path, after), ()):
            continue
        if event.kind in CHANGING and event.agent_id != OUTSIDE and event.outcome in EFFECTIVE:
            claimed.pop((path, before), None)
            claimed.setdefault((path, after), set()).add(before)
        left.append(event)
    return left[::-1]


def open_buffers(workspace: Workspace, path: str, writer: Writer) -> tuple[OpenBuffer, ...]:
    """Others' buffers with unsaved edits of this file."""
    found = []
    for buffer in workspace.store.buffers(path):
        if buffer.unsaved and buffer.agent_id != writer.agent_id and _stands(workspace, buffer):
            base = None if buffer.base_hash is None else workspace.store.content(buffer.base_hash)
            text = None if buffer.text_hash is None else workspace.store.content(buffer.text_hash)
            found.append(OpenBuffer(buffer, base, text, idle_seconds(workspace.state, buffer)))
    return tuple(found)


def _stands(workspace: Workspace, buffer: Buffer) -> bool:
    """A claim stands while its server lives, and after the server's death for a minute or as long as its editor lives."""
    if is_alive(workspace.state, buffer.live_id) or idle_seconds(workspace.state, buffer) < _ORPHANED_S:
        return True
    if buffer.editor_pid is None:
        return False
    try:
        os.kill(buffer.editor_pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process: it lives
    return True


def _known(workspace: Workspace, writer: Writer, path: str, read_hash: str | None) -> tuple[Snapshot | None, bool]:
    """The snapshot that counts: the live one, or the version that a ``read_hash`` really given to this writer names."""
    snapshot = workspace.store.snapshot(writer.agent_id, path)
    if read_hash is None or (snapshot is not None and snapshot.read_hash == read_hash):
        return snapshot, True
    event = workspace.store.was_given(writer.agent_id, path, read_hash)
    if event is None:
        return snapshot, False
    detail = event.detail or {}
    shown = detail.get("lines")
    lines = None if shown is None else tuple((first, last) for first, last in shown)
    seen = int(detail.get("seen_seq", event.seq))
    return Snapshot(path, read_hash, event.turn_id, event.intent_id, event.timestamp, writer.agent_id, lines, None, seen), True


def last_seen(workspace: Workspace, path: str) -> Event | None:
    """The newest event that tells what stood at the path: a change, or a read.

    What a writer says it was shown (``told``) may have stood there long ago: it counts only where nothing else is known.
    """
    newest = workspace.store.events(EventQuery(file_path=path, limit=1))  # 8 µs cheaper than with its kinds, and mostly the answer
    if newest and _tells(newest[0]):
        return newest[0]
    changes = workspace.store.events(EventQuery(file_path=path, kinds=CHANGING, outcomes=EFFECTIVE, limit=1))
    if changes:
        return changes[0]  # a read after it that saw something else has put that on record as a change from outside
    reads = workspace.store.events(EventQuery(file_path=path, kinds=("read",), outcomes=EFFECTIVE, limit=3))
    return next((event for event in reversed(reads) if _tells(event)), reads[-1] if reads else None)


def _tells(event: Event) -> bool:
    if event.kind == "read":
        return not (event.detail or {}).get("told")
    return event.kind in CHANGING and event.outcome in EFFECTIVE


def _outside_event(workspace: Workspace, path: str, last: Event, disk_hash: str | None) -> Event:
    before = hash_after(last, path)
    return Event(0, utc_now(), "outside", "done", None, workspace.store.epoch, OUTSIDE, None, None, path, None, before, disk_hash)


def _with_changes(
    workspace: Workspace, now: Situation, writer: Writer, read: StableRead | None, outside: tuple[Event, ...]
) -> tuple[Situation, tuple[Event, ...]]:
    """Who changed the file since the writer's snapshot, and whether that was but a formatter after its own write."""
    assert now.snapshot is not None
    query = EventQuery(file_path=now.file_path, kinds=CHANGING, outcomes=EFFECTIVE, after_seq=now.snapshot.seq)
    since = without_explained(workspace.store.events(query))
    others = [event for event in since if event.agent_id != writer.agent_id and not _by_formatter(event)]
    own = _own_last(workspace, now.file_path, writer)
    if not others and read is not None and own is not None and own.seq >= now.snapshot.seq and _soon_after(own, read, now.disk_hash):
        outside = tuple(event._replace(outcome="formatted") for event in outside)
        return now._replace(formatted=True), outside
    changes = [_change(event) for event in others]
    if outside:
        moment = format_utc(read.stat.st_mtime) if read is not None else utc_now()
        changes.append({"agent_id": OUTSIDE, "turn_id": None, "intent_id": None, "timestamp": moment, "kind": "outside"})
    if not changes:
        changes = [_change(event) for event in _who_placed(workspace, now, writer)]
    return now._replace(changes=tuple(changes)), outside


def _by_formatter(event: Event) -> bool:
    return event.kind == "outside" and event.outcome == "formatted"


def _own_last(workspace: Workspace, path: str, writer: Writer) -> Event | None:
    query = EventQuery(file_path=path, agent_id=writer.agent_id, kinds=CHANGING, outcomes=EFFECTIVE, limit=1)
    found = workspace.store.events(query)
    return found[0] if found else None


def _soon_after(own: Event, read: StableRead, disk_hash: str | None) -> bool:
    """The disk is as the writer's own change over a formatter's left it, or changed within seconds after its change."""
    if own.after_hash == disk_hash:
        return own.outcome == "formatted"
    return -_CLOCK_SLACK_S <= read.stat.st_mtime - parse_utc(own.timestamp) <= _FORMATTER_S


def _who_placed(workspace: Workspace, now: Situation, writer: Writer) -> Sequence[Event]:
    """Nothing came after the snapshot: the writer recorded late what it had read before somebody else's change."""
    query = EventQuery(file_path=now.file_path, kinds=CHANGING, outcomes=EFFECTIVE, after_hash=now.disk_hash, limit=1)
    return [event for event in workspace.store.events(query) if event.agent_id != writer.agent_id]


def _change(event: Event) -> dict[str, Any]:
    return {
        "agent_id": event.agent_id,
        "turn_id": event.turn_id,
        "intent_id": event.intent_id,
        "timestamp": event.timestamp,
        "kind": event.kind,
    }


def _lease(workspace: Workspace, path: str, writer: Writer) -> Any:
    lease = workspace.store.lease(path, boot_id(), monotonic_ns())
    return None if lease is None or lease.agent_id == writer.agent_id else lease
