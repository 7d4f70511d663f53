"""What a writer did by other means, put on record: changes its own tools made, forgotten snapshots, leases, other events."""

from __future__ import annotations

import os
from typing import Any

from . import refusals
from .attributes import Attributes
from .clock import boot_id, monotonic_ns, utc_now
from .content import hash_content
from .decision import Situation, Verdict, decide_placing
from .errors import refused
from .recording import Request
from .records import Event, EventKind, Lease, LineRange, Outcome, Snapshot
from .situation import EFFECTIVE, Writer, last_seen, look, notice_outside, survey
from .store.protocol import Batch, EventQuery
from .workspace import Workspace

__all__ = ["clear", "lease", "past_snapshots", "record", "record_change", "restoring"]

LEASE_LIMIT_S = 10.0


def past_snapshots(workspace: Workspace, query: EventQuery) -> list[Snapshot]:
    """The snapshots that events recorded, from the history: also those replaced or forgotten since."""
    found = []
    for event in workspace.store.events(query._replace(outcomes=EFFECTIVE)):
        detail = event.detail or {}
        known = detail.get("read_hash", event.after_hash)
        path = event.to_path or event.file_path
        if known is None or path is None or event.kind not in ("read", "write", "edit", "restore", "revert", "move", "open", "save"):
            continue
        shown = detail.get("lines")
        lines = None if shown is None else tuple((first, last) for first, last in shown)
        found.append(Snapshot(path, known, event.turn_id, event.intent_id, event.timestamp, event.agent_id, lines, None, event.seq))
    return found


def clear(workspace: Workspace, writer: Writer, file_path: str | None) -> None:
    """Forget one file, or (None) all."""
    event = _event(workspace, writer, "clear", "done", file_path, None, None, None)
    workspace.store.apply(Batch(events=(event,), forget=((writer.agent_id, file_path),)))


def record(
    workspace: Workspace,
    writer: Writer,
    kind: EventKind,
    outcome: Outcome,
    file_path: str | None,
    before_hash: str | None,
    after_hash: str | None,
    detail: dict[str, Any] | None,
) -> Event:
    """Any event; nothing else changes."""
    event = _event(workspace, writer, kind, outcome, file_path, before_hash, after_hash, detail)
    return event._replace(seq=workspace.store.apply(Batch(events=(event,)))[0])


def record_change(
    workspace: Workspace,
    writer: Writer,
    path: str | os.PathLike[str],
    kind: EventKind,
    outcome: Outcome,
    *,
    before: bytes | None,
    knows: bytes | None,
    detail: dict[str, Any] | None,
) -> Event | None:
    """What stands on disk is this writer's doing. Without ``before``, the change is from what the history last saw there.

    What is not given as known: where the writer's snapshot was fresh up to this change, it knows what stands there; otherwise its
    snapshot stays as it is, since others' changes would be passed off as seen.
    """
    with (
        workspace.in_use,
        workspace.locator.locate(path, missing_ok=True) as located,
        workspace.locks.exclusive(located.file_path),
    ):
        found = look(located)
        after = None if found is None else hash_content(found.content)
        history = notice_outside(workspace, located.file_path, after)
        snapshot = workspace.store.snapshot(writer.agent_id, located.file_path)
        before_hash = hash_content(before) if before is not None else history[0].before_hash if history else None
        seen = last_seen(workspace, located.file_path) is not None
        if before is None and seen and not history and (snapshot is None or snapshot.read_hash == after):
            return None
        extra = dict(detail or {})
        snapshots: tuple[Snapshot, ...] = ()
        known = after if knows is None else hash_content(knows)
        fresh = snapshot is None or snapshot.read_hash == before_hash
        if known is not None and (knows is not None or fresh):
            seen_seq = 0 if known == after or snapshot is None else snapshot.seq
            if known != after:
                extra |= {"read_hash": known, "seen_seq": seen_seq}
            signature = found.signature if found is not None and known == after else None
            labels = (writer.turn_id, writer.intent_id)
            its_own = knows if knows is not None else found.content if found is not None else b""
            shown = _shown_after(workspace, snapshot, before, before_hash, its_own) if kind == "edit" else None
            if shown is not None:
                extra["lines"] = [list(span) for span in shown]
            snapshots = (Snapshot(located.file_path, known, *labels, utc_now(), writer.agent_id, shown, signature, seen_seq),)
        event = _event(workspace, writer, kind, outcome, located.file_path, before_hash, after, extra or None)
        pairs = [(hash_content(content), content) for content in (before, knows, found.content if found else None) if content is not None]
        forget = ((writer.agent_id, located.file_path),) if after is None else ()
        contents = workspace.keepable(located.file_path, pairs)
        seqs = workspace.store.apply(Batch(events=(event,), snapshots=snapshots, forget=forget, contents=contents))
        return event._replace(seq=seqs[0])


