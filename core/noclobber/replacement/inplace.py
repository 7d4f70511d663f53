"""Rewriting in place: for a file with several hard links, or one whose owner cannot be given to a new file.

The old and the new bytes lie whole in the temporary file before the first byte is changed, so that a crash half-way is
told from an outsider's write and taken back. Between the last comparison and the write an outsider can still slip in: what
such a file cannot be promised stands in the documentation.
"""

from __future__ import annotations

import errno
import os

from ..content import hash_content
from ..merge.lines import common_prefix
from .base import Action, Result, read_all, write_whole

__all__ = ["InPlace"]


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
            fd = self._open()
        except FileNotFoundError:
            return "overtaken"
        try:
            standing = read_all(fd)
            if standing == new:
                return "placed"
            if standing != old and _torn(standing, old, new):
                self.witness.record(self.row, keep=standing)
                self.witness.step("restore")
                _overwrite(fd, old)
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

    def _open(self) -> int:
        return os.open(self.site.name, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self.site.parent)

    def _rewrite(self, expecting: bytes, placing: bytes) -> Result:
        try:
            fd = self._open()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.ENXIO):
                return "overtaken"  # deleted, or something else has taken its place
            raise
        try:
            if read_all(fd) != expecting:
                return "overtaken"
            self.witness.step("rewrite")
            _overwrite(fd, placing)
            self.witness.step("compare")
            found = read_all(fd)
        finally:
            os.close(fd)
        if hash_content(found) == hash_content(placing):
            return "placed"
        self.witness.record(self.row, keep=found)
        return "overtaken"


def _overwrite(fd: int, content: bytes) -> None:
    os.lseek(fd, 0, os.SEEK_SET)
    write_whole(fd, content)
    os.ftruncate(fd, len(content))
    os.fsync(fd)


def _torn(standing: bytes, old: bytes, new: bytes) -> bool:
    """Whether this is a mixture that our own writes leave: some of the old version, then some of the new, then the old again.

    Writing the new one leaves new-old; taking that back, new-old or old-new; a crash in the middle of recovery old-new-old.
    """
    begun = common_prefix(standing, old)
    until = begun + common_prefix(standing[begun:], new[begun:])
    shortest, longest = sorted((len(old), len(new)))
    return standing[until:] in (b"", old[until:]) and shortest <= len(standing) <= longest
