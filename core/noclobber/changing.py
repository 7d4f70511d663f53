"""The course of a guarded change, of one file or of several: lock, look, decide, exchange, and once more if overtaken.

Every race between the decision and the exchange ends in one of two ways: the exchange displaced exactly the bytes the decision
rested on, or it was put back and the decision is made again on what stands there now.
"""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from .clock import utc_now
from .content import hash_content
from .decision import Decision, Situation, Verdict
from .errors import FileAccessError, PathError, refused
from .paths import Located
from .records import Event, EventKind, Outcome, Refusal, Snapshot, Write
from .refusals import difference, exists
from .situation import Survey, Writer, survey
from .store.protocol import Batch
from .workspace import Workspace

if TYPE_CHECKING:
    from .commit import Planned

__all__ = ["Request", "change", "consider"]

_ATTEMPTS = 16


class Request(NamedTuple):
    """One file's wanted change: ``decide`` gives the verdict on its situation.

    ``asked``: the bytes the writer wanted to see there; ``to``: where a move leads; ``mode``: that of a file brought back.
    """

    path: str | os.PathLike[str]
    kind: EventKind
    decide: Callable[[Situation], Verdict]
    asked: bytes | None = None
    read_hash: str | None = None
    to: str | os.PathLike[str] | None = None
    mode: int | None = None


class _Settled(NamedTuple):
    """One file that may be changed: its verdict, and what was seen."""

    located: Located
    to: Located | None
    seen: Survey
    verdict: Verdict
    request: Request


def change(
    workspace: Workspace,
    writer: Writer,
    requests: Sequence[Request],
    *,
    enforce: Outcome | None = None,
    detail: dict[str, Any] | None = None,
) -> tuple[Write, ...]:
    """Make all the changes or none; one ``Write`` each.

    Raises the ``Refused`` of the first that may not be made, after putting it on record. ``enforce``: instead of refusing, go on
    and record this outcome (``observed``, ``overridden``); displaced bytes are kept as always.
    """
    from .commit import Overtaken  # with all that places bytes; a check alone needs none of it

    for _ in range(_ATTEMPTS):
        try:
            return _attempt(workspace, writer, requests, enforce, detail)
        except Overtaken as overtaken:
            last = overtaken
    message = f"{last.file_path!r} is being changed from outside faster than it can be written; nothing was changed. Try again later."
    raise FileAccessError(last.file_path, errno.EAGAIN, message)


def consider(workspace: Workspace, writer: Writer, request: Request, *, enforce: Outcome | None = None) -> Decision:
    """What ``change`` would do now, for a front whose client does the writing itself. A refusal is put on record; nothing else is done."""
    with ExitStack() as stack:
        (settled,) = _decide_all(workspace, writer, [request], stack, make_parents=False)
        refusal, verdict = settled.verdict.refusal, settled.verdict
        if refusal is None:
            workspace.store.apply(Batch(events=settled.seen.outside))
            return Decision(verdict.outcome, verdict.content, None, verdict.notices)
        refusal = _record_refusal(workspace, writer, settled, enforce or "refused")
        content = None if enforce is None else request.asked
        return Decision(enforce or "refused", content, refusal, verdict.notices)


def _attempt(
    workspace: Workspace, writer: Writer, requests: Sequence[Request], enforce: Outcome | None, detail: dict[str, Any] | None
) -> tuple[Write, ...]:
    with ExitStack() as stack:
        settled = _decide_all(workspace, writer, requests, stack, make_parents=True)
        for one in settled:
            if one.verdict.refusal is not None and not _may_enforce(one, enforce):
                raise refused(_record_refusal(workspace, writer, one, "refused"))
        settled = [_enforced(one, enforce) for one in settled]
        plans = [_plan(workspace, writer, one, detail) for one in settled]
        outside = [event for one in settled for event in one.seen.outside]
        if outside:
            workspace.store.apply(Batch(events=outside))
        seqs = _carried_out(workspace, plans)
        return tuple(_write(one, plan, seq) for one, plan, seq in zip(settled, plans, seqs, strict=True))


