"""One lesson as it stands in a file: a heading with its time, a comment with its origin, and up to four labelled texts.

Text in, text out: what an entry says and how it is spelled. Where entries stand in a file is ``document.py``'s business, and
what they may contain is ``safety.py``'s.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple
from urllib.parse import quote, unquote

__all__ = ["LABELS", "Entry", "Origin", "parse_body", "parse_origin", "render_entry", "split_labels"]

LABELS = ("Lesson", "Context", "Failure", "Resolution")
_LABEL = re.compile(r"^(?:\*\*(Lesson|Context|Failure|Resolution)\*\*:?|\*\*(Lesson|Context|Failure|Resolution):\*\*)[ \t]*")
_GIVEN_LABEL = re.compile(r"^[ \t]*(?:[-*][ \t]+)?(\*\*)?(Lesson|Context|Failure|Resolution)(?(1)(?::\*\*|\*\*:?)|:)[ \t]*", re.IGNORECASE)
_SAFE = "._:/*+~-"


class Origin(NamedTuple):
    """What a lesson came from; it stands in a comment beside the entry and never changes afterwards.

    ``key``: the fingerprint of its failure. ``files``: the globs it is for. ``corrects``: the time of the lesson it replaced.
    """

    id: str
    key: str = ""
    agent: str | None = None
    turn: str | None = None
    intent: str | None = None
    check: str | None = None
    commit: str | None = None
    corrects: str | None = None
    files: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A lesson in a file. ``when``: ``YYYY-MM-DD HH:MM:SS`` in UTC. The texts are as they stand there, empty where absent.

    ``origin`` is None where no comment of ours stands beside it: then the entry is the person's own.
    """

    when: str
    lesson: str = ""
    context: str = ""
    failure: str = ""
    resolution: str = ""
    origin: Origin | None = None

    @property
    def id(self) -> str:
        """The origin's id; of an entry without origin, one made from its time and text."""
        return self.origin.id if self.origin else "p" + hashlib.sha256("\0".join(self[:5]).encode("utf-8", "replace")).hexdigest()[:8]

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """Lesson, context, failure and resolution."""
        return self[1:5]

    @property
    def files(self) -> tuple[str, ...]:
        """The globs this lesson is for."""
        return self.origin.files if self.origin else ()


def render_entry(entry: Entry) -> str:
    """The entry's lines, each ended by ``\\n``; the texts must have been neutralised."""
    lines = [f"## Lesson Learned ({entry.when} UTC)"]
    if entry.origin:
        lines.append(_comment(entry.origin))
    for label, text in zip(LABELS, entry.texts, strict=True):
        if text:
            lines.append(f"**{label}**: " + text.replace("\n", "\n  "))
    return "\n".join(lines) + "\n"


def _comment(origin: Origin) -> str:
    """One comment line: nothing in a value can end it, start an import or be a blank."""
    words = []
    for name, value in zip(Origin._fields, origin, strict=True):
        if value:
            text = ",".join(map(_quoted, value)) if isinstance(value, tuple) else _quoted(value)
            words.append(f"{name}={text}")
    return f"<!-- noclobber {' '.join(words)} -->"


def _quoted(value: str) -> str:
    return re.sub("(?<=-)-|-$", "%2D", quote(value, safe=_SAFE, errors="replace"))


def parse_origin(comment: str) -> Origin | None:
    """The origin in a comment line of ours; None if it is none, or a person's edit left it without its id."""
    found = re.fullmatch(r"<!-- noclobber (.*?)\s*-->\s*", comment)
    if not found:
        return None
    values = dict(word.split("=", 1) for word in found.group(1).split() if "=" in word)
    if not values.get("id"):
        return None
    files = tuple(unquote(glob) for glob in values.pop("files", "").split(",") if glob)
    known = {name: unquote(text) for name, text in values.items() if name in Origin._fields}
    return Origin(**known, files=files)


def parse_body(body: str) -> dict[str, str]:
    """The labelled texts of an entry's lines, in lower case; what stands before the first label belongs to ``lesson``."""
    texts: dict[str, list[str]] = {}
    current = "lesson"
    for line in body.splitlines():
        if found := _LABEL.match(line):
            current = (found.group(1) or found.group(2)).lower()
            texts.setdefault(current, []).append(line[found.end() :])
        elif line.strip() or texts:
            texts.setdefault(current, []).append(line.removeprefix("  "))
    return {label: "\n".join(lines).rstrip() for label, lines in texts.items()}


def split_labels(text: str) -> dict[str, str]:
    """A finished text that names its own parts (``Context: …``, ``**Failure**: …``) taken apart; else all of it as ``lesson``."""
    parts: dict[str, list[str]] = {}
    current = "lesson"
    for line in text.split("\n"):
        if found := _GIVEN_LABEL.match(line):
            current = found.group(2).lower()
            line = line[found.end() :]
        if line.strip():
            parts.setdefault(current, []).append(line)
    return {label: "\n".join(lines) for label, lines in parts.items()}
