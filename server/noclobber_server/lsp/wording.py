"""The words in which a person, or an agent that reads diagnostics, is told what happened to a buffer's file. Text only."""

from __future__ import annotations

from collections.abc import Sequence

from noclobber.clock import parse_utc
from noclobber.records import Event
from noclobber.situation import OUTSIDE

__all__ = ["ago", "by_whom", "lines", "message_for", "who"]

_MOST_NAMED = 4
_DOING = {
    "behind": "This buffer has no unsaved edits but shows an older text: reload it, or take the disk's version.",
    "mergeable": "Your unsaved edits are elsewhere in the file: merge the disk's changes into the buffer before saving.",
    "conflict": "Your unsaved edits stand in the same lines: take the disk's version or keep yours knowingly before saving.",
}


def who(event: Event) -> str:
    """``claude/main (turn-12, INT-3)``, or that nobody known did it."""
    if event.agent_id == OUTSIDE:
        return "git" if event.kind == "git" else "an outside change"
    labels = ", ".join(label for label in (event.turn_id, event.intent_id) if label)
    return f"{event.agent_id} ({labels})" if labels else event.agent_id


def by_whom(authors: Sequence[Event], now: float) -> str:
    """Each author once, with how long ago it last did something; of many the last few, and how many others there are."""
    latest: dict[str, Event] = {}
    for event in authors:
        name = who(event)
        latest.pop(name, None)
        latest[name] = event
    named = [f"{name} {ago(event.timestamp, now)}" for name, event in latest.items()]
    others = len(named) - _MOST_NAMED
    if others > 0:
        named = [*named[others:], f"{others} other{'s' if others > 1 else ''}"]
    return " and ".join(named) or "an outside change"


def ago(timestamp: str, now: float) -> str:
    """``4 s ago``, ``3 min ago``, ``2 h ago``, ``5 d ago``; ``now`` in seconds since 1970."""
    seconds = max(int(now - parse_utc(timestamp)), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def lines(span: tuple[int, int]) -> str:
    """Lines as people count them: (9, 14) is ``lines 10-14``; an empty span is where lines were taken out."""
    first, last = span[0] + 1, span[1]
    if last < first:
        return f"lines removed after line {last}" if last else "lines removed at the top"
    return f"line {first}" if first == last else f"lines {first}-{last}"


def message_for(state: str, authors: Sequence[Event], now: float, disk_lines: tuple[int, int] | None, *, base_known: bool) -> str:
    """What stands in the diagnostic of one region; ``disk_lines`` None: of the whole file."""
    by = by_whom(authors, now)
    if state == "deleted":
        return f"Deleted on disk by {by}. Saving this buffer makes the file anew."
    where = "" if disk_lines is None else f", {lines(disk_lines)}"
    if state == "conflict" and not base_known:
        return f"The disk has another text here{where}, and it is not known what this buffer came from: compare the two before saving."
    return f"Changed on disk by {by}{where}. {_DOING[state]}"
