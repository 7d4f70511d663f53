"""Work that may take a while: what it says of how far it is, and what is left of it where it is stopped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, WorkCancelledError, Workspace

FILES = 6


class Told:
    """Listens to some work, and stops it at the call with this number (from 0)."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.calls: list[tuple[int, int]] = []
        self._stop_at = stop_at

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))
        if self._stop_at == len(self.calls) - 1:
            raise WorkCancelledError("stopped")


def _a_turn(alice: ConcurrencyGuard, root: Path) -> dict[str, bytes]:
    """A turn over several files, one of them made and one deleted by it; what stands afterwards."""
    for number in range(FILES):
        (root / f"f{number}").write_bytes(b"one\ntwo\n")
        alice.read(f"f{number}")
        alice.edit(f"f{number}", [("two", "2")])
    alice.write("new", b"made\n")
    alice.delete("f0")
    return _files(root)


def _files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.iterdir() if path.is_file()}


def test_a_revert_counts_up_to_its_total(alice: ConcurrencyGuard, root: Path) -> None:
    _a_turn(alice, root)
    told = Told()
    alice.revert(turn_id="turn-1", progress=told)
    fractions = [done / total for done, total in told.calls]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert len(told.calls) >= 2 * FILES


def test_a_revert_stopped_at_any_moment_has_changed_nothing_and_left_nothing(alice: ConcurrencyGuard, root: Path) -> None:
    standing = _a_turn(alice, root)
    seq = alice.workspace.store.last_seq()
    stopped = 0
    while True:
        try:
            alice.revert(turn_id="turn-1", progress=Told(stopped))
        except WorkCancelledError:
            stopped += 1
        else:
            break
        assert _files(root) == standing
        assert (alice.workspace.store.last_seq(), alice.workspace.store.pending()) == (seq, [])
        assert os.listdir(root / ".noclobber/tmp") == []
    assert stopped >= 2 * FILES
    assert _files(root) == {f"f{number}": b"one\ntwo\n" for number in range(FILES)}


def _lose(state: Path) -> None:
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (state / name).unlink(missing_ok=True)


def _damage(state: Path) -> None:
    (state / "state.db").write_bytes(b"no database at all" * 1000)


@pytest.mark.parametrize("spoil", [_lose, _damage])
def test_a_rebuilding_that_was_stopped_begins_anew_at_the_next_opening(root: Path, spoil: Callable[[Path], None]) -> None:
    (root / "a").write_bytes(b"")
    with ConcurrencyGuard(root, "alice") as guard:
        for number in range(1200):
            guard.record("check", detail={"number": number})
        before = [event.to_json() for event in guard.events()]
    spoil(root / ".noclobber")
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(WorkCancelledError):
        Workspace.open(root, progress=Told(1))
    assert len(os.listdir("/proc/self/fd")) == descriptors
    told = Told()
    with Workspace.open(root, progress=told) as workspace:
        assert [event.to_json() for event in ConcurrencyGuard(workspace, "alice").events()] == before
        assert "1200 events of history were taken from the journal" in (workspace.notice or "")
    size = (root / ".noclobber/journal.jsonl").stat().st_size
    assert told.calls[-1] == (size, size)
    assert [done for done, _ in told.calls] == sorted(done for done, _ in told.calls)


def test_opening_a_sound_state_says_nothing(root: Path) -> None:
    with ConcurrencyGuard(root, "alice") as guard:
        guard.record("check")
    told = Told()
    Workspace.open(root, progress=told).close()
    assert told.calls == []
