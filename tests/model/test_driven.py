"""The real code driven along the model's courses: an act of an outsider, or a kill, before each step and each pair of steps."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from course import NEW, OLD, Course, Ended, run_here
from outsider import ACTS, Outsider, State, state_of
from poor_kernel import missing, told_without

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content
from noclobber.recovery import settle_all
from noclobber.store.protocol import EventQuery

LAST = 9
"""No change of one file has more steps before it is settled, unless it is overtaken again and again."""
MOMENTS = range(1, LAST + 1)


def _write(name: str) -> Callable[[ConcurrencyGuard], None]:
    return lambda guard: void(guard.write(name, NEW))


def _delete(name: str) -> Callable[[ConcurrencyGuard], None]:
    return lambda guard: void(guard.delete(name))


def void(_result: object) -> None:
    return None


KINDS: dict[str, tuple[Callable[[str], Callable[[ConcurrencyGuard], None]], State, State]] = {
    "write": (_write, OLD, NEW),
    "create": (_write, None, NEW),
    "delete": (_delete, OLD, None),
}
"""The change of one file: how it is asked for, what stands there before, and after it is done."""


def _kept(guard: ConcurrencyGuard, contents: list[bytes]) -> set[bytes]:
    return {content for content in contents if guard.workspace.store.content(hash_content(content)) == content}


def _problem(guard: ConcurrencyGuard, outsider: Outsider, ended: Ended, before: State, after: State) -> str | None:
    """What is wrong once everything is settled, in words."""
    path = outsider.path
    state = Path(guard.workspace.state)
    now = state_of(path)
    events = guard.workspace.store.events(EventQuery(file_path=path.name, agent_id="alice", outcomes=("done",)))
    made = [event for event in events if event.kind != "read"]
    lost = outsider.unaccounted(_kept(guard, outsider.made))
    if lost:
        return f"lost {[content[:12] for content in lost]}"
    if os.listdir(state / "tmp"):
        return f"left in tmp: {os.listdir(state / 'tmp')}"
    # A symlink, a folder or a pipe that the outsider itself has replaced since stays there: it has no bytes that could be taken in.
    left = [path.name for path in (state / "kept").iterdir() if isinstance(state_of(path), bytes)]
    if left:
        return f"left in kept: {left}"
    if guard.workspace.store.pending():
        return f"pending: {guard.workspace.store.pending()}"
    # Where the outsider left it as it was before, the change may have been decided on anew and made.
    acted = outsider.acted and not (outsider.left == before and ended.how == "done")
    if acted and now != outsider.left:
        return f"{_short(now)} stands over the outsider's {_short(outsider.left)}"
    if not acted and now not in (before, after):
        return f"{_short(now)} is neither the old nor the new"
    if not outsider.acted and ended.how != "killed" and (now == after) != (ended.how == "done"):
        return f"{ended.how}, but {_short(now)} stands"
    if ended.how == "done" and not made:
        return "done, and not on record"
    if ended.how == "refused" and made:
        return "refused, and on record as done"
    if now == after and not acted and not made:
        return "made, and not on record"
    if made and not outsider.acted and now != after:
        return f"on record, but {_short(now)} stands"
    return None


def _short(state: State) -> str:
    return repr(state[:14]) if state is not None else "nothing"


def _courses(acts: tuple[str, ...]) -> Iterator[Course]:
    for act in acts:
        for at in MOMENTS:
            yield Course(((at, act),))
    for first, second in itertools.product(acts, repeat=2):
        for at, then in itertools.combinations(MOMENTS, 2):
            yield Course(((at, first), (then, second)))


def _run(guard: ConcurrencyGuard, root: Path, kind: str, number: int, course: Course) -> str | None:
    asked, before, after = KINDS[kind]
    path = root / f"{kind} {number}"
    if isinstance(before, bytes):
        path.write_bytes(before)
        guard.read(path)
    outsider = Outsider(path)
    (root / "elsewhere").write_bytes(b"nobody read this\n")
    ended = run_here(guard, asked(path.name), course, outsider)
    outsider.finish()
    settle_all(guard.workspace)
    return _problem(guard, outsider, ended, before, after)


QUICK_ACTS = ("rename_over", "in_place", "delete", "symlink_over", "late")


@pytest.mark.parametrize("kind", KINDS)
def test_an_outsider_at_every_step_and_pair_of_steps_loses_nothing_and_keeps_the_last_word(tmp_path: Path, kind: str) -> None:
    assert _problems(tmp_path, kind, list(_quick_courses())) == ""


@pytest.mark.skipif(missing() != "", reason=missing() or "calls can be taken away")
@pytest.mark.parametrize("kind", KINDS)
def test_nor_does_it_where_the_system_has_neither_the_exchange_nor_the_rename_that_never_replaces(tmp_path: Path, kind: str) -> None:
    """A file is rewritten in place there; the first change tries the exchange before, and so has twice the steps."""
    singles = [Course(((at, act),)) for act in ACTS for at in range(1, 2 * LAST)]
    courses = [*singles, *itertools.islice(_courses(QUICK_ACTS), 0, None, 39)]
    assert told_without(("exchange", "noreplace"), lambda: _problems(tmp_path, kind, courses)) == ""


def _quick_courses() -> Iterator[Course]:
    yield from (Course(((at, act),)) for act in ACTS for at in MOMENTS)
    yield from itertools.islice(_courses(QUICK_ACTS), 0, None, 13)


def _problems(root: Path, kind: str, courses: Sequence[Course]) -> str:
    """What was wrong, a line for each course; empty where nothing was."""
    problems = []
    with ConcurrencyGuard(root, "alice") as alice:
        for count, course in enumerate(courses, 1):
            problem = _run(alice, root, kind, count, course)
            if problem is not None:
                problems.append(f"{course.at}: {problem}")
    print(f"{kind}: {len(courses)} courses")
    return "\n".join(problems)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_of_acts_at_every_pair_of_steps(tmp_path: Path, kind: str) -> None:
    assert _problems(tmp_path, kind, list(_courses(ACTS))) == ""
