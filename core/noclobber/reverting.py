"""Taking back what a turn did, keeping what came later: a three-way merge with the turn's own change inverted.

All files of the turn, all or nothing. The turn's changes are undone newest first on what stands now; where a later change stands on
the same lines, it is named and nothing is touched.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .changing import change
from .decision import Situation, Verdict, decide_placing, knows_whole, shows_all
from .errors import FileAccessError, RevertConflictError
from .history import made_by
from .merge import invert_change, is_mergeable_name, unified_diff
from .progress import Progress, unwatched
from .recording import Request
from .records import Outcome
from .situation import CHANGING, EFFECTIVE, OUTSIDE, Writer, look
from .store.protocol import EventQuery

if TYPE_CHECKING:
    from .guard import ConcurrencyGuard

__all__ = ["Reverted", "RevertedFile", "revert"]

_ATTEMPTS = 5


class RevertedFile(NamedTuple):
    """One file of a revert: ``action`` is ``restored`` (as before the turn), ``kept later changes``, ``removed`` or ``brought back``.

    ``diff`` leads from what stood there to what stands there now; ``seq`` is the event (0 in a dry run).
    """

    file_path: str
    action: str
    before_hash: str | None
    after_hash: str | None
    diff: str
    seq: int = 0


class Reverted(NamedTuple):
    """What a revert did, or (``dry_run``) would do; no files where there was nothing to take back."""

    turn_id: str
    agent_id: str | None
    files: tuple[RevertedFile, ...]
    dry_run: bool = False


class _Step(NamedTuple):
    """A stretch of the turn's own changes to one file, with nothing of anybody else's in between."""

    path: str
    to_path: str | None
    before: str | None
    after: str | None
    seq: int
    mode: int | None = None
    by_formatter: bool = False


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
        plan = _Plan(guard, progress)
        for done, step in enumerate(reversed(steps)):
            progress(done, 2 * len(steps))  # the plan is one half, making the files ready the other
            plan.undo(step)
        if plan.conflicts:
            names = ", ".join(sorted(plan.conflicts))
            raise RevertConflictError(plan.conflicts, f"Turn {turn_id} cannot be taken back: later changes stand in the way in {names}.")
        rows = plan.rows()
        if dry_run or not rows:
            return Reverted(turn_id, agent_id, tuple(rows), dry_run)
        try:
            return _carry_out(guard, turn_id, agent_id, plan, rows, enforce)
        except _Overtaken:
            continue
    raise FileAccessError(
        turn_id, errno.EAGAIN, f"The files of turn {turn_id} are being changed faster than they can be reverted; try again."
    )


def _steps(guard: ConcurrencyGuard, turn_id: str, agent_id: str | None, only: set[str] | None) -> list[_Step]:
    """The turn's changes in order; neighbours on one file joined, a formatter's pass after them included."""
    store = guard.workspace.store
    events = store.events(EventQuery(turn_id=turn_id, agent_id=agent_id, kinds=CHANGING, outcomes=EFFECTIVE))
    events = [event for event in events if event.file_path is not None and (only is None or event.file_path in only)]
    for path in {event.file_path for event in events}:
        formatted = EventQuery(file_path=path, agent_id=OUTSIDE, kinds=("outside",), outcomes=("formatted",), after_seq=events[0].seq)
        events += store.events(formatted)
    steps: dict[str, list[_Step]] = {}
    ordered: list[_Step] = []
    for event in sorted({event.seq: event for event in events}.values(), key=lambda event: event.seq):
        path = event.file_path or ""
        mine = steps.setdefault(path, [])
        by_formatter = event.agent_id == OUTSIDE and event.turn_id != turn_id
        mode, (before, after) = (event.detail or {}).get("mode"), made_by(event)
        follows = event.to_path is None and bool(mine) and mine[-1].to_path is None and mine[-1].after == before
        if follows and not by_formatter and not mine[-1].by_formatter:
            ordered.remove(mine[-1])
            mine[-1] = mine[-1]._replace(after=after, seq=event.seq, mode=mine[-1].mode or mode)
            ordered.append(mine[-1])
        elif follows or not by_formatter:
            mine.append(_Step(path, event.to_path, before, after, event.seq, mode, by_formatter))
            ordered.append(mine[-1])
    return ordered


class _Plan:
    """What the files would hold: each begins as it stands now and has the turn's changes undone on it."""

    def __init__(self, guard: ConcurrencyGuard, progress: Progress) -> None:
        self._guard = guard
        self.progress = progress
        self.standing: dict[str, bytes | None] = {}
        self.wanted: dict[str, bytes | None] = {}
        self.modes: dict[str, int | None] = {}
        self.conflicts: dict[str, str] = {}
        self._merged: set[str] = set()

    def undo(self, step: _Step) -> None:
        """One stretch of changes less."""
        try:
            if step.by_formatter:
                self._undo_form(step)
            elif step.to_path is not None:
                self._undo_move(step)
            else:
                self._undo_content(step)
        except _ConflictError as conflict:
            self.conflicts[step.path] = str(conflict)

    def rows(self) -> list[RevertedFile]:
        """What is to be done, file by file, without those that stay as they are."""
        hash_of = self._guard.hash_content
        rows = []
        for path in sorted(self.wanted):
            now, then = self.standing[path], self.wanted[path]
            if now == then:
                continue
            action = "removed" if then is None else "brought back" if now is None else "restored"
            action = "kept later changes" if path in self._merged else action
            hashes = (None if now is None else hash_of(now), None if then is None else hash_of(then))
            diff = unified_diff(now or b"", then or b"", before_name=path, after_name=f"{path} (reverted)")
            rows.append(RevertedFile(path, action, *hashes, diff))
        return rows

    def _undo_form(self, step: _Step) -> None:
        """What looked like a formatter's pass goes with the turn if it only changed the form; a person's quick save stays."""
        path = self._path_now(step)
        now = self._now(path)
        store = self._guard.workspace.store
        before, after = (None if one is None else store.content(one) for one in (step.before, step.after))
        if now is None or before is None or after is None or not _only_form_differs(before, after):
            return
        with suppress(_ConflictError):  # later changes stand there: what that means for the turn's own change is said of that
            self._want(path, self._inverted(path, before, after, now))

    def _undo_content(self, step: _Step) -> None:
        path = self._path_now(step)
        now = self._now(path)
        if step.before == step.after:
            return
        if now is None:
            if step.after is None:
                self._want(path, self._content(step.before))
                self.modes[path] = step.mode
            elif step.before is not None:
                raise _ConflictError("it was deleted after the turn")
            return
        if step.after is None:
            if self._guard.hash_content(now) != step.before:
                raise _ConflictError("the turn deleted it, and it was made anew since")
            return
        after = self._content(step.after)
        if step.before is None:
            if now != after:
                raise _ConflictError("the turn made it, and it was changed since")
            self._want(path, None)
            return
        self._want(path, self._inverted(path, self._content(step.before) or b"", after or b"", now))

    def _inverted(self, path: str, before: bytes, after: bytes, now: bytes) -> bytes:
        if now == after:
            return before
        if now == before:
            return now
        if not is_mergeable_name(path):
            raise _ConflictError("it was changed since, and files of this kind are not merged line by line")
        merged = invert_change(before, after, now)
        if merged.content is None:
            lines = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in (c.ours for c in merged.conflicts[:5]))
            raise _ConflictError(merged.obstacle or f"later changes stand on the same lines ({lines})")
        if merged.content != now:
            self._merged.add(path)
        return merged.content

    def _undo_move(self, step: _Step) -> None:
        assert step.to_path is not None
        now = self._now(step.to_path)
        if self._now(step.path) is not None:
            raise _ConflictError(f"its old name is taken again (it was moved to {step.to_path})")
        if now is None:
            raise _ConflictError(f"it is no longer at {step.to_path}, where the turn moved it")
        self._want(step.path, now)
        self._want(step.to_path, None)

    def _path_now(self, step: _Step) -> str:
        """Where the file stands now: later moves by others are followed."""
        path, seq = step.path, step.seq
        while path not in self.wanted:
            query = EventQuery(file_path=path, kinds=("move",), outcomes=EFFECTIVE, after_seq=seq, oldest=True)
            away = [event for event in self._guard.workspace.store.events(query) if event.file_path == path]
            if not away or away[0].to_path is None:
                return path
            path, seq = away[0].to_path, away[0].seq
        return path

    def _now(self, path: str) -> bytes | None:
        if path not in self.standing:
            with self._guard.workspace.locator.locate(path, missing_ok=True) as located:
                found = look(located)
            self.standing[path] = self.wanted[path] = None if found is None else found.content
        return self.wanted[path]

    def _want(self, path: str, content: bytes | None) -> None:
        self.wanted[path] = content

    def _content(self, content_hash: str | None) -> bytes | None:
        if content_hash is None:
            return None
        content = self._guard.workspace.store.content(content_hash)
        if content is None:
            raise _ConflictError(f"version {content_hash[:12]} is not kept any more")
        return content


def _only_form_differs(before: bytes, after: bytes) -> bool:
    """Whether the words are the same, in whatever order, lines, quotes and brackets."""
    import re

    words = re.compile(rb"\w+")
    return sorted(words.findall(before)) == sorted(words.findall(after))


class _ConflictError(Exception):
    """Why one file cannot be taken back."""


def _carry_out(
    guard: ConcurrencyGuard, turn_id: str, agent_id: str | None, plan: _Plan, rows: list[RevertedFile], enforce: Outcome | None
) -> Reverted:
    writer = Writer(guard.agent_id, guard.turn_id, guard.intent_id)
    requests = [_request(plan, row) for row in rows]
    detail = {"reverted": {"turn_id": turn_id, "agent_id": agent_id}}
    made_ready: Progress = lambda files, total: plan.progress(total + files, 2 * total)  # noqa: E731
    done = change(guard.workspace, writer, requests, enforce=enforce, detail=detail, progress=made_ready)
    files = tuple(row._replace(seq=write.seq) for row, write in zip(rows, done, strict=True))
    return Reverted(turn_id, agent_id, files)


def _request(plan: _Plan, row: RevertedFile) -> Request:
    wanted, standing = plan.wanted[row.file_path], plan.standing[row.file_path]
    return Request(row.file_path, "revert", _rule(wanted, standing, row.diff), asked=wanted, mode=plan.modes.get(row.file_path))


def _rule(wanted: bytes | None, standing: bytes | None, diff: str) -> Callable[[Situation], Verdict]:
    def rule(now: Situation) -> Verdict:
        if now.disk != standing:
            raise _Overtaken
        # The answer is a diff: it shows the new version to those only who know all of the old one.
        shown = shows_all(diff) and (now.disk is None or (not now.stale and knows_whole(now)))
        return decide_placing(now, wanted, shown=shown)

    return rule
