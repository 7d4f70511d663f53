"""What happened since the person last looked: by writer and turn, what was changed, refused or merged.

Functions over a workspace that return plain camelCase JSON; the editor shows it as it comes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

from noclobber import Workspace
from noclobber.clock import format_utc, parse_utc
from noclobber.pausing import paused_until
from noclobber.records import Event
from noclobber.situation import CHANGING, EFFECTIVE, without_explained
from noclobber.store.protocol import EventQuery

from ..timeline.names import name_of
from .panel_counting import Counter

__all__ = ["UNDONE", "is_an_editors", "mark_looked", "overview", "root_state", "seconds_since", "since_looked", "turns"]

_LOOKED = "panel.looked"
_MOST = 5000  # events; the panel is for what a person can still take in
_DAY_S = 86_400.0
UNDONE = ("refused", "observed")


def since_looked(workspace: Workspace, *, earlier: bool = False) -> list[Event]:
    """The events of the last day that the person has not looked at yet; ``earlier``: all of the last day."""
    mark = None if earlier else _mark(workspace)
    query = EventQuery(since=format_utc(time.time() - _DAY_S), after_seq=mark, limit=_MOST)
    return without_explained(workspace.store.events(query))


def mark_looked(workspace: Workspace, seq: int | None = None) -> None:
    """The person has seen everything up to this event, or up to now."""
    store = workspace.store
    store.put_meta(_LOOKED, f"{store.epoch}:{store.last_seq() if seq is None else seq}")


def is_an_editors(event: Event) -> bool:
    """Whether the person did it in an editor: no news to the person."""
    return event.agent_id.startswith("editor:")


def overview(workspace: Workspace, counter: Counter, *, editor: str, earlier: bool = False, hooks: str = "") -> dict[str, Any]:
    """Everything the first view and the status bar show of one workspace. ``hooks``: what is wrong with them, if anything."""
    from .panel_decisions import blocked, decisions, displaced, lately

    everybodys = since_looked(workspace, earlier=earlier)
    events = [event for event in everybodys if not is_an_editors(event)]
    recent = lately(workspace)
    still = {event.seq: event for event in (*events, *recent)}  # who waits goes on waiting when the person has looked
    return {
        "root": root_state(workspace, hooks),
        "turns": turns(workspace, counter, events),
        "blocked": blocked(workspace, [still[seq] for seq in sorted(still)], editor),
        "displaced": displaced(workspace, everybodys),
        "decisions": decisions(workspace, recent, editor),
        "refusals": sum(1 for event in events if event.outcome in UNDONE),
        "lastSeq": workspace.store.last_seq(),
    }


def root_state(workspace: Workspace, hooks: str = "") -> dict[str, Any]:
    """Whether this workspace is guarded, and what to do where it is not."""
    root = os.fspath(workspace.root)
    until = paused_until(workspace.state)
    mode, reason = "guarding", ""
    if os.environ.get("NOCLOBBER", "").lower() == "off":
        mode, reason = "off", "NOCLOBBER=off is set for this editor: every write is let through."
    elif until is not None:
        mode, reason = "paused", f"Every write is let through until {_here(until)}."
    elif hooks:
        mode, reason = "notGuarding", hooks
    elif workspace.settings.mode == "observe":
        mode, reason = "observing", "Only watching (mode = observe in noclobber.toml): nothing is refused."
    return {"root": root, "name": os.path.basename(root), "mode": mode, "reason": reason, "pausedUntil": until}


def _here(timestamp: str) -> str:
    """A time as the person's own clock shows it."""
    return time.strftime("%H:%M:%S", time.localtime(parse_utc(timestamp)))


def turns(workspace: Workspace, counter: Counter, events: Iterable[Event]) -> list[dict[str, Any]]:
    """The events by writer, turn and intent, those who acted last first."""
    grouped: dict[tuple[str, str | None, str | None], list[Event]] = {}
    for event in events:
        if event.kind in CHANGING and (event.file_path is not None or event.kind == "git"):
            grouped.setdefault((event.agent_id, event.turn_id, event.intent_id), []).append(event)
    reverts = _reverts(workspace)
    rows = [_turn(workspace, counter, key, found, reverts) for key, found in grouped.items()]
    return sorted((row for row in rows if row["files"] or row["refused"]), key=lambda row: str(row["last"]), reverse=True)


