"""After a shell command: which of the files anybody knows are now different, on record as this agent's doing, and told at once."""

from __future__ import annotations

import os

from noclobber.clock import boot_id, monotonic_ns
from noclobber.content import hash_content, same_signature
from noclobber.errors import NoclobberError
from noclobber.records import Snapshot
from noclobber.situation import CHANGING, EFFECTIVE, hash_after, look
from noclobber.store.protocol import EventQuery

from .context import Context
from .finishing import settle_open_edits
from .records import Answer

__all__ = ["compare_after_shell"]

_NAMED = 8
_MANY = 50


def compare_after_shell(context: Context) -> Answer:
    """Compare every file with a live snapshot; draft a lesson where a check failed."""
    settle_open_edits(context, but_not=context.call.call_id)
    said = [*context.notes.take_said()]
    mine, others = _changed(context)
    _put_on_record(context, mine)
    known = {snapshot.file_path for snapshot in context.guard.get_all_snapshots()}
    told = [path for path in mine if path in known]
    if told:
        said.append(f"This command changed files you know: {_listed(told)}. Re-read what you still need of them.")
    for path, agent_id in others:
        if path in known and context.notes.once("told", f"{path}\0{agent_id}\0{context.guard.workspace.store.last_seq()}"):
            said.append(f"{path} was changed meanwhile by {agent_id}.")
    if context.call.output:
        from .lessons import draft_failed_check

        said += draft_failed_check(context)
    return Answer(context="\n".join(said))


def _changed(context: Context) -> tuple[list[str], list[tuple[str, str]]]:
    """Files that are not as the history left them, and those that other writers changed (path, writer)."""
    store, root = context.guard.workspace.store, context.guard.workspace.root
    by_path: dict[str, list[Snapshot]] = {}
    for snapshot in store.snapshots():
        by_path.setdefault(snapshot.file_path, []).append(snapshot)
    mine: list[str] = []
    others: list[tuple[str, str]] = []
    for file_path, snapshots in by_path.items():
        if _is_untouched(root, file_path, snapshots):
            continue
        now_hash = _hash(context, file_path)
        if all(snapshot.read_hash == now_hash for snapshot in snapshots):
            continue
        kinds = (*CHANGING, "read")
        last = store.events(EventQuery(file_path=file_path, kinds=kinds, outcomes=EFFECTIVE, limit=1))
        if not last or hash_after(last[0], file_path) != now_hash:
            if not _is_being_written(context, file_path):
                mine.append(file_path)
        elif last[0].agent_id != context.guard.agent_id:
            others.append((file_path, last[0].agent_id))
    return mine, others


def _is_untouched(root: str, file_path: str, snapshots: list[Snapshot]) -> bool:
    try:
        stat = os.stat(f"{root}/{file_path}")
    except OSError:
        return False
    return (
        any(snapshot.signature is not None and same_signature(snapshot.signature, stat) for snapshot in snapshots)
        and len({snapshot.read_hash for snapshot in snapshots}) == 1
    )


def _hash(context: Context, file_path: str) -> str | None:
    try:
        with context.guard.workspace.locator.locate(file_path, missing_ok=True) as located:
            found = look(located)
    except NoclobberError:
        return None
    return None if found is None else hash_content(found.content)


def _is_being_written(context: Context, file_path: str) -> bool:
    """Another writer is between its check and its record: the change is its own to record."""
    lease = context.guard.workspace.store.lease(file_path, boot_id(), monotonic_ns())
    return lease is not None and lease.agent_id != context.guard.agent_id


def _put_on_record(context: Context, paths: list[str]) -> None:
    guard, command = context.guard, context.call.command[:200]
    if len(paths) > _MANY:
        guard.record(
            "git" if command.lstrip().startswith("git ") else "outside",
            detail={"command": command, "files": paths[:1000], "count": len(paths)},
        )
        return
    for path in paths:
        snapshot = guard.get_snapshot(path)
        known = None if snapshot is None else guard.workspace.store.content(snapshot.read_hash)
        try:
            # what a command did to a file is not what the agent was shown of it: its snapshot stays
            guard.record_change(path, knows=known, detail={"command": command})
        except NoclobberError:
            continue


def _listed(paths: list[str]) -> str:
    named = ", ".join(paths[:_NAMED])
    return f"{named} and {len(paths) - _NAMED} more" if len(paths) > _NAMED else named
