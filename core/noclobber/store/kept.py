"""Contents too large for the database: one file each in ``.noclobber/kept``, named by its hash.

One that is being written has a longer name, ``<hash>.<pid>.<random>``, and is locked for as long as its writer lives. Other files in
that folder belong to others and are never looked at.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from ..errors import StoreError

__all__ = ["KeptFiles"]


class KeptFiles:
    """The files of 64 hex digits in ``folder``."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def put(self, content_hash: str, content: bytes) -> None:
        """Keep these bytes, flushed, under their hash; whole or not at all. StoreError: the disk said no."""
        target = os.path.join(self._folder, content_hash)
        if os.path.exists(target):
            return
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            try:
                self._write(target, content)
            except FileNotFoundError:  # taken for a dead writer's in the instant before it was locked
                self._write(target, content)
        except OSError as error:
            raise StoreError(f"{target} cannot be written ({error.strerror}); nothing was recorded.") from error

    def get(self, content_hash: str) -> bytes | None:
        """The bytes, None where the file is missing or no longer holds them."""
        import hashlib

        try:
            with open(os.path.join(self._folder, content_hash), "rb") as source:
                content = source.read()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == content_hash else None

    def drop(self, content_hash: str) -> None:
        """Delete the file; it may be gone already."""
        _unlink(os.path.join(self._folder, content_hash))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """What is there: hash to size in bytes and whole seconds of its mtime."""
        found: dict[str, tuple[int, int]] = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if len(entry.name) == 64 and not entry.name.strip("0123456789abcdef") and entry.is_file(follow_symlinks=False):
                        stat = entry.stat(follow_symlinks=False)
                        found[entry.name] = (stat.st_size, int(stat.st_mtime))
        except OSError:
            return found
        return found

    def drop_unfinished(self) -> None:
        """Delete what writers that died were in the middle of: the change it was kept for was never made."""
        with suppress(OSError), os.scandir(self._folder) as entries:
            for entry in entries:
                if len(entry.name) > 65 and entry.name[64] == "." and not entry.name[:64].strip("0123456789abcdef"):
                    _unlink_unlocked(entry.path)

    @staticmethod
    def _write(target: str, content: bytes) -> None:
        temporary = f"{target}.{os.getpid()}.{os.urandom(4).hex()}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
            os.rename(temporary, target)
        except BaseException:
            _unlink(temporary)
            raise
        finally:
            os.close(fd)


def _unlink_unlocked(path: str) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _unlink(path)
    except OSError:
        return  # its writer lives
    finally:
        os.close(fd)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
