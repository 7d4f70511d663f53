"""Reading the patches of ``apply_patch``: which files, and what is to become of each.

The format is that of Codex (``*** Begin Patch`` … ``*** End Patch``). Nothing here looks at a file.
"""

from __future__ import annotations

import re

from .records import Change, Hunk

__all__ = ["find_patch_in_shell", "parse_patch"]

_BEGIN, _END = "*** Begin Patch", "*** End Patch"
_APPLIES = r"(?:^|[;&|(]|\s-l?c\s+['\"]?)\s*(?:\S*/)?apply_patch"
"""The name where a shell takes it for a command."""
_ADD, _UPDATE, _DELETE, _MOVE, _EOF = "*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: ", "*** End of File"


def parse_patch(text: str) -> tuple[Change, ...]:
    """The changes a patch makes, in order; a patch that is cut off gives those that are whole."""
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]  # a form feed or U+2028 ends no line of a file
    changes: list[Change] = []
    position = next((index + 1 for index, line in enumerate(lines) if line.strip() == _BEGIN), len(lines))
    while position < len(lines) and lines[position].strip() != _END:
        line = lines[position]
        position += 1
        if line.startswith(_ADD):
            body, position = _body(lines, position)
            content = "".join(entry[1:] + "\n" for entry in body if entry.startswith("+"))
            changes.append(Change(line[len(_ADD) :].strip(), "write", content=content, creates=True))
        elif line.startswith(_DELETE):
            changes.append(Change(line[len(_DELETE) :].strip(), "delete"))
        elif line.startswith(_UPDATE):
            to_path = None
            if position < len(lines) and lines[position].startswith(_MOVE):
                to_path = lines[position][len(_MOVE) :].strip()
                position += 1
            body, position = _body(lines, position)
            changes += _updates(line[len(_UPDATE) :].strip(), _hunks(body), to_path)
    return tuple(changes)


def find_patch_in_shell(command: str) -> str | None:
    """The patch that a shell command gives to ``apply_patch``, in a heredoc or as an argument; None where it is only text to others."""
    lines = command.split("\n")
    position = 0
    while position < len(lines):
        line = lines[position]
        heredoc = re.search(r"<<-?\s*(['\"]?)(\w+)\1", line)
        if heredoc is None:
            if re.search(_APPLIES + r"\s+['\"]?" + re.escape(_BEGIN), line):
                return _whole("\n".join(lines[position:]))
            position += 1
            continue
        end = next((at for at in range(position + 1, len(lines)) if lines[at].strip() == heredoc[2]), len(lines))
        if re.search(_APPLIES + r"(?=\s|$)", line):
            return _whole("\n".join(lines[position:end]))
        position = end + 1
    return None


def _whole(text: str) -> str | None:
    start = text.find(_BEGIN)
    end = text.find(_END, start)
    return None if start < 0 or end < 0 else text[start : end + len(_END)]


def _updates(path: str, hunks: tuple[Hunk, ...], to_path: str | None) -> list[Change]:
    """A move changes two files: what stands at its new name would be replaced without a word."""
    if to_path is None:
        return [Change(path, "patch", hunks=hunks)] if hunks else []
    return [Change(path, "patch" if hunks else "opaque", hunks=hunks, moves=True), Change(to_path, "arrival")]


def _body(lines: list[str], position: int) -> tuple[list[str], int]:
    start = position
    while position < len(lines) and (not lines[position].startswith("*** ") or lines[position].strip() == _EOF):
        position += 1
    return lines[start:position], position


def _hunks(body: list[str]) -> tuple[Hunk, ...]:
    hunks: list[Hunk] = []
    old: list[str] = []
    new: list[str] = []
    headers: list[str] = []
    at_end = False
    for line in [*body, "@@"]:
        if line.startswith("@@"):
            if old != new:
                hunks.append(("".join(old), "".join(new), tuple(headers), at_end))
            if old or new:
                old, new, headers, at_end = [], [], [], False
            headers += [line[2:].strip()] if line[2:].strip() else []  # several stand one within the other: a class, its method
        elif line.startswith("-"):
            old.append(line[1:] + "\n")
        elif line.startswith("+"):
            new.append(line[1:] + "\n")
        elif line.strip() == _EOF:
            at_end = True
        else:
            # an empty line of context often comes without its leading blank
            context = (line[1:] if line.startswith(" ") else line) + "\n"
            old.append(context)
            new.append(context)
    return tuple(hunks)
