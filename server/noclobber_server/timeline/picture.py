"""Which events a timeline shows: the last minutes, since a time, or a turn with what others did to its files meanwhile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from noclobber import Workspace
from noclobber.records import Event
from noclobber.situation import without_explained
from noclobber.store.protocol import EventQuery

from .model import timeline

__all__ = ["LIMIT", "recent", "turn"]

LIMIT = 20_000  # more than a screen has pixels; drawn within a second


def recent(workspace: Workspace, *, since: str | None = None, agent_id: str | None = None, limit: int = LIMIT) -> dict[str, Any]:
    """Everything since a UTC time stamp (None: ever), the newest ``limit`` events of it."""
    query = EventQuery(agent_id=agent_id, since=since, limit=limit)
    events = workspace.store.events(query)
    return timeline(without_explained(events), _name(workspace), left=_left(workspace, query, events), live=True)


def turn(workspace: Workspace, turn_id: str, *, agent_id: str | None = None, limit: int = LIMIT) -> dict[str, Any]:
    """One turn, and what anybody did to its files between its first event and its last."""
    own = workspace.store.events(EventQuery(agent_id=agent_id, turn_id=turn_id, limit=limit))
    if not own:
        return timeline([], f"{turn_id} in {_name(workspace)}: nothing is on record")
    files = {event.file_path for event in own if event.file_path}
    mine = {event.seq for event in own}
    around = workspace.store.events(EventQuery(since=own[0].timestamp, before_seq=own[-1].seq + 1, limit=limit))
    shown = sorted(own + [event for event in around if event.file_path in files and event.seq not in mine])
    who = f" of {agent_id}" if agent_id else ""
    return timeline(without_explained(shown), f"{turn_id}{who} in {_name(workspace)}")


def _left(workspace: Workspace, query: EventQuery, events: Sequence[Event]) -> int:
    """How many of a query's events are older than those found; exact where no writer is asked for."""
    if not events or len(events) < (query.limit or LIMIT):
        return 0
    oldest = workspace.store.events(query._replace(limit=1, oldest=True))
    return events[0].seq - oldest[0].seq


def _name(workspace: Workspace) -> str:
    return os.path.basename(os.fspath(workspace.root)) or os.fspath(workspace.root)
