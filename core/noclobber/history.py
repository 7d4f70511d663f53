"""Reading the history: who wrote each line, and what one event means in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .blame import attribute_lines
from .errors import NoclobberError
from .records import AuthoredLine, Event
from .refusals import difference
from .situation import CHANGING, EFFECTIVE, hash_after, look, notice_outside
from .store.protocol import EventQuery

if TYPE_CHECKING:
    from .guard import ConcurrencyGuard

__all__ = ["blame", "made_by", "refusal_diff", "who", "why"]

_VERSIONS = 500


def blame(guard: ConcurrencyGuard, path: str | os.PathLike[str]) -> list[AuthoredLine]:
    """Each line of the file as it stands with the event that last wrote it, None where it is older than what is kept of the history.

    A change of now that is not on record yet has an event with ``seq`` 0.
    """
    workspace = guard.workspace
    with workspace.locator.locate(path) as located:
        found = look(located)
        file_path = located.file_path
    content = b"" if found is None else found.content
    versions = _versions(guard, file_path)
    unseen = notice_outside(workspace, file_path, guard.hash_content(content))
    if not versions or unseen or versions[-1][1] != content:
        versions.append((unseen[0] if unseen else None, content))
    return [AuthoredLine(number, text, event) for number, (event, text) in enumerate(attribute_lines(versions), 1)]


def made_by(event: Event) -> tuple[str | None, str | None]:
    """The versions between which an event's own change lies.

    A change that came on record only after a later one has ``made`` in its detail: ``before``, ``after``, and ``ahead_of``, the event
    that had followed it. Its own hashes are those of what stood there when it was put on record.
    """
    made = (event.detail or {}).get("made")
    return (event.before_hash, event.after_hash) if made is None else (made["before"], made["after"])


def why(guard: ConcurrencyGuard, seq: int) -> str:
    """One event in words: who did what, and for a refusal the reason, the others, the diff and the way on."""
    event = guard.workspace.store.event(seq)
    if event is None:
        raise NoclobberError(f"There is no event {seq}; the newest is {guard.workspace.store.last_seq()}.")
    detail = event.detail or {}
    lines = [f"{event.timestamp}  {who(event)} {_did(event)}"]
    if event.refusal is not None:
        lines.append(f"{event.refusal}: {detail.get('message') or (detail.get('refusal') or {}).get('message', '')}")
        changed_by = detail.get("changed_by") or (detail.get("refusal") or {}).get("changed_by") or []
        for change in changed_by:
            labels = ", ".join(str(change[key]) for key in ("turn_id", "intent_id") if change.get(key))
            lines.append(f"  changed by {change['agent_id']}{f' ({labels})' if labels else ''} at {change['timestamp']} ({change['kind']})")
        if detail.get("resolution"):
            lines.append(f"What to do: {detail['resolution']}")
        if event.after_hash and event.outcome == "refused":
            lines.append(f"The refused content: noclobber show {event.after_hash[:12]}")
        diff = refusal_diff(guard, event)
        if diff:
            lines += ["", diff.rstrip("\n")]
    else:
        before, after = made_by(event)
        if "made" in detail:
            lines.append(f"It came on record late: event {detail['made']['ahead_of']} had already followed it.")
        if before and before != after:
            lines.append(f"The version before: noclobber restore {event.file_path} {before[:12]}")
    return "\n".join(lines)


def refusal_diff(guard: ConcurrencyGuard, event: Event) -> str:
    """What a refused writer was shown: from the version it knew to the one on disk; empty where either is not kept (any more)."""
    workspace, detail = guard.workspace, event.detail or {}
    expected = detail.get("expected_hash") or (detail.get("refusal") or {}).get("expected_hash")
    path = event.file_path
    if path is None or not expected or not event.before_hash or workspace.secrecy.never_kept(path):
        return ""
    versions = [workspace.store.content(content_hash) for content_hash in (expected, event.before_hash)]
    known, disk = versions
    return "" if known is None or disk is None else difference(path, known, disk)


def who(event: Event) -> str:
    """`` claude/1 (turn-12, INT-3)``: the writer with its labels."""
    labels = ", ".join(label for label in (event.turn_id, event.intent_id) if label)
    return f"{event.agent_id} ({labels})" if labels else event.agent_id


_WORDS = {
    "read": "read", "write": "wrote", "edit": "edited", "delete": "deleted", "move": "moved", "restore": "restored a version of",
    "revert": "reverted", "clear": "forgot", "outside": "changed", "git": "changed", "late": "wrote late into", "open": "opened",
    "save": "saved", "close": "closed", "lesson": "recorded a lesson in", "check": "ran a check",
}  # fmt: skip


def _did(event: Event) -> str:
    path = event.file_path or ("all it knew" if event.kind == "clear" else "")
    to = f" to {event.to_path}" if event.to_path else ""
    if event.refusal is not None and event.outcome == "refused":
        return f"wanted to {event.kind} {path}{to} and was refused"
    how = {"merged": ", keeping what others had changed", "formatted": " (a formatter's change)", "overridden": " over a refusal"}
    observed = ", which would have been refused" if event.outcome == "observed" else ""
    return f"{_WORDS[event.kind]} {path}{to}".rstrip() + how.get(event.outcome, "") + observed


def _versions(guard: ConcurrencyGuard, file_path: str) -> list[tuple[Event | None, bytes]]:
    """The kept versions of a file, oldest first, with the event that made each; a name it had before is followed."""
    store = guard.workspace.store
    path, before_seq = file_path, None
    found: list[tuple[Event | None, bytes]] = []
    while len(found) < _VERSIONS:
        query = EventQuery(file_path=path, kinds=CHANGING, outcomes=EFFECTIVE, before_seq=before_seq, limit=_VERSIONS)
        events = store.events(query)
        arrived = next((event for event in reversed(events) if event.to_path == path), None)
        own = events if arrived is None else [event for event in events if event.seq > arrived.seq]
        found = _kept(guard, own, path) + found
        if arrived is None or arrived.file_path is None:
            break
        path, before_seq = arrived.file_path, arrived.seq
    return found


def _kept(guard: ConcurrencyGuard, events: list[Event], path: str) -> list[tuple[Event | None, bytes]]:
    store = guard.workspace.store
    versions: list[tuple[Event | None, bytes]] = []
    for event in sorted(events, key=_place):
        before, after = made_by(event)
        if not versions and before is not None:
            first = store.content(before)
            if first is not None:
                versions.append((None, first))
        after = hash_after(event._replace(after_hash=after), path)
        content = None if after is None else store.content(after)
        if content is not None:
            versions.append((event, content))
    return versions


def _place(event: Event) -> tuple[int, int]:
    """Where an event belongs in the order in which the file was changed."""
    made = (event.detail or {}).get("made")
    return (event.seq, 1) if made is None else (made["ahead_of"], 0)
