"""What a file has beside its bytes: mode, owner, extended attributes (access lists among them); taken from one file, given to another.

Knows nothing of why a file is replaced or brought back.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

__all__ = ["Attributes", "attributes_at", "attributes_of"]

_NOT_OURS_TO_GIVE = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EINVAL)


class Attributes(NamedTuple):
    """``owner``: user and group; ``extended``: names and values. None: not known, and left as a new file has it."""

    mode: int
    owner: tuple[int, int] | None = None
    extended: Mapping[str, bytes] | None = None

    def give(self, fd: int) -> bool:
        """Make the open file have these, and no others; false where some cannot be given to it, the rest is given nevertheless.

        The mode comes last: a change of owner clears bits of it, and an access list has bits of its own.
        """
        whole = True
        now = os.fstat(fd)
        if self.owner is not None and self.owner != (now.st_uid, now.st_gid):
            whole = _allowed(os.fchown, fd, *self.owner)
        if self.extended is not None:
            for name in _names(fd):  # a folder's default access list hands itself down to files it was not meant for
                if name not in self.extended and not name.startswith("security."):
                    whole = _allowed(os.removexattr, fd, name) and whole
            for name, value in self.extended.items():
                whole = _allowed(os.setxattr, fd, name, value) and whole
        os.fchmod(fd, self.mode if whole else self.mode & 0o777)  # not with another's rights in the name of this user
        return whole

    def to_json(self) -> dict[str, Any]:
        """As it stands in the detail of an event: ``mode``, ``owner``, and ``attributes`` as hex digits by name."""
        told: dict[str, Any] = {"mode": self.mode}
        if self.owner is not None:
            told["owner"] = list(self.owner)
        if self.extended:
            told["attributes"] = {name: value.hex() for name, value in self.extended.items() if name.isprintable()}
        return told

    @classmethod
    def from_json(cls, detail: Mapping[str, Any] | None) -> Attributes | None:
        """What an event's detail tells of a file that was deleted; None where it tells nothing."""
        detail = detail or {}
        if not isinstance(detail.get("mode"), int):
            return None
        if "owner" not in detail:  # as they were recorded when only the mode was
            return cls(detail["mode"])
        user, group = detail["owner"]
        return cls(detail["mode"], (user, group), {name: bytes.fromhex(value) for name, value in detail.get("attributes", {}).items()})


def attributes_of(fd: int) -> Attributes:
    """Those of an open file."""
    stat = os.fstat(fd)
    extended = {name: os.getxattr(fd, name) for name in _names(fd)}
    return Attributes(modes.S_IMODE(stat.st_mode), (stat.st_uid, stat.st_gid), extended)


def attributes_at(folder: int, name: str) -> Attributes:
    """Those of the file at a name, which is not followed if it is a symlink. OSError as the system gives it."""
    fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        return attributes_of(fd)
    finally:
        os.close(fd)


def _allowed(call: Callable[..., None], *arguments: Any) -> bool:
    try:
        call(*arguments)
    except OSError as error:
        if error.errno not in _NOT_OURS_TO_GIVE:
            raise
        return False
    return True


def _names(fd: int) -> list[str]:
    if not hasattr(os, "listxattr"):
        return []
    try:
        return os.listxattr(fd)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise
