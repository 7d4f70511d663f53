"""The racing processes: ``python -m noclobber_server.demo.actors ROLE NAME ROOT LEDGER SECONDS FILE…``.

Two agents write under the guard, a person's editor and a shell loop know nothing of it. Each notes in its ledger, outside the
workspace, every line that it has written: the proof is made from the ledgers, not from what the guard says of itself.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from noclobber import ConcurrencyGuard
from noclobber.errors import Refused

__all__ = ["anchor", "main"]

_TURN_SECONDS = 1.0


class Role(NamedTuple):
    """Who races, where, and for how long."""

    name: str
    root: Path
    ledger: Path
    end: float
    files: tuple[str, ...]

    def done(self, line: bytes) -> None:
        """The line is written: from now on it must never be lost."""
        with self.ledger.open("ab") as ledger:
            ledger.write(line)


def anchor(name: str) -> bytes:
    """Below this line a writer adds its own."""
    return f"# ---- what {name} adds stands below this line ----\n".encode()


def careful_agent(role: Role) -> None:
    """Reads, thinks, writes the whole file from memory; refused, it reads again."""
    _agent(role, lambda guard, path, line: guard.write(path, _with(guard.read(path).content, role, line)))


def merging_agent(role: Role) -> None:
    """The same, but asks for a merge, and every third time only for an exact replacement."""

    def change(guard: ConcurrencyGuard, path: str, line: bytes) -> None:
        if random.random() < 0.33:
            guard.edit(path, [(anchor(role.name), anchor(role.name) + line)])
        else:
            guard.write(path, _with(guard.read(path).content, role, line), on_stale="merge")

    _agent(role, change)


def _agent(role: Role, change: Callable[[ConcurrencyGuard, str, bytes], object]) -> None:
    begun = time.monotonic()
    number = 0
    with ConcurrencyGuard(role.root, role.name) as guard:
        while (now := time.monotonic()) < role.end:
            number += 1
            turn = guard.as_writer(role.name, turn_id=f"{role.name}-turn-{int((now - begun) / _TURN_SECONDS) + 1}", intent_id="INT-race")
            _insist(role, turn, random.choice(role.files), f"# {role.name} {number}\n".encode(), change)


def _insist(role: Role, guard: ConcurrencyGuard, path: str, line: bytes, change: Callable[[ConcurrencyGuard, str, bytes], object]) -> None:
    """Try until the change is taken: a refusal costs another read, never somebody's work."""
    while True:
        try:
            change(guard, path, line)
        except Refused:
            continue
        role.done(line)
        return


def _with(content: bytes, role: Role, line: bytes) -> bytes:
    _think(0.004, 0.03)
    return content.replace(anchor(role.name), anchor(role.name) + line, 1)


def person(role: Role) -> None:
    """An editor without our extension: reads, lets the person type, truncates and writes in place."""
    number = 0
    while time.monotonic() < role.end:
        number += 1
        line = f"# {role.name} {number}\n".encode()
        target = role.root / random.choice(role.files)
        text = target.read_bytes()
        _think(0.03, 0.12)
        with target.open("r+b") as file:
            file.truncate()
            file.write(text.replace(anchor(role.name), anchor(role.name) + line, 1))
        role.done(line)
        _think(0.05, 0.2)


_SHELL = r"""
awk -v anchor="$ANCHOR" -v line="# $NAME $NUMBER" '{ print } $0 == anchor { print line }' "$FILE" > "$FILE.new" && mv "$FILE.new" "$FILE"
"""


def shell(role: Role) -> None:
    """A command that rewrites a file and renames it over the old one, again and again."""
    number = 0
    while time.monotonic() < role.end:
        number += 1
        told = {"ANCHOR": anchor(role.name).decode().rstrip(), "NAME": role.name, "NUMBER": str(number), "FILE": random.choice(role.files)}
        subprocess.run(["sh", "-c", _SHELL], cwd=role.root, env={**os.environ, **told, "LC_ALL": "C"}, check=True)
        role.done(f"# {role.name} {number}\n".encode())
        _think(0.05, 0.15)


def _think(least: float, most: float) -> None:
    """Whoever reads a file writes it only later; that time is what this all is about."""
    time.sleep(random.uniform(least, most))


_ROLES = {"careful-agent": careful_agent, "merging-agent": merging_agent, "person": person, "shell": shell}


def main(arguments: list[str]) -> None:
    """Play one role to its end."""
    role, name, root, ledger, seconds, *files = arguments
    _ROLES[role](Role(name, Path(root), Path(ledger), time.monotonic() + float(seconds), tuple(files)))


if __name__ == "__main__":
    main(sys.argv[1:])
