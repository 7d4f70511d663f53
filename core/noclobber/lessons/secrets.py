"""Masks keys, tokens and passwords in a text before it is written anywhere.

The patterns are the ones gitleaks maintains (``secret_rules.json``, made by ``tests/tools/update_secret_rules.py``), read and
compiled only when a lesson is written, and of those only the rules whose keyword stands in the text. A few of our own add what
those leave to other tools: passwords in URLs and in assignments, and bearer tokens. It knows nothing of lessons.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

__all__ = ["MASK", "SecretMasker"]

MASK = "[secret removed: {name}]"
_ASSIGNED = (
    r"(?i)(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|auth[_-]?token|_token)[\"']?\s{0,3}(?:=|:=|=>|:)\s{0,3}"
)


class _Rule(NamedTuple):
    name: str
    pattern: str
    keywords: tuple[str, ...]
    entropy: float = 0.0
    group: int = 0
    allowed: tuple[str, ...] = ()
    stopwords: tuple[str, ...] = ()


_OWN = (
    _Rule("private-key", r"(?s)-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY.*?(?:-----END[A-Z0-9 ]{0,40}KEY[A-Z ]*-----|\Z)", ("private key",)),
    _Rule("url-password", r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,200}:([^\s/@\"'<>]{1,200})@", ("://",), group=1),
    _Rule("url-token", r"https?://([^\s/:@\"'<>]{16,200})@", ("://",), group=1),
    _Rule("api-token", r"\b(?:sk-[A-Za-z0-9_-]{24,}|hf_[A-Za-z0-9]{30,})", ("sk-", "hf_"), entropy=3.0),
    _Rule("bearer-token", r"(?i)\b(?:bearer|basic|token)\s+([a-z0-9._~+/-]{16,}={0,2})", ("bearer", "basic", "token"), 3.0, 1),
    _Rule("password", _ASSIGNED + r"[\"']([^\"'\n]{4,200})[\"']", ("pass", "pwd", "secret", "key", "token"), group=1),
    _Rule("password", r"(?i)(?:password|passwd|passphrase)\s{0,3}=\s{0,3}([^\s\"'`;,)]{6,200})", ("pass",), group=1),
    _Rule(
        "password", r"\b[A-Z][A-Z0-9_]{0,40}(?:SECRET|TOKEN|PASSWORD|API_KEY|ACCESS_KEY)=([^\s\"'`;,)]{6,200})", ("=",), group=1
    ),
)  # fmt: skip
_NOT_A_SECRET = re.compile(r"[\[\](){}<>$]|^(?:\*+|x{3,}|\.{3,}|none|null|true|false|undefined|example|changeme|redacted)$", re.IGNORECASE)


class SecretMasker:
    """Finds secrets in a text and puts a note of their kind in their place."""

    def __init__(self) -> None:
        self._rules = _all_rules()

    def mask(self, text: str) -> str:
        """The text with every secret replaced; unchanged where there is none. Masking twice is masking once."""
        spans = sorted(self._spans(text))
        out: list[str] = []
        position = 0
        for start, end, name in spans:
            if start >= position:  # an overlapping find is the same secret: it only moves the end on
                out += [text[position:start], MASK.format(name=name)]
            position = max(position, end)
        return "".join(out) + text[position:]

    def _spans(self, text: str) -> Iterator[tuple[int, int, str]]:
        low = text.lower()
        wanted = {number for word, numbers in _rules_by_keyword().items() if word in low for number in numbers}
        for rule in (self._rules[number] for number in sorted(wanted)):
            for found in re.finditer(rule.pattern, text):
                group = rule.group or (1 if found.re.groups else 0)
                group = group if found.group(group) else 0
                if _counts(rule, found.group(group), found.group()):
                    yield *found.span(group), rule.name


@cache  # they are a part of the package; reading them takes 1 to 2 ms
def _all_rules() -> tuple[_Rule, ...]:
    loaded = json.loads(files(__package__).joinpath("secret_rules.json").read_text("utf-8"))["rules"]
    return (*_OWN, *map(_rule, loaded))


@cache
def _rules_by_keyword() -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for number, rule in enumerate(_all_rules()):
        for word in rule.keywords:
            numbers.setdefault(word, []).append(number)
    return numbers


def _rule(row: dict[str, Any]) -> _Rule:
    words = {name: tuple(row.get(name, ())) for name in ("keywords", "allowed", "stopwords")}
    return _Rule(row["name"], row["pattern"], entropy=row.get("entropy", 0.0), group=row.get("group", 0), **words)


def _counts(rule: _Rule, secret: str, whole: str) -> bool:
    if "secret removed" in whole or (rule.name in ("password", "generic-api-key") and _NOT_A_SECRET.search(secret)):
        return False
    low = secret.lower()
    if any(word in low for word in rule.stopwords) or any(re.search(pattern, whole) for pattern in rule.allowed):
        return False
    return not rule.entropy or _entropy(secret) > rule.entropy


def _entropy(text: str) -> float:
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values()) if text else 0.0
