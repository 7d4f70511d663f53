"""The workspaces this server has open, one room each: opened at the first document in them, shared by all.

Which folders the client works in is said by the client; which workspace owns a path is core's decision.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator

from noclobber.errors import NoclobberError, WorkCancelledError, WorkspaceError
from noclobber.roots import find_root, root_for
from noclobber.workspace import Workspace

from .documents import Document
from .long_work import Opening

__all__ = ["Room", "Rooms"]

logger = logging.getLogger(__name__)
_AGAIN_S = 30.0


class Room:
    """One workspace, what this server has open in it, and how far it has followed its history."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.documents: dict[str, list[Document]] = {}
        self.epoch = workspace.store.epoch
        self.last_seq = workspace.store.last_seq()
        self.held: frozenset[str] = frozenset()  # files of which some writer has a live snapshot
        self.said_too_many = False  # that not all of these are watched
        self.unexplained: dict[str, tuple[str | None, str | None]] = {}  # path: hash before, hash now
        self.unexplained_since = self.unexplained_at = 0.0  # monotonic, and seconds since 1970
        self.git_marks: dict[str, tuple[object, ...]] = {}  # by working tree, from when something there was last put on record

    @property
    def is_closed(self) -> bool:
        """Whether it was let go of: what was put off for it until now comes too late."""
        return self.workspace.in_use.ended

    @property
    def root(self) -> str:
        """Absolute path of the workspace's root."""
        return self.workspace.root

    def path(self, file_path: str) -> str:
        """The absolute path of a file in it."""
        return os.path.join(self.root, file_path)

    def add(self, document: Document) -> None:
        """A document is open here."""
        self.documents.setdefault(document.file_path, []).append(document)

    def remove(self, document: Document) -> None:
        """It no longer is."""
        held = self.documents.get(document.file_path, [])
        if document in held:
            held.remove(document)
        if not held:
            self.documents.pop(document.file_path, None)


class Rooms:
    """Opens a room where a path needs one. Used by the worker's thread only, except for the client's folders and for going through them.

    A client that never had a folder works on single files: those of any workspace there is.
    """

    def __init__(self, folders: Iterable[str], on_open: Callable[[Room], None], opening: Callable[[str], Opening]) -> None:
        self.folders: tuple[str, ...] = tuple(folders)
        self._takes_any = not self.folders
        self._on_open = on_open
        self._opening = opening
        self._by_root: dict[str, Room] = {}  # never changed, only replaced: the watching thread goes through it
        self._refused: dict[str, tuple[str, float]] = {}  # why, and from when on to try again (monotonic)

    def __iter__(self) -> Iterator[Room]:
        return iter({id(room): room for room in self._by_root.values()}.values())

    def room_for(self, path: str) -> Room | None:
        """The room that owns an absolute path; None outside every workspace folder, or where none can be opened.

        What stands in the way is said in the log, and tried again for a document that is opened half a minute later.
        """
        root = self._root_for(path)
        if root is None or (root in self._refused and time.monotonic() < self._refused[root][1]):
            return None
        room = self._by_root.get(root)
        if room is None:
            try:
                with self._opening(root) as opening:
                    room = Room(Workspace.open(root, progress=opening))
            except NoclobberError as error:
                stopped = isinstance(error, WorkCancelledError)
                self._refused[root] = _reason(error), math.inf if stopped else time.monotonic() + _AGAIN_S
                logger.warning("The workspace %s cannot be used: %s", root, error)
                return None
            self._refused.pop(root, None)
            self._by_root = {**self._by_root, room.root: room, root: room}
            self._on_open(room)
        return room

    def change_folders(self, added: Iterable[str], removed: Iterable[str]) -> None:
        """From the event loop: the client's folders are others now."""
        gone = set(removed)
        kept = [folder for folder in self.folders if folder not in gone]
        self.folders = tuple(dict.fromkeys([*kept, *added]))
        self._takes_any = self._takes_any and not self.folders

    def takes(self, path: str) -> bool:
        """From any thread: whether an absolute path lies in a folder of the client's."""
        return self._takes_any or self._folder_of(path) is not None

    def unneeded(self) -> list[Room]:
        """The open rooms that none of the client's folders has to do with."""
        real = [os.path.realpath(folder) for folder in self.folders]
        needed = [room for room in self if any(_is_in(room.root, folder) or _is_in(folder, room.root) for folder in real)]
        return [] if self._takes_any else [room for room in self if room not in needed]

    def obstacle(self, path: str) -> str | None:
        """Why the workspace that owns this path is not open, None where that was not tried or is not so."""
        root = self._root_for(path)
        refused = None if root is None else self._refused.get(root)
        return None if refused is None else refused[0]

    def close(self, room: Room) -> None:
        """Let go of a workspace; it can be opened again."""
        self._by_root = {root: other for root, other in self._by_root.items() if other is not room}
        room.workspace.close()

    def close_all(self) -> None:
        """Let go of every workspace."""
        for room in self:
            self.close(room)

    def _root_for(self, path: str) -> str | None:
        folder = self._folder_of(path)
        if folder is None:
            return find_root(path) if self._takes_any else None
        known = find_root(path)
        if known is not None:
            return known
        try:
            root = root_for(path)
            return root if os.path.lexists(os.path.join(root, ".git")) else root_for(folder)
        except WorkspaceError:  # a folder that does not exist, or the whole file system
            return None

    def _folder_of(self, path: str) -> str | None:
        real = os.path.realpath(path)
        inside = [folder for folder in self.folders if _is_in(path, folder) or _is_in(real, os.path.realpath(folder))]
        return max(inside, key=len, default=None)


def _reason(error: NoclobberError) -> str:
    if isinstance(error, WorkCancelledError):
        return "Rebuilding its history was stopped; start the server again to guard it."
    return str(error)


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
