"""A change is killed at one of its steps while an outsider acts around it, and recovery is killed as well: nothing is lost all the same."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from course import NEW, OLD, Course, Work, run_apart
from outsider import ACTS, Outsider, State, state_of
from poor_kernel import missing, told_without

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content
from noclobber.store.protocol import EventQuery

RECOVER = ("recover",)


def _write(guard: ConcurrencyGuard) -> None:
    guard.write("file", NEW)


def _delete(guard: ConcurrencyGuard) -> None:
    guard.delete("file")


def _many(guard: ConcurrencyGuard) -> None:
    guard.write_many({"before": NEW, "file": NEW, "new": NEW, "linked": NEW})


KINDS: dict[str, tuple[Work, State, State, tuple[str, ...]]] = {
    "write": (_write, OLD, NEW, ("file",)),
    "create": (_write, None, NEW, ()),
    "delete": (_delete, OLD, None, ("file",)),
    "many": (_many, OLD, NEW, ("before", "file", "linked")),
}


def _prepare(root: Path, kind: str) -> Outsider:
    root.mkdir()
    (root / "elsewhere").write_bytes(b"nobody read this\n")
    if kind != "create":
        (root / "file").write_bytes(OLD)
    if kind == "many":
        (root / "before").write_bytes(OLD)
        (root / "linked").write_bytes(OLD)
        os.link(root / "linked", root / "other name")
    return Outsider(root / "file")


def _problem(root: Path, outsider: Outsider, kind: str, *, killed: bool, how: str) -> str | None:
    """What is wrong after reopening, in words."""
    _, before, after, _ = KINDS[kind]
    with ConcurrencyGuard(root, "checker") as checker:
        store, state = checker.workspace.store, root / ".noclobber"
        now = state_of(outsider.path)
        events = store.events(EventQuery(file_path="file", agent_id="alice", outcomes=("done",)))
        made = [event for event in events if event.kind != "read" and "interrupted" not in (event.detail or {})]
        kept = {content for content in outsider.made if store.content(hash_content(content)) == content}
        if lost := outsider.unaccounted(kept):
            return f"lost {[content[:12] for content in lost]}"
        if left := os.listdir(state / "tmp"):
            return f"left in tmp: {left}"
        if left := [path.name for path in (state / "kept").iterdir() if isinstance(state_of(path), bytes)]:
            return f"left in kept: {left}"
        if pending := store.pending():
            return f"pending: {pending}"
        acted = outsider.acted and not (outsider.left == before and made)
        if acted and now not in (outsider.left, *outsider.late) and not _given_back(outsider, now):
            return f"{now!r:.40} stands over the outsider's {outsider.left!r:.40}"
        if not acted and now not in (before, after, *outsider.late):
            return f"{now!r:.40} is neither the old nor the new"
        if not outsider.acted and (now == after) != bool(made):
            return f"{now!r:.40} stands, on record: {[event.kind for event in made]}"
        if how == "done" and not made:
            return "done, and not on record"
        if kind == "many":
            return _half(root, made=bool(made))
    return None


def _given_back(outsider: Outsider, now: State) -> bool:
    """What the guard had taken away, and the outsider never gave up itself, stands where it later made another and deleted that.

    Whoever recovers finds the place as empty as the taking had left it: nothing tells it of a file that came and went meanwhile.
    """
    return outsider.left is None and now in outsider.made and now not in outsider.overwritten


def _half(root: Path, *, made: bool) -> str | None:
    """The files nobody else touches are all of one version, and that is the one on record."""
    states = {name: state_of(root / name) for name in ("before", "linked", "other name")}
    states["new"] = state_of(root / "new") or OLD
    wanted = NEW if made else OLD
    wrong = {name: state for name, state in states.items() if state != wanted}
    return f"half of it: {[(name, state and state[:12]) for name, state in wrong.items()]}, on record: {made}" if wrong else None


def _run(root: Path, kind: str, course: Course, recoveries: tuple[Course, ...] = ()) -> str | None:
    outsider = _prepare(root, kind)
    work, _, _, reads = KINDS[kind]
    ended = run_apart(root, reads, work, course, outsider)
    for recovery in recoveries:
        for act in (act for at, act in recovery.at if at == 0):
            outsider.act(act)
        run_apart(root, RECOVER, work, recovery, outsider)
    outsider.finish()
    problem = _problem(root, outsider, kind, killed=ended.how == "killed", how=ended.how)
    return None if problem is None else f"{problem} after {ended.steps}"


def _killed(moments: range, acts: tuple[str, ...]) -> Iterator[tuple[Course, tuple[Course, ...]]]:
    """Killed at each step; with an act before it, at it, or on the way of recovery; recovery killed as well."""
    for at in moments:
        yield Course(((at, "kill"),)), ()
        for act in acts:
            for earlier in range(1, at + 1):
                yield Course(((earlier, act), (at, "kill"))), ()
            for step in range(1, 5):
                yield Course(((at, "kill"),)), (Course(((step, act),)),)
                yield Course(((at, "kill"),)), (Course(((step, act), (step, "kill"))),)
        for step in range(1, 5):
            yield Course(((at, "kill"),)), (Course(((step, "kill"),)), Course(((1, "kill"),)))


def _all(kind: str) -> list[tuple[Course, tuple[Course, ...]]]:
    last = 18 if kind == "many" else 9
    single = list(_killed(range(1, last + 1), ACTS))
    doubled = [
        (Course(((first, one), (second, two), (at, "kill"))), (Course(((step, three),)),))
        for one, two, three in itertools.product(("rename_over", "in_place", "late", "delete"), repeat=3)
        for first, second in itertools.combinations_with_replacement(range(2, last), 2)
        for at in range(second, last)
        for step in (1, 2)
    ]
    return single + doubled


def _check(tmp_path: Path, kind: str, courses: Sequence[tuple[Course, tuple[Course, ...]]]) -> None:
    assert _problems(tmp_path, kind, courses) == ""


def _problems(tmp_path: Path, kind: str, courses: Sequence[tuple[Course, tuple[Course, ...]]]) -> str:
    """What was wrong, a line for each course; empty where nothing was."""
    problems = []
    for number, (course, recoveries) in enumerate(courses):
        problem = _run(tmp_path / str(number), kind, course, recoveries)
        if problem is not None:
            problems.append(f"{course.at}, {[recovery.at for recovery in recoveries]}: {problem}")
    print(f"{kind}: {len(courses)} kills")
    return "\n".join(problems)


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_killed_while_an_outsider_acts_leaves_the_last_word_to_the_outsider_and_loses_nothing(tmp_path: Path, kind: str) -> None:
    plain = [pair for pair in _all(kind) if len(pair[0].at) == 1 and not pair[1]]
    _check(tmp_path, kind, plain + random.Random(kind).sample(_all(kind), 24))


@pytest.mark.skipif(missing() != "", reason=missing() or "calls can be taken away")
@pytest.mark.parametrize("kind", KINDS)
def test_nor_where_the_system_has_neither_the_exchange_nor_the_rename_that_never_replaces(tmp_path: Path, kind: str) -> None:
    courses = [(Course(((at, "kill"),)), ()) for at in range(1, 24)] + random.Random(kind).sample(_all(kind), 6)
    assert told_without(("exchange", "noreplace"), lambda: _problems(tmp_path, kind, courses)) == ""


def test_what_came_out_is_put_back_also_where_it_was_written_into_between_the_crash_and_recovery(tmp_path: Path) -> None:
    """The version that came out still has its writer, who goes on while nobody guards it: that is no newer version coming out."""
    at_put_back = Course(((2, "rename_over"), (2, "late"), (5, "kill")))
    _check(tmp_path, "write", [(at_put_back, (Course(((0, "finish"),)),))])


def test_a_late_write_into_a_displaced_file_is_kept_though_its_guardian_died_tidying_up(tmp_path: Path) -> None:
    """The outcome is on record, the displaced file not yet put aside: it may still have a writer."""
    courses = [(Course(((2, "late"), (at, "kill"))), (Course(((0, act),)),)) for at in (4, 5, 6) for act in ("finish", "late")]
    _check(tmp_path, "write", courses)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_kills_and_acts_at_every_step_of_the_change_and_of_its_recovery(tmp_path: Path, kind: str) -> None:
    courses = _all(kind)
    _check(tmp_path, kind, random.Random(kind).sample(courses, min(len(courses), 1500)))
