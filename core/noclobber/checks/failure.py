"""One thing a check found wrong, whatever the tool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Failure", "distinct", "first_lines"]


class Failure(NamedTuple):
    """What failed, where, and what the tool said of it.

    ``file``: relative to the workspace's root with ``/`` where it lies in it, else as the tool gave it. ``line`` counts from 1.
    ``code``: the tool's own rule or error code. ``test``: the name of the test that failed. ``trace``: files of the workspace that the
    tool named on the way to the failure, nearest last.
    """

    tool: str
    message: str
    file: str | None = None
    line: int | None = None
    code: str | None = None
    test: str | None = None
    trace: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """``file:line``, as far as known."""
        if self.file is None:
            return self.test or ""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def key(self) -> str:
        """The same for the same failure in another run."""
        from ..lessons.fingerprint import failure_key

        return failure_key(tool=self.tool, code=self.code, file=self.file, test=self.test, message=self.message)

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` gives it."""
        return {**self._asdict(), "trace": list(self.trace)}


def distinct(failures: Iterable[Failure]) -> list[Failure]:
    """The first of each, in order."""
    found: dict[str, Failure] = {}
    for failure in failures:
        found.setdefault(failure.key, failure)
    return [*found.values()]


def first_lines(text: str, count: int) -> str:
    """The first lines that say something."""
    return "\n".join([line.rstrip() for line in text.splitlines() if line.strip()][:count])
