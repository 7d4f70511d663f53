"""Changes that came through no front: kept at once, put on record when nobody has come to claim them, a git operation as one event."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from noclobber.clock import boot_id, monotonic_ns, utc_now
from noclobber.content import hash_content
from noclobber.errors import NoclobberError
from noclobber.records import Event, EventKind
from noclobber.situation import OUTSIDE, hash_after, last_seen, look
from noclobber.store.protocol import Batch, EventQuery

from .git_traces import git_folder, git_marks, newest, working_tree, written_by_git

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
_AGAIN_S = 1.0
_AGAIN_AT_LAST_S = 60.0
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
        if room.is_closed:
            return
        try:
            content = _standing(room, file_path)
        except NoclobberError:
            return
        content_hash = None if content is None else hash_content(content)
        last = last_seen(room.workspace, file_path)
        if last is None or hash_after(last, file_path) == content_hash or _is_being_placed(room, file_path, content_hash):
            return
        if content is not None and content_hash is not None:
            self._keep_soon(room, file_path, content_hash, content)
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
        if room.is_closed:
            return
        waited = time.monotonic() - room.unexplained_since
        trees = _by_tree(room, room.unexplained) if waited < _RECORD_AT_LAST_S else ()
        if any(os.path.lexists(os.path.join(git_folder(tree) or tree, "index.lock")) for tree in trees):
            self._worker.later(("record", room), _RECORD_S, lambda: self._record(room))
            return
        try:
            self._put_on_record(room)
        finally:
            if room.unexplained:  # a lock is taken, or the store failed: the longer that lasts, the less often it is tried
                self._worker.later(("record", room), min(max(waited, _AGAIN_S), _AGAIN_AT_LAST_S), lambda: self._record(room))

    def _put_on_record(self, room: Room) -> None:
        """What is dealt with is taken out of ``unexplained``, one by one: what an error or a lock leaves there is tried again."""
        before = {path: hashes[0] for path, hashes in room.unexplained.items()}
        _done(room, [path for path in before if self._is_held(room, path)])
        strange = _strange(room, {path: before[path] for path in room.unexplained})
        _done(room, before.keys() - strange.keys())
        marks = {tree: git_marks(tree) for tree in _by_tree(room, before)}
        by_git = _written_by_git(room, strange, marks)
        if not by_git or self._git_event(room, {path: before[path] for path in strange if path in by_git}):
            room.git_marks.update(marks)  # not before: the next look has to see that git was at work
        self._outside_events(room, {path: before[path] for path in strange if path not in by_git})

    def _is_held(self, room: Room, path: str) -> bool:
        """A file that a hook holds is its agent's, who will say so when it is done; it is looked at again then."""
        if room.workspace.store.lease(path, boot_id(), monotonic_ns()) is None:
            return False
        self._worker.later(("leased", room, path), _LEASED_S, lambda: self.stirred(room, path))
        return True

    def _outside_events(self, room: Room, before: Mapping[str, str | None]) -> None:
        """Under each path's lock, so that of several servers and agents that see it one puts it on record.

        Whoever holds a lock may be stopped in a debugger: it is never waited for.
        """
        for path in before:
            held = room.workspace.locks.try_exclusive(path)
            if held is None:
                continue
            with held:
                for known, now in _strange(room, {path: before[path]}).values():
                    room.workspace.store.apply(Batch(events=(self._event(room, "outside", path, known, now, None),)))
            _done(room, [path])

    def _git_event(self, room: Room, before: Mapping[str, str | None]) -> bool:
        """One event for the whole operation, under the locks of its files, so that of several servers one puts it on record; false
        where a lock is taken."""
        held = room.workspace.locks.try_exclusive(*before)
        if held is None:
            return False
        with held:
            strange = _strange(room, before)
            told = bool(strange) and self._is_recorded(room, strange)
        _done(room, before)
        if told:
            self._on_git(room, sorted(strange))
        return True

    def _is_recorded(self, room: Room, strange: Changes) -> bool:
        """Put a git operation on record; false where another server has done so."""
        store = room.workspace.store
        group = hash_content(repr(sorted(strange.items())).encode())[:16]
        if any((event.detail or {}).get("group") == group for event in store.events(EventQuery(kinds=("git",), limit=20))):
            return False
        changes = {path: list(hashes) for path, hashes in strange.items()}
        detail = {"group": group, "files": len(changes), "changes": changes}
        store.apply(Batch(events=(self._event(room, "git", None, None, None, detail),)))
        return True

    def _event(
        self, room: Room, kind: EventKind, path: str | None, before: str | None, now: str | None, detail: dict[str, object] | None
    ) -> Event:
        epoch = room.workspace.store.epoch
        return Event(0, utc_now(), kind, "done", None, epoch, OUTSIDE, None, None, path, None, before, now, detail)


def _done(room: Room, paths: Iterable[str]) -> None:
    for path in paths:
        room.unexplained.pop(path, None)


def _by_tree(room: Room, paths: Iterable[str]) -> dict[str, list[str]]:
    """The paths by the git working tree that each is in, in files of the room; without those that git has nothing to do with."""
    by_folder: dict[str, list[str]] = {}
    for path in paths:
        by_folder.setdefault(os.path.dirname(room.path(path)), []).append(path)
    found: dict[str, list[str]] = {}
    for folder, inside in by_folder.items():
        tree = working_tree(folder)
        if tree is not None:
            found.setdefault(tree, []).extend(inside)
    return found


def _written_by_git(room: Room, strange: Changes, marks: Mapping[str, tuple[object, ...]]) -> set[str]:
    """Those that git itself has put as they are, where it has left other marks since the last time."""
    found: set[str] = set()
    for tree, paths in _by_tree(room, strange).items():
        if marks[tree] == room.git_marks.get(tree) or newest(marks[tree]) < room.unexplained_at - _GIT_SLACK_S:
            continue
        name_in_tree = {path: os.path.relpath(room.path(path), tree) for path in paths}
        by_git = written_by_git(tree, {name_in_tree[path]: strange[path][1] is not None for path in paths})
        found.update(path for path in paths if name_in_tree[path] in by_git)
    return found


def _standing(room: Room, path: str) -> bytes | None:
    """What stands on disk at a path, None where it is absent. Raises the errors of core."""
    with room.workspace.locator.locate(path, missing_ok=True) as located:
        found = look(located)
    return None if found is None else found.content


def _strange(room: Room, before: Mapping[str, str | None]) -> Changes:
    """Those of the files that nobody is known to have left as they stand now. What was noticed earlier may long have been somebody's
    next version: between the moment a guarded write is seen on disk and the moment it is on record, it looks like nobody's."""
    found: Changes = {}
    for path, noticed in before.items():
        try:
            content = _standing(room, path)
        except NoclobberError:
            continue  # it cannot be read any more: whoever reads it next will say what it finds
        now = None if content is None else hash_content(content)
        last = last_seen(room.workspace, path)
        known = noticed if last is None else hash_after(last, path)
        if known != now and not _is_being_placed(room, path, now):
            found[path] = known, now
    return found


def _is_being_placed(room: Room, path: str, content_hash: str | None) -> bool:
    """A guarded change is under way and has put it there: its outcome will be on record in a moment."""
    return any(row.placing == content_hash for row in room.workspace.store.pending(path))
