"""A check that ran in an agent's own shell, read from what it printed, as ``noclobber verify`` reads one that it ran itself."""

from __future__ import annotations

import time
from collections.abc import Sequence

from noclobber.checks.checking import Checked, check_name
from noclobber.checks.failure import distinct
from noclobber.checks.paths import Places
from noclobber.checks.tools import recognise
from noclobber.checks.tools.protocol import Output
from noclobber.guard import ConcurrencyGuard
from noclobber.lessons.drafting import Drafter
from noclobber.lessons.runs import Runs

__all__ = ["draft"]


def draft(guard: ConcurrencyGuard, words: Sequence[str], printed: str, *, failed: bool) -> None:
    """Record the run, and draft or resolve. What cannot be read in the output is not made up: then nothing is drafted."""
    tool = recognise(words)[0]
    if tool.name == "command":
        return
    name, root = check_name(words), guard.workspace.root
    found = distinct(tool.read(Output(None, printed, None, Places(root, root)))) if failed else []
    if failed and not found:
        return
    now = time.time_ns()
    checked = Checked(tool.name, int(failed), 0.0, tuple(found), now, now)
    run = Runs(guard).record(name, checked.status, 0.0, [failure.key for failure in found])
    guard.record("check", detail={"check": name, "status": checked.status, "failures": len(found)})
    drafter = Drafter(guard, name)
    if failed:
        drafter.failed(checked, run, at_once=False, resolution="")
    else:
        drafter.passed(checked, at_once=False, resolution="")
