"""Rewriting in place: for a file with several hard links, or one whose owner cannot be given to a new file.

Also where the file system has no exchange. The old and the new bytes lie whole in the temporary file before the first byte is
changed, so that a crash half-way is told from an outsider's write and taken back. A write lease keeps everybody else from opening
the file between the last comparison and the write. Where none is to be had (somebody keeps the file open, it is another user's, the
file system has none) an outsider can still slip in: what such a file cannot be promised stands in the documentation.
"""

from __future__ import annotations

import errno
import os
import stat as modes
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..merge.lines import common_prefix
from ..syscalls import drop_lease, write_lease
from .base import Action, Result, read_all, write_whole

__all__ = ["InPlace"]

_ALONE_WAIT_S = 0.05  # whoever has the file open gets so long to finish


class InPlace(Action):
    """``row.outcome["split"]``: how many bytes of the temporary file are the old version; the rest is the new one."""

    def make(self) -> Result:
        """Compare, write over, cut to length, flush, and read once more."""
        old, new = self._versions()
        return self._rewrite(old, new)

    def undo(self) -> Result:
        """The same with the versions exchanged."""
        old, new = self._versions()
        return self._rewrite(new, old)

    def recover(self) -> Result:
        """The new version whole: made. A mixture of ours: the old one again. Anything else: somebody's newer bytes."""
        try:
            old, new = self._versions()
        except FileNotFoundError:
            return "overtaken"
        fd = self._open()
        if fd is None:
            return "overtaken"
        try:
            standing = read_all(fd)
            if standing == new:
                return "placed"
            if standing != old and _torn(standing, old, new):
                self.witness.record(self.row, keep=standing)
                self.witness.step("restore")
                _overwrite(fd, old)
                os.fsync(fd)
            return "overtaken"
        finally:
            os.close(fd)

    def recover_undo(self) -> Result:
        """As ``recover``, and a change that was whole is taken back."""
        return self.undo() if self.recover() == "placed" else "placed"

    def look_late(self) -> None:
        """Nothing is displaced here: the temporary file is ours alone."""

    def _versions(self) -> tuple[bytes, bytes]:
        directory, name = self.site.temp(self.row)
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=directory)
        try:
            both = read_all(fd)
        finally:
            os.close(fd)
        split: int = self.row.outcome["split"]
        return both[:split], both[split:]

    def _open(self) -> int | None:
        """The file open, None where it was deleted or something else has taken its place."""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            fd = os.open(self.site.name, flags, dir_fd=self.site.parent)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO):
                return None
            raise
        if modes.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        return None

    def _rewrite(self, expecting: bytes, placing: bytes) -> Result:
        self.witness.step("rewrite")
        fd = self._open()
        if fd is None:
            return "overtaken"
        try:
            with _alone(fd):
                if not self._stands(fd) or read_all(fd) != expecting:
                    return "overtaken"
                _overwrite(fd, placing)
            os.fsync(fd)
            self.witness.step("compare")
            return self._compared(fd, expecting, placing)
        finally:
            os.close(fd)

    def _compared(self, fd: int, expecting: bytes, placing: bytes) -> Result:
        found = read_all(fd)
        if found != placing:
            self.witness.record(self.row, keep=found)
            return "overtaken"
        if self._stands(fd):
            return "placed"
        # Another file stands there now: under its other names, if it has any, ours becomes what it was.
        _overwrite(fd, expecting)
        os.fsync(fd)
        return "overtaken"

    def _stands(self, fd: int) -> bool:
        """Whether the name still leads to this open file."""
        try:
            standing = os.stat(self.site.name, dir_fd=self.site.parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(standing, os.fstat(fd))


@contextmanager
def _alone(fd: int) -> Iterator[None]:
    """Nobody else opens the file meanwhile, nor has it open, where a lease can be had: whoever wants to waits a moment."""
    deadline = time.monotonic() + _ALONE_WAIT_S
    while (leased := write_lease(fd)) is False and time.monotonic() < deadline:
        time.sleep(0.001)
    try:
        yield
    finally:
        if leased:
            drop_lease(fd)


def _overwrite(fd: int, content: bytes) -> None:
    os.lseek(fd, 0, os.SEEK_SET)
    write_whole(fd, content)
    os.ftruncate(fd, len(content))


def _torn(standing: bytes, old: bytes, new: bytes) -> bool:
    """Whether this is a mixture that our own writes leave: some of the old version, then some of the new, then the old again.

    Writing the new one leaves new-old; taking that back, new-old or old-new; a crash in the middle of recovery old-new-old.
    """
    begun = common_prefix(standing, old)
    until = begun + common_prefix(standing[begun:], new[begun:])
    shortest, longest = sorted((len(old), len(new)))
    return standing[until:] in (b"", old[until:]) and shortest <= len(standing) <= longest
