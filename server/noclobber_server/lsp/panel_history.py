"""One file's history, one event, one line's author, one version's text; restoring, reverting, and letting a refused write land."""

from __future__ import annotations

import os
from typing import Any

from noclobber import ConcurrencyGuard, Workspace
from noclobber.errors import NoclobberError, RevertConflictError, VersionGoneError, WorkCancelledError
from noclobber.progress import Progress
from noclobber.records import Event
from noclobber.situation import OUTSIDE, hash_after
from noclobber.store.protocol import EventQuery
from noclobber.text import decode_text

from ..timeline.names import name_of
from .panel_counting import Counter
from .reporting import GIVEN_UP

__all__ = ["event_row", "history", "let_land", "line_author", "restore", "revert", "version_text"]

_MOST = 300


def history(workspace: Workspace, counter: Counter, file_path: str) -> list[dict[str, Any]]:
    """What happened to a file, oldest first, reads and closings left out."""
    events = workspace.store.events(EventQuery(file_path=file_path, limit=_MOST))
    on_record = {hash_after(event, file_path) for event in events}
    rows: list[dict[str, Any] | None] = []
    for event in events:
        if (event.detail or {}).get("overwritten") not in (None, *on_record):
            rows.append(_overwritten(workspace, counter, event))
        rows.append(_given_up(workspace, counter, event) if event.kind == "close" else event_row(workspace, counter, event))
    return [row for row in rows if row is not None and row["kind"] not in ("read", "open", "clear")]


def event_row(workspace: Workspace, counter: Counter, event: Event, file_path: str | None = None) -> dict[str, Any]:
    """One event as the editor shows it."""
    path = file_path or event.file_path or ""
    after = hash_after(event, path)
    added, removed = counter.count(workspace, event.before_hash, after)
    return {
        "root": os.fspath(workspace.root), "filePath": path, "seq": event.seq, "timestamp": event.timestamp, "kind": event.kind,
        "outcome": event.outcome, "refusal": event.refusal, "agentId": event.agent_id,
        "name": name_of(event.agent_id), "turnId": event.turn_id, "intentId": event.intent_id,
        "beforeHash": event.before_hash, "afterHash": after, "added": added, "removed": removed,
        "kept": after is not None and workspace.store.content(after) is not None,
    }  # fmt: skip


def _overwritten(workspace: Workspace, counter: Counter, save: Event) -> dict[str, Any]:
    """What a save overwrote before anybody had put it on record: as the outside change it was."""
    lost = (save.detail or {})["overwritten"]
    change = save._replace(agent_id=OUTSIDE, turn_id=None, intent_id=None, outcome="done", before_hash=None, after_hash=lost)
    return {**event_row(workspace, counter, change), "kind": "overwritten by a save"}


def _given_up(workspace: Workspace, counter: Counter, event: Event) -> dict[str, Any] | None:
    """Unsaved text that the person gave up for the disk's version: as the version it would have been."""
    text_hash = (event.detail or {}).get(GIVEN_UP)
    if text_hash is None:
        return None
    return {**event_row(workspace, counter, event._replace(after_hash=text_hash)), "kind": "unsaved text, given up"}


def line_author(guard: ConcurrencyGuard, counter: Counter, file_path: str, line: int) -> dict[str, Any]:
    """Who last wrote a line of the file on disk, counted from 0."""
    lines = guard.blame(file_path)
    if not 0 <= line < len(lines):
        return {"line": line, "event": None}
    event = lines[line].event
    return {"line": line, "event": None if event is None else event_row(guard.workspace, counter, event, file_path)}


def version_text(guard: ConcurrencyGuard, content_hash: str) -> dict[str, Any]:
    """A kept version as text; ``text`` is None, and ``message`` says why, where there is none."""
    try:
        content = guard.content(content_hash)
    except VersionGoneError as error:
        return {"text": None, "message": str(error)}
    if b"\0" in content[:8000]:
        return {"text": None, "message": f"A binary file of {len(content)} bytes."}
    return {"text": decode_text(content)[0], "message": ""}


def restore(guard: ConcurrencyGuard, file_path: str, content_hash: str) -> dict[str, Any]:
    """A kept version back on disk; what stood there is kept in its turn."""
    done = guard.restore(file_path, content_hash)
    return {"done": True, "message": f"{done.file_path} is back at version {content_hash[:12]}."}


def revert(guard: ConcurrencyGuard, turn_id: str, agent_id: str | None, progress: Progress, *, dry_run: bool = False) -> dict[str, Any]:
    """A turn taken back over all its files, or (``dry_run``) which they are; what stands in the way is named and nothing is changed."""
    try:
        done = guard.revert(turn_id=turn_id, agent_id=agent_id, dry_run=dry_run, progress=progress)
    except WorkCancelledError as stopped:
        return {"done": False, "message": str(stopped)}
    except RevertConflictError as error:
        named = "; ".join(f"{path}: {reason}" for path, reason in sorted(error.conflicts.items()))
        return {"done": False, "message": f"{error} {named}"}
    if not done.files:
        return {"done": False, "message": f"There is nothing to take back: {turn_id} is undone already, or changed no file."}
    kept = sum(1 for file in done.files if file.action == "kept later changes")
    later = f"; what others wrote later stays in {kept}" if kept else ""
    files = [file.file_path for file in done.files]
    count = f"{len(files)} file{'s' if len(files) != 1 else ''}"
    return {"done": True, "files": files, "message": f"{turn_id} {'would be' if dry_run else 'is'} taken back in {count}{later}."}


def let_land(guard: ConcurrencyGuard, event: Event) -> dict[str, Any]:
    """A write that was refused because of unsaved edits, put on disk after all in its writer's name. The buffer keeps its text."""
    path = event.file_path
    if path is None or event.refusal != "UNSAVED_EDITS" or event.after_hash is None:
        raise NoclobberError("This write cannot be let through; the agent has to try again.")
    writer = guard.as_writer(event.agent_id, turn_id=event.turn_id, intent_id=event.intent_id)
    content = writer.content(event.after_hash)
    if event.before_hash is not None and writer.hash_content(writer.read(path).content) != event.before_hash:
        raise NoclobberError(f"{path} has changed since {event.agent_id} tried; it has to read the file and try again.")
    writer.write(path, content, read_hash=event.before_hash, override=True)
    return {"done": True, "message": f"{event.agent_id}'s change to {path} is on disk; your text stays in the editor."}
