"""Our entries in a JSON file: put in, brought up to date, taken out.

Ours are the commands that call noclobber, and the groups and servers made for them. What people add beside these (a handler in our
group, another setting of our server) is theirs and stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from . import jsonedit
from .commands import is_ours
from .jsontext import plain
from .records import Entry

__all__ = ["Steps", "calls_noclobber", "put_entries", "take_entries"]

Steps = list[tuple[int, int]]
_COMMANDS = ("command", "bash", "args")


class _Handler(NamedTuple):
    """A command of ours in a list: where it stands, for which tools, and the rest of it."""

    path: jsonedit.Path
    matcher: Any
    value: dict[str, Any]


def put_entries(entries: Sequence[Entry], text: str) -> tuple[str, Steps, bool]:
    """The text with all entries, the insertions made, and whether something of ours was brought up to date. ValueError: it cannot be."""
    steps: Steps = []
    if not text.strip(" \t\r\n\ufeff"):
        text, steps = text + "{}\n", [(len(text), 3)]
    before = text
    for path in dict.fromkeys(entry.path for entry in entries if entry.element):
        text = _without_others(text, path, [entry for entry in entries if entry.path == path])
    replaced = text != before
    for entry in entries:
        found = _standing(entry, text)
        after = jsonedit.add(text, entry.path, entry.value, element=entry.element) if found is None else _updated(text, entry, *found)
        if found is None:
            steps.append(_insertion(text, after))
        replaced = replaced or (found is not None and after != text)
        text = after
    return text, steps, replaced


def take_entries(entries: Sequence[Entry], text: str) -> str:
    """The text without what is ours of these entries, wherever it now stands."""
    for entry in entries:
        if entry.element:
            text = _without_others(text, entry.path, [])
        else:
            node = jsonedit.find(text, entry.path)
            text = jsonedit.remove(text, entry.path) if node is not None and calls_noclobber(plain(node)) else text
    return text


def calls_noclobber(value: Any) -> bool:
    """Whether some command in a registration calls noclobber."""
    if isinstance(value, dict):
        command = [value.get("command"), *(value.get("args") or [])] if "command" in value else None
        return (command is not None and is_ours(command)) or any(calls_noclobber(inner) for inner in value.values())
    return isinstance(value, list) and any(calls_noclobber(inner) for inner in value)


def _standing(entry: Entry, text: str) -> tuple[jsonedit.Path, dict[str, Any]] | None:
    """Where an entry stands already, and as what; None where it is absent. ValueError where something else has its place."""
    if entry.element:
        return next(((one.path, one.value) for one in _handlers(text, entry.path) if one.matcher == entry.value.get("matcher")), None)
    node = jsonedit.find(text, entry.path)
    if node is None:
        return None
    found = plain(node)
    if not isinstance(entry.value, dict):
        return entry.path, {}
    if not calls_noclobber(found):
        raise ValueError(f"{'.'.join(str(name) for name in entry.path)} is something else already")
    return entry.path, found


def _updated(text: str, entry: Entry, path: jsonedit.Path, found: dict[str, Any]) -> str:
    """The text with the command of an entry as it should be."""
    wanted = entry.value["hooks"][0] if entry.element and "hooks" in entry.value else entry.value
    for name in _COMMANDS if isinstance(wanted, dict) else ():
        if name in wanted and found.get(name) != wanted[name]:
            put = jsonedit.replace if name in found else jsonedit.add
            text = put(text, (*path, name), wanted[name])
    return text


def _handlers(text: str, path: jsonedit.Path) -> list[_Handler]:
    """Our commands in a list of hooks: entries by themselves, or in groups among others."""
    node = jsonedit.find(text, path)
    found = []
    for place, value in enumerate(plain(node)) if node is not None and node.kind == "array" else ():
        if not isinstance(value, dict):
            continue
        inner = value.get("hooks")
        if not isinstance(inner, list):
            found.append(_Handler((*path, place), value.get("matcher"), value))
            continue
        found += [_Handler((*path, place, "hooks", at), value.get("matcher"), one) for at, one in enumerate(inner)]
    return [one for one in found if calls_noclobber(one.value)]


def _without_others(text: str, path: jsonedit.Path, entries: Sequence[Entry]) -> str:
    """The text without our commands in this list but one for each of these entries; a group left empty goes with its last."""
    wanted = [entry.value.get("matcher") for entry in entries]
    while True:
        met: list[Any] = []
        for one in _handlers(text, path):
            if one.matcher not in wanted or one.matcher in met:
                break
            met.append(one.matcher)
        else:
            return text
        group = jsonedit.find(text, one.path[:-1])
        alone = len(one.path) > len(path) + 1 and group is not None and len(group.members) == 1
        text = jsonedit.remove(text, one.path[:-2] if alone else one.path)


def _insertion(before: str, after: str) -> tuple[int, int]:
    length = len(after) - len(before)
    start = next((place for place, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), len(before))
    assert before == after[:start] + after[start + length :]
    return start, length
