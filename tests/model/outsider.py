"""Somebody who does not cooperate: renames over a file, writes into it, deletes it, puts other things in its place.

Knows which of its versions it overwrote by itself (those are its own loss) and how it left the file, so that a test can ask
whether the guard lost one, or put something older over one. Knows nothing of the guard.
"""

from __future__ import annotations

import os
import stat as modes
from pathlib import Path

State = bytes | str | None
"""What stands at a path: bytes of a regular file, a word for anything else, None for nothing."""

ACTS = ("rename_over", "in_place", "delete", "same_bytes", "symlink_over", "folder_over", "fifo_over", "late")
"""Everything an outsider does at one moment; ``late`` opens the file at once and writes into it only when ``finish`` is called."""


def state_of(path: Path) -> State:
    """What stands at a path now."""
    try:
        stat = path.lstat()
    except FileNotFoundError:
        return None
    if modes.S_ISREG(stat.st_mode):
        return path.read_bytes()
    if modes.S_ISLNK(stat.st_mode):
        return f"symlink {path.readlink()}"
    return {modes.S_IFDIR: "folder", modes.S_IFIFO: "fifo"}.get(modes.S_IFMT(stat.st_mode), "other")


class Outsider:
    """Acts on one path. ``left``: how it left it (meaningful once ``acted``); ``made`` and ``overwritten``: its own versions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.acted = False
        self.left: State = None
        self.made: list[bytes] = []
        self.overwritten: set[State] = set()
        self.late: list[bytes] = []  # written into a file without its name, which may be given back to it
        self._held: list[int] = []
        self._forsaken: set[int] = set()  # held files that we ourselves took the name from: what goes into them is our own loss

    def act(self, name: str) -> None:
        """One of ``ACTS``, or ``finish``."""
        if name == "late":
            self._open_late()
            return
        if name == "finish":
            self.finish()
            return
        before = state_of(self.path)
        self.overwritten.add(before)
        if name != "in_place":
            self._forsaken.update(fd for fd in self._held if self._stands_at_path(fd))
        getattr(self, f"_{name}")()
        after = state_of(self.path)
        if after != before:  # equal content is no change, nor is the deletion of nothing
            self.acted, self.left = True, after

    def finish(self) -> None:
        """Write late into whatever was opened, wherever it stands by now, and close it."""
        while self._held:
            fd = self._held.pop()
            stands = self._stands_at_path(fd)
            self.overwritten.add(os.pread(fd, 1 << 20, 0))
            content = self._next()
            if fd in self._forsaken:
                self.overwritten.add(content)
            os.ftruncate(fd, 0)
            os.pwrite(fd, content, 0)
            os.close(fd)
            if stands:
                self.acted, self.left = True, content
            else:
                self.late.append(content)
        self._forsaken.clear()

    def unaccounted(self, kept: set[bytes]) -> list[bytes]:
        """Versions of ours that are neither at the path, nor kept, nor overwritten by ourselves."""
        here = state_of(self.path)
        return [content for content in self.made if content != here and content not in kept and content not in self.overwritten]

    def _next(self) -> bytes:
        content = b"outside %d of %s\n" % (len(self.made) + 1, self.path.name.encode()) * (20 + len(self.made))
        self.made.append(content)
        return content

    def _rename_over(self) -> None:
        self._place(self._next())

    def _same_bytes(self) -> None:
        """What stands there, as another file: a checkout, a touch by an editor."""
        standing = state_of(self.path)
        if isinstance(standing, bytes):
            self._place(standing)
        else:
            self._rename_over()

    def _in_place(self) -> None:
        if isinstance(state_of(self.path), bytes):
            self.path.write_bytes(self._next())
        else:
            self._rename_over()

    def _delete(self) -> None:
        if state_of(self.path) == "folder":
            self.path.rmdir()
        else:
            self.path.unlink(missing_ok=True)

    def _symlink_over(self) -> None:
        self._clear_folder()
        fresh = self._beside()
        fresh.symlink_to("elsewhere")
        fresh.replace(self.path)

    def _fifo_over(self) -> None:
        self._clear_folder()
        fresh = self._beside()
        os.mkfifo(fresh)
        fresh.replace(self.path)

    def _folder_over(self) -> None:
        self._delete()
        self.path.mkdir()

    def _place(self, content: bytes) -> None:
        self._clear_folder()
        fresh = self._beside()
        fresh.write_bytes(content)
        fresh.replace(self.path)

    def _clear_folder(self) -> None:
        if state_of(self.path) == "folder":
            self.path.rmdir()

    def _beside(self) -> Path:
        return self.path.with_name(f"outsider's {self.path.name}")

    def _open_late(self) -> None:
        if isinstance(state_of(self.path), bytes):
            self._held.append(os.open(self.path, os.O_RDWR))

    def _stands_at_path(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), self.path.lstat())
        except FileNotFoundError:
            return False
