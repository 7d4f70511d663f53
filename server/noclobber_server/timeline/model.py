"""History as columns that can be drawn: a lane for each writer, a mark for each event, arrows from a write to those it made stale.

Takes events in order of ``seq`` and knows nothing of stores, pages or editors. Columns, not objects, since there may be tens of thousands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from noclobber.clock import parse_utc
from noclobber.records import Event

from .names import name_of

__all__ = ["MARKS", "Table", "mark_of", "timeline"]

MARKS = ("read", "write", "merged", "refused", "outside", "undone", "lesson", "check", "other")
_BY_KIND = {
    "read": "read", "open": "read", "write": "write", "edit": "write", "delete": "write", "move": "write",
    "save": "write", "outside": "outside", "git": "outside", "late": "outside", "restore": "undone", "revert": "undone",
    "lesson": "lesson", "check": "check",
}  # fmt: skip
_CHANGES = frozenset({"write", "merged", "outside", "undone"})
_MARGIN = 0.02  # of the time span, left free on both sides


class Table:
    """Distinct strings by number, in order of first use; None is -1."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: str | None) -> int:
        """The number of a string."""
        if not value:
            return -1
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


def mark_of(event: Event) -> str:
    """Which mark an event is drawn as, one of ``MARKS``."""
    if event.outcome in ("refused", "observed"):
        return "refused"
    if event.outcome == "merged":
        return "merged"
    return _BY_KIND.get(event.kind, "other")


def timeline(events: Sequence[Event], title: str, *, left: int = 0, live: bool = False) -> dict[str, Any]:
    """The data that ``timeline.js`` draws. ``left``: how many older events there are that are not among these."""
    lanes, files, turns, notes = Table(), Table(), Table(), Table()
    columns: dict[str, list[int]] = {name: [] for name in ("seq", "time", "lane", "mark", "file", "turn", "note")}
    for event in events:
        columns["seq"].append(event.seq)
        columns["time"].append(_milliseconds(event.timestamp))
        columns["lane"].append(lanes.number(event.agent_id))
        columns["mark"].append(MARKS.index(mark_of(event)))
        columns["file"].append(files.number(event.file_path))
        columns["turn"].append(turns.number(" · ".join(filter(None, (event.turn_id, event.intent_id)))))
        columns["note"].append(notes.number(_note(event)))
    first, last = _span(columns["time"])
    return {
        "title": title, "from": first, "to": last, "live": live, "left": left,
        "lanes": [_lane(name) for name in lanes.values], "marks": list(MARKS), "files": files.values, "turns": turns.values,
        "notes": notes.values, "events": columns, "arrows": arrows(events, lanes.values),
    }  # fmt: skip


def arrows(events: Iterable[Event], lanes: Sequence[str]) -> list[int]:
    """Pairs, flattened: the index of the change that made a writer's knowledge of a file stale, and of the event where that writer met it.

    Where it has not met it yet, the second is -1 less its lane.
    """
    pairs: list[int] = []
    known: dict[str, dict[str, int | None]] = {}  # file: writer: the change that made it stale, None while it is fresh
    for index, event in enumerate(events):
        if event.file_path is None:
            continue
        writers = known.setdefault(event.file_path, {})
        mark = mark_of(event)
        met = writers.get(event.agent_id)
        if met is not None:
            pairs += [met, index]
        if mark == "refused":
            writers[event.agent_id] = None  # once told, the arrow is drawn; a further refusal draws none
            continue
        if mark in _CHANGES:
            for writer, since in writers.items():
                if writer != event.agent_id and since is None:
                    writers[writer] = index
        if mark in _CHANGES or mark == "read":
            writers[event.agent_id] = None
        if event.kind in ("close", "clear"):
            writers.pop(event.agent_id, None)
    for writers in known.values():
        for writer, since in writers.items():
            if since is not None:
                pairs += [since, -1 - lanes.index(writer)]
    return pairs


def _span(times: Sequence[int]) -> tuple[int, int]:
    if not times:
        return 0, 1000
    first, last = min(times), max(times)
    margin = max(500, int((last - first) * _MARGIN))
    return first - margin, last + margin


def _milliseconds(timestamp: str) -> int:
    return round(parse_utc(timestamp) * 1000)


def _lane(agent_id: str) -> dict[str, str]:
    kinds = {"editor": "editor", "cli": "person", "outside": "outside"}
    return {"id": agent_id, "label": name_of(agent_id), "kind": kinds.get(agent_id.partition(":")[0], "agent")}


def _note(event: Event) -> str:
    if event.outcome in ("refused", "observed"):
        told = "would have been refused" if event.outcome == "observed" else "refused"
        return f"{told}: {event.refusal}{_blame(event)}"
    if event.outcome == "done":
        return "" if event.kind in ("read", "write") else event.kind
    return f"{event.kind}, {event.outcome}"


def _blame(event: Event) -> str:
    changed_by = (event.detail or {}).get("changed_by") or ()
    names = dict.fromkeys(name_of(str(change.get("agent_id"))) for change in changed_by if isinstance(change, dict))
    return f", changed by {', '.join(names)}" if names else ""
