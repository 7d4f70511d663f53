"""Changes that came through no front: kept at once, put on record when nobody has come to claim them, a git operation as one event."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from noclobber.clock import boot_id, monotonic_ns, utc_now
from noclobber.content import hash_content
from noclobber.errors import NoclobberError
from noclobber.records import Event, EventKind
from noclobber.situation import CHANGING, EFFECTIVE, OUTSIDE, hash_after, look
from noclobber.store.protocol import Batch, EventQuery

from .git_traces import git_folder, git_marks, newest, written_by_git

if TYPE_CHECKING:
    from .documents import Document, Version
    from .rooms import Room
    from .worker import Worker

__all__ = ["OutsideChanges"]

Changes = dict[str, tuple[str | None, str | None]]  # path: hash before, hash now

_KEEP_S = 0.05
_RECORD_S = 0.3
_RECORD_AT_LAST_S = 5.0
_LEASED_S = 1.0
_GIT_SLACK_S = 1.0  # git writes its index after the files; "git add" of an hour ago explains nothing


class OutsideChanges:
    """Collects per workspace what nobody has explained. ``on_git(room, files)``: a git operation changed these. Worker's thread only."""

    def __init__(self, worker: Worker, agent_id: Callable[[], str], on_git: Callable[[Room, list[str]], None]) -> None:
        self._worker = worker
        self._agent_id = agent_id
        self._on_git = on_git
        self._to_keep: dict[str, tuple[Room, str, bytes]] = {}

    def noticed(self, document: Document, before: Version | None) -> None:
        """A document's file is another one than before."""
        assert document.room is not None
        disk = document.disk
        if disk is not None:
            self._keep_soon(document.room, document.file_path, disk.hash, disk.content)
        self._unexplained(document.room, document.file_path, None if before is None else before.hash, None if disk is None else disk.hash)

    def stirred(self, room: Room, file_path: str) -> None:
        """A file that no document shows, but of which some writer has a live snapshot, may have changed."""
        try:
            with room.workspace.locator.locate(file_path, missing_ok=True) as located:
                found = look(located)
        except NoclobberError:
            return
        content_hash = None if found is None else hash_content(found.content)
        last = _last(room, file_path)
        if last is None or hash_after(last, file_path) == content_hash:
            return
        if found is not None and content_hash is not None:
            self._keep_soon(room, file_path, content_hash, found.content)
        self._unexplained(room, file_path, hash_after(last, file_path), content_hash)

    def _keep_soon(self, room: Room, file_path: str, content_hash: str, content: bytes) -> None:
        self._to_keep[content_hash] = room, file_path, content
        self._worker.later("keep", _KEEP_S, self.keep_now)

    def _unexplained(self, room: Room, file_path: str, before: str | None, now: str | None) -> None:
        if not room.unexplained:
            room.unexplained_since, room.unexplained_at = time.monotonic(), time.time()
        room.unexplained[file_path] = room.unexplained.get(file_path, (before, None))[0], now
        self._worker.forget(("record", room))
        self._worker.later(("record", room), _RECORD_S, lambda: self._record(room))

    def keep_now(self) -> None:
        """Keep the versions seen since the last time, all in one go for each workspace."""
        waiting, self._to_keep = self._to_keep, {}
        by_room: dict[int, tuple[Room, list[tuple[str, bytes]]]] = {}
        for content_hash, (room, file_path, content) in waiting.items():
            kept = by_room.setdefault(id(room), (room, []))[1]
            kept += room.workspace.keepable(file_path, [(content_hash, content)])
        for room, contents in by_room.values():
            room.workspace.store.apply(Batch(contents=contents))

    def claim(self, document: Document, content_hash: str) -> None:
        """The editor's own save explains this version."""
        waiting = document.room.unexplained if document.room is not None else {}
        if waiting.get(document.file_path, (None, None))[1] == content_hash:
            del waiting[document.file_path]

    def settle(self, room: Room) -> None:
        """Put on record now what is still unexplained: the server ends."""
        self.keep_now()
        if room.unexplained:
            self._put_on_record(room)

    def _record(self, room: Room) -> None:
        waited = time.monotonic() - room.unexplained_since
        if waited < _RECORD_AT_LAST_S and os.path.lexists(os.path.join(git_folder(room.root) or room.root, "index.lock")):
            self._worker.later(("record", room), _RECORD_S, lambda: self._record(room))
            return
        self._put_on_record(room)

    def _put_on_record(self, room: Room) -> None:
        waiting, room.unexplained = room.unexplained, {}
        strange = {path: hashes for path, hashes in waiting.items() if self._is_strange(room, path, hashes[1])}
        marks, before = git_marks(room.root), room.git_marks
        room.git_marks = marks
        if not strange:
            return
        by_git: set[str] = set()
        if marks != before and newest(marks) >= room.unexplained_at - _GIT_SLACK_S:
            by_git = written_by_git(room.root, {path: now is not None for path, (_, now) in strange.items()})
        if by_git:
            self._git_event(room, {path: hashes for path, hashes in strange.items() if path in by_git})
        self._outside_events(room, {path: hashes for path, hashes in strange.items() if path not in by_git})

    def _is_strange(self, room: Room, path: str, now: str | None) -> bool:
        """Whether nobody is known to have left the file so. One that a hook holds is its agent's, who will say so when it is done."""
        store = room.workspace.store
        if store.lease(path, boot_id(), monotonic_ns()) is not None:
            self._worker.later(("leased", room, path), _LEASED_S, lambda: self.stirred(room, path))
            return False
        last = _last(room, path)
        return (last is None or hash_after(last, path) != now) and not any(row.placing == now for row in store.pending(path))

    def _outside_events(self, room: Room, strange: Changes) -> None:
        """Under each path's lock, so that of several servers and agents that see it one puts it on record."""
        for path, (before, now) in strange.items():
            with room.workspace.locks.exclusive(path):
                last = _last(room, path)
                if last is None or hash_after(last, path) != now:
                    known = before if last is None else hash_after(last, path)
                    room.workspace.store.apply(Batch(events=(self._event(room, "outside", path, known, now, None),)))

    def _git_event(self, room: Room, strange: Changes) -> None:
        """One event for the whole operation, under the locks of its files, so that of several servers one puts it on record."""
        group = hash_content(repr(sorted(strange.items())).encode())[:16]
        store = room.workspace.store
        with room.workspace.locks.exclusive(*strange):
            known = store.events(EventQuery(kinds=("git",), limit=20))
            if any((event.detail or {}).get("group") == group for event in known):
                return
            changes = {path: list(hashes) for path, hashes in strange.items()}
            detail = {"group": group, "files": len(changes), "changes": changes}
            store.apply(Batch(events=(self._event(room, "git", None, None, None, detail),)))
        self._on_git(room, sorted(strange))

    def _event(
        self, room: Room, kind: EventKind, path: str | None, before: str | None, now: str | None, detail: dict[str, object] | None
    ) -> Event:
        epoch = room.workspace.store.epoch
        return Event(0, utc_now(), kind, "done", None, epoch, OUTSIDE, None, None, path, None, before, now, detail)


def _last(room: Room, path: str) -> Event | None:
    """The newest event that tells what stood at the path."""
    query = EventQuery(file_path=path, kinds=(*CHANGING, "read"), outcomes=EFFECTIVE, limit=1)
    found = room.workspace.store.events(query)
    return found[0] if found else None
