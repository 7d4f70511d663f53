"""Tools that are read from what they print: tsc and go test, and whatever we do not know."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence

from ..failure import Failure, first_lines
from ..junit import is_junit, read_junit
from ..paths import Places
from ..sarif import is_sarif, read_sarif
from .protocol import Command, Output, Tool, without_options

__all__ = ["AnyTool", "GoTest", "Tsc", "last_lines", "named_reports", "plain", "read_report"]

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_LAST = 10


def plain(printed: str) -> str:
    """What was printed, without colours, and of a line that was overwritten only its last state."""
    lines = _ANSI.sub("", printed).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def last_lines(printed: str, count: int = _LAST) -> str:
    """The last lines that say something: most tools end with what went wrong."""
    return "\n".join([line.rstrip() for line in plain(printed).split("\n") if line.strip()][-count:])


class Tsc(Tool):
    """The TypeScript compiler: it has no report; its lines have two forms, plain and (on a terminal) pretty."""

    name = "tsc"
    _LINE = re.compile(
        r"^(?P<file>[^\s:(][^:(\n]*)(?:\((?P<line>\d+),\d+\): |:(?P<pretty>\d+):\d+ - )"
        r"error (?P<code>TS\d+): (?P<message>.*(?:\n {2,}\S.*)*)",
        re.MULTILINE,
    )
    _PROJECT = re.compile(r"^error (?P<code>TS\d+): (?P<message>.*)$", re.MULTILINE)

    def read(self, output: Output) -> list[Failure]:
        """One failure for each error line, with what is indented below it."""
        printed = plain(output.printed)
        found = [
            Failure(
                self.name, first_lines(row["message"], 3), output.places.name(row["file"]), int(row["line"] or row["pretty"]), row["code"]
            )
            for row in self._LINE.finditer(printed)
        ]
        return found or [Failure(self.name, row["message"], code=row["code"]) for row in self._PROJECT.finditer(printed)]


class GoTest(Tool):
    """``go test``: repeated with ``-json``; a failed run is not taken from Go's cache."""

    name = "go test"
    _PLACE = re.compile(r"^\s*(?P<file>[\w./-]+\.go):(?P<line>\d+)(?::\d+)?: (?P<message>.*)", re.MULTILINE)

    def repeat(self, command: Command) -> list[str] | None:
        """The same with ``-json``."""
        if "test" not in command.rest:
            return None
        rest = without_options(command.rest, flags=("-json", "-v"))
        at = rest.index("test") + 1
        return [*command.before, *rest[:at], "-json", *rest[at:]]

    def read(self, output: Output) -> list[Failure]:
        """Failed tests with the first place they name; what does not build, where no test failed."""
        said: dict[tuple[str, str], list[str]] = {}
        failed: list[tuple[str, str]] = []
        for event in _json_lines(output.repeated or b""):
            key = (str(event.get("Package") or event.get("ImportPath") or ""), str(event.get("Test") or ""))
            if event.get("Action") in ("output", "build-output"):
                said.setdefault(key, []).append(str(event.get("Output")))
            elif event.get("Action") in ("fail", "build-fail"):
                failed.append(key)
        parents = {(package, test.rsplit("/", 1)[0]) for package, test in failed if "/" in test}
        tests = [key for key in failed if key[1] and key not in parents]
        return [self._failure(key, "".join(said.get(key, [])), output.places) for key in tests or failed if said.get(key)]

    def _failure(self, key: tuple[str, str], text: str, places: Places) -> Failure:
        package, test = key
        found = self._PLACE.search(text)
        file = found and (places.inside(found["file"]) or self._in_package(found["file"], package, places))
        message = (
            found["message"]
            if found
            else first_lines("\n".join(line for line in text.splitlines() if not line.startswith(("---", "==="))), 3)
        )
        return Failure(
            self.name,
            message,
            file or (found["file"] if found else None),
            int(found["line"]) if found else None,
            test=f"{package}.{test}" if test else package,
        )

    def _in_package(self, file: str, package: str, places: Places) -> str | None:
        """A test names its file without the folder: the package's import path ends with it."""
        parts = package.split("/")
        return next((inner for at in range(len(parts)) if (inner := places.inside(os.path.join(*parts[at:], file)))), None)


class AnyTool(Tool):
    """Whatever else: a report that the command line names (JUnit XML or SARIF), a report it printed, else its last lines."""

    name = "command"

    def read(self, output: Output) -> list[Failure]:
        """What a printed report says."""
        return read_report(output.printed.encode("utf-8", "replace"), self.name, output.places)


def read_report(content: bytes, tool: str, places: Places) -> list[Failure]:
    """The failures of a JUnit or SARIF report; empty where it is neither."""
    if is_junit(content):
        return read_junit(content, tool, places)
    return read_sarif(content, places) if is_sarif(content) else []


def named_reports(arguments: Sequence[str], folder: str, since: float) -> Iterator[str]:
    """Files named on a command line that look like reports and were written by this run."""
    for argument in arguments:
        name = argument.split("=", 1)[-1]
        path = os.path.join(folder, name)
        if name.endswith((".xml", ".sarif", ".sarif.json", ".json")) and os.path.isfile(path) and os.stat(path).st_mtime >= since - 1:
            yield path


def _json_lines(content: bytes) -> Iterator[dict[str, object]]:
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
