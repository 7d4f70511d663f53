"""``doctor``: is everything as it should be, and what to do where it is not.

``SOURCES`` are asked in order; each gives findings about its own part.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from noclobber.diagnosis import Finding, diagnose
from noclobber.paths import find_root

from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from .call import Call

__all__ = ["COMMANDS", "SOURCES"]

_STYLE = {"fine": "green", "warning": "yellow", "problem": "red"}


def _program(_root: str | None) -> list[Finding]:
    from importlib.metadata import version
    from platform import platform, python_version

    return [Finding("noclobber", "fine", f"{version('noclobber')}, Python {python_version()} ({sys.executable}), {platform()}")]


def _workspace(root: str | None) -> list[Finding]:
    if root is None:
        return [Finding("workspace", "warning", "none here yet", "the first guarded read or write makes one, or: noclobber init")]
    return diagnose(root, os.environ)


def _agents(root: str | None) -> list[Finding]:
    from ..clients.health import findings

    return findings(root)


SOURCES: tuple[Callable[[str | None], list[Finding]], ...] = (_program, _workspace, _agents)


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--report", action="store_true", help="plain text to paste into a bug report")


def _doctor(call: Call) -> int:
    root = find_root(call.base)
    findings = [finding for source in SOURCES for finding in source(root)]
    sound = all(finding.state != "problem" for finding in findings)
    if call.out.as_json:
        call.out.json({"sound": sound, "root": root, "findings": [finding._asdict() for finding in findings]})
    elif call.report:
        _report(call, findings)
    else:
        _tell(call, findings)
    return 0 if sound else 1


def _tell(call: Call, findings: list[Finding]) -> None:
    for finding in findings:
        state = call.out.paint(_STYLE[finding.state], f"{finding.state:<8}")
        call.out.line(f"{state} {finding.subject:<10} {printable(finding.message)}")
        if finding.advice:
            call.out.line(f"{'':<19} -> {printable(finding.advice)}")


def _report(call: Call, findings: list[Finding]) -> None:
    call.out.line("```")
    for finding in findings:
        call.out.line(f"{finding.subject}: {finding.state}: {printable(finding.message)}".replace(os.path.expanduser("~"), "~"))
    call.out.line("```")


COMMANDS = {"doctor": Command(_doctor, _configure, "  noclobber doctor\n  noclobber doctor --report >> issue.md")}
