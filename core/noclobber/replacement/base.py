"""What all actions on one file share: where it stands, who is told, and careful reading of what came out."""

from __future__ import annotations

import os
import stat as modes
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple, Protocol

from ..content import hash_content
from ..errors import StoreError
from ..store.protocol import Pending
from ..syscalls import lease_held, read_lease

__all__ = [
    "Action",
    "Displaced",
    "Overtaken",
    "Result",
    "Site",
    "Witness",
    "finish_rename",
    "hash_at",
    "inode_at",
    "read_all",
    "read_displaced",
    "remove",
    "write_whole",
]

Result = Literal["placed", "overtaken"]
"""``placed``: the change stands and displaced what was expected; ``overtaken``: a newer version stands, put back where it had come out."""

BESIDE = "@"
"""Begins a temporary name that stands beside the target, where that is on another file system than ``.noclobber``."""
MARK = "at-"
"""Begins the name of a small file in ``.noclobber/tmp`` or ``kept`` that holds the path of a temporary file beside its target."""
_QUIET_WAIT_S = 0.05


class Overtaken(Exception):
    """Somebody changed the file between the decision and the exchange; their bytes stand, nothing of ours does."""

    def __init__(self, file_path: str) -> None:
        super().__init__(file_path)
        self.file_path = file_path


class Site(NamedTuple):
    """Where an action works, as open directories: no path can be swapped under it.

    ``parent``/``name``: the target; ``to_parent``/``to_name``: where a move leads; ``tmp``: ``.noclobber/tmp``.
    """

    parent: int
    name: str
    tmp: int
    to_parent: int = -1
    to_name: str = ""

    def temp(self, row: Pending) -> tuple[int, str]:
        """The directory and name of a row's temporary file."""
        name = row.temp_name or ""
        if "/" in name:  # state that came with somebody else's files must not lead out of the workspace
            raise StoreError(f"The state names a temporary file elsewhere ({name!r}); it was not made by noclobber. Remove .noclobber.")
        return (self.parent, name[len(BESIDE) :]) if name.startswith(BESIDE) else (self.tmp, name)

    def mark(self, row: Pending) -> str | None:
        """In ``tmp``, the name of the mark that says where the row's temporary file is; None where that is in ``tmp`` itself."""
        name = row.temp_name or ""
        return MARK + name[len(BESIDE) :] if name.startswith(BESIDE) else None


class Witness(Protocol):
    """Who is told of each step before it is made."""

    def record(self, row: Pending, keep: bytes | None = None) -> None:
        """Put the row on record, keeping these bytes with it, before the exchange it announces."""

    def step(self, name: str) -> None:
        """A step is about to be made (tests pause, write or kill here)."""


class Displaced(NamedTuple):
    """What came out: its bytes, their hash, and whether it is proven that nobody still writes into it.

    A symlink, a folder, a file that may not be read: ``content`` is None, and ``hash`` names the thing itself, so that it is put
    back like any other newer version, and never removed. ``mode``: its permission bits.
    """

    content: bytes | None
    hash: str
    quiet: bool
    mode: int


