"""Where the system tells of no changes: files are looked at from time to time instead. Knows nothing of what they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from noclobber.content import same_signature, signature_of

if TYPE_CHECKING:
    from noclobber.records import Signature

    from .worker import Worker

__all__ = ["Poller"]

_EVERY_S = 2.0


class Poller:
    """``on_path(path)``: this file may have changed. Used by the worker's thread only; with nothing to look at it does nothing."""

    def __init__(self, worker: Worker, on_path: Callable[[str], None]) -> None:
        self._worker = worker
        self._on_path = on_path
        self._known: dict[str, Signature | None] = {}

    def want(self, paths: Iterable[str]) -> None:
        """Look at exactly these from now on; of those that are new, only what happens after this is told."""
        known = self._known
        self._known = {path: known[path] if path in known else _signature(path) for path in paths}
        self._again()

    def _again(self) -> None:
        if self._known:
            self._worker.later("poll", _EVERY_S, self._look)

    def _look(self) -> None:
        for path, before in list(self._known.items()):
            if not _is_same(path, before):
                self._known[path] = _signature(path)
                self._on_path(path)
        self._again()


def _signature(path: str) -> Signature | None:
    now = time.time_ns()
    try:
        return signature_of(os.stat(path), now)
    except OSError:
        return None


def _is_same(path: str, before: Signature | None) -> bool:
    try:
        stat = os.stat(path)
    except OSError:
        return before is None
    return before is not None and same_signature(before, stat)
