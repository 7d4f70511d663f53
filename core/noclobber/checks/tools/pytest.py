"""pytest: prints as always and writes JUnit XML beside it, of the family that has files and lines."""

from __future__ import annotations

from ..failure import Failure
from ..junit import read_junit
from .protocol import Command, Output, Tool

__all__ = ["Pytest"]


class Pytest(Tool):
    """pytest, however it was started."""

    name = "pytest"

    def plan(self, command: Command, scratch: str) -> list[str]:
        """A ``--junitxml`` of the person's own comes later on the line and would win: then that report is read, by the generic way."""
        return [*command.before, f"--junitxml={scratch}", "-o", "junit_family=xunit1", *command.rest]

    def read(self, output: Output) -> list[Failure]:
        """Every failed or errored test."""
        return read_junit(output.report, self.name, output.places) if output.report else []
