"""Which lessons move out when the section grows too long, and where they go. Entries in, a plan out; no file is touched here."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from .document import HEADER, Placed

__all__ = ["ARCHIVE_FILE", "RULES_FOLDER", "archive_for", "choose_moves", "is_archive", "new_archive", "section_lines"]

ARCHIVE_FILE = ".claude/lessons-archive.md"
RULES_FOLDER = ".claude/rules"
NEWEST_KEPT = 5


def section_lines(content: bytes, entries: Sequence[Placed]) -> int:
    """The lines that our own entries take, with the blank line before each."""
    return sum(_lines(content, placed) for placed in entries if placed.entry.origin)


def choose_moves(content: bytes, entries: Sequence[Placed], limit: int, seen: Mapping[str, int]) -> list[Placed]:
    """Which of our entries go so that the rest fits: the least seen first, of those the oldest; the five newest stay in any case."""
    own = [placed for placed in entries if placed.entry.origin]
    excess = section_lines(content, own) - limit
    by_age = sorted(own, key=lambda placed: placed.entry.when)  # stable: of one second, file order
    moves: list[Placed] = []
    for placed in sorted(by_age[:-NEWEST_KEPT], key=lambda placed: (seen.get(placed.id, 1), placed.entry.when)):
        if excess <= 0:
            break
        moves.append(placed)
        excess -= _lines(content, placed)
    return moves


def archive_for(files: tuple[str, ...]) -> str:
    """Where a lesson goes: for some files, a rule that is loaded when one of them is read; else the archive nobody loads by itself."""
    if not files:
        return ARCHIVE_FILE
    words = re.sub(r"[^a-z0-9]+", "-", files[0].lower()).strip("-")[:40]
    mark = hashlib.sha256("\0".join(sorted(files)).encode("utf-8", "replace")).hexdigest()[:6]
    return f"{RULES_FOLDER}/lessons-{words + '-' if words else ''}{mark}.md"


def is_archive(file_path: str) -> bool:
    """Whether this is a file that archived lessons go to."""
    return file_path == ARCHIVE_FILE or (file_path.startswith(f"{RULES_FOLDER}/lessons-") and file_path.endswith(".md"))


def new_archive(files: tuple[str, ...]) -> bytes:
    """What an archive begins with; that for some files names them in its front matter."""
    if not files:
        return f"{HEADER}: archive\n\nOlder lessons; `noclobber lesson search WORDS` finds them.\n".encode()
    paths = "".join(f"  - {json.dumps(glob, ensure_ascii=False)}\n" for glob in files)
    return f"---\npaths:\n{paths}---\n\n{HEADER}\n".encode()


def _lines(content: bytes, placed: Placed) -> int:
    return len(content[placed.start : placed.end].splitlines()) + 1
