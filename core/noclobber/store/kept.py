"""Contents too large for the database: one file each in ``.noclobber/kept``, named by its hash.

Other files in that folder belong to others and are never looked at.
"""

from __future__ import annotations

import os

from ..errors import StoreError

__all__ = ["KeptFiles"]


class KeptFiles:
    """The files of 64 hex digits in ``folder``."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def put(self, content_hash: str, content: bytes) -> None:
        """Keep these bytes, flushed, under their hash; whole or not at all. StoreError: the disk said no."""
        target = os.path.join(self._folder, content_hash)
        temporary = f"{target}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            if os.path.exists(target):
                return
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self._write(temporary, content)
            os.rename(temporary, target)
        except OSError as error:
            _unlink(temporary)
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

    @staticmethod
    def _write(path: str, content: bytes) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view) :]
            os.fsync(fd)
        finally:
            os.close(fd)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
