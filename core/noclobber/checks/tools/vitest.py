"""vitest: prints as always and writes JUnit XML beside it."""

from __future__ import annotations

from ..failure import Failure
from ..junit import read_junit
from .protocol import Command, Output, Tool, has_option

__all__ = ["Vitest"]


class Vitest(Tool):
    """vitest, with the reporters that were asked for (the default one if none) and the JUnit one besides."""

    name = "vitest"

    def plan(self, command: Command, scratch: str) -> list[str]:
        """An ``--outputFile`` of the person's own is left alone."""
        if has_option(command.rest, "--outputFile", "--watch", "-w"):
            return [*command.before, *command.rest]
        shown = () if has_option(command.rest, "--reporter") else ("--reporter=default",)
        return [*command.before, *command.rest, *shown, "--reporter=junit", f"--outputFile.junit={scratch}"]

    def read(self, output: Output) -> list[Failure]:
        """Every failed test."""
        return read_junit(output.report, self.name, output.places) if output.report else []
