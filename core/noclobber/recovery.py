"""Settling what a crash left pending, when a workspace is opened or a lock's next holder finds it.

Row by row, under that row's lock: a row whose lock is held belongs to somebody alive. A change of one file that had settled is
finished, one that had not is dropped; a change of several without its outcome on record is taken back. What lies in ``tmp`` and
``kept`` is taken in.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress

from .clock import utc_now
from .commit import Recorder, drafts, site_of, tidy
from .content import access_error, hash_content
from .errors import NoclobberError, StoreError
from .liveness import is_alive
from .paths import Located
from .records import Event
from .replacement import action_for
from .replacement.base import read_displaced
from .store.protocol import Batch, Pending
from .syscalls import open_beneath, open_for_writing
from .workspace import Workspace

__all__ = ["settle_all", "settle_late", "settle_path"]

_ABANDONED_S = 3600.0


def settle_all(workspace: Workspace) -> None:
    """All that nobody alive is busy with: pending rows, orphans in ``tmp``, displaced files that had a late writer.

    What cannot be settled now (no permission, a full disk) waits; whoever wants to change that file is told why.
    """
    for row in workspace.store.pending():
        with suppress(NoclobberError), ExitStack() as stack:
            if _free(workspace, row, stack):
                settle_path(workspace, row.file_path)
    with suppress(StoreError):
        _take_in_orphans(workspace)
        settle_late(workspace)


def settle_path(workspace: Workspace, file_path: str) -> None:
    """Go on with the rows of one path wherever they stopped; its lock is held by the caller, and no inode's.

    FileAccessError where the system does not let us.
    """
    for row in workspace.store.pending(file_path):
        if row.file_path == file_path:
            try:
                _settle_row(workspace, row)
            except OSError as error:
                raise access_error(file_path, error, "settle an interrupted change of") from error


def settle_late(workspace: Workspace) -> None:
    """Displaced files a writer still held open: once nobody does, what it wrote late is kept and put on record as ``late``."""
    kept = workspace.folder("kept")
    for name in os.listdir(kept):
        if not name.startswith("late-"):
            continue
        note = workspace.store.get_meta(f"late:{name}")
        file_path, _, expected = (note or "\n").partition("\n")
        lock = workspace.locks.try_exclusive(file_path or name)
        if lock is not None:
            with lock:
                _settle_late(workspace, name, file_path or None, expected or None)


def _settle_late(workspace: Workspace, name: str, file_path: str | None, expected: str | None) -> None:
    kept = workspace.folder("kept")
    try:
        out = read_displaced(kept, name, expected)
    except FileNotFoundError:
        return  # another process was quicker
    if out.content is not None and (out.quiet or file_path is None or _abandoned(kept, name)):
        _record_late(workspace, file_path, expected, out.content)
        _remove(kept, name)
        workspace.store.put_meta(f"late:{name}", None)


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


def _free(workspace: Workspace, row: Pending, stack: ExitStack) -> bool:
    """Take the locks of a row without waiting; false where somebody alive is at it."""
    lock = workspace.locks.try_exclusive(row.file_path)
    if lock is None:
        return False
    if row.to_path is None:
        stack.enter_context(lock)
        return True
    lock.release()
    there = workspace.locks.try_exclusive(row.to_path)
    if there is None:
        return False
    there.release()
    # Both were free a moment ago; taken in one call, since they may share a stripe.
    stack.enter_context(workspace.locks.exclusive(row.file_path, row.to_path))
    return True


def _settle_row(workspace: Workspace, row: Pending) -> None:
    with ExitStack() as stack:
        located = _folder_of(workspace, row.file_path, stack)
        to = None if row.to_path is None else _folder_of(workspace, row.to_path, stack)
        if located.parent_fd < 0 or (to is not None and to.parent_fd < 0):
            _give_up(workspace, row)
            return
        if row.action == "inplace":
            with suppress(FileNotFoundError):
                standing = os.stat(located.name, dir_fd=located.parent_fd, follow_symlinks=False)
                stack.enter_context(workspace.locks.inode_exclusive(standing.st_dev, standing.st_ino))
        action = action_for(row, site_of(workspace, located, to), Recorder(workspace, row.file_path))
        if row.state == "intended":
            several = bool(row.outcome.get("several"))
            placed = (action.recover_undo() if several else action.recover()) == "placed"
            outcome = drafts(row) if placed and not several else Batch()
            workspace.store.apply(outcome._replace(pending=[action.row._replace(state="committed")]))
        else:
            action.look_late()
        tidy(workspace, [action])


def _folder_of(workspace: Workspace, file_path: str, stack: ExitStack) -> Located:
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


def _give_up(workspace: Workspace, row: Pending) -> None:
    """The folder itself is gone: what was to be placed there is kept, the row forgotten."""
    if row.temp_name is not None:
        _take_in(workspace, row.temp_name)
    workspace.store.apply(Batch(settled=[row.id]))


def _take_in_orphans(workspace: Workspace) -> None:
    """Temporary files that no row names, of processes that no longer live: their content is kept, then they go."""
    owners = {name: name.split("-", 1)[-1].rpartition("-")[0] for name in os.listdir(workspace.folder("tmp"))}
    dead = {owner for owner in set(owners.values()) if not is_alive(workspace.state, owner)}
    # Asked after their death: one that was still alive a moment ago may have recorded a row since.
    claimed = {row.temp_name for row in workspace.store.pending()}
    for name, owner in owners.items():
        if owner in dead and name not in claimed:
            _take_in(workspace, name)


def _take_in(workspace: Workspace, name: str) -> None:
    folder = workspace.folder("tmp")
    try:
        out = read_displaced(folder, name, None)
    except OSError:
        return
    if out.content is None:
        return  # not ours to read: left where it is
    if not name.startswith("s-"):
        workspace.store.apply(Batch(contents=[(out.hash, out.content)]))
    _remove(folder, name)


def _record_late(workspace: Workspace, file_path: str | None, expected: str | None, content: bytes) -> None:
    found = hash_content(content)
    if found == expected:
        return
    kept = [(found, content)] if file_path is None else workspace.keepable(file_path, [(found, content)])
    event = Event(0, utc_now(), "late", "done", None, workspace.store.epoch, "outside", None, None, file_path, None, expected, found)
    workspace.store.apply(Batch(events=[event] if file_path else [], contents=kept))


def _remove(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
