"""What ``init`` plans: which entries belong in which file, and what becomes of each file's bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

__all__ = ["Entry", "FileProblem", "Places", "Planned", "State", "Target"]

State = Literal["add", "update", "present", "remove", "absent", "problem"]


class FileProblem(Exception):
    """A file that cannot be edited safely; the message says why, for a person to read."""


class Places(NamedTuple):
    """Where things are: the project's root, the person's home folder and environment, and how noclobber is called."""

    root: Path
    home: Path
    environ: dict[str, str]
    launcher: str = "noclobber"

    def short(self, path: Path) -> str:
        """A path as a person reads it: from the project's root, or with ``~``."""
        if path.is_relative_to(self.root):
            return str(path.relative_to(self.root))
        return str(path).replace(str(self.home), "~")


class Entry(NamedTuple):
    """One thing of ours in a JSON file: a member at ``path``, or with ``element`` an element of the list there."""

    path: tuple[str, ...]
    value: Any
    element: bool = False


class Target(NamedTuple):
    """One file and what of ours belongs into it.

    ``format``: ``json`` (``entries``), ``toml`` (``text`` is put at the end), ``own`` (the whole file is ours: ``text``, or in other
    set-ups one of ``forms``), ``lines`` (those of ``text``). ``personal``: lies outside the project or is kept out of its commits.
    """

    client: str
    path: Path
    format: Literal["json", "toml", "own", "lines"]
    personal: bool
    entries: tuple[Entry, ...] = ()
    text: str = ""
    forms: tuple[str, ...] = ()
    executable: bool = False


class Planned(NamedTuple):
    """What would happen to one file. ``after`` is None where the file goes away; ``note`` is for a person to read."""

    target: Target
    state: State
    before: bytes | None
    after: bytes | None
    note: str = ""
    steps: tuple[tuple[int, int], ...] = ()
