"""A workspace on real files with a real database, and writers in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard

LINES = b"".join(b"line %d\n" % number for number in range(1, 101))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def alice(root: Path) -> Iterator[ConcurrencyGuard]:
    with ConcurrencyGuard(root, "alice", turn_id="turn-1", intent_id="INT-1") as guard:
        yield guard


@pytest.fixture
def bob(alice: ConcurrencyGuard) -> ConcurrencyGuard:
    return alice.as_writer("bob", turn_id="turn-2", intent_id="INT-2")


@pytest.fixture
def lines(root: Path) -> Path:
    """``a.txt`` with the lines ``line 1`` to ``line 100``."""
    path = root / "a.txt"
    path.write_bytes(LINES)
    return path


@pytest.fixture
def change_line() -> Callable[[bytes, int, bytes], bytes]:
    """The content with one line (from 1) replaced."""

    def change(content: bytes, number: int, text: bytes) -> bytes:
        rows = content.splitlines(keepends=True)
        rows[number - 1] = text + b"\n"
        return b"".join(rows)

    return change


@pytest.fixture
def killed_at() -> Callable[[Path, Callable[[ConcurrencyGuard], None], int], bool]:
    """Runs a change in a child that has read the files, and kills itself at its so-manieth step; false if it was done before."""

    def run(root: Path, work: Callable[[ConcurrencyGuard], None], at: int) -> bool:
        child = os.fork()
        if child == 0:
            count = 0

            def step(_name: str) -> None:
                nonlocal count
                count += 1
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            try:
                with ConcurrencyGuard(root, "alice", turn_id="turn-1") as guard:
                    for name in ("a", "b", "linked"):
                        if (root / name).exists():
                            guard.read(name)
                    guard.workspace.step = step
                    work(guard)
            finally:
                os._exit(0)
        return os.waitpid(child, 0)[1] == signal.SIGKILL

    return run
