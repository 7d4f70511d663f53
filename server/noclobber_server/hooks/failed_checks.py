"""A check that ran in an agent's own shell, read from what it printed, as ``noclobber verify`` reads one that it ran itself."""

from __future__ import annotations

import time
from collections.abc import Sequence

from noclobber.checks.checking import Checked, check_name
from noclobber.checks.failure import Failure, distinct
from noclobber.checks.paths import Places
from noclobber.checks.tools import recognise
from noclobber.checks.tools.lines import last_lines
from noclobber.checks.tools.protocol import Output, Tool
from noclobber.guard import ConcurrencyGuard
from noclobber.lessons.drafting import Drafter
from noclobber.lessons.runs import Runs

__all__ = ["draft"]


def draft(guard: ConcurrencyGuard, words: Sequence[str], printed: str, *, failed: bool) -> None:
    """Record the run, and draft or resolve; where no failure can be told from another, the last lines stand for all."""
    tool = recognise(words)[0]
    if tool.name == "command":
        return
    name, root = check_name(words), guard.workspace.root
    found = _failures(tool, printed, root) if failed else []
    now = time.time_ns()
    checked = Checked(tool.name, int(failed), 0.0, tuple(found), now, now)
    run = Runs(guard).record(name, checked.status, 0.0, [failure.key for failure in found])
    guard.record("check", detail={"check": name, "status": checked.status, "failures": len(found)})
    drafter = Drafter(guard, name)
    if failed:
        drafter.failed(checked, run, at_once=False, resolution="")
    else:
        drafter.passed(checked, at_once=False, resolution="")


def _failures(tool: Tool, printed: str, root: str) -> list[Failure]:
    """As the tool's own reader finds them; pytest writes its report to a file, so its short summary is read."""
    found = tool.read(Output(None, printed, None, Places(root, root)))
    if tool.name == "pytest":
        found = [_of_summary(line) for line in printed.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    return distinct(found) or [Failure(tool.name, last_lines(printed, 10) or "it failed and printed nothing", code="exit status 1")]


def _of_summary(line: str) -> Failure:
    """``FAILED path::test - message``."""
    place, _, message = line.split(" ", 1)[1].partition(" - ")
    file, _, test = place.partition("::")
    return Failure("pytest", message or line, file=file, test=test or None)
