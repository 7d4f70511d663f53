"""Taking files away without waiting until the disk has freed their blocks, which takes a tenth of a guarded write.

A name is gone at once; while the file is still open its blocks stay, and closing it frees them. So a process that dies leaves nothing.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress

from .replacement.base import remove
from .syscalls import PATH_ONLY

__all__ = ["Discarded"]

_MOST = 16
_LARGEST = 64 * 1024  # bytes: with the number above, what a full disk can be short of for a moment


class Discarded:
    """Files without a name that are still to be freed. Shared by threads; ``free`` is for one that nobody waits for."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()

    def discard(self, directory: int, name: str) -> None:
        """Take a file away; where there is none, that is no error. OSError where the system says no."""
        try:
            fd = os.open(name, PATH_ONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except OSError:
            remove(directory, name)
            return
        try:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)
        except BaseException:
            os.close(fd)
            raise
        if os.fstat(fd).st_size > _LARGEST:
            os.close(fd)
            return
        self._open.append(fd)
        if len(self._open) > _MOST:
            self._free_one()

    def free(self) -> None:
        """Give the blocks of all of them back."""
        while self._free_one():
            pass

    def _free_one(self) -> bool:
        try:
            os.close(self._open.popleft())
        except IndexError:
            return False
        return True
