"""What no row on record names: temporary files of the dead, and displaced files that had a late writer. Taken in, never swept away.

They lie in ``tmp`` and ``kept``, or beside their targets where those are on another file system: then a mark there says where.
Knows nothing of how a change goes.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from typing import NamedTuple

from .clock import utc_now
from .content import hash_content
from .liveness import is_alive
from .paths import Located
from .records import Event
from .replacement.base import BESIDE, MARK, read_displaced, remove
from .store.kept import KeptFiles
from .store.protocol import Batch
from .syscalls import open_beneath, open_for_writing
from .temporary import is_temporary
from .workspace import Workspace

__all__ = ["folder_of", "settle_late", "take_in", "take_in_orphans"]

_ABANDONED_S = 3600.0
_LATE = "late-"
_UNCLAIMED = "unclaimed-"


class _Late(NamedTuple):
    """A displaced file a writer still held open: where it lies, and of which file it was which version (None: not known)."""

    folder: int
    name: str
    file_path: str | None
    expected: str | None


def folder_of(workspace: Workspace, file_path: str, stack: ExitStack) -> Located:
    """The folder a row works in, whatever stands at the name itself by now: a symlink there is not followed, a folder no error."""
    folder, _, name = file_path.rpartition("/")
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
    root = os.open(workspace.root, flags)
    try:
        return stack.enter_context(Located(file_path, open_beneath(root, folder or ".", flags), name, None))
    except (FileNotFoundError, NotADirectoryError):
        return Located(file_path, -1, name, None)
    finally:
        os.close(root)


def settle_late(workspace: Workspace) -> None:
    """Displaced files a writer still held open: once nobody does, what it wrote late is kept and put on record as ``late``."""
    kept = workspace.folder("kept")
    for entry in os.listdir(kept):
        if not entry.startswith(_LATE):
            continue
        file_path, _, expected = (workspace.store.get_meta(f"late:{entry}") or "\n").partition("\n")
        lock = workspace.locks.try_exclusive(file_path or entry)
        if lock is not None:
            with lock, ExitStack() as stack, suppress(FileNotFoundError):  # another process was quicker
                folder, name = kept, entry
                if entry.startswith(_LATE + MARK):
                    folder, name = _marked(workspace, kept, entry, stack)
                if folder < 0 or _settled(workspace, _Late(folder, name, file_path or None, expected or None)):
                    remove(kept, entry)
                    workspace.store.put_meta(f"late:{entry}", None)


def _settled(workspace: Workspace, late: _Late) -> bool:
    """Taken in, and away; false where somebody may still write into it."""
    try:
        out = read_displaced(late.folder, late.name, late.expected)
    except FileNotFoundError:
        return True
    if out.content is None or not (out.quiet or late.file_path is None or _abandoned(late.folder, late.name)):
        return False
    _record_late(workspace, late, out.content)
    remove(late.folder, late.name)
    return True


def _abandoned(folder: int, name: str) -> bool:
    """Where no lease can prove that nobody writes: no writer is known, and for an hour nothing was written."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return False
    try:
        return not open_for_writing(fd) and abs(time.time() - os.fstat(fd).st_mtime) > _ABANDONED_S
    finally:
        os.close(fd)


def take_in_orphans(workspace: Workspace) -> None:
    """Temporary files that no row names, of processes that no longer live: their content is kept, then they go."""
    KeptFiles(os.path.join(workspace.state, "kept")).drop_unfinished()
    tmp = workspace.folder("tmp")
    owners = {name: "".join(name.split("-")[-2:-1]) for name in os.listdir(tmp)}
    dead = {owner for owner in set(owners.values()) if not is_alive(workspace.state, owner)}
    # Asked after their death: one that was still alive a moment ago may have recorded a row since.
    claimed = {row.temp_name for row in workspace.store.pending()}
    for name, owner in owners.items():
        if owner not in dead:
            continue
        if not name.startswith(MARK):
            if name not in claimed:
                take_in(workspace, tmp, name)
        elif BESIDE + name.removeprefix(MARK) not in claimed:
            with ExitStack() as stack, suppress(FileNotFoundError):
                folder, beside = _marked(workspace, tmp, name, stack)
                if folder >= 0:
                    take_in(workspace, folder, beside)
                remove(tmp, name)


def _marked(workspace: Workspace, folder: int, mark: str, stack: ExitStack) -> tuple[int, str]:
    """The temporary file beside its target that a mark leads to; a folder of -1 where it is gone, or the mark is none of ours."""
    fd = os.open(mark, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        path = os.read(fd, 1 << 16).decode(errors="replace")
    finally:
        os.close(fd)
    if not is_temporary(path.rpartition("/")[2]):
        return -1, ""
    located = folder_of(workspace, path, stack)
    return located.parent_fd, located.name


def take_in(workspace: Workspace, folder: int, name: str) -> None:
    """Keep the content of a temporary file, unless it is of those never kept, and take it away."""
    try:
        out = read_displaced(folder, name, None)
    except OSError:
        return
    if out.content is None:
        return  # not ours to read: left where it is
    if not is_temporary(name, secret=True):
        workspace.store.apply(Batch(contents=[(out.hash, out.content)]))
    elif workspace.rebuilt:
        _set_aside(workspace, folder, name)  # the row that may have claimed it was lost, and this may be its only copy
        return
    remove(folder, name)


def _set_aside(workspace: Workspace, folder: int, name: str) -> None:
    """Put what is never kept among the contents into ``kept`` as the file it is, and say so."""
    aside = f"{_UNCLAIMED}{name}"
    with suppress(FileNotFoundError):
        os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=workspace.folder("kept"))
        workspace.say(f"A file whose contents are never kept was being changed: see {os.path.join(workspace.state, 'kept', aside)}.")


def _record_late(workspace: Workspace, late: _Late, content: bytes) -> None:
    path, expected, found = late.file_path, late.expected, hash_content(content)
    if found == expected:
        return
    kept = [(found, content)] if path is None else workspace.keepable(path, [(found, content)])
    event = Event(0, utc_now(), "late", "done", None, workspace.store.epoch, "outside", None, None, path, None, expected, found)
    workspace.store.apply(Batch(events=[event] if path else [], contents=kept))
