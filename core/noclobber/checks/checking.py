"""One check from start to end: recognised, run, and, where it failed, read."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import NamedTuple

from .failure import Failure, distinct, first_lines
from .paths import Places
from .runner import Ran, report_of, run_command
from .tools import recognise
from .tools.lines import last_lines, named_reports, read_report
from .tools.protocol import Command, Output, Tool

__all__ = ["Checked", "check", "check_name"]


class Checked(NamedTuple):
    """How a check went. ``failures``: the distinct ones; empty where it passed. ``ended_ns``: wall-clock time of its end."""

    tool: str
    status: int
    seconds: float
    failures: tuple[Failure, ...]
    started_ns: int
    ended_ns: int
    error: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the command said that all is well."""
        return self.status == 0

    @property
    def ended_by_signal(self) -> bool:
        """Ended from outside (Ctrl-C, a timeout's SIGTERM), which says nothing about the code; a crash of its own does."""
        return self.status in (129, 130, 131, 137, 143)


def check(argv: Sequence[str], *, root: str, folder: str, scratch_folder: str) -> Checked:
    """Run a command in ``folder`` on our own terminal. ``scratch_folder``: where a tool may write its report."""
    tool, command = recognise(argv)
    scratch = os.path.join(scratch_folder, f"report-{os.getpid()}-{time.monotonic_ns()}")
    started = time.time_ns()
    try:
        ran = run_command(tool.plan(command, scratch), folder=folder)
        ended = time.time_ns()
        failures = () if ran.status == 0 or ran.error else tuple(_failures(tool, command, ran, scratch, Places(root, folder), started))
        return Checked(tool.name, ran.status, ran.seconds, failures, started, ended, ran.error)
    finally:
        _remove(scratch)


def check_name(argv: Sequence[str]) -> str:
    """What a check is called if nobody named it: its command line from the tool's name on, whatever starts it."""
    import shlex

    _, command = recognise(argv)
    name = shlex.join([os.path.basename(command.before[-1]), *command.rest])
    return name if len(name) <= 120 else name[:119] + "…"


def _failures(tool: Tool, command: Command, ran: Ran, scratch: str, places: Places, started: int) -> list[Failure]:
    if ran.status >= 128:
        return [_last(tool, ran)]
    again = tool.repeat(command)
    repeated = None if again is None else report_of(again, places.folder)
    found = tool.read(Output(_content(scratch), ran.printed, repeated, places))
    if not found:
        reports = named_reports(command.rest, places.folder, started / 1e9)
        found = [failure for path in reports for failure in read_report(_content(path) or b"", tool.name, places)]
    return distinct(found) or [_last(tool, ran)]


def _last(tool: Tool, ran: Ran) -> Failure:
    code = f"exit status {ran.status}"
    return Failure(tool.name, first_lines(last_lines(ran.printed), 10) or f"ended with {code} and printed nothing", code=code)


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
