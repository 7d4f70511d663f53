"""Watches folders, not trees: those that hold open documents or live snapshots, and what is above them up to the root.

watchdog's own observer starts a thread for every folder and holds back an exchanged file for half a second, waiting for the
other half of a move; so its lower layer is used, one thread and one inotify instance for everything. A folder that
vanishes is taken up again when it reappears. Says which path may have changed, never what happened to it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import InotifyEvent, InotifyFD

__all__ = ["FolderWatch"]

logger = logging.getLogger(__name__)


class FolderWatch:
    """``on_path(path)``: this file or folder may have changed; ``on_overflow()``: anything may have. Called from the watching thread.

    ``want`` sets which folders are watched; folders that do not exist are taken up when they appear in a watched one.
    """

    def __init__(self, on_path: Callable[[str], None], on_overflow: Callable[[], None]) -> None:
        self._on_path = on_path
        self._on_overflow = on_overflow
        self._inotify: InotifyFD | None = None
        self._lock = threading.RLock()
        self._wanted: frozenset[str] = frozenset()
        self._descriptors: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._is_unknown_here = False  # another system, which has nothing of the kind
        self._has_said = False

    @property
    def watched(self) -> frozenset[str]:
        """The folders now watched."""
        with self._lock:
            return frozenset(self._descriptors)

    @property
    def unwatchable(self) -> frozenset[str]:
        """Wanted folders that are there and yet not watched: the system has no such watches, or no more of them."""
        with self._lock:
            return frozenset(folder for folder in self._wanted - self._descriptors.keys() if os.path.isdir(folder))

    def want(self, folders: Iterable[str]) -> list[str]:
        """Watch exactly these folders; returns those newly watched, which must be looked through once."""
        with self._lock:
            self._wanted = frozenset(folders)
            for folder in self._descriptors.keys() - self._wanted:
                self._drop(folder)
            return self._arm()

    def close(self) -> None:
        """Stop watching; idempotent."""
        with self._lock:
            inotify, self._inotify = self._inotify, None
            self._descriptors.clear()
            self._paths.clear()
            self._wanted = frozenset()
        if inotify is not None:
            inotify.stop()

    def on_event(self, event: InotifyEvent) -> None:
        """From watchdog's thread: something happened in a watched folder."""
        with self._lock:
            folder = self._paths.get(event.wd)
            if folder is None:
                return
            path = os.path.join(folder, os.fsdecode(event.name)) if event.name else folder
            gone = event.is_delete_self or event.is_move_self
            if gone:
                self._drop(folder)
            appeared = self._arm() if gone or (event.is_directory and event.name) else []
        self._on_path(path)
        for again in appeared:
            self._on_path(again)

    def on_watch_deleted(self, wd: int) -> None:
        """From watchdog's thread: the kernel let go of a folder."""
        with self._lock:
            folder = self._paths.pop(wd, None)
            if folder is not None and self._descriptors.get(folder) == wd:
                del self._descriptors[folder]
        if folder is not None:
            self._on_path(folder)

    def on_queue_overflow(self) -> None:
        """From watchdog's thread: events were lost."""
        with self._lock:
            self._arm()
        self._on_overflow()

    def _arm(self) -> list[str]:
        missing = sorted(self._wanted - self._descriptors.keys())
        inotify = self._started() if missing else None
        return [] if inotify is None else [folder for folder in missing if self._add(inotify, folder)]

    def _started(self) -> InotifyFD | None:
        from watchdog.utils import UnsupportedLibcError

        if self._inotify is None and not self._is_unknown_here:
            try:
                from watchdog.observers.inotify_c import InotifyFD  # ctypes and threads: not before something is watched

                inotify = InotifyFD()
            except OSError as error:
                self._say_once("anything", error)
                return None
            except UnsupportedLibcError as error:
                self._is_unknown_here = True
                self._say_once("anything", error)
                return None
            inotify.start()
            self._inotify = inotify
        return self._inotify

    def _add(self, inotify: InotifyFD, folder: str) -> bool:
        from watchdog.observers.inotify_c import InotifyConstants as In
        from watchdog.observers.inotify_c import Mask

        mask = Mask(
            In.IN_MODIFY | In.IN_CLOSE_WRITE | In.IN_MOVED_FROM | In.IN_MOVED_TO | In.IN_CREATE | In.IN_DELETE | In.IN_DELETE_SELF
            | In.IN_MOVE_SELF | In.IN_ONLYDIR
        )  # fmt: skip
        if not os.path.isdir(folder):
            return False
        try:
            wd = inotify.add_callback(os.fsencode(folder), mask, self, id(self))  # type: ignore[arg-type]
        except OSError as error:
            self._say_once(folder, error)
            return False
        other = self._paths.get(wd)
        if other is not None and other != folder:  # two names of one folder (a symlink): the kernel has one watch for both
            return False
        self._paths[wd] = folder
        self._descriptors[folder] = wd
        return True

    def _say_once(self, what: str, error: Exception) -> None:
        if not self._has_said:
            logger.warning("Cannot watch %s, so files are looked at from time to time instead: %s", what, error)
        self._has_said = True

    def _drop(self, folder: str) -> None:
        wd = self._descriptors.pop(folder, None)
        if wd is None:
            return
        self._paths.pop(wd, None)
        if self._inotify is not None:
            self._inotify.remove_callbacks([(wd, id(self))])  # type: ignore[list-item]