class Action(ABC):
    """One file's change: ``prepare``, ``make``, then ``tidy`` once the outcome is on record, or ``undo``.

    ``row`` is kept as it was last recorded. ``late`` is true where the displaced file is still held open by a writer:
    it must be moved to ``kept/`` instead of being removed.
    """

    def __init__(self, row: Pending, site: Site, witness: Witness) -> None:
        self.row = row
        self.site = site
        self.witness = witness
        self.late = False

    @abstractmethod
    def make(self) -> Result:
        """Carry the change out; the row must be on record."""

    @abstractmethod
    def undo(self) -> Result:
        """Take back a change that was made: ``placed`` if the old version stands again, else newer bytes were kept."""

    @abstractmethod
    def recover(self) -> Result:
        """Go on from wherever a crash stopped a row that is ``intended``, towards having been made."""

    @abstractmethod
    def recover_undo(self) -> Result:
        """Go on from wherever a crash stopped it, towards the old version."""

    @property
    def ours(self) -> str | None:
        """What this change set out to place; the row's own ``placing`` is another once something newer came out."""
        placing: str | None = self.row.outcome["placing"]
        return placing

    @property
    def old(self) -> str | None:
        """What this change set out to displace."""
        expecting: str | None = self.row.outcome["expecting"]
        return expecting

    @property
    def outlives_outcome(self) -> bool:
        """Whether the row is needed until its temporary file is away.

        Not where that holds nothing but what was displaced, proven to have no writer: killed before it is away, we leave a
        file that whoever comes next takes in, which changes nothing, since its content is kept and can change no more.
        """
        return self.late or self.row.action == "inplace" or self.site.mark(self.row) is not None

    def intend(self, placing: str | None, expecting: str | None, keep: bytes | None = None) -> None:
        """Put on record what the next exchange places and expects, before it is made; and which file goes in, so that recovery
        can tell whether it went, whatever has been written into it since."""
        outcome = {**self.row.outcome, "inode": self.temp_inode()}
        self.row = self.row._replace(placing=placing, expecting=expecting, outcome=outcome)
        self.witness.record(self.row, keep)

    def temp_inode(self) -> int:
        """Which file the temporary name leads to now."""
        directory, name = self.site.temp(self.row)
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino

    def look_late(self) -> None:
        """Recovery of a row whose outcome is on record: nobody remembers whether the displaced file still had a writer."""
        if self.row.temp_name is None:
            return
        directory, name = self.site.temp(self.row)
        try:
            out = read_displaced(directory, name, self.row.expecting)
        except FileNotFoundError:
            return
        self.late = not out.quiet or out.hash not in (self.ours, self.old, self.row.placing, self.row.expecting)

    def tidy(self, kept: int, discard: Callable[[int, str], None]) -> None:
        """Put the temporary file away: into the directory ``kept`` where it is ``late``, else it is for ``discard``."""
        if self.row.temp_name is None:
            return
        directory, name = self.site.temp(self.row)
        mark = self.site.mark(self.row)
        if not self.late:
            discard(directory, name)
        elif mark is None:
            with suppress(FileNotFoundError):
                os.rename(name, f"late-{name}", src_dir_fd=directory, dst_dir_fd=kept)
        else:  # on another file system than ``kept``: it stays where it is, and what leads to it moves
            with suppress(FileNotFoundError):
                os.rename(mark, f"late-{mark}", src_dir_fd=self.site.tmp, dst_dir_fd=kept)
        if mark is not None:
            remove(self.site.tmp, mark)


def write_whole(fd: int, content: bytes) -> None:
    """Write all bytes from the descriptor's position on."""
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def read_all(fd: int) -> bytes:
    """All bytes of an open file, from its beginning."""
    os.lseek(fd, 0, os.SEEK_SET)
    size = os.fstat(fd).st_size
    parts = []
    while chunk := os.read(fd, max(size, 1) + 1):
        parts.append(chunk)
        size = 1 << 20
    return parts[0] if len(parts) == 1 else b"".join(parts)


def finish_rename(from_dir: int, old: str, to_dir: int, new: str) -> None:
    """Where a rename that never replaces is made by a link, a crash may have left the file both names: the old one goes."""
    if inode_at(from_dir, old) == inode_at(to_dir, new) is not None:
        os.unlink(old, dir_fd=from_dir)


def remove(directory: int, name: str) -> None:
    """Take a file away. Where there is none that is no error, not even on a disk for reading only, which would call it one."""
    if inode_at(directory, name) is not None:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=directory)


def inode_at(directory: int, name: str) -> int | None:
    """Which file a name leads to, None where there is nothing."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_ino
    except FileNotFoundError:
        return None


def hash_at(directory: int, name: str) -> str | None:
    """The hash of the regular file at a name, None where there is none that can be read."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    except OSError:
        return None
    try:
        return hash_content(read_all(fd))
    except OSError:
        return None
    finally:
        os.close(fd)


def read_displaced(directory: int, name: str, expecting: str | None) -> Displaced:
    """What came out of an exchange, and whether it can still change. FileNotFoundError where there is nothing.

    A read lease is granted only while nobody has the file open for writing; here, where no path leads to it any
    more, that proves it final. Where it is what was expected but somebody holds it, they get 50 ms to finish.
    """
    stat = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if modes.S_ISREG(stat.st_mode):
        try:
            return _read_displaced(directory, name, expecting, modes.S_IMODE(stat.st_mode))
        except FileNotFoundError:
            raise
        except OSError:  # another user's, or the disk fails: it goes back as it is
            pass
    return Displaced(None, f"inode:{stat.st_dev}:{stat.st_ino}", False, modes.S_IMODE(stat.st_mode))


def _read_displaced(directory: int, name: str, expecting: str | None, mode: int) -> Displaced:
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
    try:
        deadline = time.monotonic() + _QUIET_WAIT_S
        while True:
            leased = read_lease(fd)
            content = read_all(fd)
            quiet = leased and lease_held(fd)
            found = Displaced(content, hash_content(content), quiet, mode)
            if quiet or found.hash != expecting or time.monotonic() > deadline:
                return found
            time.sleep(0.001)
    finally:
        os.close(fd)
