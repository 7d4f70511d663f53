"""A hook is a new process for each call of an agent's tool: what is imported is paid each time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from frame import Bench, Figure, by_turns, python


def _import(_folder: Path) -> Iterable[Figure]:
    timing = by_turns(lambda: python("-c", "import noclobber"), lambda: python("-c", "pass"), rounds=25)
    ours, bare = timing.medians
    yield Figure("import noclobber, over bare Python", ours - bare, "bare Python", bare, ours / bare, most_seconds=0.05)


BENCHES = (Bench("import", _import),)
