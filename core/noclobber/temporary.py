"""Temporary files: the new bytes whole and flushed, with the mode, owner and attributes of the file they are to replace or to be again.

Knows nothing of decisions or of what is done with the file afterwards.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from contextlib import suppress

from .attributes import Attributes, attributes_at
from .paths import Located
from .replacement import Site
from .replacement.base import BESIDE, Overtaken, remove, write_whole
from .store.protocol import Pending
from .syscalls import link_at

__all__ = ["CannotCarryError", "check_writable", "drop_temp", "is_temporary", "mark_temp", "name_beside", "write_temp"]

_BESIDE_TARGET = ".noclobber-"


class CannotCarryError(Exception):
    """A new file cannot have this owner, or these attributes."""


def name_beside(name: str) -> str:
    """The name a temporary file has beside its target instead of in ``.noclobber/tmp``, as a row has it."""
    return f"{BESIDE}{_BESIDE_TARGET}{name}"


def is_temporary(name: str, *, secret: bool = False) -> bool:
    """Whether a name could be one of ours beside a target; ``secret``: whether, wherever it lies, its content is never kept."""
    return name.removeprefix(_BESIDE_TARGET).startswith("s-") if secret else name.startswith(_BESIDE_TARGET)


def write_temp(row: Pending, site: Site, content: bytes, like: Located | None, attributes: Attributes | None = None) -> os.stat_result:
    """The temporary file whole and flushed; its stat. It gets all that ``like`` has, or CannotCarryError; or ``attributes``, as far as
    they can be given to it."""
    mark_temp(row, site)
    begin = 0o666 if row.action == "create" and attributes is None else 0o600
    try:
        fd = _born_in_its_folder(row, site, begin) if row.action == "create" else None
        if fd is None:
            fd = _born(row, site, begin)
    except OSError:
        drop_temp(row, site)  # a name of ours alone: there is but the mark
        raise
    try:
        write_whole(fd, content)
        if like is not None:
            _carry_over(fd, like)
        elif attributes is not None:
            attributes.give(fd)
        os.fsync(fd)
        return os.fstat(fd)
    except BaseException:
        drop_temp(row, site)
        raise
    finally:
        os.close(fd)


def _born_in_its_folder(row: Pending, site: Site, mode: int) -> int | None:
    """A new file begins without a name in the folder where it is to stand, so that it has the group, the access list and the label that
    folder hands down. None where the system cannot do that, or not here: who may not write in that folder is told when it is placed."""
    with suppress(OSError, AttributeError):
        fd = os.open(".", os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, mode, dir_fd=site.parent)
        try:
            link_at(fd, *site.temp(row))
        except OSError:
            os.close(fd)
            raise
        return fd
    return None


def _born(row: Pending, site: Site, mode: int) -> int:
    directory, name = site.temp(row)
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode, dir_fd=directory)
    if row.action == "create":
        _inherit_group(fd, site.parent)
    return fd


def drop_temp(row: Pending, site: Site) -> None:
    """Take away a temporary file that never came on record, and then the mark that led to it."""
    remove(*site.temp(row))
    mark = site.mark(row)
    if mark is not None:
        remove(site.tmp, mark)


def mark_temp(row: Pending, site: Site) -> None:
    """Before a temporary file stands beside its target, where nobody would look for it after a crash, a mark in ``tmp`` names it."""
    mark = site.mark(row)
    if mark is not None:
        folder, slash, _ = row.file_path.rpartition("/")
        fd = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=site.tmp)
        try:
            write_whole(fd, f"{folder}{slash}{site.temp(row)[1]}".encode())
        finally:
            os.close(fd)


def check_writable(located: Located) -> None:
    """An exchange asks only who may change the folder: a file that this user may not write is refused, as any shell would refuse it."""
    if os.access in os.supports_effective_ids and os.access(located.name, os.W_OK, dir_fd=located.parent_fd, effective_ids=True):
        return
    try:  # the last word, and the reason, are the system's: some sandboxes know nothing of the question
        os.close(os.open(located.name, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=located.parent_fd))
    except OSError as error:
        _raise_overtaken(located, error)
        raise


def _raise_overtaken(located: Located, error: OSError) -> None:
    if error.errno in (errno.ENOENT, errno.ELOOP):
        raise Overtaken(located.file_path) from error  # deleted, or a symlink now: to be decided anew


def _carry_over(fd: int, like: Located) -> None:
    try:
        attributes = attributes_at(like.parent_fd, like.name)
    except OSError as error:
        _raise_overtaken(like, error)
        raise
    if not attributes.give(fd):
        raise CannotCarryError


def _inherit_group(fd: int, parent: int) -> None:
    """In a folder that hands its group down a new file belongs to that group, though it was made elsewhere."""
    folder = os.fstat(parent)
    if folder.st_mode & modes.S_ISGID and os.fstat(fd).st_gid != folder.st_gid:
        try:
            os.fchown(fd, -1, folder.st_gid)
        except PermissionError:
            return
