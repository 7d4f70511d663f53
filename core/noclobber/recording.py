"""What a decided change, or a refusal, puts on record: the event, what the writer knows afterwards, what is kept, and its answer.

Nothing here decides, and nothing touches the working tree.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from stat import S_IMODE
from typing import TYPE_CHECKING, Any, NamedTuple

from .clock import utc_now
from .content import hash_content
from .decision import Situation, Verdict
from .paths import Located
from .records import Event, EventKind, LineRange, Outcome, Refusal, Snapshot, Write
from .refusals import difference, message_on_record
from .situation import Survey, Writer
from .store.protocol import Batch
from .workspace import Workspace

if TYPE_CHECKING:
    from .attributes import Attributes
    from .commit import Planned

__all__ = ["Request", "Settled", "answer", "kept_by", "plan", "record_refusal"]


class Request(NamedTuple):
    """One file's wanted change: ``decide`` gives the verdict on its situation.

    ``asked``: the bytes the writer wanted to see there; ``to``: where a move leads; ``attributes``: those of a file brought back.
    """

    path: str | os.PathLike[str]
    kind: EventKind
    decide: Callable[[Situation], Verdict]
    asked: bytes | None = None
    read_hash: str | None = None
    to: str | os.PathLike[str] | None = None
    attributes: Attributes | None = None

    @property
    def takes_away(self) -> bool:
        """Whether the file is to leave its name, which must then be its own and not that of a symlink to it."""
        return self.kind in ("delete", "move") or (self.kind == "revert" and self.asked is None)


class Settled(NamedTuple):
    """One file whose verdict is given, and what was seen."""

    located: Located
    to: Located | None
    seen: Survey
    verdict: Verdict
    request: Request

    @property
    def wanted(self) -> bytes | None:
        """The bytes the writer wanted to see there, as far as they are known."""
        if self.request.asked is not None:
            return self.request.asked
        return self.verdict.content if self.verdict.wanted is None else self.verdict.wanted


class _Knows(NamedTuple):
    """What the writer knows once this is done: the version, the lines of it, and the event up to which it saw what others did (0: this).

    ``content``: that version's bytes where they never stand on disk.
    """

    hash: str | None = None
    lines: tuple[LineRange, ...] | None = None
    seq: int = 0
    content: bytes | None = None


def plan(workspace: Workspace, writer: Writer, one: Settled, detail: dict[str, Any] | None) -> Planned:
    """All that ``commit`` needs to make the change and to settle it."""
    from .commit import Planned  # with all that places bytes; a check alone needs none of it

    now, verdict, request = one.seen.situation, one.verdict, one.request
    placed = now.disk if one.to is not None else verdict.content
    after = None if placed is None else now.disk_hash if placed is now.disk else hash_content(placed)
    knows = _known_after(one, after)
    extra = dict(detail or {})
    if knows.hash != after:
        extra |= {"read_hash": knows.hash, "seen_seq": knows.seq}
    if knows.lines is not None:
        extra["lines"] = [list(span) for span in knows.lines]
    if verdict.refusal is not None:
        extra["refusal"] = {
            "message": verdict.refusal.message,
            "expected_hash": verdict.refusal.expected_hash,
            "changed_by": list(verdict.refusal.changed_by),
        }
    if placed is None and one.located.stat is not None:
        extra |= _attributes_of_removed(workspace, one.located)
    event = _event(workspace, writer, one, verdict.outcome, after, extra or None)
    snapshots: tuple[Snapshot, ...] = ()
    if knows.hash is not None:
        path = now.file_path if one.to is None else one.to.file_path
        labels = (writer.turn_id, writer.intent_id)
        snapshots = (Snapshot(path, knows.hash, *labels, event.timestamp, writer.agent_id, knows.lines, None, knows.seq),)
    forget = ((writer.agent_id, now.file_path),) if placed is None or one.to is not None else ()
    keep = () if knows.content is None or knows.hash is None or knows.hash == after else ((knows.hash, knows.content),)
    hashes = (after, now.disk_hash)
    return Planned(one.located, placed, now.disk, hashes, now.secret, (event,), snapshots, forget, keep, one.to, request.attributes)


def _attributes_of_removed(workspace: Workspace, located: Located) -> dict[str, Any]:
    """What is given back to a file that is brought back; of one whose contents are never kept not what a program noted beside them."""
    from .attributes import Attributes, attributes_at  # only who takes a file away needs it

    assert located.stat is not None
    if not workspace.secrecy.never_kept(located.file_path):
        with suppress(OSError):
            return attributes_at(located.parent_fd, located.name).to_json()
    return Attributes(S_IMODE(located.stat.st_mode)).to_json()


def _known_after(one: Settled, after: str | None) -> _Knows:
    """What stands there, or the writer's own version of it; never more than it was shown."""
    verdict, snapshot = one.verdict, one.seen.situation.snapshot
    if one.to is not None:  # it takes along what it knew, no more: nothing, some lines, or an older version
        if snapshot is None:
            return _Knows()
        return _Knows(snapshot.read_hash, snapshot.lines, snapshot.seq if one.seen.situation.stale else 0)
    if after is None:
        return _Knows()
    if verdict.complete:
        return _Knows(after, verdict.shown)
    if verdict.known is not None:
        return _Knows(hash_content(verdict.known), verdict.shown, 0 if snapshot is None else snapshot.seq, verdict.known)
    return _Knows() if snapshot is None else _Knows(snapshot.read_hash, snapshot.lines, snapshot.seq)


