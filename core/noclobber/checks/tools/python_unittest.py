"""unittest, started as ``python -m unittest``: it writes no report, but what it prints names each failed test and its traceback."""

from __future__ import annotations

import re

from ..failure import Failure, first_lines
from ..junit import trace_of
from .lines import plain
from .protocol import Output, Tool

__all__ = ["Unittest"]

_BLOCK = re.compile(
    r"^={70}\n(?:ERROR|FAIL): (?P<test>.+)\n(?:(?!-{70}\n).*\n)*-{70}\n(?P<text>(?:(?!={70}\n|-{70}\n).*\n)+)",
    re.MULTILINE,
)
_SAID = re.compile(r"^(?=\S)", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):\n"
_NAMED = re.compile(r"\w+ \((?P<name>[\w.]+)\)")


class Unittest(Tool):
    """The standard library's test runner."""

    name = "unittest"

    def read(self, output: Output) -> list[Failure]:
        """One failure for each test that failed or ended with an error, where its traceback ends in the workspace."""
        return [self._failure(block["test"], block["text"], output) for block in _BLOCK.finditer(plain(output.printed))]

    def _failure(self, test: str, text: str, output: Output) -> Failure:
        trace = trace_of(text, output.places)
        last = text.rpartition(_TRACEBACK)[2]  # of exceptions raised while others were handled
        said = _SAID.search(last)
        file, line = trace[-1] if trace else (None, None)
        named = _NAMED.fullmatch(test)
        return Failure(
            tool=self.name,
            message=first_lines(last[said.start() :] if said else text, 3),
            file=file,
            line=line,
            test=named["name"] if named else test,
            trace=tuple(dict.fromkeys(name for name, _ in trace)),
        )
