"""One hook's view of one workspace: its guard as the calling agent, the agent's notes, and the paths of the call that lie in it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from noclobber.errors import WorkspaceError
from noclobber.guard import ConcurrencyGuard
from noclobber.records import EventKind
from noclobber.roots import find_root, root_for
from noclobber.workspace import Workspace

from .records import Change, HookCall, Shown
from .session import SessionNotes

__all__ = ["Context", "contexts_of", "kind_of_change"]

_DURATIONS_LIMIT = 65536
_LEASE_WAIT_S = 2.0


class Context(NamedTuple):
    """``call`` holds only what concerns this workspace, its paths made absolute; ``seq`` was the newest event at its beginning.

    ``waits_until``: when (monotonic) the hook stops waiting for others' leases, however many files it is about: its client gives it 10 s.
    """

    call: HookCall
    guard: ConcurrencyGuard
    notes: SessionNotes
    seq: int
    waits_until: float

    def release(self, file_path: str) -> None:
        """Give up this agent's lease on a file, unless another call of it is at work there."""
        from noclobber.clock import boot_id, monotonic_ns

        store = self.guard.workspace.store
        lease = store.lease(file_path, boot_id(), monotonic_ns())
        if lease is not None and lease.agent_id == self.guard.agent_id and not self.notes.is_under_way(file_path):
            store.release_lease(file_path, lease.token)

    def finish(self, took_ns: int, *, let_go: bool) -> None:
        """Mirror the history where it grew, and note how long the hook took, for ``noclobber doctor``."""
        workspace = self.guard.workspace
        path = os.path.join(workspace.state, "hooks", "durations")
        if workspace.store.last_seq() != self.seq:
            workspace.mirror()
        if let_go:
            workspace.close()
        try:
            with open(path, "a", encoding="ascii") as file:
                if file.tell() > _DURATIONS_LIMIT:
                    file.truncate(0)
                file.write(f"{self.call.event} {took_ns // 1000}\n")
        except OSError:
            return  # no hook of this workspace has left notes yet, or its state was removed


def contexts_of(call: HookCall, environ: Mapping[str, str], *, set_up_only: bool) -> list[Context]:
    """The workspaces this call touches, opened. Paths that belong to none are none of our business.

    A path in no workspace that exists belongs to the one of the folder the agent works in, or to none: an agent that writes
    ``/tmp/x`` must not begin a workspace in ``/tmp``.
    """
    until = time.monotonic() + _LEASE_WAIT_S
    base = call.cwd if os.path.isabs(call.cwd) else os.getcwd()
    home_root = find_root(base) if set_up_only else _home_root(base)
    if not (call.changes or call.shown):
        return [] if home_root is None else [_open(call, home_root, environ, until)]
    by_root: dict[str, tuple[list[Change], list[Shown]]] = {}
    for change in call.changes:
        path = os.path.join(base, change.path)
        root = _owner(path, home_root)
        if root is not None:
            by_root.setdefault(root, ([], []))[0].append(change._replace(path=path))
    for shown in call.shown:
        path = os.path.join(base, shown.path)
        root = _owner(path, home_root)
        if root is not None:
            by_root.setdefault(root, ([], []))[1].append(shown._replace(path=path))
    return [
        _open(call._replace(changes=tuple(changes), shown=tuple(shown)), root, environ, until) for root, (changes, shown) in by_root.items()
    ]


def _home_root(base: str) -> str | None:
    if not os.path.isdir(base):
        return find_root(base)  # a folder that is gone must not begin a workspace in the one above it
    try:
        return root_for(base)
    except WorkspaceError:  # no workspace may begin there
        return None


def _owner(path: str, home_root: str | None) -> str | None:
    owner = find_root(path)
    if owner is not None or home_root is None:
        return owner
    folder = os.path.realpath(os.path.dirname(path))
    return home_root if folder == home_root or folder.startswith(home_root.rstrip("/") + "/") else None


def _open(call: HookCall, root: str, environ: Mapping[str, str], until: float) -> Context:
    intent = environ.get("NOCLOBBER_INTENT") or None
    guard = ConcurrencyGuard(Workspace.open(root, mirrored=False), call.agent_id, turn_id=call.turn, intent_id=intent)
    notes = SessionNotes(guard.workspace.state, call.session, call.subagent)
    return Context(call, guard, notes, guard.workspace.store.last_seq(), until)


def kind_of_change(change: Change) -> EventKind:
    """The kind of event that a tool's change is put on record as."""
    return "delete" if change.kind == "delete" or change.moves else "write" if change.kind == "write" else "edit"
