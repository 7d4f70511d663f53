"""Eight guarded writers count in one file: every accepted write is in the count, and the history is one chain."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from crew import Worker, race

from noclobber import ConcurrencyGuard


def _count(root: Path, seconds: float) -> None:
    (root / "counter").write_bytes(b"0\n")
    with ConcurrencyGuard(root, "checker") as checker:
        results = race(*[Worker("counter", root=str(root), agent=f"agent-{number}", seconds=seconds) for number in range(8)])
        accepted = sum(result["accepted"] for result in results)
        print(f"counter: {accepted} accepted, {sum(result['stale'] for result in results)} refused as stale")
        assert int((root / "counter").read_bytes()) == accepted
        writes = checker.events(file_path="counter", kind="write", outcome="done")
        assert len(writes) == accepted
        assert all(later.before_hash == earlier.after_hash for earlier, later in itertools.pairwise(writes))
        assert checker.events(file_path="counter", kind="outside") == []
        assert accepted > 20
        assert sum(result["stale"] for result in results) > 0


def test_the_count_is_the_number_of_accepted_writes_and_the_history_one_chain(tmp_path: Path) -> None:
    _count(tmp_path, 2.0)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_same_over_thousands_of_writes(tmp_path: Path) -> None:
    _count(tmp_path, 60.0)