def _shown_after(
    workspace: Workspace, snapshot: Snapshot | None, before: bytes | None, before_hash: str | None, known: bytes
) -> tuple[LineRange, ...] | None:
    """Which lines of what it now knows the writer was shown: those it knew, what became of them, and lines it added; None: all.

    Replacing a word in a line that was never shown does not show the rest of it.
    """
    from .merge import after_ranges, changed_regions, join_ranges, map_ranges, shown_covers

    if snapshot is not None and snapshot.lines is None:
        return None
    if before is None and before_hash is not None:
        before = workspace.store.content(before_hash)
    if before is None:
        return ()
    changes = changed_regions(before, known)
    shown = () if snapshot is None else snapshot.lines or ()
    own = [change for change in changes if change.before[0] == change.before[1] or shown_covers(shown, [change])]
    return join_ranges([*map_ranges(shown, changes), *after_ranges(own)])


def restoring(workspace: Workspace, agent_id: str, path: str | os.PathLike[str], content: bytes) -> Request:
    """The change that brings these bytes back in the place of those that stand there now; whoever was quicker than it stays."""
    with workspace.locator.locate(path, missing_ok=True) as located:
        found = look(located)
        file_path = located.file_path
    standing = None if found is None else hash_content(found.content)
    given = workspace.store.was_given(agent_id, file_path, hash_content(content))
    shown = given is not None and "lines" not in (given.detail or {})

    def rule(now: Situation) -> Verdict:
        if now.disk_hash != standing:
            return Verdict("refused", None, refusals.stale(now, mergeable=False))
        return decide_placing(now, content, shown=shown)

    return Request(path, "restore", rule, asked=content, attributes=None if found else _before_delete(workspace, file_path))


def _before_delete(workspace: Workspace, file_path: str) -> Attributes | None:
    """Mode, owner and attributes that a deleted file had, to be given back to it where it is brought back."""
    deleted = workspace.store.events(EventQuery(file_path=file_path, kinds=("delete", "revert"), outcomes=EFFECTIVE, limit=1))
    return Attributes.from_json(deleted[0].detail) if deleted else None


def lease(workspace: Workspace, writer: Writer, file_path: str, seconds: float) -> Lease:
    """The path's lease, or LeasedError naming who has it."""
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"A lease lasts for a number of seconds (at most {LEASE_LIMIT_S:g}), not {seconds!r}.")
    now = monotonic_ns()
    until = now + int(min(seconds, LEASE_LIMIT_S) * 1e9)
    got = workspace.store.acquire_lease(file_path, writer.agent_id, boot_id(), now, until)
    if got is not None:
        return got
    held = workspace.store.lease(file_path, boot_id(), monotonic_ns())
    if held is None:
        return lease(workspace, writer, file_path, seconds)
    with workspace.locator.locate(file_path, missing_ok=True) as located:
        now_there: Situation = survey(workspace, located, writer).situation
    raise refused(refusals.leased(now_there._replace(lease=held)))


def _event(
    workspace: Workspace,
    writer: Writer,
    kind: EventKind,
    outcome: Outcome,
    file_path: str | None,
    before_hash: str | None,
    after_hash: str | None,
    detail: dict[str, Any] | None,
) -> Event:
    labels = (writer.agent_id, writer.turn_id, writer.intent_id)
    return Event(0, utc_now(), kind, outcome, None, workspace.store.epoch, *labels, file_path, None, before_hash, after_hash, detail)
