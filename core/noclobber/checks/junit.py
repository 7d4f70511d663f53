"""Reads JUnit XML, as pytest, vitest and many others write it. Bytes in, failures out.

The standard library's parser is enough; documents with a DTD, which no such tool writes, are not read, so that no entity is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .failure import Failure, first_lines
from .paths import Places

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["is_junit", "read_junit", "trace_of"]

_AT = re.compile(r"(?:^|[\s(])(?P<file>(?:[A-Za-z]:)?[^\s:()\"'<>|]+\.\w{1,6}):(?P<line>\d+)(?=[:\s)]|$)", re.MULTILINE)
_NATIVE = re.compile(r'^\s*File "(?P<file>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)
_ERROR_LINE = re.compile(r"^E\s+(\S.*)$", re.MULTILINE)


def is_junit(content: bytes) -> bool:
    """Whether this looks like a JUnit report."""
    head = content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and (b"<testsuite" in head) and b"<!DOCTYPE" not in content[:10_000]


def read_junit(content: bytes, tool: str, places: Places) -> list[Failure]:
    """The failed and errored test cases; empty where this is no JUnit report."""
    if not is_junit(content) or b"<!ENTITY" in content:
        return []
    from xml.etree import ElementTree  # 15 ms that a passing check need not pay

    try:
        tree = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return []
    return list(_failures(tree, tool, places))


def _failures(tree: ElementTree.Element, tool: str, places: Places) -> Iterator[Failure]:
    for case in tree.iter("testcase"):
        problems = [child for child in case if child.tag in ("failure", "error")]
        for problem in problems[:1]:  # an error in a test's clean-up follows from its failure
            yield _failure(case, problem, tool, places)


def _failure(case: ElementTree.Element, problem: ElementTree.Element, tool: str, places: Places) -> Failure:
    text = problem.text or ""
    trace = trace_of(text, places)
    own = places.inside(case.get("file") or "") or places.inside(case.get("classname") or "")
    file, line = trace[-1] if trace else (own, _number(case.get("line")))
    return Failure(
        tool=tool,
        message=_message(problem, text),
        file=file or places.name(case.get("file")),
        line=line,
        code=problem.get("type"),
        test=_test_name(case),
        trace=tuple(dict.fromkeys([*([own] if own else []), *(name for name, _ in trace)])),
    )


def trace_of(text: str, places: Places) -> list[tuple[str, int]]:
    """The workspace's files named in a traceback, in order; where the failure is comes last."""
    found = sorted((*_AT.finditer(text), *_NATIVE.finditer(text)), key=lambda match: match.start())
    named = [(places.inside(match["file"]), int(match["line"])) for match in found]
    inside = [(name, line) for name, line in named if name is not None]
    innermost_first = "\u276f" in text or re.search(r"^\s+at ", text, re.MULTILINE) is not None  # JavaScript's way round
    return inside[::-1] if innermost_first else inside


def _message(problem: ElementTree.Element, text: str) -> str:
    said = problem.get("message") or ""
    errors = _ERROR_LINE.findall(text)
    if not said or said == "collection failure":
        said = errors[-1] if errors else said or text
    return first_lines(said, 3)


def _test_name(case: ElementTree.Element) -> str:
    classname, name = case.get("classname") or "", case.get("name") or ""
    return f"{classname}::{name}" if classname and name and not name.startswith(classname) else name or classname


def _number(text: str | None) -> int | None:
    return int(text) + 1 if text and text.isdigit() else None
