"""Where a session begins, pauses and ends: what changed since last time, and forgetting."""

from __future__ import annotations

from noclobber.records import Event
from noclobber.situation import CHANGING, EFFECTIVE
from noclobber.store.protocol import EventQuery

from .context import Context
from .finishing import settle_open_edits
from .records import Answer

__all__ = ["handle_session"]

_NAMED = 6
_LOOKED_AT = 500


def handle_session(context: Context) -> Answer:
    """Start, end, a subagent's end, the end of a turn."""
    call = context.call
    if call.event == "session_start":
        context.notes.sweep()
        return Answer(context=_stale_now(context) if call.source in ("resume", "compact") else _changed_since(context))
    settle_open_edits(context)
    if call.event == "turn_end":
        return Answer()
    context.guard.workspace.store.release_leases(context.guard.agent_id)
    if context.guard.get_all_snapshots():
        context.guard.clear_all_snapshots()
    context.notes.forget(with_subagents=call.event == "session_end")
    if call.event == "session_end":
        _remember(context)
    return Answer()


def _remember(context: Context) -> None:
    store = context.guard.workspace.store
    _forget_subagents(context)
    store.put_meta(_key(context), f"{store.epoch} {store.last_seq()}")


def _forget_subagents(context: Context) -> None:
    store, prefix = context.guard.workspace.store, f"{context.guard.agent_id}/"
    for agent_id in {snapshot.agent_id for snapshot in store.snapshots() if snapshot.agent_id.startswith(prefix)}:
        context.guard.as_writer(agent_id).clear_all_snapshots()


def _changed_since(context: Context) -> str:
    """Which files others changed since this client's last session here; nothing where it is the first, or the tree was quiet."""
    store = context.guard.workspace.store
    epoch, _, seq = (store.get_meta(_key(context)) or "").partition(" ")
    if epoch != store.epoch or not seq.isdigit():
        return ""
    changes = store.events(EventQuery(kinds=CHANGING, outcomes=EFFECTIVE, after_seq=int(seq), limit=_LOOKED_AT))
    by_file: dict[str, Event] = {event.file_path: event for event in changes if event.file_path is not None}
    if not by_file:
        return ""
    named = ", ".join(f"{path} ({event.agent_id})" for path, event in list(by_file.items())[-_NAMED:])
    more = f" and {len(by_file) - _NAMED} more" if len(by_file) > _NAMED else ""
    return f"Changed since your last session here: {named}{more}."


def _stale_now(context: Context) -> str:
    mine = context.guard.agent_id
    stale = [row.file_path for row in context.guard.status() if row.agent_id == mine and row.state != "fresh"]
    if not stale:
        return ""
    more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    return f"Changed since you read them: {', '.join(stale[:_NAMED])}{more}."


def _key(context: Context) -> str:
    return f"hooks.last:{context.call.client}"
