"""How many lines a change added and took away, for the panel; each pair of versions is compared once."""

from __future__ import annotations

from typing import NamedTuple

from noclobber import Workspace
from noclobber.merge import changed_regions

__all__ = ["Counted", "Counter"]

_MOST = 5000  # pairs remembered
_LARGEST = 4_000_000  # bytes; above, counting would cost more than the number is worth


class Counted(NamedTuple):
    """Lines added and removed; None where a version is not kept, or too large to count."""

    added: int | None
    removed: int | None


class Counter:
    """Remembers what it has counted. Safe to share by threads: an entry is put and taken whole."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | None, str | None], Counted] = {}

    def count(self, workspace: Workspace, before_hash: str | None, after_hash: str | None) -> Counted:
        """The lines between two kept versions; None stands for a file that is not there."""
        key = before_hash, after_hash
        found = self._known.get(key)
        if found is None:
            found = _counted(_content(workspace, before_hash), _content(workspace, after_hash))
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[key] = found
        return found


def _content(workspace: Workspace, content_hash: str | None) -> bytes | None:
    return b"" if content_hash is None else workspace.store.content(content_hash)


def _counted(before: bytes | None, after: bytes | None) -> Counted:
    if before is None or after is None or len(before) + len(after) > _LARGEST:
        return Counted(None, None)
    added = removed = 0
    for old, new in changed_regions(before, after):
        removed += old[1] - old[0]
        added += new[1] - new[0]
    return Counted(added, removed)