def _decide_all(
    workspace: Workspace, writer: Writer, requests: Sequence[Request], stack: ExitStack, *, make_parents: bool
) -> list[_Settled]:
    """Locate, lock (all stripes at once, sorted), settle what a crash left, look, decide."""
    places = [_places(workspace, request, stack, make_parents=make_parents) for request in requests]
    paths = [place.file_path for pair in places for place in pair if place is not None]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise PathError(twice, f"{twice!r} is named twice in one change; name each file once.")
    stack.enter_context(workspace.locks.exclusive(*paths))
    # Two names of one file have two path locks; its inode has one.
    stats = [located.stat for located, _ in places if located.stat is not None]
    linked = [(stat.st_dev, stat.st_ino) for stat in stats if stat.st_nlink > 1]
    if linked:
        stack.enter_context(workspace.locks.inodes_exclusive(linked))
    settled = []
    for request, (located, to) in zip(requests, places, strict=True):
        if workspace.store.pending(located.file_path):
            from .recovery import settle_path

            settle_path(workspace, located.file_path)
        _look_again(located)
        seen = survey(workspace, located, writer, read_hash=request.read_hash)
        settled.append(_Settled(located, to, seen, _verdict(request, to, seen.situation), request))
    return settled


def _verdict(request: Request, to: Located | None, now: Situation) -> Verdict:
    if to is not None:
        _look_again(to)
        if to.stat is not None:
            return Verdict("refused", None, exists(now._replace(file_path=to.file_path)))
    return request.decide(now)


def _places(workspace: Workspace, request: Request, stack: ExitStack, *, make_parents: bool) -> tuple[Located, Located | None]:
    located = stack.enter_context(_locate(workspace, request.path, make_parents and request.asked is not None))
    to = None if request.to is None else stack.enter_context(_locate(workspace, request.to, make_parents))
    return located, to


def _locate(workspace: Workspace, path: str | os.PathLike[str], make_parents: bool) -> Located:
    located = workspace.locator.locate(path, missing_ok=True)
    if located.parent_fd >= 0 or not make_parents:
        return located
    workspace.locator.make_parents(located.file_path)
    return workspace.locator.locate(path, missing_ok=True)


def _look_again(located: Located) -> None:
    """The stat of before the lock may be another file's by now."""
    if located.parent_fd >= 0:
        try:
            located.stat = os.stat(located.name, dir_fd=located.parent_fd, follow_symlinks=False)
        except FileNotFoundError:
            located.stat = None


def _may_enforce(one: _Settled, enforce: Outcome | None) -> bool:
    """Watching and overriding pass over every refusal but those that leave nothing to write."""
    assert one.verdict.refusal is not None
    impossible = ("EXISTS", "EDIT_NOT_FOUND", "EDIT_AMBIGUOUS", "OUTSIDE_WORKSPACE")
    return (
        enforce is not None
        and one.verdict.refusal.type not in impossible
        and (one.request.asked is not None or one.request.kind == "delete")
    )


def _enforced(one: _Settled, enforce: Outcome | None) -> _Settled:
    if one.verdict.refusal is None or enforce is None:
        return one
    return one._replace(verdict=Verdict(enforce, one.request.asked, one.verdict.refusal))


def _carried_out(workspace: Workspace, plans: Sequence[Planned]) -> list[int]:
    """Commit what changes bytes; a write of the very bytes on disk only needs its event and snapshot."""
    real = [plan for plan in plans if plan.to is not None or plan.placing != plan.expecting]
    idle = [plan for plan in plans if plan not in real]
    seqs: dict[int, int] = {}
    if idle:
        kept = [pair for plan in idle for pair in workspace.keepable(plan.located.file_path, _hashed(plan))]
        batch = Batch(
            events=[event for plan in idle for event in plan.events], snapshots=[s for plan in idle for s in plan.snapshots], contents=kept
        )
        if not real:
            return list(workspace.store.apply(batch))
        seqs.update(zip(map(id, idle), workspace.store.apply(batch), strict=True))
    from .commit import commit

    seqs.update(zip(map(id, real), commit(workspace, real), strict=True))
    return [seqs[id(plan)] for plan in plans]


def _hashed(plan: Planned) -> list[tuple[str, bytes]]:
    return [] if plan.placing is None else [(hash_content(plan.placing), plan.placing), *plan.keep]


