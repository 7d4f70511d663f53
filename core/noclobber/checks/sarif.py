"""Reads SARIF 2.1, which linters of every language can write. Bytes in, failures out; plain ``json`` is enough for what is asked here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .failure import Failure, first_lines
from .paths import Places

__all__ = ["is_sarif", "read_sarif"]


def is_sarif(content: bytes) -> bool:
    """Whether this looks like a SARIF log."""
    return content[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"runs"' in content


def read_sarif(content: bytes, places: Places) -> list[Failure]:
    """The results that count as errors; warnings where there is no error. Empty where this is no SARIF."""
    try:
        log = json.loads(content)
    except ValueError:
        return []
    found = list(_results(log, places)) if isinstance(log, dict) else []
    errors = [failure for level, failure in found if level == "error"]
    return errors or [failure for level, failure in found if level == "warning"]


def _results(log: dict[str, Any], places: Places) -> Iterator[tuple[str, Failure]]:
    for run in _list(log.get("runs")):
        tool = str(_path(run, "tool", "driver", "name") or "sarif").lower()
        for result in _list(run.get("results")):
            if not result.get("suppressions"):
                yield str(result.get("level") or "warning"), _failure(result, tool, places)


def _failure(result: dict[str, Any], tool: str, places: Places) -> Failure:
    where = next(iter(_list(result.get("locations"))), {})
    line = _path(where, "physicalLocation", "region", "startLine")
    return Failure(
        tool=tool,
        message=first_lines(str(_path(result, "message", "text") or ""), 3),
        file=places.name(_path(where, "physicalLocation", "artifactLocation", "uri")),
        line=line if isinstance(line, int) else None,
        code=result.get("ruleId") or _path(result, "rule", "id"),
    )


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _path(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