def _event(workspace: Workspace, writer: Writer, one: Settled, outcome: Outcome, after: str | None, detail: dict[str, Any] | None) -> Event:
    now, refusal = one.seen.situation, one.verdict.refusal
    return Event(
        0,
        utc_now(),
        one.request.kind,
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


def record_refusal(workspace: Workspace, writer: Writer, one: Settled, others: Sequence[Settled], outcome: Outcome) -> Refusal:
    """The refusal on record, the refused contents kept: they can be brought back by ``noclobber show``.

    ``others``: the rest of a change of several files, refused with it.
    """
    refusal, now = one.verdict.refusal, one.seen.situation
    assert refusal is not None
    # The diff is not put on record: it is made again from both versions while they are kept, and goes when they are purged.
    left_out = ("type", "file_path", "current_hash", "seq", "diff")
    detail = {key: value for key, value in refusal.to_json().items() if key not in left_out}
    detail["message"] = message_on_record(refusal)
    wanted = None if one.wanted is None else hash_content(one.wanted)
    contents = [] if one.wanted is None or wanted is None else [(wanted, one.wanted)]
    if now.disk is not None and now.disk_hash is not None:
        contents.append((now.disk_hash, now.disk))
    contents = workspace.keepable(now.file_path, contents)
    refused_with: dict[str, str] = {}
    for other in others:
        if other is not one and other.wanted is not None:
            path, content_hash = other.seen.situation.file_path, hash_content(other.wanted)
            refused_with[path] = content_hash
            contents += workspace.keepable(path, [(content_hash, other.wanted)])
    if refused_with:
        detail["refused_with"] = refused_with
    if outcome != "refused" and wanted is not None:
        detail["wanted"] = wanted
    # A change that a front lets through is not made yet: until it is recorded, the file is as it was.
    event = _event(workspace, writer, one, outcome, wanted if outcome == "refused" else now.disk_hash, detail)
    seqs = workspace.store.apply(Batch(events=[*one.seen.outside, event], contents=contents))
    return refusal._replace(seq=seqs[-1])


def kept_by(planned: Planned) -> list[tuple[str, bytes]]:
    """The contents that a plan without any exchange keeps."""
    placed = planned.hashes[0]
    return [] if planned.placing is None or placed is None else [(placed, planned.placing), *planned.keep]


def answer(one: Settled, planned: Planned, seq: int) -> Write:
    """What the writer is told of a change that was made."""
    now, verdict, event = one.seen.situation, one.verdict, planned.events[0]
    knows = planned.snapshots[0].read_hash if planned.snapshots else None
    merged = verdict.merged_diff
    if verdict.outcome in ("merged", "formatted") and not merged and now.known is not None and now.disk is not None:
        merged = difference(now.file_path, now.known, now.disk)
    path = now.file_path if one.to is None else one.to.file_path
    return Write(path, verdict.outcome, knows, event.after_hash, now.disk_hash, seq, verdict.notices, merged)
