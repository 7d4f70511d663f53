"""Before an agent's own tool changes a file: may it? The check, the lease, and the note for the finished edit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from noclobber.changing import consider
from noclobber.content import hash_content
from noclobber.decision import Decision, Situation, Verdict, decide_arrival, decide_edit, decide_removal, decide_write
from noclobber.errors import LeasedError, NoclobberError, PathError, Refused
from noclobber.recording import Request
from noclobber.records import EventKind, Refusal
from noclobber.situation import Writer, look
from noclobber.store.protocol import Batch

from .context import Context, kind_of_change
from .forms import encoded, exact_edits, made_from
from .records import Answer, Change, HookCall
from .session import EditNote, note_call
from .tools import CONTENT_KEYS

__all__ = ["handle_before"]

_LEASE_POLL_S = 0.05


class _Checked(NamedTuple):
    """One change that may go on; ``content`` where it must be written merged."""

    notice: str = ""
    content: str | None = None


class _Held(Exception):
    """A change that may not go on, or not unasked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


def handle_before(context: Context) -> Answer:
    """Check every change of the call; the first that is refused decides. A permission prompt drops the leases."""
    call, notes = context.call, context.notes
    if call.event == "permission":
        for change in call.changes:
            notes.mark("prompted", _file_path(context, change))
        context.guard.workspace.store.release_leases(context.guard.agent_id)
        return Answer()
    if call.event == "denied":
        for change in call.changes:
            _withdraw(context, change)
        return Answer()
    if call.call_id is not None and not call.changes:
        note_call(context.guard.workspace.state, call.call_id, call.agent_id, call.turn)
        return Answer()
    checked: list[_Checked] = []
    to_ask: Answer | None = None
    for number, change in enumerate(call.changes, 1):
        try:
            checked.append(_check(context, change))
        except _Held as held:
            if held.answer.decision == "deny":
                for done in call.changes[:number]:
                    _withdraw(context, done)
                return held.answer
            to_ask = to_ask or held.answer
    if to_ask is None:
        return _answer(context, checked)
    # the notes stay: on a yes the client goes on without asking the hook again
    context.guard.workspace.store.release_leases(context.guard.agent_id)
    return to_ask


def _answer(context: Context, checked: list[_Checked]) -> Answer:
    said = "\n".join(one.notice for one in checked if one.notice)
    if said and not context.call.can_tell_before:
        context.notes.say_later(said)
        said = ""
    return Answer(context=said, content=next((one.content for one in checked if one.content is not None), None))


def _check(context: Context, change: Change) -> _Checked:
    try:
        token, holder = _lease(context, change.path)
        disk = _disk(context, change.path)
        return _decide(context, change, disk, token, holder)
    except (PathError, Refused):
        return _Checked()  # outside what we guard, or no regular file: the client's own tool has the say


def _decide(context: Context, change: Change, disk: bytes | None, token: int, holder: str) -> _Checked:
    decision, asked = _consult(context, change, disk)
    refusal = decision.refusal
    if refusal is not None and decision.outcome != "observed":
        return _refused(context, change, disk, refusal, token)
    merged = change.kind == "write" and decision.outcome in ("merged", "formatted") and decision.content is not None
    notice = "\n".join(decision.notices)
    content, knows = None, None
    if merged and not _takes_content(context.call):  # it writes its own over a formatter's work, which will be done again
        decision, merged, knows = Decision("done", asked, None), False, asked
    if merged and decision.content is not None:
        from noclobber.text import decode_text

        from . import wording

        told = context.guard.verify_before_write(change.path)
        content = decode_text(decision.content)[0]
        line = wording.merged_notice(told.file_path if told else change.path, told)
        notice = f"{notice}\n{line}".strip()
        shown_all = told is not None and bool(told.diff) and "…" not in told.diff
        knows = decision.content if shown_all else asked
    elif decision.outcome in ("merged", "formatted"):
        knows = _rebased(context, change)
    if holder:
        from . import wording

        notice = f"{notice}\n{wording.leased_notice(_file_path(context, change), holder)}".strip()
    expected = decision.content if refusal is None else asked
    if change.moves:
        expected, knows = None, None  # nothing is to stay there
    _leave_note(context, change, disk, expected, knows, "done" if refusal is not None else decision.outcome, token)
    return _Checked(notice, content)


def _takes_content(call: HookCall) -> bool:
    """Whether another whole content can be handed on: the client takes other input, and what it sends is one file's whole content."""
    given = call.tool_input or {}
    return call.can_update and len(call.changes) == 1 and any(isinstance(given.get(key), str) for key in CONTENT_KEYS)


def _consult(context: Context, change: Change, disk: bytes | None) -> tuple[Decision, bytes | None]:
    """The guard's decision, and the bytes that were asked for where they are known."""
    guard = context.guard
    if change.kind == "write":
        assert change.content is not None
        asked, merge_asked = encoded(change.content, disk), _takes_content(context.call)
        return _considered(context, change, lambda now: decide_write(now, asked, merge_asked=merge_asked), asked), asked
    if change.kind in ("edit", "patch"):
        return _considered(context, change, lambda now: _decide_edit(change, now)), None
    if change.kind == "arrival":
        return _considered(context, change, decide_arrival), None
    if change.kind == "delete" and disk is not None:
        return _considered(context, change, lambda now: decide_removal(now, needs_read=False)), None
    refusal = guard.verify_before_write(change.path)
    if refusal is None:
        return Decision("done", None, None), None
    outcome = Decision("observed" if _only_watches(context) else "refused", None, refusal)
    kind, detail = kind_of_change(change), {"message": refusal.message}
    stands = refusal.current_hash  # before and after: nothing is changed yet
    guard.record(kind, outcome=outcome.outcome, file_path=refusal.file_path, before_hash=stands, after_hash=stands, detail=detail)
    return outcome, None