def _reverts(workspace: Workspace) -> list[tuple[Event, dict[str, Any]]]:
    """The last day's reverts, each with the turn it took back."""
    query = EventQuery(kinds=("revert",), outcomes=EFFECTIVE, since=format_utc(time.time() - _DAY_S), limit=_MOST)
    return [(event, event.detail["reverted"]) for event in workspace.store.events(query) if event.detail and "reverted" in event.detail]


def _turn(
    workspace: Workspace,
    counter: Counter,
    key: tuple[str, str | None, str | None],
    events: Sequence[Event],
    reverts: Sequence[tuple[Event, dict[str, Any]]],
) -> dict[str, Any]:
    agent_id, turn_id, intent_id = key
    changed: dict[str, list[tuple[Event, str | None, str | None]]] = {}
    for event in events:
        if event.outcome not in EFFECTIVE or event.outcome == "observed":
            continue
        for path, before, after in _changes(event):
            changed.setdefault(path, []).append((event, before, after))
    last = max((event.seq for found in changed.values() for event, _, _ in found), default=0)
    undone = any(
        event.seq > last and taken.get("turn_id") == turn_id and taken.get("agent_id") in (None, agent_id) for event, taken in reverts
    )
    files = [row for path, found in changed.items() if (row := _file(workspace, counter, path, found))]
    return {
        "root": os.fspath(workspace.root), "agentId": agent_id, "name": name_of(agent_id), "turnId": turn_id,
        "intentId": intent_id,
        "first": events[0].timestamp, "last": events[-1].timestamp,
        "added": sum(row["added"] or 0 for row in files), "removed": sum(row["removed"] or 0 for row in files),
        "revertible": turn_id is not None and bool(files) and not undone, "reverted": undone and turn_id is not None,
        "files": sorted(files, key=lambda row: str(row["filePath"])),
        "refused": [_refused(workspace, event) for event in events if event.outcome in UNDONE],
    }  # fmt: skip


def _changes(event: Event) -> list[tuple[str, str | None, str | None]]:
    """The files an event changed, each with its hash before and after."""
    if event.kind == "git":
        moved = (event.detail or {}).get("changes") or {}
        return [(path, hashes[0], hashes[1]) for path, hashes in moved.items()]
    if event.file_path is None:
        return []
    if event.kind == "move" and event.to_path is not None:
        return [(event.file_path, event.before_hash, None), (event.to_path, None, event.after_hash)]
    return [(event.file_path, event.before_hash, event.after_hash)]


def _file(
    workspace: Workspace, counter: Counter, path: str, found: Sequence[tuple[Event, str | None, str | None]]
) -> dict[str, Any] | None:
    """All that a turn did to one file, as one change; None where it came out as it was."""
    last, before, after = found[-1][0], found[0][1], found[-1][2]
    if before == after:
        return None
    added, removed = counter.count(workspace, before, after)
    outcomes = {event.outcome for event, _, _ in found}
    outcome = next((name for name in ("overridden", "merged") if name in outcomes), last.outcome)
    kind = "delete" if after is None else "create" if before is None and last.kind in ("write", "edit") else last.kind
    return {
        "root": os.fspath(workspace.root), "filePath": path, "kind": kind, "outcome": outcome, "added": added, "removed": removed,
        "beforeHash": before, "afterHash": after, "seq": last.seq, "timestamp": last.timestamp,
    }  # fmt: skip


def _refused(workspace: Workspace, event: Event) -> dict[str, Any]:
    detail = event.detail or {}
    changed_by = detail.get("changed_by") or (detail.get("refusal") or {}).get("changed_by") or ()
    names = dict.fromkeys(name_of(str(change.get("agent_id"))) for change in changed_by)
    return {
        "root": os.fspath(workspace.root), "filePath": event.file_path or "", "seq": event.seq, "type": event.refusal or "",
        "outcome": event.outcome, "changedBy": ", ".join(names), "timestamp": event.timestamp,
    }  # fmt: skip


def _mark(workspace: Workspace) -> int | None:
    epoch, _, seq = (workspace.store.get_meta(_LOOKED) or "").rpartition(":")
    return int(seq) if epoch == workspace.store.epoch and seq.isdigit() else None


def seconds_since(timestamp: str) -> float:
    """How long ago a time stamp was."""
    return max(0.0, time.time() - parse_utc(timestamp))
