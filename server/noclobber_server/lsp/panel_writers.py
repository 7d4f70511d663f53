"""Who is at work now: every agent and editor, its turn and intent, the files it holds, and who made which of them stale."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from noclobber import Workspace
from noclobber.liveness import living
from noclobber.reading import status
from noclobber.records import FileStatus
from noclobber.situation import CHANGING, EFFECTIVE
from noclobber.store.protocol import EventQuery

from ..timeline.names import name_of
from .panel_overview import seconds_since

__all__ = ["writers"]

_AT_WORK_S = 1800.0  # a hook lives for milliseconds: an agent counts as there while it was heard of in the last half hour
_FILES = 500


def writers(workspace: Workspace) -> list[dict[str, Any]]:
    """One row for each writer, those that acted last first."""
    alive = {one.agent_id for one in living(workspace.state) if one.agent_id}
    held: dict[str, list[FileStatus]] = {}
    for one in status(workspace):
        held.setdefault(one.agent_id, []).append(one)
    names_of = _Causes(workspace)
    rows = [
        _writer(workspace, agent_id, held.get(agent_id, []), names_of)
        for agent_id in {*alive, *held}
        if not agent_id.startswith("noclobber:")
    ]
    at_work = [row for row in rows if row["agentId"] in alive or (row["last"] and seconds_since(str(row["last"])) < _AT_WORK_S)]
    return sorted(at_work, key=lambda row: str(row["last"]), reverse=True)


def _writer(workspace: Workspace, agent_id: str, held: list[FileStatus], cause: Callable[[FileStatus], str]) -> dict[str, Any]:
    last = next(iter(workspace.store.events(EventQuery(agent_id=agent_id, limit=1))), None)
    root = os.fspath(workspace.root)
    kind = {"editor": "editor", "cli": "person"}.get(agent_id.partition(":")[0], "agent")
    files = [
        {
            "root": root, "filePath": one.file_path, "state": one.state, "staleBy": "" if one.state == "fresh" else cause(one),
            "timestamp": one.timestamp,
        }
        for one in held[:_FILES]
    ]  # fmt: skip
    return {
        "root": root, "agentId": agent_id, "name": name_of(agent_id), "kind": kind,
        "turnId": last.turn_id if last else None, "intentId": last.intent_id if last else None,
        "last": last.timestamp if last else "", "files": sorted(files, key=lambda row: (row["state"] == "fresh", row["filePath"])),
    }  # fmt: skip


class _Causes:
    """Who changed a file last, other than the one who holds it; asked once for each file."""

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._authors: dict[str, list[str]] = {}

    def __call__(self, one: FileStatus) -> str:
        if one.file_path not in self._authors:
            found = self._store.events(EventQuery(file_path=one.file_path, kinds=CHANGING, outcomes=EFFECTIVE, limit=20))
            self._authors[one.file_path] = [event.agent_id for event in reversed(found)]
        return next((name_of(agent) for agent in self._authors[one.file_path] if agent != one.agent_id), "an outside change")
