"""Settling what a crash left pending, when a workspace is opened or a lock's next holder finds it.

Row by row, under that row's lock: a row whose lock is held belongs to somebody alive. A change of one file that had settled is
finished, one that had not is dropped; a change of several without its outcome on record is taken back. What no row names is taken
in by ``left_behind.py``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from .commit import Recorder, drafts, site_of, tidy
from .content import access_error
from .errors import NoclobberError, StoreError
from .left_behind import folder_of, settle_late, take_in, take_in_orphans
from .replacement import Action, action_for
from .store.protocol import Batch, Pending
from .workspace import Workspace

__all__ = ["settle_all", "settle_late", "settle_path"]


def settle_all(workspace: Workspace) -> None:
    """All that nobody alive is busy with: pending rows, orphans in ``tmp``, displaced files that had a late writer.

    What cannot be settled now (no permission, a full disk) waits; whoever wants to change that file is told why.
    """
    for row in workspace.store.pending():
        with suppress(NoclobberError), ExitStack() as stack:
            if _free(workspace, row, stack):
                _settle_held(workspace, row.file_path, _names([row]))
    with suppress(StoreError):
        take_in_orphans(workspace)
        settle_late(workspace)


def settle_path(workspace: Workspace, file_path: str) -> None:
    """Go on with the rows of one path wherever they stopped, with a move's under both its names. The caller holds no lock.

    FileAccessError where the system does not let us.
    """
    names = {file_path} | _names(workspace.store.pending(file_path))
    with workspace.locks.exclusive(*names):
        _settle_held(workspace, file_path, names)


def _names(rows: Sequence[Pending]) -> set[str]:
    return {name for row in rows for name in (row.file_path, row.to_path) if name is not None}


def _settle_held(workspace: Workspace, file_path: str, names: set[str]) -> None:
    """Settle the rows of one path whose locks are held; one that has come up since waits for its own."""
    for row in workspace.store.pending(file_path):
        if _names([row]) <= names:
            try:
                _settle_row(workspace, row)
            except OSError as error:
                raise access_error(file_path, error, "settle an interrupted change of") from error


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
        located = folder_of(workspace, row.file_path, stack)
        to = None if row.to_path is None else folder_of(workspace, row.to_path, stack)
        if located.parent_fd < 0 or (to is not None and to.parent_fd < 0):
            _give_up(workspace, row)
            return
        if row.action == "inplace":
            with suppress(FileNotFoundError):
                standing = os.stat(located.name, dir_fd=located.parent_fd, follow_symlinks=False)
                stack.enter_context(workspace.locks.inode_exclusive(standing.st_dev, standing.st_ino))
        action = action_for(row, site_of(workspace, located, to), Recorder(workspace, row.file_path))
        if row.state == "intended":
            if row.outcome.get("several"):
                stood = _stands(action)
                outcome = _not_taken_back(workspace, row) if action.recover_undo() == "overtaken" and stood else Batch()
            else:
                outcome = drafts(row) if action.recover() == "placed" else Batch()
            workspace.store.apply(outcome._replace(pending=[action.row._replace(state="committed")]))
        else:
            action.look_late()
        tidy(workspace, [action])


def _stands(action: Action) -> bool:
    """Whether a file's part of a change of several had been placed, and was not on its way back, when that was interrupted."""
    if action.row.placing != action.ours:
        return False
    try:
        return action.row.action == "exchange" and action.temp_inode() != action.row.outcome["inode"]
    except FileNotFoundError:
        return action.row.action == "create"


def _not_taken_back(workspace: Workspace, row: Pending) -> Batch:
    """Somebody has changed the file since: their bytes stay, and with them what the change had made of it, which is its writer's."""
    events = [event._replace(detail={**(event.detail or {}), "interrupted": True}) for event in drafts(row).events]
    who = " and ".join(dict.fromkeys(f"{event.agent_id} ({event.turn_id})" if event.turn_id else event.agent_id for event in events))
    workspace.say(
        f"A change of several files by {who} was interrupted and taken back; {row.file_path} was changed since and stays as it is."
    )
    return Batch(events=events)


def _give_up(workspace: Workspace, row: Pending) -> None:
    """The folder itself is gone: what was to be placed there is kept, the row forgotten."""
    if row.temp_name is not None:
        take_in(workspace, workspace.folder("tmp"), row.temp_name)
    workspace.store.apply(Batch(settled=[row.id]))
