"""One careful resolution of a name beneath a folder, step by step, each step on a descriptor that nobody can redirect.

``paths.py`` comes here where a name is not plain: symlinks, ``..``, something missing, something refused.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from types import TracebackType

from .errors import PathError, refused
from .names import checked_text, is_guarded_away
from .records import Refusal

__all__ = ["FOLDER", "Located", "Walk", "outside"]

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_MAX_LINKS = 40


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


class Walk:
    """One resolution: folders are entered one by one, symlinks read and resolved here, ``..`` goes back on our own steps.

    ``link``: the symlink that the last name turned out to be, None where it was none.
    """

    def __init__(self, root: str, root_fd: int, relative: str, asked: str) -> None:
        self._root = root
        self._asked = asked
        self._todo = relative.split("/")[::-1]
        self._names: list[str] = []
        self._fds = [root_fd]
        self._links = 0
        self.link: str | None = None

    def close(self) -> None:
        """Let go of all folders but the root."""
        while len(self._fds) > 1:
            os.close(self._fds.pop())

    def run(self) -> Located:
        """Where the name leads; refusals, PathError, and OSError as the system gives it."""
        while True:
            name = self._next()
            stat = self._look(name)
            goes_on = any(part not in ("", ".") for part in self._todo)
            if stat is not None and modes.S_ISLNK(stat.st_mode):
                if not (goes_on or self.link):
                    self.link = "/".join([*self._names, name])
                self._follow(name)
            elif goes_on:
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
                    raise outside(self._asked, f"leads into {name}, which is not guarded")
                return name
        if not self._names:
            raise PathError(self._asked, f"{self._asked!r} is the workspace folder itself; name a file in it.")
        raise PathError(self._asked, f"{self._asked!r} is a folder; only regular files can be read or written under the guard.")

    def _back(self) -> None:
        if not self._names:
            raise outside(self._asked, "leads out of the workspace")
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
        raise outside(self._asked, "leads out of the workspace through a symlink")

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
            fd = os.open(name, FOLDER, dir_fd=self._fds[-1])
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
                raise outside(self._asked, f"leads into {part}, which is not guarded")
        names = [*self._names, name, *rest]
        return Located("/".join(names), -1, names[-1], None)


def outside(path: str, what: str) -> Exception:
    """The refusal of a path: what it does, and what to do instead."""
    message = f"{path!r} {what}."
    resolution = "Name a file inside the workspace, relative to its root."
    return refused(Refusal("OUTSIDE_WORKSPACE", message, path, None, None, resolution))
