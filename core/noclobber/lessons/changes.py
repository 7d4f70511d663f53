"""What was changed in the working tree between two moments: by whom where the history knows, and which lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

from ..guard import ConcurrencyGuard
from ..situation import CHANGING, EFFECTIVE
from ..store.protocol import EventQuery

__all__ = ["Hunk", "changed_hunks", "files_touched", "writers_since"]

_MOST_FILES = 50_000
_PRUNED = {"node_modules", "__pycache__", "venv", "dist", "build", "target"}
_MOST_LINES = 20_000


class Hunk(NamedTuple):
    """Lines of a file that became other lines; ``line``: where they begin now, from 1."""

    file: str
    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]


def writers_since(guard: ConcurrencyGuard, epoch: str | None, seq: int) -> dict[str, list[str]]:
    """The files that each writer changed after this event, in order of their first change; all there is where the epoch is another."""
    after = seq if epoch == guard.workspace.store.epoch else 0
    events = guard.workspace.store.events(EventQuery(kinds=CHANGING, outcomes=EFFECTIVE, after_seq=after, limit=5000))
    found: dict[str, list[str]] = {}
    for event in events:
        if event.file_path and event.agent_id != "noclobber:lessons" and event.file_path not in found.setdefault(event.agent_id, []):
            found[event.agent_id].append(event.file_path)
    return {agent: files for agent, files in found.items() if files}


def files_touched(root: str, since_ns: int, until_ns: int) -> list[str]:
    """Files of the project whose inode changed after the one moment and before the other, whoever did it.

    What git ignores is left out; without git, hidden folders and those that tools make. A file's times come from a clock that ticks
    every 4 ms: what was written at the first moment itself may be counted or not.
    """
    found = []
    for number, name in enumerate(_project_files(root)):
        if number >= _MOST_FILES:
            break
        try:
            stat = os.lstat(os.path.join(root, name))
        except OSError:
            continue
        if since_ns < max(stat.st_mtime_ns, stat.st_ctime_ns) < until_ns:
            found.append(name)
    return sorted(found)


def _project_files(root: str) -> Iterator[str]:
    if os.path.lexists(os.path.join(root, ".git")):
        import subprocess

        listing = subprocess.run(
            ["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if listing.returncode == 0:
            yield from (os.fsdecode(name) for name in listing.stdout.split(b"\0") if name)
            return
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _PRUNED]
        inner = os.path.relpath(folder, root)
        yield from (name if inner == "." else f"{inner}/{name}" for name in names if not name.endswith((".pyc", ".swp", "~")))


def changed_hunks(file: str, before: bytes, after: bytes) -> list[Hunk]:
    """What became of the lines; empty where either side is not text or too long to compare."""
    if b"\0" in before or b"\0" in after:
        return []
    old, new = (side.decode("utf-8", "replace").splitlines() for side in (before, after))
    if len(old) + len(new) > _MOST_LINES:
        return []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [Hunk(file, j1 + 1, tuple(old[i1:i2]), tuple(new[j1:j2])) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]
