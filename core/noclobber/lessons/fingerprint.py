"""When two failures are the same one: after what changes from run to run is taken out, and nothing else.

Line and column, addresses, durations, times, process ids and temporary paths go; error codes, names and values stay. Texts in,
a short key out.
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["failure_key", "normalise", "text_key"]

_SOURCE = (
    r"(?:pyi?|ipynb|[cm]?[jt]sx?|go|rs|java|kts?|scala|cs|fs|rb|php|swift|mm?|c|cc|cpp|cxx|h|hpp|vue|svelte|json|toml|ya?ml|md|html?|s?css"
    r"|sql|sh|lua|exs?|erl|hs|zig|dart|txt|cfg|ini)"
)
_TEMP_ROOT = (
    r"(?:/private)?/(?:tmp|var/tmp|var/folders/[^/\s]+/[^/\s]+/[A-Z]|dev/shm)"
    r"|[A-Za-z]:[\\/][^\s:]*?[\\/](?:Temp|tmp)(?=[\\/])"
)
_NAME_PART = r"[^\s\\/:'\"`,;()<>\]]"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]"), ""),
    (re.compile(rf"(?:{_TEMP_ROOT})(?:[\\/]{_NAME_PART}+)*[\\/](?P<name>{_NAME_PART}+\.[A-Za-z][A-Za-z0-9]{{0,7}})"), r"<tmp>/\g<name>"),
    (re.compile(rf"(?:{_TEMP_ROOT})(?:[\\/]{_NAME_PART}*)+"), "<tmp>"),
    (re.compile(r"<tmp>/tmp[A-Za-z0-9_]{6,12}(?=\.)"), "<tmp>/<name>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?(?:Z|UTC|[+-]\d\d:?\d\d))?"), "<time>"),
    (re.compile(r"(?<![\w:.])\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?![\w:])"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b(at|@|pc=|address:?|ptr:?)(\s*)0x[0-9a-fA-F]+\b"), r"\1\2<address>"),
    (re.compile(r"\b0x[0-9a-fA-F]{9,16}\b"), "<address>"),  # up to eight digits it may be an error code
    (re.compile(rf"(\.{_SOURCE})(?::\d+(?::\d+)?(?:-\d+(?::\d+)?)?|\(\d+(?:,\s?\d+)?\)|\[\d+(?:,\s?\d+)?\])"), r"\1"),
    (re.compile(rf"(\.{_SOURCE}[\"']?),? line \d+"), r"\1 line"),
    (re.compile(r"\b(lines?|column|col|Ln|Col)([ :=]+)\d+(?:\s?[-:,]\s?\d+)?\b"), r"\1\2<n>"),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)?\s?(?:ns|[µμu]s|ms|s|secs?|seconds?|mins?|minutes?|hours?)\b(?![\w(])"), "<duration>"),
    (re.compile(r"(?<![\w.])(?:\d+h)?\d+m\d+(?:\.\d+)?s\b"), "<duration>"),
    (re.compile(r"\b(pid|PID|process|goroutine|thread)([ =:#]+)\d+\b"), r"\1\2<n>"),
    (re.compile(r"\s+"), " "),
)  # fmt: skip


def normalise(message: str) -> str:
    """The message without what changes from run to run."""
    for pattern, replacement in _RULES:
        message = pattern.sub(replacement, message)
    return message.strip()


def failure_key(*, tool: str, code: str | None, file: str | None, test: str | None, message: str) -> str:
    """The key of a check's failure: 16 hex digits; the line it stood on is no part of it."""
    return _digest("failure", tool, code or "", file or "", normalise(test or ""), normalise(message))


def text_key(*, lesson: str, context: str, failure: str) -> str:
    """The key of a lesson told in words: what failed and when, but not what was done about it."""
    return _digest("text", *(normalise(text).casefold() for text in (lesson, context, failure)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:16]
