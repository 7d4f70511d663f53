"""How a figure is taken: the thing and its floor by turns in one run, medians of both, one beside the other.

A benchmark's module is called ``bench_*.py`` and has ``BENCHES``: a tuple of ``Bench``, or a dictionary of functions that give
limits; ``python tests/benchmarks`` runs them all. A goal that is missed is shown as missed and fails nothing: a busy machine is
not a broken program.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

__all__ = ["Bench", "Figure", "Limit", "Timing", "against_limits", "by_turns", "content_of", "percentile", "python", "scratch"]


class Figure(NamedTuple):
    """One measured figure. Seconds everywhere; ``ratio`` is ``seconds`` over ``floor_seconds`` unless it says otherwise.

    Goals: ``most_ratio``, ``most_seconds``, ``least_ratio``; None where there is no such goal.
    """

    name: str
    seconds: float
    floor: str
    floor_seconds: float
    ratio: float
    most_ratio: float | None = None
    most_seconds: float | None = None
    least_ratio: float | None = None
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether every goal is reached."""
        return (
            (self.most_ratio is None or self.ratio <= self.most_ratio)
            and (self.most_seconds is None or self.seconds <= self.most_seconds)
            and (self.least_ratio is None or self.ratio >= self.least_ratio)
        )

    @property
    def goal(self) -> str:
        """The goals in words."""
        told = []
        if self.most_ratio is not None:
            told.append(f"≤ {self.most_ratio:g} x")
        if self.least_ratio is not None:
            told.append(f"≥ {self.least_ratio:g} x")
        if self.most_seconds is not None:
            told.append(f"≤ {self.most_seconds * 1000:g} ms")
        return ", ".join(told)

    @property
    def cells(self) -> tuple[str, ...]:
        """What is measured, how much, the floor, what that is, the ratio, the goal."""
        return (self.name, _told(self.seconds), _told(self.floor_seconds), self.floor, f"{self.ratio:.2f} x", self.goal)

    def to_json(self) -> dict[str, Any]:
        """The figure as it stands in ``build/bench.json``."""
        return {**self._asdict(), "goal": self.goal, "met": self.met}


class Limit(NamedTuple):
    """One measured figure, in any ``unit``, that has a limit and no floor (or a floor that is in ``measured`` already)."""

    name: str
    measured: float
    limit: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether it stays within the limit."""
        return self.measured <= self.limit

    @property
    def goal(self) -> str:
        """The limit in words."""
        return f"≤ {self.limit:g} {self.unit}".rstrip()

    @property
    def cells(self) -> tuple[str, ...]:
        """As a ``Figure`` has them."""
        return (self.name, f"{self.measured:.4g} {self.unit}".rstrip(), "", "", "", self.goal)

    def to_json(self) -> dict[str, Any]:
        """The figure as it stands in ``build/bench.json``."""
        return {**self._asdict(), "goal": self.goal, "met": self.met}


class Bench(NamedTuple):
    """One benchmark; ``run`` gets an empty folder on a real disk that is a workspace of its own."""

    name: str
    run: Callable[[Path], Iterable[Figure | Limit]]


def against_limits(name: str, measure: Callable[[Path], Iterable[Any]]) -> Bench:
    """A benchmark from a function that gives (name, measured, limit, unit, note) records of its own."""
    return Bench(name, lambda folder: [Limit(one.name, one.measured, one.limit, one.unit, one.note) for one in measure(folder)])


class Timing(NamedTuple):
    """Medians in seconds of what was timed, in the order in which it was given."""

    medians: tuple[float, ...]
    samples: tuple[tuple[float, ...], ...]


def by_turns(*actions: Callable[[], object], rounds: int, batch: int = 1, warm: int = 3) -> Timing:
    """Time the actions by turns, each ``batch`` calls at once, so that whatever slows the machine slows all of them alike."""
    for _ in range(warm):
        for action in actions:
            action()
    samples: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for action, times in zip(actions, samples, strict=True):
            begun = time.perf_counter()
            for _ in range(batch):
                action()
            times.append((time.perf_counter() - begun) / batch)
    return Timing(tuple(median(times) for times in samples), tuple(tuple(times) for times in samples))


def percentile(samples: Iterable[float], share: float) -> float:
    """The sample below which this share of all samples lies."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def content_of(size: int, seed: int = 0) -> bytes:
    """Lines of text, ``size`` bytes, another text for another seed."""
    line = f"value_{seed:08d} = compute(left, right, {seed})  # line ".encode()
    lines = b"".join(line + str(number).encode() + b"\n" for number in range(size // len(line) + 1))
    return lines[: size - 1] + b"\n"


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder under ``build/`` (a temporary folder in memory would make flushing free), its own git root."""
    build = Path(__file__).resolve().parents[2] / "build"
    build.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-", dir=build))
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def python(*arguments: str) -> None:
    """One run of this Python, which must succeed."""
    subprocess.run([sys.executable, *arguments], check=True, stdin=subprocess.DEVNULL)


def _told(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"
