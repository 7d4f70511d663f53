"""Changes that came through no front: kept at once, put on record when nobody has come to claim them, a git operation as one event."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from noclobber.clock import utc_now
from noclobber.content import hash_content
from noclobber.records import Event
from noclobber.situation import OUTSIDE, notice_outside
from noclobber.store.protocol import Batch, EventQuery

from .disk import authors_of, is_explained

if TYPE_CHECKING:
    from .documents import Document, Version
    from .rooms import Room
    from .worker import Worker

__all__ = ["OutsideChanges", "git_folder"]

_KEEP_S = 0.05
_RECORD_S = 0.3
_RECORD_AT_LAST_S = 5.0
_GIT_NAMES = ("HEAD", "index", "ORIG_HEAD", "MERGE_HEAD", "logs/HEAD")
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
        room, disk = document.room, document.disk
        assert room is not None
        if disk is not None:
            self._to_keep[disk.hash] = room, document.file_path, disk.content
            self._worker.later("keep", _KEEP_S, self.keep_now)
        if not room.unexplained:
            room.unexplained_since, room.unexplained_at = time.monotonic(), time.time()
        first = room.unexplained.get(document.file_path, (None if before is None else before.hash, None))[0]
        room.unexplained[document.file_path] = (first, None if disk is None else disk.hash)
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
        open_here = [document for path in waiting for document in room.documents.get(path, ())[:1]]
        strange = [document for document in open_here if not self._is_explained(document)]
        marks, before = git_marks(room.root), room.git_marks
        room.git_marks = marks
        if not strange:
            return
        if marks != before and _newest(marks) >= room.unexplained_at - _GIT_SLACK_S:
            self._git_event(room, strange, waiting)
        else:
            self._outside_events(room, strange)

    def _is_explained(self, document: Document) -> bool:
        document.authors = authors_of(document, "")
        return is_explained(document.authors)

    def _outside_events(self, room: Room, strange: list[Document]) -> None:
        """Under each path's lock, so that of several servers and agents that see it one puts it on record."""
        for document in strange:
            with room.workspace.locks.exclusive(document.file_path):
                due = notice_outside(room.workspace, document.file_path, document.disk.hash if document.disk else None)
                room.workspace.store.apply(Batch(events=due))

    def _git_event(self, room: Room, strange: list[Document], waiting: dict[str, tuple[str | None, str | None]]) -> None:
        """One event for the whole operation, under the locks of its files, so that of several servers one puts it on record."""
        changes = {document.file_path: waiting[document.file_path] for document in strange}
        group = hash_content(repr(sorted(changes.items())).encode())[:16]
        store = room.workspace.store
        with room.workspace.locks.exclusive(*changes):
            known = store.events(EventQuery(kinds=("git",), limit=20))
            if any((event.detail or {}).get("group") == group for event in known):
                return
            detail = {"group": group, "files": len(changes), "changes": {path: list(hashes) for path, hashes in changes.items()}}
            event = Event(0, utc_now(), "git", "done", None, store.epoch, OUTSIDE, None, None, None, None, None, None, detail)
            store.apply(Batch(events=[event]))
        self._on_git(room, sorted(changes))


def git_folder(root: str) -> str | None:
    """The git folder of a working tree, a linked worktree's own included; None without git."""
    path = os.path.join(root, ".git")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            line = file.readline()
    except IsADirectoryError:
        return path
    except OSError:
        return None
    return os.path.normpath(os.path.join(root, line[7:].strip())) if line.startswith("gitdir:") else None


def git_marks(root: str) -> tuple[object, ...]:
    """What git leaves behind when it has changed the working tree; another value after each such operation."""
    folder = git_folder(root)
    return () if folder is None else tuple(_mark(os.path.join(folder, name)) for name in _GIT_NAMES)


def _newest(marks: tuple[object, ...]) -> float:
    return max((mark[1] / 1e9 for mark in marks if isinstance(mark, tuple)), default=0.0)


def _mark(path: str) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
