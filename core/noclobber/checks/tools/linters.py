"""ruff, mypy, pyright and eslint either print or report: a failed run is repeated for its report, without what would change files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ..failure import Failure, first_lines
from ..paths import Places
from .protocol import Command, Output, Tool, has_option, without_options

__all__ = ["Eslint", "Mypy", "Pyright", "Ruff"]


class Ruff(Tool):
    """``ruff check``; what ``ruff format --check`` prints is short enough to be taken as it is."""

    name = "ruff"

    def repeat(self, command: Command) -> list[str] | None:
        """The same check as JSON, without fixing anything."""
        if "check" not in command.rest or has_option(command.rest, "--watch", "-w", "--diff"):
            return None
        rest = without_options(
            command.rest,
            flags=("--fix", "--fix-only", "--unsafe-fixes", "--show-fixes", "--exit-zero", "--exit-non-zero-on-fix", "--add-noqa"),
            valued=("--output-format", "--output-file", "-o"),
        )
        return [*command.before, *_behind(rest, "check", "--no-fix", "--output-format=json")]

    def read(self, output: Output) -> list[Failure]:
        """One failure for each finding."""
        return [
            Failure(
                self.name, str(row.get("message")), output.places.name(row.get("filename")), _of(row, "location", "row"), row.get("code")
            )
            for row in _rows(output.repeated)
        ]


class Mypy(Tool):
    """mypy; its repetition comes from its cache."""

    name = "mypy"
    _LINE = re.compile(
        r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+)(?::\d+)?: error: (?P<message>.*?)(?:  \[(?P<code>[\w-]+)\])?$", re.MULTILINE
    )

    def repeat(self, command: Command) -> list[str] | None:
        """The same as JSON, one object a line."""
        rest = without_options(
            command.rest, flags=("--pretty", "--install-types", "--non-interactive"), valued=("-O", "--output", "--junit-xml")
        )
        return [*command.before, "--output=json", *rest]

    def read(self, output: Output) -> list[Failure]:
        """Errors, not notes; from what was printed where the JSON cannot be had (mypy before 1.11)."""
        rows = [row for line in (output.repeated or b"").splitlines() for row in _rows(line) if row.get("severity") == "error"]
        if not rows:
            rows = [found.groupdict() for found in self._LINE.finditer(output.printed)]
        return [
            Failure(self.name, first_lines(str(row["message"]), 3), output.places.name(row["file"]), int(row["line"]), row.get("code"))
            for row in rows
        ]


class Pyright(Tool):
    """pyright and basedpyright."""

    name = "pyright"

    def repeat(self, command: Command) -> list[str] | None:
        """The same as JSON."""
        if has_option(command.rest, "--watch", "-w"):
            return None
        return [*command.before, "--outputjson", *without_options(command.rest, flags=("--outputjson", "--stats", "--verbose"))]

    def read(self, output: Output) -> list[Failure]:
        """Errors; its lines count from 0."""
        rows = [row for report in _rows(output.repeated) for row in report.get("generalDiagnostics", []) if row.get("severity") == "error"]
        return [
            Failure(
                self.name, first_lines(str(row.get("message")), 3), output.places.name(row.get("file")),
                _plus_one(_of(row, "range", "start", "line")), row.get("rule"),
            )
            for row in rows
        ]  # fmt: skip


class Eslint(Tool):
    """eslint."""

    name = "eslint"

    def repeat(self, command: Command) -> list[str] | None:
        """The same as JSON, without fixing anything."""
        rest = without_options(command.rest, flags=("--fix", "--quiet"), valued=("-f", "--format", "-o", "--output-file", "--fix-type"))
        return [*command.before, "-f", "json", *rest]

    def read(self, output: Output) -> list[Failure]:
        """Errors; warnings where there is no error (``--max-warnings``)."""
        found = list(self._messages(output.repeated, output.places))
        return [failure for severity, failure in found if severity == 2] or [failure for _, failure in found]

    def _messages(self, content: bytes | None, places: Places) -> Iterator[tuple[int, Failure]]:
        for file in _rows(content):
            for row in file.get("messages", []):
                message = first_lines(str(row.get("message")), 3)
                yield (
                    row.get("severity"),
                    Failure(self.name, message, places.name(file.get("filePath")), row.get("line"), row.get("ruleId")),
                )


def _rows(content: bytes | None) -> list[dict[str, Any]]:
    """The objects of a JSON array, or the one object there is."""
    start = min((at for at in ((content or b"").find(b"["), (content or b"").find(b"{")) if at >= 0), default=-1)
    if content is None or start < 0:
        return []
    try:
        value = json.loads(content[start:])
    except ValueError:
        return []
    return [row for row in (value if isinstance(value, list) else [value]) if isinstance(row, dict)]


def _of(value: Any, *names: str) -> int | None:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, int) else None


def _plus_one(number: int | None) -> int | None:
    return None if number is None else number + 1


def _behind(arguments: list[str], word: str, *more: str) -> list[str]:
    at = arguments.index(word) + 1
    return [*arguments[:at], *more, *arguments[at:]]
