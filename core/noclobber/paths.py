"""Paths that cannot lead out: one folder held open, and every name looked up beneath it.

A name is resolved once, component by component or by ``openat2``, and from then on used as (folder descriptor, last
name), so that nothing swapped in later can lead elsewhere. Knows nothing of contents, locks or the store. On file systems
that fold case or Unicode form, two spellings of one name are two names here (they share their inode's lock).
"""

from __future__ import annotations

import errno
import os
import stat as modes
from types import TracebackType

from .content import access_error, check_regular
from .errors import FileAccessError, PathError, WorkspaceError, refused
from .names import checked_text, is_guarded_away
from .records import Refusal
from .roots import find_root, root_for, root_to_open
from .syscalls import PATH_ONLY, open_beneath

__all__ = ["Located", "Locator", "find_root", "root_for", "root_to_open"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_MAX_LINKS = 40
_RACES = 20


class Located:
    """A file by its folder: ``file_path`` (canonical, relative, with ``/``), ``parent_fd``, ``name`` in that folder.

    ``stat`` is that of the file when it was looked up, None if there was none. ``parent_fd`` is -1 where the folder is
    missing too. A context manager: leaving it closes ``parent_fd``.
    """

    __slots__ = ("file_path", "name", "parent_fd", "stat")

    def __init__(self, file_path: str, parent_fd: int, name: str, stat: os.stat_result | None) -> None:
        self.file_path = file_path
        self.parent_fd = parent_fd
        self.name = name
        self.stat = stat

    def __enter__(self) -> Located:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder; idempotent."""
        fd, self.parent_fd = self.parent_fd, -1
        if fd >= 0:
            os.close(fd)


class Locator:
    """Looks names up beneath one root folder, which it holds open. May be shared by threads."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(root)
        try:
            self._root_fd = os.open(self.root, _FOLDER)
        except OSError as error:
            raise WorkspaceError(f"Cannot open the workspace folder {self.root}: {os.strerror(error.errno or errno.EIO)}.") from error
        stat = os.fstat(self._root_fd)
        self._root_id = (stat.st_dev, stat.st_ino)

    def close(self) -> None:
        """Let go of the root; idempotent."""
        fd, self._root_fd = self._root_fd, -1
        if fd >= 0:
            os.close(fd)

    def locate(self, path: str | bytes | os.PathLike[str], *, missing_ok: bool = False) -> Located:
        """The file a writer means by ``path``: relative to the root, or absolute and inside it.

        Symlinks inside are followed to what they name, so that a write changes the target and the link stays.
        OutsideWorkspaceError where it leads out, or into ``.git`` or ``.noclobber``; PathError for an unusable name or
        anything but a regular file; FileAccessError where the system says no, or (unless ``missing_ok``) nothing is there.
        """
        text = checked_text(path)
        self._check_root()
        relative = self._relative(text)
        located = self._fast(relative) or self._slow(relative)
        try:
            if located.stat is not None:
                check_regular(located.stat, located.file_path)
            elif not missing_ok:
                raise FileAccessError(text, errno.ENOENT, f"There is no file {located.file_path!r} in the workspace.")
        except BaseException:
            located.close()
            raise
        return located

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
        raise _outside(text, "leads out of the workspace")

    def _fast(self, relative: str) -> Located | None:
        """A plain name with no symlink in it: one look-up. None: take the slow way, which also has the words for errors."""
        parts = relative.split("/")
        if "" in parts or "." in parts or ".." in parts or is_guarded_away(relative):
            return None
        folder, _, name = relative.rpartition("/")
        try:
            parent_fd = open_beneath(self._root_fd, folder or ".", _FOLDER)
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

    def _slow(self, relative: str) -> Located:
        walk = _Walk(self.root, self._root_fd, relative)
        try:
            return walk.run()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                raise PathError(relative, f"The name {relative[:80]!r}… is too long for the file system.") from error
            raise access_error(relative, error, "reach") from error
        finally:
            walk.close()


class _Walk:
    """One careful resolution: folders are entered one by one, symlinks read and resolved here, ``..`` goes back on our own steps."""

    def __init__(self, root: str, root_fd: int, relative: str) -> None:
        self._root = root
        self._asked = relative
        self._todo = relative.split("/")[::-1]
        self._names: list[str] = []
        self._fds = [root_fd]
        self._links = 0

    def close(self) -> None:
        while len(self._fds) > 1:
            os.close(self._fds.pop())

    def run(self) -> Located:
        while True:
            name = self._next()
            stat = self._look(name)
            if stat is not None and modes.S_ISLNK(stat.st_mode):
                self._follow(name)
            elif any(part not in ("", ".") for part in self._todo):
                if stat is None:
                    return self._missing(name)
                self._enter(name, stat)
            else:
                return self._found(name, stat)

    def _next(self) -> str:
        """The next real name; steps back for ``..``."""
        while self._todo:
            name = self._todo.pop()
            if name == "..":
                self._back()
            elif name not in ("", "."):
                if is_guarded_away(name):
                    raise _outside(self._asked, f"leads into {name}, which is not guarded")
                return name
        if not self._names:
            raise PathError(self._asked, f"{self._asked!r} is the workspace folder itself; name a file in it.")
        raise PathError(self._asked, f"{self._asked!r} is a folder; only regular files can be read or written under the guard.")

    def _back(self) -> None:
        if not self._names:
            raise _outside(self._asked, "leads out of the workspace")
        self._names.pop()
        os.close(self._fds.pop())

    def _look(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self._fds[-1], follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _follow(self, name: str) -> None:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise PathError(self._asked, f"{self._asked!r} goes round in circles through symlinks.")
        try:
            target = os.readlink(name, dir_fd=self._fds[-1])
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise
            self._again(name)  # replaced since we looked
            return
        if target.startswith("/"):
            target = self._from_root(target)
            while self._names:
                self._back()
        self._todo += checked_text(target).split("/")[::-1]

    def _from_root(self, target: str) -> str:
        base = self._root.rstrip("/") + "/"
        if target == self._root or target.startswith(base):
            return target[len(base) :] or "."
        real = os.path.realpath(target)
        if real == self._root or real.startswith(base):
            return real[len(base) :] or "."
        raise _outside(self._asked, "leads out of the workspace through a symlink")

    def _again(self, name: str) -> None:
        self._links += 1
        if self._links > _MAX_LINKS:
            raise PathError(self._asked, f"{self._asked!r} is being replaced again and again; try later.")
        self._todo.append(name)

    def _enter(self, name: str, stat: os.stat_result) -> None:
        if not modes.S_ISDIR(stat.st_mode):
            where = "/".join([*self._names, name])
            raise PathError(self._asked, f"{self._asked!r} cannot be: {where!r} is a file, not a folder.")
        try:
            fd = os.open(name, _FOLDER, dir_fd=self._fds[-1])
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.ENOENT):
                raise
            self._again(name)  # replaced since we looked
            return
        self._fds.append(fd)
        self._names.append(name)

    def _found(self, name: str, stat: os.stat_result | None) -> Located:
        file_path = "/".join([*self._names, name])
        return Located(file_path, os.dup(self._fds[-1]), name, stat)

    def _missing(self, name: str) -> Located:
        """A folder on the way is not there: the rest is taken as it is written, which it only can be without ``..``."""
        rest = [part for part in reversed(self._todo) if part not in ("", ".")]
        if ".." in rest:
            raise PathError(self._asked, f"{self._asked!r} goes back out of a folder that does not exist.")
        for part in rest:
            if is_guarded_away(part):
                raise _outside(self._asked, f"leads into {part}, which is not guarded")
        names = [*self._names, name, *rest]
        return Located("/".join(names), -1, names[-1], None)


def _made(at: int, name: str, file_path: str) -> int:
    for _ in range(_RACES):
        try:
            return os.open(name, _FOLDER, dir_fd=at)
        except FileNotFoundError:
            pass
        try:
            os.mkdir(name, dir_fd=at)
        except FileExistsError:
            continue
    raise PathError(file_path, f"The folder of {file_path!r} is being removed as fast as it is made; try later.")


def _outside(path: str, what: str) -> Exception:
    message = f"{path!r} {what}."
    resolution = "Name a file inside the workspace, relative to its root."
    return refused(Refusal("OUTSIDE_WORKSPACE", message, path, None, None, resolution))
