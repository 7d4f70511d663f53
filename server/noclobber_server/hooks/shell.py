"""After a shell command: which of the files anybody knows are now different, on record as this agent's doing, and told at once."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from noclobber.clock import boot_id, monotonic_ns, utc_now
from noclobber.content import hash_content, same_signature
from noclobber.records import Event, EventKind, Snapshot
from noclobber.situation import CHANGING, EFFECTIVE, OUTSIDE, hash_after
from noclobber.store.protocol import Batch, EventQuery

from .context import Context
from .finishing import record_finished, settle_open_edits, standing
from .records import Answer

__all__ = ["compare_after_shell"]

_NAMED = 8
_COMMAND = 200
_SLACK_S = 0.5


def compare_after_shell(context: Context) -> Answer:
    """Compare every file with a live snapshot; draft a lesson where a check failed."""
    settle_open_edits(context, but_not=context.call.call_id)
    finished = record_finished(context).context  # the command may be one that applies a patch
    said = [finished] if finished else []
    mine, others = _changed(context)
    _put_on_record(context, mine)
    known = {snapshot.file_path for snapshot in context.guard.get_all_snapshots()}
    told = [change.file_path for change in mine if change.file_path in known]
    if told:
        said.append(f"This command changed files you know: {_listed(told)}. Re-read what you still need of them.")
    for path, agent_id in others:
        if path in known and context.notes.once("told", f"{path}\0{agent_id}\0{context.guard.workspace.store.last_seq()}"):
            said.append(f"{path} was changed meanwhile by {agent_id}.")
    if context.call.output:
        from .lessons import draft_failed_check

        said += draft_failed_check(context)
    return Answer(context="\n".join(said))


class _Changed(NamedTuple):
    """A file that the command changed: what the history knew of it before (a hash), and what stands there now (None: nothing)."""

    file_path: str
    before: str | None
    now: bytes | None

    @property
    def now_hash(self) -> str | None:
        """The hash of what stands there now."""
        return None if self.now is None else hash_content(self.now)

    @property
    def kind(self) -> EventKind:
        """What the command did to it."""
        return "delete" if self.now is None else "write"


def _changed(context: Context) -> tuple[list[_Changed], list[tuple[str, str]]]:
    """Files that are not as the history left them, and those that other writers changed (path, writer)."""
    store, root = context.guard.workspace.store, context.guard.workspace.root
    by_path: dict[str, list[Snapshot]] = {}
    for snapshot in store.snapshots():
        by_path.setdefault(snapshot.file_path, []).append(snapshot)
    mine: list[_Changed] = []
    others: list[tuple[str, str]] = []
    for file_path, snapshots in by_path.items():
        if _is_untouched(root, file_path, snapshots):
            continue
        now = standing(context, file_path)
        now_hash = None if now is None else hash_content(now)
        if all(snapshot.read_hash == now_hash for snapshot in snapshots):
            continue
        last = _last(context, file_path, (*CHANGING, "read"))
        if last is None or hash_after(last, file_path) != now_hash:
            if not _is_being_written(context, file_path):
                mine.append(_Changed(file_path, None if last is None else hash_after(last, file_path), now))
            continue
        change = _last(context, file_path, CHANGING)
        if change is not None and _came_during(context, change):
            mine.append(_Changed(file_path, change.before_hash, now))
        elif change is not None and change.agent_id != context.guard.agent_id:
            others.append((file_path, change.agent_id))
    return mine, others


def _came_during(context: Context, event: Event) -> bool:
    """A change that nobody had explained, and that an editor's server or a read put on record while this command ran."""
    if event.agent_id != OUTSIDE:
        return False
    took_s = context.call.took_s
    if took_s is not None:
        from noclobber.clock import parse_utc

        return parse_utc(event.timestamp) >= time.time() - took_s - _SLACK_S
    own = context.guard.workspace.store.events(EventQuery(agent_id=context.guard.agent_id, limit=1))
    return not own or event.seq > own[-1].seq


def _is_untouched(root: str, file_path: str, snapshots: list[Snapshot]) -> bool:
    try:
        stat = os.stat(f"{root}/{file_path}")
    except OSError:
        return False
    return (
        any(snapshot.signature is not None and same_signature(snapshot.signature, stat) for snapshot in snapshots)
        and len({snapshot.read_hash for snapshot in snapshots}) == 1
    )


def _is_being_written(context: Context, file_path: str) -> bool:
    """Another writer is between its check and its record: the change is its own to record."""
    lease = context.guard.workspace.store.lease(file_path, boot_id(), monotonic_ns())
    return lease is not None and lease.agent_id != context.guard.agent_id


def _put_on_record(context: Context, changes: list[_Changed]) -> None:
    """One event a file under this agent's name, all in one go. What a command did is not what anybody was shown: snapshots stay."""
    if not changes:
        return
    guard, workspace = context.guard, context.guard.workspace
    detail = {"command": context.call.command[:_COMMAND]}
    if len(changes) > 1:
        detail["group"] = hash_content(repr([(change.file_path, change.before) for change in changes]).encode())[:16]
    with workspace.locks.exclusive(*(change.file_path for change in changes)):
        unclaimed = [change for change in changes if not _is_claimed(context, change)]
        labels = (workspace.store.epoch, guard.agent_id, guard.turn_id, guard.intent_id)
        events = [
            Event(0, utc_now(), change.kind, "done", None, *labels, change.file_path, None, change.before, change.now_hash, detail)
            for change in unclaimed
        ]
        contents = [kept for change in unclaimed for kept in _keepable(context, change)]
        gone = [(guard.agent_id, change.file_path) for change in unclaimed if change.now is None]
        workspace.store.apply(Batch(events=events, contents=contents, forget=gone))


def _keepable(context: Context, change: _Changed) -> list[tuple[str, bytes]]:
    workspace = context.guard.workspace
    if change.now is None or change.now_hash is None or workspace.store.find_hashes(change.now_hash):
        return []
    return workspace.keepable(change.file_path, [(change.now_hash, change.now)])


def _is_claimed(context: Context, change: _Changed) -> bool:
    """Another agent's hook was quicker: two commands ended at once."""
    last = _last(context, change.file_path, CHANGING)
    return last is not None and last.agent_id != OUTSIDE and hash_after(last, change.file_path) == change.now_hash


def _last(context: Context, file_path: str, kinds: tuple[EventKind, ...]) -> Event | None:
    query = EventQuery(file_path=file_path, kinds=kinds, outcomes=EFFECTIVE, limit=1)
    found = context.guard.workspace.store.events(query)
    return found[0] if found else None


def _listed(paths: list[str]) -> str:
    named = ", ".join(paths[:_NAMED])
    return f"{named} and {len(paths) - _NAMED} more" if len(paths) > _NAMED else named
