"""Which workspace owns a path, decided here and nowhere else, from the path alone.

The outermost folder with ``.noclobber`` up to the git root; without git the nearest such folder. A git worktree is a root of its
own. A submodule belongs to the project it is part of: an agent started above it and an editor opened inside it must meet.
"""

from __future__ import annotations

import os

from .errors import WorkspaceError

__all__ = ["STATE_FOLDER", "find_root", "root_for"]

STATE_FOLDER = ".noclobber"


def find_root(path: str | os.PathLike[str]) -> str | None:
    """The root of the workspace that owns a file or folder (which need not exist), None if there is none yet."""
    return _search(_folder_of(path))[0]


def root_for(path: str | os.PathLike[str]) -> str:
    """The root of the workspace that owns a path, or where a new one belongs: the git root, without git the folder itself.

    WorkspaceError where that folder does not exist, or is the root of the file system: a mistyped path must not make the folder
    above it, and with it all that has no repository there, one workspace.
    """
    folder = _folder_of(path)
    root, git_root = _search(folder)
    owner = root or git_root
    if owner is not None:
        return owner
    named = os.path.abspath(os.fspath(path))
    if not (os.path.isdir(named) or os.path.isdir(os.path.dirname(named))):
        raise WorkspaceError(f"{named}: there is no such folder, and no workspace or repository above it; make the folder first")
    if folder == "/":
        raise WorkspaceError("the root of the file system is no workspace; work in the project's own folder")
    return folder


def _folder_of(path: str | os.PathLike[str]) -> str:
    """The nearest existing folder at or above a path, without symlinks, so that all its aliases have one owner."""
    folder = os.path.abspath(os.fspath(path))
    if os.path.islink(folder) and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return _above_state(os.path.realpath(folder))


def _above_state(folder: str) -> str:
    """A path inside ``.noclobber`` or ``.git`` belongs to the folder they are in."""
    parts = folder.split("/")
    for name in (STATE_FOLDER, ".git"):
        if name in parts:
            parts = parts[: parts.index(name)]
    return "/".join(parts) or "/"


def _search(folder: str) -> tuple[str | None, str | None]:
    """(root, git root) for an existing folder."""
    found: list[str] = []
    git_root = None
    for at in _upwards(folder):
        if os.path.isdir(os.path.join(at, STATE_FOLDER)):
            found.append(at)
        git = os.path.join(at, ".git")
        if os.path.lexists(git):
            git_root = at
            if not _is_submodule(git):
                break
    if git_root is None:
        return (found[0] if found else None), None
    inside = [at for at in found if at == git_root or at.startswith(git_root.rstrip("/") + "/")]
    return (inside[-1] if inside else None), git_root


def _upwards(folder: str) -> list[str]:
    steps = [folder]
    while (above := os.path.dirname(steps[-1])) != steps[-1]:
        steps.append(above)
    return steps


def _is_submodule(git: str) -> bool:
    """A ``.git`` file that leads into ``modules/`` of the project above; a worktree's git folder has a ``commondir``."""
    try:
        with open(git, "rb") as file:
            line = file.read(4096).decode(errors="surrogateescape")
    except OSError:  # a folder: a repository of its own
        return False
    if not line.startswith("gitdir:"):
        return False
    target = os.path.join(os.path.dirname(git), line[7:].strip())
    return "/modules/" in target and not os.path.lexists(os.path.join(target, "commondir"))