def _considered(context: Context, change: Change, decide: Callable[[Situation], Verdict], asked: bytes | None = None) -> Decision:
    """What the guard says to this change. A lease has been waited for by now: whoever holds one, what is stale is merged or refused."""
    guard = context.guard
    # of a patch that moves its file too, what is refused is its edit
    kind: EventKind = "write" if change.kind == "write" else "delete" if change.kind == "delete" else "edit"
    request = Request(change.path, kind, lambda now: decide(now._replace(lease=None)), asked)
    writer = Writer(guard.agent_id, guard.turn_id, guard.intent_id)
    return consider(guard.workspace, writer, request, enforce="observed" if _only_watches(context) else None)


def _only_watches(context: Context) -> bool:
    workspace = context.guard.workspace
    return workspace.settings.mode == "observe" or workspace.paused()


def _decide_edit(change: Change, now: Situation) -> Verdict:
    """May this edit be made? A text that is not there once is for the client's tool to say (it may match more loosely).

    Unless it was there in the version the agent knows: then others' changes are the cause.
    """
    edits = exact_edits(change, now.disk)
    if edits is None and now.stale and now.known is not None:
        edits = exact_edits(change, now.known)
    verdict = decide_edit(now, edits, replace_all=change.replace_all) if edits else Verdict("done", None)
    refusal = verdict.refusal
    if refusal is None:
        return verdict if change.kind == "edit" or now.disk is None or _is_certain(change, now.disk) else verdict._replace(content=None)
    if refusal.type == "EDIT_NOT_FOUND":
        return Verdict("done", None)
    if refusal.type == "EDIT_AMBIGUOUS" and not (now.stale and now.known is not None and made_from(change, now.known) is not None):
        return Verdict("done", None)
    return verdict


def _is_certain(change: Change, content: bytes) -> bool:
    from .hunks import is_certain

    return is_certain(content, change.hunks)


def _refused(context: Context, change: Change, disk: bytes | None, refusal: Refusal, token: int) -> _Checked:
    from . import wording
    from .refusing import is_third

    if not is_third(context, refusal.file_path):
        raise _Held(Answer("deny", reason=wording.refusal_text(refusal)))
    notes, call = context.notes, context.call
    prompted = notes.unmark("prompted", refusal.file_path)
    asked_in_vain = call.reports_prompts and notes.is_marked("asked", refusal.file_path) and not prompted
    displaced = None if disk is None else context.guard.keep(change.path, disk)
    if call.can_ask and not asked_in_vain:
        notes.mark("asked", refusal.file_path)
        _leave_note(context, change, disk, None, None, "overridden", token)
        raise _Held(Answer("ask", reason=wording.asked(refusal)))
    kind, detail = kind_of_change(change), {"refusal": {**refusal.to_json(), "diff": ""}, "let_pass": True}
    context.guard.record(
        kind, outcome="overridden", file_path=refusal.file_path, before_hash=displaced, after_hash=displaced, detail=detail
    )
    _leave_note(context, change, disk, None, None, "overridden", token)
    return _Checked(wording.overridden_notice(refusal.file_path, displaced))


def _lease(context: Context, path: str) -> tuple[int, str]:
    """The lease's token and "", or 0 and the name of who held it for as long as this hook waits."""
    while True:
        try:
            return context.guard.lease(path).token, ""
        except LeasedError as held:
            holder = held.refusal.message.split(" is writing ", 1)[0]
            if time.monotonic() >= context.waits_until:
                return 0, holder
            time.sleep(_LEASE_POLL_S)


def _disk(context: Context, path: str) -> bytes | None:
    with context.guard.workspace.locator.locate(path, missing_ok=True) as located:
        found = look(located)
    return None if found is None else found.content


def _rebased(context: Context, change: Change) -> bytes | None:
    """The agent's own version of a file that others changed elsewhere: what it knew, with its edit made."""
    snapshot = context.guard.get_snapshot(change.path)
    known = None if snapshot is None else context.guard.workspace.store.content(snapshot.read_hash)
    if known is None:
        return None
    rebased = made_from(change, known)
    return known if rebased is None else rebased


def _leave_note(
    context: Context, change: Change, disk: bytes | None, expected: bytes | None, knows: bytes | None, outcome: str, token: int
) -> None:
    workspace = context.guard.workspace
    with workspace.locator.locate(change.path, missing_ok=True) as located:
        file_path = located.file_path
    before, after, known = [None if content is None else hash_content(content) for content in (disk, expected, knows)]
    # whether a content may be kept is asked of git, a process of 4 ms: not for what is kept already, nor for what can be made again
    wanted = [(before, disk), (known, knows)] + ([(after, expected)] if change.kind == "write" and outcome != "done" else [])
    contents = [(name, content) for name, content in wanted if name and content is not None and not workspace.store.find_hashes(name)]
    if contents:
        workspace.store.apply(Batch(contents=workspace.keepable(file_path, contents)))
    note = EditNote(
        file_path, kind_of_change(change), context.call.call_id or "", before, after, known, outcome, workspace.store.last_seq(), token
    )
    context.notes.put_edit(note)


def _withdraw(context: Context, change: Change) -> None:
    """Nothing will come of this change: its lease and its note go."""
    file_path = _file_path(context, change)
    context.notes.take_edit(file_path, context.call.call_id)
    context.release(file_path)


def _file_path(context: Context, change: Change) -> str:
    """The path as everything is noted under it; as it was given where it leads outside, where nothing is noted."""
    try:
        with context.guard.workspace.locator.locate(change.path, missing_ok=True) as located:
            return located.file_path
    except NoclobberError:
        return change.path
