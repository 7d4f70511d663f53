"""The commit a lesson was learned on, read from git's own files: starting git would cost more than the lesson."""

from __future__ import annotations

import os

__all__ = ["current_commit"]


def current_commit(root: str) -> str | None:
    """The commit that HEAD names, as 12 hex digits; None outside a repository, before its first commit, or with packed or other refs we do
    not read."""
    folder = _git_folder(root)
    head = _line(os.path.join(folder, "HEAD")) if folder else None
    if not folder or not head:
        return None
    if head.startswith("ref: "):
        common = _line(os.path.join(folder, "commondir"))
        shared = os.path.normpath(os.path.join(folder, common)) if common else folder
        head = _line(os.path.join(shared, head[5:])) or _packed(shared, head[5:])
    return head[:12] if head and len(head) >= 40 and all(char in "0123456789abcdef" for char in head) else None


def _git_folder(root: str) -> str | None:
    place = os.path.join(root, ".git")
    if os.path.isdir(place):
        return place
    named = _line(place)  # a worktree's or submodule's .git is a file
    return os.path.normpath(os.path.join(root, named[8:])) if named and named.startswith("gitdir: ") else None


def _packed(folder: str, ref: str) -> str | None:
    try:
        with open(os.path.join(folder, "packed-refs"), encoding="utf-8", errors="replace") as file:
            return next((line.split(" ", 1)[0] for line in file if line.rstrip("\n").endswith(f" {ref}")), None)
    except OSError:
        return None


def _line(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.readline().strip() or None
    except OSError:
        return None
