"""Taking back what a turn did, keeping what came later: a three-way merge with the turn's own change inverted.

All files of the turn, all or nothing. The turn's changes are undone newest first on what stands now; where a later change stands on
the same lines, it is named and nothing is touched.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from .attributes import Attributes, attributes_at
from .changing import change
from .content import access_error
from .decision import Situation, Verdict, decide_placing, knows_whole, shows_all
from .errors import FileAccessError, RevertConflictError
from .history import made_by
from .progress import Progress, unwatched
from .recording import Request
from .records import Outcome
from .situation import CHANGING, EFFECTIVE, OUTSIDE, Writer
from .store.protocol import EventQuery
from .undoing import Plan, RevertedFile, Step

if TYPE_CHECKING:
    from .guard import ConcurrencyGuard

__all__ = ["Reverted", "RevertedFile", "revert"]

_ATTEMPTS = 5


class Reverted(NamedTuple):
    """What a revert did, or (``dry_run``) would do; no files where there was nothing to take back."""

    turn_id: str
    agent_id: str | None
    files: tuple[RevertedFile, ...]
    dry_run: bool = False


class _Overtaken(Exception):
    """A file changed between the plan and its lock: the plan is made again."""


def revert(
    guard: ConcurrencyGuard,
    *,
    turn_id: str,
    agent_id: str | None = None,
    dry_run: bool = False,
    files: Iterable[str] | None = None,
    enforce: Outcome | None = None,
    progress: Progress = unwatched,
) -> Reverted:
    """Undo a turn (of one agent, in some files only). RevertConflictError names what stands in the way; then nothing was changed.

    ``progress`` counts the plan's steps and then the files made ready; WorkCancelledError out of it leaves everything as it was.
    """
    only = None if files is None else set(files)
    for _ in range(_ATTEMPTS):
        steps = _steps(guard, turn_id, agent_id, only)
        plan = Plan(guard)
        for done, step in enumerate(reversed(steps)):
            progress(done, 2 * len(steps))  # the plan is one half, making the files ready the other
            plan.undo(step)
        if plan.conflicts:
            raise RevertConflictError(plan.conflicts, _in_the_way(turn_id, plan.conflicts, {step.path for step in steps}))
        rows = plan.rows()
        if dry_run or not rows:
            return Reverted(turn_id, agent_id, tuple(rows), dry_run)
        try:
            return _carry_out(guard, turn_id, agent_id, plan, rows, enforce, progress)
        except _Overtaken:
            continue
    raise FileAccessError(
        turn_id, errno.EAGAIN, f"The files of turn {turn_id} are being changed faster than they can be reverted; try again."
    )


def _in_the_way(turn_id: str, conflicts: dict[str, str], files: set[str]) -> str:
    stand = "stands" if len(conflicts) == 1 else "stand"
    told = f"Turn {turn_id} cannot be taken back: {', '.join(sorted(conflicts))} {stand} in the way; nothing was changed."
    return f"{told} To take back its other files alone, name them (in a shell, --file with each)." if files - conflicts.keys() else told


def _steps(guard: ConcurrencyGuard, turn_id: str, agent_id: str | None, only: set[str] | None) -> list[Step]:
    """The turn's changes in order; neighbours on one file joined, a formatter's pass after them included."""
    store = guard.workspace.store
    events = store.events(EventQuery(turn_id=turn_id, agent_id=agent_id, kinds=CHANGING, outcomes=EFFECTIVE))
    events = [event for event in events if event.file_path is not None and (only is None or event.file_path in only)]
    for path in {event.file_path for event in events}:
        formatted = EventQuery(file_path=path, agent_id=OUTSIDE, kinds=("outside",), outcomes=("formatted",), after_seq=events[0].seq)
        events += store.events(formatted)
    steps: dict[str, list[Step]] = {}
    ordered: list[Step] = []
    for event in sorted({event.seq: event for event in events}.values(), key=lambda event: event.seq):
        path = event.file_path or ""
        mine = steps.setdefault(path, [])
        by_formatter = event.agent_id == OUTSIDE and event.turn_id != turn_id
        attributes, (before, after) = Attributes.from_json(event.detail), made_by(event)
        follows = event.to_path is None and bool(mine) and mine[-1].to_path is None and mine[-1].after == before
        if follows and not by_formatter and not mine[-1].by_formatter:
            ordered.remove(mine[-1])
            mine[-1] = mine[-1]._replace(after=after, seq=event.seq, attributes=mine[-1].attributes or attributes)
            ordered.append(mine[-1])
        elif follows or not by_formatter:
            mine.append(Step(path, event.to_path, before, after, event.seq, attributes, by_formatter))
            ordered.append(mine[-1])
    return ordered


def _carry_out(
    guard: ConcurrencyGuard,
    turn_id: str,
    agent_id: str | None,
    plan: Plan,
    rows: list[RevertedFile],
    enforce: Outcome | None,
    progress: Progress,
) -> Reverted:
    writer = Writer(guard.agent_id, guard.turn_id, guard.intent_id)
    moved = plan.moved()
    changed = [row for row in rows if row.file_path not in moved.values()]
    requests = [_request(guard, plan, row, moved.get(row.file_path)) for row in changed]
    detail = {"reverted": {"turn_id": turn_id, "agent_id": agent_id}}
    made_ready: Progress = lambda files, total: progress(total + files, 2 * total)  # noqa: E731
    done = change(guard.workspace, writer, requests, enforce=enforce, detail=detail, progress=made_ready)
    seqs = {row.file_path: write.seq for row, write in zip(changed, done, strict=True)}
    seqs |= {origin: seqs[path] for path, origin in moved.items()}
    return Reverted(turn_id, agent_id, tuple(row._replace(seq=seqs[row.file_path]) for row in rows))


def _request(guard: ConcurrencyGuard, plan: Plan, row: RevertedFile, moved_from: str | None) -> Request:
    path = row.file_path
    if moved_from is not None:
        return Request(moved_from, "revert", _rule(None, plan.standing[moved_from], ""), to=path)
    wanted, origin = plan.wanted[path], plan.origin(path)
    attributes = plan.attributes.get(path) if origin is None else _attributes_at(guard, origin)
    return Request(path, "revert", _rule(wanted, plan.standing[path], row.diff), asked=wanted, attributes=attributes)


def _attributes_at(guard: ConcurrencyGuard, path: str) -> Attributes:
    """Those of the file as it stands: a change of its contents is taken back, one of its mode is nobody's that we know."""
    with guard.workspace.locator.locate(path, missing_ok=True) as located:
        if located.stat is None:
            raise _Overtaken
        try:
            return attributes_at(located.parent_fd, located.name)
        except OSError as error:
            raise access_error(path, error, "look at") from error


def _rule(wanted: bytes | None, standing: bytes | None, diff: str) -> Callable[[Situation], Verdict]:
    def rule(now: Situation) -> Verdict:
        if now.disk != standing:
            raise _Overtaken
        # The answer is a diff: it shows the new version to those only who know all of the old one.
        shown = shows_all(diff) and (now.disk is None or (not now.stale and knows_whole(now)))
        return decide_placing(now, wanted, shown=shown)

    return rule
