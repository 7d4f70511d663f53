"""Paths that cannot lead out: one folder held open, and every name looked up beneath it.

A name is resolved once, component by component or by ``openat2``, and from then on used as (folder descriptor, last
name), so that nothing swapped in later can lead elsewhere. Knows nothing of contents, locks or the store. On file systems
that fold case or Unicode form, two spellings of one name are two names here (they share their inode's lock).
"""

from __future__ import annotations

import errno
import os
import stat as modes

from .content import access_error, check_regular
from .errors import FileAccessError, NoclobberError, PathError, WorkspaceError
from .names import checked_text, is_guarded_away
from .roots import find_root, root_for
from .syscalls import PATH_ONLY, open_beneath
from .walk import FOLDER, Located, Walk, outside

__all__ = ["Located", "Locator", "find_root", "root_for"]

_RACES = 20


class Locator:
    """Looks names up beneath one root folder, which it holds open. May be shared by threads."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)
        try:
            self._root_fd = os.open(self.root, FOLDER)
        except OSError as error:
            raise WorkspaceError(f"Cannot open the workspace folder {self.root}: {os.strerror(error.errno or errno.EIO)}.") from error
        stat = os.fstat(self._root_fd)
        self._root_id = (stat.st_dev, stat.st_ino)

    def close(self) -> None:
        """Let go of the root; idempotent."""
        fd, self._root_fd = self._root_fd, -1
        if fd >= 0:
            os.close(fd)

    def locate(self, path: str | bytes | os.PathLike[str], *, missing_ok: bool = False, follow: bool = True) -> Located:
        """The file a writer means by ``path``: relative to the root, or absolute and inside it.

        Symlinks inside are followed to what they name, so that a write changes the target and the link stays; not ``follow``: the last
        name must be none, since the file is to leave it.
        OutsideWorkspaceError where it leads out, or into ``.git`` or ``.noclobber``; PathError for an unusable name or
        anything but a regular file; FileAccessError where the system says no, or (unless ``missing_ok``) nothing is there.
        """
        text = checked_text(path)
        self._check_root()
        relative = self._relative(text)
        located = self._fast(relative) or self._slow(relative, text, follow)
        try:
            if located.stat is not None:
                check_regular(located.stat, located.file_path)
            elif not missing_ok:
                raise FileAccessError(text, errno.ENOENT, f"There is no file {located.file_path!r} in the workspace.")
            if text.endswith(("/", "/.")):  # as the system has it: only a folder's name ends so
                raise PathError(text, f"{text!r} names a folder; a file's name does not end with a slash.")
        except BaseException:
            located.close()
            raise
        return located

    def name_of(self, path: str | bytes | os.PathLike[str]) -> str:
        """What the history calls the file at ``path``, whatever stands there by now: a folder, a symlink that leads out, nothing.

        Where the disk says no, the name as it is written, if that alone cannot lead out; else the errors of ``locate``.
        """
        text = checked_text(path)
        self._check_root()
        relative = self._relative(text)
        try:
            located = self._fast(relative) or self._slow(relative, text)
        except NoclobberError:
            if not _is_plain(relative):
                raise
            return relative
        located.close()
        return located.file_path

    def make_parents(self, file_path: str) -> None:
        """Make the missing folders above a file to be created; ``file_path`` as in ``Located``. Never leads out."""
        folders = file_path.split("/")[:-1]
        at = self._root_fd
        try:
            for name in folders:
                below = _made(at, name, file_path)
                if at != self._root_fd:
                    os.close(at)
                at = below
        except OSError as error:
            raise access_error(file_path, error, "make the folder of") from error
        finally:
            if at != self._root_fd:
                os.close(at)

    def still_there(self, located: Located) -> bool:
        """Whether the held folder is still the folder of that path: false after it, or one above it, was moved or replaced."""
        self._check_root()
        if located.parent_fd < 0:
            return False
        folder = located.file_path.rpartition("/")[0]
        try:
            now = os.stat(self._root_fd) if not folder else self._stat_beneath(folder)
        except OSError:
            return False
        held = os.fstat(located.parent_fd)
        return (now.st_dev, now.st_ino) == (held.st_dev, held.st_ino)

    def _check_root(self) -> None:
        """The held root must be what its path names: after a replacement we would go on in the old one, unseen."""
        try:
            stat = os.stat(self.root)
            if (stat.st_dev, stat.st_ino) == self._root_id:
                return
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                raise access_error(self.root, error, "look at the workspace folder") from error
        raise WorkspaceError(f"The workspace folder {self.root} was moved, removed or replaced; open the workspace again.")

    def _stat_beneath(self, folder: str) -> os.stat_result:
        fd = open_beneath(self._root_fd, folder, PATH_ONLY | os.O_DIRECTORY)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def _relative(self, text: str) -> str:
        """What follows the root in an absolute path, under whatever alias of the root it is given."""
        if not text.startswith("/"):
            return text
        base = self.root.rstrip("/") + "/"
        if text.startswith(base):
            return text[len(base) :]
        folder, _, name = text.rstrip("/").rpartition("/")
        real = os.path.join(os.path.realpath(folder or "/"), name)
        if real == self.root or os.path.realpath(text) == self.root:
            return "."
        if real.startswith(base):
            return real[len(base) :]
        raise outside(text, "leads out of the workspace")

    def _fast(self, relative: str) -> Located | None:
        """A plain name with no symlink in it: one look-up. None: take the slow way, which also has the words for errors."""
        if not _is_plain(relative):
            return None
        folder, _, name = relative.rpartition("/")
        try:
            parent_fd = open_beneath(self._root_fd, folder or ".", FOLDER)
        except OSError:
            return None
        try:
            stat = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
            if not modes.S_ISLNK(stat.st_mode):
                return Located(relative, parent_fd, name, stat)
        except FileNotFoundError:
            return Located(relative, parent_fd, name, None)
        except OSError:
            pass
        os.close(parent_fd)
        return None

    def _slow(self, relative: str, asked: str, follow: bool = True) -> Located:
        walk = Walk(self.root, self._root_fd, relative, asked)
        try:
            located = walk.run()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise PathError(asked, f"The name {asked[:80]!r}… is too long for the file system.") from error
            raise access_error(asked, error, "reach") from error
        finally:
            walk.close()
        if walk.link is None or follow:
            return located
        located.close()
        raise PathError(asked, f"{walk.link!r} is a symlink to {located.file_path!r}; name the file itself.")


def _is_plain(relative: str) -> bool:
    parts = relative.split("/")
    return not {"", ".", ".."}.intersection(parts) and not is_guarded_away(relative)


def _made(at: int, name: str, file_path: str) -> int:
    for _ in range(_RACES):
        try:
            return os.open(name, FOLDER, dir_fd=at)
        except FileNotFoundError:
            pass
        try:
            os.mkdir(name, dir_fd=at)
        except FileExistsError:
            continue
    raise PathError(file_path, f"The folder of {file_path!r} is being removed as fast as it is made; try later.")
