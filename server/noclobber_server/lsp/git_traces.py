"""What git leaves behind when it has changed a working tree, and which files it wrote itself. Only reads; no program is run.

``git add`` or ``git commit`` right after somebody else's change moves the same files in ``.git`` as a checkout does. But git writes
from a blob it has: the blob is older than the file. Of a file that was only added, the blob is younger. The index names the blob of a
file as it stands, line ends converted or not; what a stash brings back is not in the index, and is found by its content.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["git_folder", "git_marks", "newest", "working_tree", "written_by_git"]

_NAMES = ("HEAD", "index", "ORIG_HEAD", "MERGE_HEAD", "logs/HEAD")
_STAT = struct.Struct(">10I")
_EXTENDED = 0x4000
_SHA1, _SHA256 = 20, 32  # bytes of an object's id


class _Entry(NamedTuple):
    """What the index says of a path: its blob, and when the file that it was last seen the same as was written."""

    blob: str
    mtime_ns: int
    size: int


def working_tree(folder: str) -> str | None:
    """The root of the working tree that a folder belongs to, which may be a submodule's or a linked worktree; None without git."""
    while git_folder(folder) is None:
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
    return folder


def git_folder(root: str) -> str | None:
    """The git folder of a working tree, a linked worktree's own included; None without git."""
    path = os.path.join(root, ".git")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            line = file.readline()
    except IsADirectoryError:
        return path
    except OSError:
        return None
    return os.path.normpath(os.path.join(root, line[7:].strip())) if line.startswith("gitdir:") else None


def git_marks(root: str) -> tuple[object, ...]:
    """What git leaves behind when it has changed the working tree; another value after each such operation."""
    folder = git_folder(root)
    return () if folder is None else tuple(_mark(os.path.join(folder, name)) for name in _NAMES)


def newest(marks: tuple[object, ...]) -> float:
    """When git last left a mark, in seconds since 1970."""
    return max((mark[1] / 1e9 for mark in marks if isinstance(mark, tuple)), default=0.0)


def written_by_git(root: str, exists: Mapping[str, bool]) -> set[str]:
    """Those of these paths (each with whether a file stands there now) that git itself wrote or removed.

    All of them where the index is of a kind that is not read here.
    """
    folder = git_folder(root)
    if folder is None:
        return set()
    try:
        id_size = _id_size(folder)
        index = _index(folder, {os.fsencode(path) for path in exists}, id_size)
    except (OSError, ValueError, struct.error, IndexError):
        return set(exists)
    objects = os.path.join(_common(folder), "objects")
    found = set()
    for path, stands in exists.items():
        entry = index.get(os.fsencode(path))
        if (stands and _is_from_blob(os.path.join(root, path), entry, objects, id_size)) or (not stands and entry is None):
            found.add(path)
    return found


def _is_from_blob(path: str, entry: _Entry | None, objects: str, id_size: int) -> bool:
    """Whether the file was written after the blob that it is."""
    try:
        stat = os.stat(path)
        known = entry is not None and _is_unchanged(entry, stat)
        blob = entry.blob if entry is not None and known else _blob_of(path, id_size)
    except OSError:
        return False
    try:
        return os.stat(os.path.join(objects, blob[:2], blob[2:])).st_mtime_ns < stat.st_mtime_ns
    except OSError:
        return known  # packed, as only older blobs are; or there is none


def _is_unchanged(entry: _Entry, stat: os.stat_result) -> bool:
    seconds_only = entry.mtime_ns % 10**9 == 0
    moment = stat.st_mtime_ns // 10**9 * 10**9 if seconds_only else stat.st_mtime_ns
    return moment == entry.mtime_ns and entry.size in (0, stat.st_size % 2**32)


def _blob_of(path: str, id_size: int) -> str:
    with open(path, "rb") as file:
        content = file.read()
    whole = b"blob %d\0" % len(content) + content
    return (hashlib.sha256(whole) if id_size == _SHA256 else hashlib.sha1(whole, usedforsecurity=False)).hexdigest()


def _index(folder: str, wanted: set[bytes], id_size: int) -> dict[bytes, _Entry]:
    """What the index says of some paths. ValueError: it is none, or in parts."""
    with open(os.path.join(folder, "index"), "rb") as file:
        data = file.read()
    return {name: entry for name, entry in _entries(data, id_size) if name in wanted}


def _entries(data: bytes, id_size: int) -> Iterator[tuple[bytes, _Entry]]:
    magic, version, count = struct.unpack_from(">4sII", data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("no index of a known version")
    at, name = 12, b""
    for _ in range(count):
        start = at
        stat = _STAT.unpack_from(data, at)
        blob = data[at + 40 : at + 40 + id_size].hex()
        at += 40 + id_size
        at += 4 if data[at] << 8 & _EXTENDED else 2
        strip, at = _varint(data, at) if version == 4 else (len(name), at)
        end = data.index(b"\0", at)
        name = name[: len(name) - strip] + data[at:end]
        at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
        yield name, _Entry(blob, stat[2] * 10**9 + stat[3], stat[9])
    if data[at : at + 4] == b"link":
        raise ValueError("a part of the index is elsewhere")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number as version 4 has it, and where it ends."""
    value = data[at] & 127
    while data[at] & 128:
        at += 1
        value = (value + 1 << 7) + (data[at] & 127)
    return value, at + 1


def _id_size(folder: str) -> int:
    try:
        with open(os.path.join(_common(folder), "config"), "rb") as file:
            return _SHA256 if b"sha256" in file.read().lower() else _SHA1
    except OSError:
        return _SHA1


def _common(folder: str) -> str:
    """Where a linked worktree's repository keeps what all its worktrees share."""
    try:
        with open(os.path.join(folder, "commondir"), encoding="utf-8", errors="surrogateescape") as file:
            return os.path.normpath(os.path.join(folder, file.readline().strip()))
    except OSError:
        return folder


def _mark(path: str) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
