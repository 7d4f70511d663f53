"""A claim by unsaved edits lasts ten minutes from the last keystroke, whatever somebody does to the clock meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, UnsavedEditsError, claims, clock, liveness
from noclobber.clock import format_utc
from noclobber.content import hash_content
from noclobber.liveness import Live
from noclobber.records import Buffer
from noclobber.store.protocol import Batch

HOUR, DAY = 3600.0, 86_400.0
BASE, TYPED = b"one\ntwo\n", b"ONE as typed\ntwo\n"


class Clocks:
    """Both clocks of the machine, as a person may set one of them and nobody the other."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.set_by = 0.0

    def wall(self) -> float:
        return clock.wall_seconds() + self.passed + self.set_by

    def monotonic(self) -> int:
        return clock.monotonic_ns() + int(self.passed * 1e9)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    both = Clocks()
    for module in (claims, liveness):
        monkeypatch.setattr(module, "wall_seconds", both.wall)
        monkeypatch.setattr(module, "monotonic_ns", both.monotonic)
    return both


@pytest.fixture
def typed(alice: ConcurrencyGuard, root: Path, clocks: Clocks) -> Callable[[], Live]:
    """A person types into a buffer of ``file``: its server lives, and stamps the keystroke with what the clock shows."""

    def type_now(live: Live | None = None) -> Live:
        server = live or Live(alice.workspace.state)
        clocks.passed += 60  # the server has run for a while
        hashes = [(hash_content(content), content) for content in (BASE, TYPED)]
        row = Buffer("file", "editor:1", hashes[0][0], hashes[1][0], True, None, format_utc(clocks.wall()), server.id)
        alice.workspace.store.apply(Batch(contents=hashes, buffers=(row,)))
        return server

    (root / "file").write_bytes(BASE)
    alice.read("file")
    return type_now


def _refused(alice: ConcurrencyGuard) -> bool:
    """Whether a write over the person's line is refused; it is asked, not made."""
    decision = alice.check_write("file", b"ONE of alice\ntwo\n")
    assert decision.refusal is None or decision.refusal.type == "UNSAVED_EDITS"
    return decision.refusal is not None


@pytest.mark.parametrize("set_by", [0.0, -DAY, -HOUR, 300.0, HOUR, DAY])
def test_the_clock_set_after_the_keystroke_neither_prolongs_nor_ends_a_claim(
    alice: ConcurrencyGuard, typed: Callable[[], Live], clocks: Clocks, set_by: float
) -> None:
    live = typed()
    clocks.set_by = set_by
    for at, refused in ((0.0, True), (590.0, True), (30.0, False)):
        clocks.passed += at
        assert _refused(alice) == refused, clocks.passed
    live.close()


@pytest.mark.parametrize("set_by", [-DAY, -HOUR, HOUR, DAY])
def test_nor_does_the_clock_set_before_the_keystroke(
    alice: ConcurrencyGuard, typed: Callable[..., Live], clocks: Clocks, set_by: float
) -> None:
    live = Live(alice.workspace.state)
    clocks.passed, clocks.set_by = 30.0, set_by
    typed(live)
    for at, refused in ((0.0, True), (590.0, True), (30.0, False)):
        clocks.passed += at
        assert _refused(alice) == refused, clocks.passed
    live.close()


@pytest.mark.parametrize("set_by", [-DAY, -HOUR, -300.0, 300.0, HOUR, DAY])
def test_a_claim_never_lives_for_ever(alice: ConcurrencyGuard, typed: Callable[[], Live], clocks: Clocks, set_by: float) -> None:
    """Where a stamp may be from before or from after, the person has the benefit of it: ten minutes more, once."""
    live = typed()
    clocks.set_by = set_by
    held = 0
    for _ in range(30 * 24 * 12):  # a month, five minutes at a time
        clocks.passed += 300
        held += _idle(alice) < 600
    assert held <= 4
    live.close()


def _idle(alice: ConcurrencyGuard) -> float:
    (row,) = alice.workspace.store.buffers("file")
    return claims.idle_seconds(alice.workspace.state, row)


@pytest.mark.parametrize("set_by", [-DAY, -HOUR, HOUR, DAY])
def test_the_claim_of_a_dead_server_lapses_all_the_same(
    alice: ConcurrencyGuard, typed: Callable[[], Live], clocks: Clocks, set_by: float
) -> None:
    typed().close()
    clocks.set_by = set_by
    assert not _refused(alice)


def test_a_write_is_really_refused_and_goes_through_afterwards(
    alice: ConcurrencyGuard, root: Path, typed: Callable[[], Live], clocks: Clocks
) -> None:
    live = typed()
    clocks.set_by = -HOUR
    with pytest.raises(UnsavedEditsError):
        alice.write("file", b"ONE of alice\ntwo\n")
    clocks.passed += 700
    done = alice.write("file", b"ONE of alice\ntwo\n")
    assert done.notices
    assert (root / "file").read_bytes() == b"ONE of alice\ntwo\n"
    live.close()
