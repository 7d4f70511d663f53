"""Settling what a crash left pending, when a workspace is opened or a lock's next holder finds it.

Row by row, under that row's lock: a row whose lock is held belongs to somebody alive. A change of one file that had settled is
finished, one that had not is dropped; a change of several without its outcome on record is taken back. What lies in ``tmp`` and
``kept`` is taken in.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from .clock import utc_now
from .commit import Recorder, drafts, site_of, tidy
from .content import hash_content
from .errors import NoclobberError
from .liveness import is_alive
from .records import Event
from .replacement import action_for
from .replacement.base import read_displaced
from .store.protocol import Batch, Pending
from .workspace import Workspace

__all__ = ["settle_all", "settle_late", "settle_path"]


def settle_all(workspace: Workspace) -> None:
    """All that nobody alive is busy with: pending rows, orphans in ``tmp``, displaced files that had a late writer."""
    for row in workspace.store.pending():
        lock = workspace.locks.try_exclusive(row.file_path)
        if lock is None:
            continue
        with lock:
            settle_path(workspace, row.file_path)
    _take_in_orphans(workspace)
    settle_late(workspace)


def settle_path(workspace: Workspace, file_path: str) -> None:
    """Go on with the rows of one path wherever they stopped; its lock is held by the caller."""
    for row in workspace.store.pending(file_path):
        if row.file_path == file_path:
            _settle_row(workspace, row)


def settle_late(workspace: Workspace) -> None:
    """Displaced files a writer still held open: once nobody does, what it wrote late is kept and put on record as ``late``."""
    kept = workspace.folder("kept")
    for name in os.listdir(kept):
        if not name.startswith("late-"):
            continue
        note = workspace.store.get_meta(f"late:{name}")
        file_path, _, expected = (note or "\n").partition("\n")
        try:
            out = read_displaced(kept, name, expected or None)
        except FileNotFoundError:
            continue
        if out.content is not None and (out.quiet or note is None):
            _record_late(workspace, file_path or None, expected or None, out.content)
            _remove(kept, name)
            workspace.store.put_meta(f"late:{name}", None)


def _settle_row(workspace: Workspace, row: Pending) -> None:
    with ExitStack() as stack:
        try:
            located = stack.enter_context(workspace.locator.locate(row.file_path, missing_ok=True))
            to = None if row.to_path is None else stack.enter_context(workspace.locator.locate(row.to_path, missing_ok=True))
        except NoclobberError:
            return  # its folder is out of reach for now; the row waits
        if located.parent_fd < 0 or (to is not None and to.parent_fd < 0):
            _give_up(workspace, row)
            return
        action = action_for(row, site_of(workspace, located, to), Recorder(workspace, row.file_path))
        if row.state == "intended":
            several = bool(row.outcome.get("several"))
            placed = (action.recover_undo() if several else action.recover()) == "placed"
            outcome = drafts(row) if placed and not several else Batch()
            workspace.store.apply(outcome._replace(pending=[action.row._replace(state="committed")]))
        tidy(workspace, [action])


def _give_up(workspace: Workspace, row: Pending) -> None:
    """The folder itself is gone: what was to be placed there is kept, the row forgotten."""
    if row.temp_name is not None:
        _take_in(workspace, row.temp_name)
    workspace.store.apply(Batch(settled=[row.id]))


def _take_in_orphans(workspace: Workspace) -> None:
    """Temporary files that no row names, of processes that no longer live: their content is kept, then they go."""
    claimed = {row.temp_name for row in workspace.store.pending()}
    alive: dict[str, bool] = {}
    for name in os.listdir(workspace.folder("tmp")):
        owner = name.split("-", 1)[-1].rpartition("-")[0]
        if name in claimed:
            continue
        if owner not in alive:
            alive[owner] = is_alive(workspace.state, owner)
        if not alive[owner]:
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
