"""From folders to documents: which folders to watch for what is open, and what to look at when one of them stirs."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from noclobber.clock import parse_utc
from noclobber.errors import NoclobberError
from noclobber.pausing import paused_until
from noclobber.settings import PAUSE_FILE, SETTINGS_FILE

from .late import kept_folder
from .polling import Poller
from .watching import FolderWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from noclobber.records import Event

    from .documents import Document
    from .following import Follower
    from .keeping import Keeper
    from .late import LateWriters
    from .outside import OutsideChanges
    from .rooms import Room, Rooms
    from .scanning import Scan
    from .tracking import Tracker
    from .worker import Worker

__all__ = ["Surveillance"]

logger = logging.getLogger(__name__)
# SQLite writes its log first and makes the commit visible a moment later, in shared memory, where nothing tells of it; on a busy
# machine that moment has been longer than the first wait.
_VISIBLE_S = (0.04, 0.5)
_SLACK_S = 0.01
_MOST_HELD = 5_000
_REMOVED_S = 0.5  # for whoever removes the state to be done with it
_WRITTEN_S = 0.1  # for whoever writes the settings in place to be done with it: half of them are others
_MAKE_KNOWN = ("read", "write", "edit", "move", "restore", "revert")  # after these a writer knows the file


class Surveillance:
    """Watches the folders of the open documents, those above them up to the root, and each workspace's root and state.

    What cannot be watched is polled, and ``on_short`` is called, since the client may know of it too.
    """

    def __init__(
        self,
        worker: Worker,
        rooms: Rooms,
        tracker: Tracker,
        follower: Follower,
        outside: OutsideChanges,
        keeper: Keeper,
        late: LateWriters,
        scan: Scan,
        on_short: Callable[[], None],
    ) -> None:
        self._on_short = on_short
        self._keeper = keeper
        self._late = late
        self._scan = scan
        self._outside = outside
        self._worker = worker
        self._rooms = rooms
        self._tracker = tracker
        self._follower = follower
        self._watch = FolderWatch(self._path_changed, self._anything_changed)
        self._poller = Poller(worker, self._path_changed)
        self._polled: frozenset[str] = frozenset()  # folders

    def refresh(self) -> None:
        """What is open has changed: watch accordingly, soon."""
        self._worker.once("watch", self._rearm)

    def recorded(self, room: Room, events: list[Event]) -> None:
        """Somebody put these on record: a file that is held only now may lie in a folder that is not watched."""
        known = {event.to_path or event.file_path for event in events if event.kind in _MAKE_KNOWN}
        if known - room.held - {None}:
            self.refresh()
        self._late.recorded(room, events)

    def hinted(self, path: str) -> None:
        """The client says that this file changed, which is news only where we do not watch."""
        real = os.path.realpath(path)
        if os.path.dirname(real) not in self._watch.watched:
            self._path_changed(real)

    def close(self) -> None:
        """Stop watching; idempotent."""
        self._watch.close()

    def _rearm(self) -> None:
        for room in self._rooms:
            snapshots = room.workspace.store.snapshots()
            room.held = frozenset(snapshot.file_path for snapshot in snapshots[:_MOST_HELD])
            if len(snapshots) > _MOST_HELD and not room.said_too_many:
                room.said_too_many = True
                logger.warning(
                    "Agents know so many files in %s that those from %s on are not watched.", room.root, snapshots[_MOST_HELD].file_path
                )
        folders = {folder for room in self._rooms for folder in _folders_of(room)}
        unwatched = set(self._watch.want(folders))
        polled = self._watch.unwatchable
        unwatched |= folders - self._watch.watched - (polled & self._polled)  # gone before they could be watched, or not to be watched
        self._poll(polled)
        for room in self._rooms:
            if room.workspace.state in unwatched:
                self._follower.follow(room)  # what was put on record before the watch began
                self._heed_pause(room)
            if room.root in unwatched:
                self._heed_settings(room)
            if kept_folder(room) in unwatched:
                self._late.settle(room)
            for document in _documents(room):
                if os.path.dirname(room.path(document.file_path)) in unwatched:
                    self._tracker.look(document)
            held = sorted(room.held - room.documents.keys())
            self._scan.add(room, [file_path for file_path in held if os.path.dirname(room.path(file_path)) in unwatched])

    def _poll(self, folders: frozenset[str]) -> None:
        self._polled = folders
        watched = self._watch.watched
        paths = (path for room in self._rooms for path in _files_of(room)) if folders else ()
        self._poller.want(path for path in paths if os.path.dirname(path) not in watched)
        if folders:
            self._on_short()

    def _heed_pause(self, room: Room) -> None:
        """Nothing is shown while noclobber is paused, though all goes on record; once that is over, what is so now is shown."""
        until = None if room.is_closed else paused_until(room.workspace.state)
        if until is not None:
            self._worker.later(("pause", room), max(parse_utc(until) - time.time(), 0) + _SLACK_S, lambda: self._pause_changed(room))
        for document in _documents(room):
            self._tracker.look(document)

    def _pause_changed(self, room: Room) -> None:
        self._heed_pause(room)
        self._follower.have_looked_again(room)

    def _heed_settings(self, room: Room) -> None:
        """Go by what noclobber.toml says now; where that cannot be, all stays as it was, and the log says why."""
        before = room.workspace.settings
        try:
            room.workspace.take_settings()
        except NoclobberError as problem:
            logger.warning("%s What was set before stays in force.", problem)
        if room.workspace.settings != before:
            for document in _documents(room):
                self._tracker.look(document)
            self._follower.have_looked_again(room)

    # -- from the watching thread --

    def _path_changed(self, path: str) -> None:
        for room in self._rooms:
            if path.startswith(room.workspace.state):
                if path.endswith("-wal"):
                    self._follow(room)
                    for wait in _VISIBLE_S:
                        self._worker.later(("visible", room, wait), wait, lambda room=room: self._follow(room))  # type: ignore[misc]
                elif os.path.basename(path) == PAUSE_FILE:
                    self._worker.once(("pause", room), partial(self._pause_changed, room))
                elif path.startswith(kept_folder(room)) and os.path.lexists(path):
                    self._late.stirred(room)
                elif path == room.workspace.state:  # removed, or there again
                    self._worker.later(("state", room), _REMOVED_S, partial(self._follower.follow, room))
                return
        for room in self._rooms:
            if path.startswith(room.root):
                self._look_at(room, path)

    def _look_at(self, room: Room, path: str) -> None:
        file_path = os.path.relpath(path, room.root)
        if file_path == SETTINGS_FILE:
            self._worker.later(("settings", room), _WRITTEN_S, partial(self._heed_settings, room))
        if file_path in room.held or file_path in room.documents:
            self._keeper.stirred(room, file_path)
        if file_path in room.held and file_path not in room.documents:
            self._worker.once(("held", room, file_path), lambda: self._outside.stirred(room, file_path))
        documents = list(room.documents.get(file_path, ()))
        if os.path.isdir(path) or not os.path.lexists(path):
            documents += [document for document in _documents(room) if document.file_path.startswith(file_path + "/")]
        for document in documents:
            self._tracker.changed_on_disk(document)

    def _anything_changed(self) -> None:
        logger.info("Too many changes at once for the system to name; looking at every open document.")
        for room in self._rooms:
            self._follow(room)
            self._late.stirred(room)
            for document in _documents(room):
                self._tracker.changed_on_disk(document)
        self._worker.once("rescan", self._scan_all)

    def _scan_all(self) -> None:
        for room in self._rooms:
            self._scan.add(room, sorted(room.held - room.documents.keys()))

    def _follow(self, room: Room) -> None:
        self._worker.once(("store", room), lambda: self._follower.follow(room))


def _folders_of(room: Room) -> set[str]:
    folders = {room.root, room.workspace.state, kept_folder(room)}
    for file_path in {*room.documents, *room.held}:
        at = os.path.dirname(room.path(file_path))
        while at not in folders and at.startswith(room.root):
            folders.add(at)
            at = os.path.dirname(at)
    return folders


def _files_of(room: Room) -> list[str]:
    """All that the state of a room's documents, and of what agents hold, depends on."""
    of_state = [os.path.join(room.workspace.state, name) for name in ("state.db-wal", PAUSE_FILE)]
    settings = os.path.join(room.root, SETTINGS_FILE)
    return [*of_state, kept_folder(room), settings, *(room.path(file_path) for file_path in {*room.documents, *room.held})]


def _documents(room: Room) -> list[Document]:
    return [document for documents in list(room.documents.values()) for document in documents]
