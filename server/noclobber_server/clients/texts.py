"""A file's text put in and taken out, format by format: pure functions from text to text.

Each addition is a list of insertions, recorded so that taking them back gives the very bytes of before; where the file has been
changed since, what is ours is found again by what it says.
"""

from __future__ import annotations

import tomllib
from typing import Any

from . import jsonedit
from .commands import is_ours
from .jsontext import JsonError, plain
from .records import Entry, Target

__all__ = ["FileProblem", "Steps", "cut_back", "put_in", "take_out"]

Steps = list[tuple[int, int]]
_TOML_HEAD = "[mcp_servers.noclobber]"


class FileProblem(Exception):
    """A file that cannot be edited safely; the message says why, for a person to read."""


def put_in(target: Target, text: str) -> tuple[str, Steps, bool]:
    """The text with our entries, the insertions made, and whether something of ours was replaced by a newer form."""
    if target.format == "lines":
        return (*_put_lines(target, text), False)
    if target.format == "toml":
        return _put_toml(target, text)
    try:
        return _put_json(target.entries, text)
    except JsonError as error:
        raise FileProblem(f"is not valid JSON ({error}); mend it and run this again") from error
    except ValueError as error:
        raise FileProblem(f"cannot be extended: {error}") from error


def take_out(target: Target, text: str) -> str:
    """The text without what is ours, wherever it now stands."""
    if target.format == "lines":
        ours = set(target.text.splitlines())
        return "".join(line for line in text.splitlines(keepends=True) if line.rstrip("\r\n") not in ours)
    if target.format == "toml":
        return _without_table(text)
    try:
        for entry in target.entries:
            text = _take_entry(entry, text)
    except JsonError as error:
        raise FileProblem(f"is not valid JSON ({error}); take the noclobber entries out by hand") from error
    return text


def cut_back(text: str, steps: Steps) -> str:
    """The text before these insertions were made."""
    for start, length in reversed(steps):
        text = text[:start] + text[start + length :]
    return text


def _put_json(entries: tuple[Entry, ...], text: str) -> tuple[str, Steps, bool]:
    steps: Steps = []
    replaced = False
    if not text.strip(" \t\r\n\ufeff"):
        text, steps = text + "{}\n", [(len(text), 3)]
    for entry in entries:
        state = _state_of(entry, text)
        if state == "present":
            continue
        if state == "old":
            text, replaced = _take_entry(entry, text), True
        after = jsonedit.add(text, entry.path, entry.value, element=entry.element)
        steps.append(_insertion(text, after))
        text = after
    return text, steps, replaced


def _insertion(before: str, after: str) -> tuple[int, int]:
    length = len(after) - len(before)
    start = next((place for place, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
    assert before == after[:start] + after[start + length :]
    return start, length


def _state_of(entry: Entry, text: str) -> str:
    """Whether an entry stands there as it should (``present``), in an older form of ours (``old``), or not (``absent``)."""
    node = jsonedit.find(text, entry.path)
    if node is None:
        return "absent"
    found = plain(node)
    if entry.element:
        ours = [value for value in found if _calls_noclobber(value)] if isinstance(found, list) else []
        if ours == [entry.value]:
            return "present"
        return "old" if ours else "absent"
    if found == entry.value or not isinstance(entry.value, dict):
        return "present"
    if _calls_noclobber(found):
        return "old"
    raise ValueError(f"{'.'.join(entry.path)} is something else already")


def _take_entry(entry: Entry, text: str) -> str:
    node = jsonedit.find(text, entry.path)
    if node is None:
        return text
    if entry.element:
        for value in plain(node) if node.kind == "array" else ():
            if _calls_noclobber(value):
                text = jsonedit.remove(text, entry.path, wanted=value, element=True)
        return text
    return jsonedit.remove(text, entry.path) if _calls_noclobber(plain(node)) else text


def _calls_noclobber(value: Any) -> bool:
    """Whether a registration is ours: some command in it calls noclobber."""
    if isinstance(value, dict):
        command = [value.get("command"), *(value.get("args") or [])] if "command" in value else None
        return (command is not None and is_ours(command)) or any(_calls_noclobber(inner) for inner in value.values())
    return isinstance(value, list) and any(_calls_noclobber(inner) for inner in value)


def _put_lines(target: Target, text: str) -> tuple[str, Steps]:
    there = set(text.splitlines())
    missing = [line for line in target.text.splitlines() if line not in there]
    if not missing:
        return text, []
    added = ("\n" if text and not text.endswith("\n") else "") + "".join(f"{line}\n" for line in missing)
    return text + added, [(len(text), len(added))]


def _put_toml(target: Target, text: str) -> tuple[str, Steps, bool]:
    try:
        before = tomllib.loads(text.lstrip("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"is not valid TOML ({error}); mend it and run this again") from error
    newline = "\r\n" if "\r\n" in text else "\n"
    wanted = tomllib.loads(target.text)["mcp_servers"]["noclobber"]
    servers = before.get("mcp_servers", {})
    found = servers.get("noclobber") if isinstance(servers, dict) else None
    if found == wanted:
        return text, [], False
    replaced = found is not None
    if found is not None:
        if not _calls_noclobber(found):
            raise FileProblem("has another server by the name of noclobber; it was left alone")
        text = _without_table(text)
    gap = "" if not text else (newline if text.endswith("\n") else newline * 2)
    added = gap + target.text.replace("\n", newline)
    after = text + added
    try:
        whole = tomllib.loads(after.lstrip("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise FileProblem("writes its mcp_servers in one line; add noclobber there by hand") from error
    assert whole["mcp_servers"]["noclobber"] == wanted
    return after, [(len(text), len(added))], replaced


def _without_table(text: str) -> str:
    """Without our table and its subtables, and without the empty line that was put before them."""
    lines = text.splitlines(keepends=True)
    start = next((index for index, line in enumerate(lines) if line.strip().startswith(_TOML_HEAD)), None)
    if start is None:
        return text
    end = start + 1
    while end < len(lines) and not (lines[end].lstrip().startswith("[") and not lines[end].strip().startswith("[mcp_servers.noclobber.")):
        end += 1
    while end < len(lines) and end - 1 > start and not lines[end - 1].strip():
        end -= 1
    if start and not lines[start - 1].strip():
        start -= 1
    return "".join(lines[:start] + lines[end:])
