"""A month of ordinary work: forty failing runs a day, repeats and flakes among them. What is left must be worth reading.

``pytest -s`` prints the lessons of the long run as the person finds them.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from noclobber import ConcurrencyGuard
from noclobber.checks.checking import Checked
from noclobber.checks.failure import Failure
from noclobber.lessons.document import read_entries
from noclobber.lessons.drafting import Drafter
from noclobber.lessons.runs import Runs

DAYS = [pytest.param(3, id="short"), pytest.param(30, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
RUNS_A_DAY = 40


class Mistake(NamedTuple):
    """Something agents get wrong again and again, and how it is put right."""

    failure: Failure
    wrong: str
    right: str


MISTAKES = [
    Mistake(
        Failure("pytest", "TypeError: can't compare naive and aware datetimes", "src/clock.py", 12, None, "tests.test_clock::test_due"),
        "now = datetime.utcnow()", "now = datetime.now(UTC)",
    ),
    Mistake(
        Failure("mypy", "Missing return type annotation", "src/api.py", 30, "no-untyped-def"),
        "def get(self):", "def get(self) -> Response:",
    ),
    Mistake(
        Failure("pytest", "sqlite3.OperationalError: database is locked", "src/db.py", 8, None, "tests.test_db::test_two_writers"),
        "connect(path)", "connect(path, timeout=10)",
    ),
    Mistake(
        Failure("eslint", "'React' must be in scope when using JSX", "web/app.jsx", 1, "react/react-in-jsx-scope"),
        "// imports", "import React from 'react';",
    ),
]  # fmt: skip
FLAKES = [Failure("vitest", "Test timed out in 5000ms.", f"web/{name}.test.js", 9, None, name) for name in ("chart", "table")]
WORDS = ["total", "count", "name", "price", "user", "cart", "order", "item", "page", "query", "token", "index", "limit"]


class Month:
    """Agents at work on one project, a turn after the other."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.dice = random.Random(seed)
        self.turn = 0
        self.failing_runs = 0
        for mistake in MISTAKES:
            self.write(str(mistake.failure.file), f"# top\n{mistake.right}\n# end\n")

    def write(self, file: str, text: str) -> None:
        (self.root / file).parent.mkdir(parents=True, exist_ok=True)
        (self.root / file).write_text(text, "utf-8")

    def check(self, guard: ConcurrencyGuard, failures: list[Failure], name: str) -> None:
        """What ``verify`` does once the command has ended."""
        now = time.time_ns()
        checked = Checked(name, 1 if failures else 0, 1.0, tuple(failures), now, now)
        run = Runs(guard).record(name, checked.status, 1.0, [failure.key for failure in failures])
        drafter = Drafter(guard, name)
        if failures:
            self.failing_runs += 1
            drafter.failed(checked, run, at_once=False, resolution="")
        else:
            drafter.passed(checked, at_once=False, resolution="")

    def work(self) -> None:
        """One turn: something is written, checked, put right, checked again."""
        self.turn += 1
        with ConcurrencyGuard(self.root, self.dice.choice(["alice", "bob", "carol"]), turn_id=f"turn-{self.turn}") as guard:
            kind = self.dice.random()
            if kind < 0.15:
                self.repeat(guard, self.dice.choice(MISTAKES))
            elif kind < 0.30:
                flake = self.dice.choice(FLAKES)
                self.check(guard, [flake], "vitest run")
                if self.dice.random() < 0.5:  # something else is changed before it is run again: that did not mend it
                    self.write(f"src/other_{self.turn}.py", "x = 1\n")
                self.check(guard, [], "vitest run")
            else:
                self.ordinary(guard)

    def repeat(self, guard: ConcurrencyGuard, mistake: Mistake) -> None:
        file = str(mistake.failure.file)
        line = self.dice.randrange(1, 90)
        guard.edit(file, [(mistake.right, mistake.wrong)])
        self.check(guard, [mistake.failure._replace(line=line)], f"{mistake.failure.tool} .")
        guard.edit(file, [(mistake.wrong, mistake.right)])
        self.check(guard, [], f"{mistake.failure.tool} .")

    def ordinary(self, guard: ConcurrencyGuard) -> None:
        """Red, red, green: a test written before its code, and a slip or two on the way."""
        word, number = self.dice.choice(WORDS), self.turn
        file = f"src/{word}_{number}.py"
        for attempt in range(self.dice.randrange(1, 4)):
            if attempt == 0:
                guard.write(file, f"def {word}():\n    return {number}\n".encode())
            else:
                guard.edit(file, [(f"return {number + attempt - 1}", f"return {number + attempt}")])
            got = Failure("pytest", f"assert {number + attempt} == {number + 9}", file, 2, None, f"tests.test_{word}::test_{word}_{number}")
            self.check(guard, [got], "pytest .")
        guard.edit(file, [("return ", "return 9 or ")])
        self.check(guard, [], "pytest .")


@pytest.mark.parametrize("days", DAYS)
def test_a_month_leaves_a_handful_of_lessons_each_a_mistake_made_twice(tmp_path: Path, days: int) -> None:
    month = Month(tmp_path, seed=11)
    while month.failing_runs < days * RUNS_A_DAY:
        month.work()

    content = (tmp_path / "CLAUDE.md").read_bytes()
    entries = [placed.entry for placed in read_entries(content)]
    print(f"\n{month.failing_runs} failing runs in {month.turn} turns left {len(entries)} lessons:\n{content.decode()}")
    assert 1 <= len(entries) <= len(MISTAKES)
    for entry in entries:
        (mistake,) = [one for one in MISTAKES if one.failure.message in entry.failure]
        assert mistake.right in entry.resolution
        assert str(mistake.failure.file) in entry.files
