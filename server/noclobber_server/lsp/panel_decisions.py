"""Who waits for the person, what only a person can decide, and what such decisions displaced.

Functions over a workspace that return plain camelCase JSON.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from noclobber import Workspace
from noclobber.clock import format_utc
from noclobber.records import Event
from noclobber.situation import CHANGING, EFFECTIVE, OUTSIDE, hash_after
from noclobber.store.protocol import EventQuery

from ..timeline.names import name_of
from .late import replacing
from .panel_overview import is_an_editors
from .reporting import GIVEN_UP

__all__ = ["blocked", "decisions", "displaced", "lately"]

_AGAIN_S = 600.0
_REFUSALS_TO_ASK = 3
_MOST = 5000
_DISPLACED = {"overwritten": "overwritten by a save", GIVEN_UP: "unsaved text, given up"}  # by where an event's detail has the hash


def lately(workspace: Workspace) -> list[Event]:
    """What agents did in the ten minutes in which a refusal still waits for the person."""
    since = format_utc(time.time() - _AGAIN_S)
    return [event for event in workspace.store.events(EventQuery(since=since, limit=_MOST)) if not is_an_editors(event)]


def blocked(workspace: Workspace, events: Iterable[Event], editor: str) -> list[dict[str, Any]]:
    """Writers whose last try on a file was refused because of unsaved edits that are still there. ``editor``: the one who asks."""
    tries = _tries(events, lambda event: event.refusal == "UNSAVED_EDITS")
    rows = []
    for (_, path), found in tries.items():
        holders = [buffer.agent_id for buffer in workspace.store.buffers(path) if buffer.unsaved]
        if holders:
            elsewhere = "" if editor in holders else name_of(holders[0])
            rows.append(_blocked(workspace, found, elsewhere))
    return rows


def decisions(workspace: Workspace, recent: Sequence[Event], editor: str) -> list[dict[str, Any]]:
    """A writer stopped by unsaved edits more than once, or refused three times on one file, or let pass after that; a save that
    overwrote something unseen; a save that went into a file that was just being replaced. ``recent``: what happened ``lately``."""
    since = format_utc(time.time() - _AGAIN_S)
    saves = workspace.store.events(EventQuery(kinds=("save",), outcomes=("overridden",), since=since, limit=20))
    late = workspace.store.events(EventQuery(kinds=("late",), since=since, limit=20))
    is_open = {buffer.file_path for buffer in workspace.store.buffers()} if late else set()
    return [
        *(_decide_blocked(workspace, row) for row in blocked(workspace, recent, editor) if row["count"] > 1 and not row["elsewhere"]),
        *(_decide_refused(workspace, found) for found in _stuck(recent)),
        *(_decide_let_pass(workspace, event) for event in recent if _is_let_pass(event)),
        *(_decide_overwrote(workspace, event) for event in saves if (event.detail or {}).get("overwritten")),
        *(_decide_late(workspace, event) for event in late if event.agent_id == OUTSIDE and event.file_path in is_open),
    ]


def displaced(workspace: Workspace, events: Iterable[Event]) -> list[dict[str, Any]]:
    """The versions that saves overwrote and the unsaved texts that were given up, as far as they are kept; the last ones first."""
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    for event in events:
        for name, words in _DISPLACED.items():
            lost = (event.detail or {}).get(name)
            if lost is not None and workspace.store.content(lost) is not None:
                found.pop((event.file_path, lost), None)
                found[event.file_path, lost] = _displaced(workspace, event, lost, words)
    return [*reversed(found.values())]


def _displaced(workspace: Workspace, event: Event, lost: str, words: str) -> dict[str, Any]:
    path = event.file_path or ""
    stands = event.before_hash if event.kind == "close" else hash_after(event, path)
    return {
        "root": os.fspath(workspace.root), "filePath": path, "agentId": event.agent_id, "turnId": event.turn_id,
        "intentId": event.intent_id, "kind": words, "afterHash": lost, "standsHash": stands, "seq": event.seq,
        "timestamp": event.timestamp,
    }  # fmt: skip


def _tries(events: Iterable[Event], wanted: Callable[[Event], bool]) -> dict[tuple[str, str], list[Event]]:
    """The refusals of one sort by writer and file, since that writer last got through on that file."""
    tries: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        if event.file_path is None or event.kind not in CHANGING:
            continue
        key = event.agent_id, event.file_path
        if event.outcome in EFFECTIVE:
            tries.pop(key, None)
        elif event.outcome == "refused" and wanted(event):
            tries.setdefault(key, []).append(event)
    return tries


def _stuck(recent: Iterable[Event]) -> list[list[Event]]:
    found = _tries(recent, lambda event: event.refusal != "UNSAVED_EDITS").values()
    return [tries for tries in found if len(tries) >= _REFUSALS_TO_ASK]


def _is_let_pass(event: Event) -> bool:
    """A hook whose client cannot ask lets the third try pass and says so on record; what a person overrides is on record without."""
    return event.outcome == "overridden" and "let_pass" in (event.detail or {})


def _blocked(workspace: Workspace, found: Sequence[Event], elsewhere: str) -> dict[str, Any]:
    last = found[-1]
    place = {"root": os.fspath(workspace.root), "filePath": last.file_path, "agentId": last.agent_id}
    return {
        **place,
        "name": name_of(last.agent_id),
        "turnId": last.turn_id,
        "intentId": last.intent_id,
        "elsewhere": elsewhere,
        "count": len(found),
        "seq": last.seq,
        "timestamp": last.timestamp,
    }


def _decide_blocked(workspace: Workspace, row: dict[str, Any]) -> dict[str, Any]:
    place = row["agentId"], row["turnId"], row["filePath"]
    times = f"refused {row['count']} times"
    message = f"{name_of(row['agentId'])} cannot write {row['filePath']}: your unsaved edits are in the way ({times})."
    return _decision(workspace, "blocked", row["filePath"], row["agentId"], row["seq"], message, _occasion(workspace, *place))


def _decide_refused(workspace: Workspace, found: Sequence[Event]) -> dict[str, Any]:
    last = found[-1]
    path = last.file_path or ""
    message = f"{name_of(last.agent_id)} was refused {len(found)} times within ten minutes on {path} and may need help."
    occasion = _occasion(workspace, last.agent_id, last.turn_id, path)
    return _decision(workspace, "refusedAgain", path, last.agent_id, last.seq, message, occasion)


def _decide_let_pass(workspace: Workspace, event: Event) -> dict[str, Any]:
    displaced = " What it displaced is kept." if event.before_hash is not None else ""
    message = f"{name_of(event.agent_id)} was let pass on {event.file_path} after three refusals.{displaced}"
    return {**_decide_event(workspace, "refusedAgain", event, message), "hash": event.before_hash}


def _decide_overwrote(workspace: Workspace, event: Event) -> dict[str, Any]:
    path = event.file_path or ""
    row = _decide_event(workspace, "overwrote", event, f"Saving {path} overwrote a change you had not seen. It is kept.")
    return {**row, "hash": (event.detail or {}).get("overwritten"), "savedHash": hash_after(event, path)}


def _decide_late(workspace: Workspace, event: Event) -> dict[str, Any]:
    path = event.file_path or ""
    message = f"{path} was still being written when it was replaced: what was written then is not in the file. It is kept."
    stands = next((hash_after(one, path) for one in replacing(workspace, event)), None)
    return {**_decide_event(workspace, "overwrote", event, message), "hash": event.after_hash, "savedHash": stands}


def _decide_event(workspace: Workspace, kind: str, event: Event, message: str) -> dict[str, Any]:
    return _decision(workspace, kind, event.file_path or "", event.agent_id, event.seq, message, f"{event.epoch}:{event.seq}")


def _occasion(workspace: Workspace, agent_id: str, turn_id: str | None, file_path: str) -> str:
    """A run of refusals in one turn, the same for as long as it lasts: by what the writer last did to the file before it."""
    query = EventQuery(agent_id=agent_id, file_path=file_path, kinds=CHANGING, outcomes=EFFECTIVE, limit=1)
    before = next((event.seq for event in workspace.store.events(query)), 0)
    return f"{workspace.store.epoch}:{agent_id}:{turn_id}:{file_path}:{before}"


def _decision(workspace: Workspace, kind: str, file_path: str, agent_id: str, seq: int, message: str, occasion: str) -> dict[str, Any]:
    return {
        "id": f"{kind}:{occasion}", "kind": kind, "root": os.fspath(workspace.root), "filePath": file_path, "agentId": agent_id,
        "message": message, "hash": None, "savedHash": None, "seq": seq,
    }  # fmt: skip