def _plan(workspace: Workspace, writer: Writer, one: _Settled, detail: dict[str, Any] | None) -> Planned:
    now, verdict, request = one.seen.situation, one.verdict, one.request
    placed = now.disk if request.to is not None else verdict.content
    after = None if placed is None else now.disk_hash if placed is now.disk else hash_content(placed)
    refusal = verdict.refusal
    known, known_hash = _known_after(now, verdict, after)
    extra = dict(detail or {})
    seen_seq = 0 if verdict.complete or now.snapshot is None else now.snapshot.seq
    if known_hash != after and known_hash is not None:
        extra |= {"read_hash": known_hash, "seen_seq": seen_seq}
    if refusal is not None:
        extra["refusal"] = {"message": refusal.message, "expected_hash": refusal.expected_hash, "changed_by": list(refusal.changed_by)}
    if verdict.shown is not None:
        extra["lines"] = [list(span) for span in verdict.shown]
    if placed is None and one.located.stat is not None:
        extra["mode"] = modes.S_IMODE(one.located.stat.st_mode)
    event = _event(workspace, writer, request.kind, one, verdict.outcome, after, extra or None)
    path = now.file_path if one.to is None else one.to.file_path
    snapshots: tuple[Snapshot, ...] = ()
    if known_hash is not None and (placed is not None) and not (one.to is not None and now.snapshot is None):
        lines = None if verdict.shown is None else verdict.shown
        labels = (writer.turn_id, writer.intent_id)
        snapshots = (Snapshot(path, known_hash, *labels, event.timestamp, writer.agent_id, lines, None, seen_seq),)
    forget = ((writer.agent_id, now.file_path),) if placed is None or one.to is not None else ()
    keep = () if known is None or known_hash == after else ((known_hash or "", known),)
    from .commit import Planned

    return Planned(one.located, placed, now.disk, (event,), snapshots, forget, keep, one.to, request.mode)


def _known_after(now: Situation, verdict: Verdict, after: str | None) -> tuple[bytes | None, str | None]:
    """What the writer knows once this is done: what stands there, or its own version of it."""
    if verdict.complete:
        return verdict.content, after
    if verdict.known is not None:
        return verdict.known, hash_content(verdict.known)
    return None, None if now.snapshot is None else now.snapshot.read_hash


def _event(
    workspace: Workspace, writer: Writer, kind: EventKind, one: _Settled, outcome: Outcome, after: str | None, detail: dict[str, Any] | None
) -> Event:
    now, refusal = one.seen.situation, one.verdict.refusal
    return Event(
        0,
        utc_now(),
        kind,
        outcome,
        None if refusal is None else refusal.type,
        workspace.store.epoch,
        writer.agent_id,
        writer.turn_id,
        writer.intent_id,
        now.file_path,
        None if one.to is None else one.to.file_path,
        now.disk_hash,
        after,
        detail,
    )


def _record_refusal(workspace: Workspace, writer: Writer, one: _Settled, outcome: Outcome) -> Refusal:
    """The refusal on record, the refused content kept: it can be brought back by ``noclobber show``."""
    refusal, now, asked = one.verdict.refusal, one.seen.situation, one.request.asked
    assert refusal is not None
    detail = {key: value for key, value in refusal.to_json().items() if key not in ("type", "file_path", "current_hash", "seq")}
    wanted = None if asked is None else hash_content(asked)
    event = _event(workspace, writer, one.request.kind, one, outcome, wanted, detail)
    contents = [] if asked is None or wanted is None else [(wanted, asked)]
    if now.disk is not None and now.disk_hash is not None:
        contents.append((now.disk_hash, now.disk))
    seqs = workspace.store.apply(Batch(events=[*one.seen.outside, event], contents=workspace.keepable(now.file_path, contents)))
    return refusal._replace(seq=seqs[-1])


def _write(one: _Settled, plan: Planned, seq: int) -> Write:
    now, verdict, event = one.seen.situation, one.verdict, plan.events[0]
    knows = plan.snapshots[0].read_hash if plan.snapshots else None
    merged = verdict.merged_diff
    if verdict.outcome in ("merged", "formatted") and not merged and now.known is not None and now.disk is not None:
        merged = difference(now.file_path, now.known, now.disk)
    path = now.file_path if one.to is None else one.to.file_path
    return Write(path, verdict.outcome, knows, event.after_hash, now.disk_hash, seq, verdict.notices, merged)
