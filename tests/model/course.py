"""Drives the real code along a course: at each step of a change somebody acts, or the process is killed.

A ``Course`` says what happens at which step. The change runs in a process of its own that stops before every step and waits
for the word to go on, so that the moment is exact and no clock is involved.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from outsider import Outsider

from noclobber import ConcurrencyGuard, NoclobberError

OLD, NEW = b"the old version\n" * 40, b"the new one\n" * 30
Work = Callable[[ConcurrencyGuard], None]


class Course(NamedTuple):
    """What is done before which step (from 1): an act of the outsider, or ``kill``. Late writers write at the end."""

    at: tuple[tuple[int, str], ...]


class Ended(NamedTuple):
    """How a change ended: ``done``, ``refused`` (any error of ours), ``killed``; and the names of the steps it came to."""

    how: str
    steps: tuple[str, ...]


class Stepper:
    """Counts the steps and does what the course says; for use in the process of the change itself."""

    def __init__(self, course: Course, outsider: Outsider) -> None:
        self.names: list[str] = []
        self._course = course
        self._outsider = outsider

    def __call__(self, name: str) -> None:
        self.names.append(name)
        for at, act in self._course.at:
            if at == len(self.names):
                self._outsider.act(act)


def run_here(guard: ConcurrencyGuard, work: Work, course: Course, outsider: Outsider) -> Ended:
    """The change in this process; no kills."""
    stepper = Stepper(course, outsider)
    with _stepping(guard, stepper):
        how = _outcome(guard, work)
    return Ended(how, tuple(stepper.names))


def run_apart(root: Path, reads: tuple[str, ...], work: Work, course: Course, outsider: Outsider) -> Ended:
    """The change in a child that stops before each step; acts and SIGKILL come from here."""
    to_child, from_child = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(to_child[1])
        os.close(from_child[0])
        _child(root, reads, work, to_child[0], from_child[1])
    os.close(to_child[0])
    os.close(from_child[1])
    try:
        return _direct(child, to_child[1], from_child[0], course, outsider)
    finally:
        os.close(to_child[1])
        os.close(from_child[0])


def _direct(child: int, say: int, hear: int, course: Course, outsider: Outsider) -> Ended:
    steps: list[str] = []
    how = "died"
    while line := os.read(hear, 64).decode():
        kind, _, name = line.partition(":")
        if kind == "end":
            how = name
            continue
        steps.append(name)
        for at, act in course.at:
            if at == len(steps):
                if act == "kill":
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    return Ended("killed", tuple(steps))
                outsider.act(act)
        os.write(say, b".")
    status = os.waitpid(child, 0)[1]
    assert status == 0, f"the child ended with {status} after {steps}"
    return Ended(how, tuple(steps))


def _child(root: Path, reads: tuple[str, ...], work: Work, hear: int, say: int) -> None:
    def step(name: str) -> None:
        os.write(say, f"step:{name}".encode())
        os.read(hear, 1)

    status = 1
    try:
        if reads == ("recover",):
            from noclobber.workspace import Workspace

            ConcurrencyGuard(Workspace.open(root, step=step), "checker").workspace.close()
            how = "done"
        else:
            with ConcurrencyGuard(root, "alice", turn_id="turn-1") as guard:
                for name in reads:
                    guard.read(name)
                guard.workspace.step = step
                how = _outcome(guard, work)
        os.write(say, f"end:{how}".encode())
        status = 0
    finally:
        if status:
            import traceback

            traceback.print_exc()  # os._exit lets nothing else be seen
        os._exit(status)


def _outcome(guard: ConcurrencyGuard, work: Work) -> str:
    try:
        work(guard)
    except NoclobberError:
        return "refused"
    return "done"


@contextmanager
def _stepping(guard: ConcurrencyGuard, stepper: Callable[[str], None]) -> Iterator[None]:
    before = guard.workspace.step
    guard.workspace.step = stepper
    try:
        yield
    finally:
        guard.workspace.step = before
