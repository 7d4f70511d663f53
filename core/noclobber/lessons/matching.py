"""Which lessons are about a file: by their globs, as a client reads them in a rule's front matter, or because they name it."""

from __future__ import annotations

import re

from .records import Lesson

__all__ = ["glob_matches", "names_file"]


def names_file(lesson: Lesson, file_path: str) -> int | None:
    """0 where a glob of the lesson matches, 1 where its words name the path, 2 the file's name; None where it is not about it."""
    if any(glob_matches(glob, file_path) for glob in lesson.files):
        return 0
    words = "\n".join((lesson.lesson, lesson.context, lesson.failure, lesson.resolution))
    if _named(file_path, words):
        return 1
    name = file_path.rsplit("/", 1)[-1]
    return 2 if "." in name and _named(name, words) else None


def glob_matches(glob: str, file_path: str) -> bool:
    """``**`` stands for any folders, ``*`` and ``?`` for anything but ``/``, ``{a,b}`` for either; no slash: at any depth."""
    if "/" not in glob:
        glob = f"**/{glob}"
    return re.fullmatch(_pattern(glob), file_path) is not None


def _pattern(glob: str) -> str:
    out = []
    for part in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\{[^}]*\}|.", glob, re.DOTALL):
        if part == "**/":
            out.append("(?:[^/]+/)*")
        elif part == "**":
            out.append(".*")
        elif part in ("*", "?"):
            out.append("[^/]" + ("*" if part == "*" else ""))
        elif part[0] == "{" and len(part) > 1:
            out.append("(?:" + "|".join(_pattern(choice) for choice in part[1:-1].split(",")) + ")")
        elif part[0] == "[" and len(part) > 1:
            out.append("[" + ("^" if part[1] == "!" else "") + re.escape(part[2 if part[1] == "!" else 1 : -1]).replace(r"\-", "-") + "]")
        else:
            out.append(re.escape(part))
    return "".join(out)


def _named(name: str, words: str) -> bool:
    return re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-]|\.\w)", words) is not None
