"""After an agent's own tool changed a file: what stands there against what was expected, on record, and what came in between."""

from __future__ import annotations

from noclobber.content import hash_content
from noclobber.errors import NoclobberError
from noclobber.records import Event, EventKind, Outcome
from noclobber.situation import CHANGING, EFFECTIVE, look
from noclobber.store.protocol import EventQuery

from .context import Context, kind_of_change
from .forms import expected_bytes
from .records import Answer, Change
from .session import EditNote

__all__ = ["record_finished", "settle_open_edits", "standing"]


def record_finished(context: Context) -> Answer:
    """Record every file of the call; say what was displaced unseen."""
    said = [*context.notes.take_said()]
    for change in context.call.changes:
        try:
            said += _finish(context, change)
        except NoclobberError:
            continue  # gone, or outside what we guard
    return Answer(context="\n".join(said))


def settle_open_edits(context: Context, *, but_not: str | None = None) -> None:
    """Record the edits whose finish no hook was told of: those whose file now holds what was expected of it."""
    for note in context.notes.edits():
        if note.call_id == but_not:
            continue
        found = standing(context, note.file_path)
        if note.expected is not None and found is not None and hash_content(found) == note.expected:
            context.notes.take_edit(note.file_path, note.call_id)
            _record(context, note, _kept(context, note.knows))


def _finish(context: Context, change: Change) -> list[str]:
    workspace = context.guard.workspace
    with workspace.locator.locate(change.path, missing_ok=True) as located:
        file_path, found = located.file_path, look(located)
    note = context.notes.take_edit(file_path, context.call.call_id) or context.notes.take_edit(file_path, None)
    said: list[str] = []
    if note is None:
        if context.call.event != "failed":
            context.guard.record_change(file_path, kind=kind_of_change(change))
    else:
        now = None if found is None else found.content
        said = _compare(context, change, note, now)
        if note.token:
            context.release(file_path)
    return said


def _compare(context: Context, change: Change, note: EditNote, now: bytes | None) -> list[str]:
    now_hash = None if now is None else hash_content(now)
    if context.call.event == "failed" and now_hash == note.before:
        return []
    between, displaced = _came_between(context, note)
    if now_hash == note.expected or context.call.changed_by_person or note.expected is None:
        _record(context, note, _kept(context, note.knows), before=between)
    else:
        # more than the agent's own change stands there (a formatter's, or what came in between): it knows its own version
        knows = _kept(context, note.knows)
        checked = _kept(context, note.before)
        expected = _kept(context, note.expected) or expected_bytes(change, checked, note.expected)
        _record(context, note, knows or expected, before=between, made=_overtaken(context, note, expected, now_hash))
    if not displaced or between is None or note.before == hash_content(between):
        return []
    return [_displaced(context, change, note, between)]


def _came_between(context: Context, note: EditNote) -> tuple[bytes | None, bool]:
    """The version that somebody put there since the check (what the check saw where nobody did), and whether the write replaced it.

    One who wrote onto the very version that was expected of this edit came after it: an editor that reloads and saves at once.
    """
    checked = _kept(context, note.before)
    original = context.call.original
    if original is not None and checked is not None and len(context.call.changes) == 1:
        from noclobber.text import decode_text, encode_text, same_text

        if not same_text(original, checked):
            return encode_text(original, decode_text(checked)[1]), True
    query = EventQuery(file_path=note.file_path, kinds=CHANGING, outcomes=EFFECTIVE, after_seq=note.seq)
    others = [event for event in context.guard.workspace.store.events(query) if event.agent_id != context.guard.agent_id]
    if others and others[-1].after_hash not in (note.expected, note.before):
        came_after = note.expected is not None and any(event.before_hash == note.expected for event in others)
        return _kept(context, others[-1].after_hash) or checked, not came_after
    return checked, True


def _overtaken(context: Context, note: EditNote, expected: bytes | None, now_hash: str | None) -> dict[str, object] | None:
    """The agent's own change, where others who are on record had gone on from exactly that version before this hook came to record it."""
    if expected is None:
        return None
    query = EventQuery(file_path=note.file_path, kinds=CHANGING, outcomes=EFFECTIVE, after_seq=note.seq)
    events = context.guard.workspace.store.events(query)
    stood: str | None = note.expected
    for event in events:
        if event.before_hash != stood or event.after_hash is None or event.agent_id == context.guard.agent_id:
            return None
        stood = event.after_hash
    if not events or stood != now_hash:
        return None
    context.guard.keep(note.file_path, expected)
    return {"made": {"before": note.before, "after": note.expected, "ahead_of": events[0].seq}}


def _displaced(context: Context, change: Change, note: EditNote, between: bytes) -> str:
    """Tell what the check could not see, and keep it."""
    kept = context.guard.keep(note.file_path, between)
    if change.kind not in ("write", "arrival"):
        return f"{note.file_path} was changed by another writer while your edit was under way; both changes are in it. Re-read it now."
    context.guard.record("late", file_path=note.file_path, before_hash=note.before, after_hash=kept)
    return (
        f"Your write of {note.file_path} replaced a version that another writer had put there just before. "
        f"It is kept; see it with: noclobber show {kept[:12]}"
    )


def _record(
    context: Context, note: EditNote, knows: bytes | None, *, before: bytes | None = None, made: dict[str, object] | None = None
) -> Event | None:
    kind: EventKind = "delete" if note.kind == "delete" else "write" if note.kind == "write" else "edit"
    outcome: Outcome = note.outcome if note.outcome in ("merged", "formatted", "overridden") else "done"  # type: ignore[assignment]
    displaced = before if before is not None else _kept(context, note.before)
    return context.guard.record_change(note.file_path, kind=kind, outcome=outcome, before=displaced, knows=knows, detail=made)


def _kept(context: Context, content_hash: str | None) -> bytes | None:
    return None if content_hash is None else context.guard.workspace.store.content(content_hash)


def standing(context: Context, file_path: str) -> bytes | None:
    """What stands at a path now; None where there is nothing that we guard."""
    try:
        with context.guard.workspace.locator.locate(file_path, missing_ok=True) as located:
            found = look(located)
    except NoclobberError:
        return None
    return None if found is None else found.content
