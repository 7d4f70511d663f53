"""Writers are killed at random instants; several processes recover at once; nothing is a mixture, nothing is left, the history is true."""

from __future__ import annotations

import os
import random
import select
import signal
from pathlib import Path

import pytest
from crew import Worker

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content
from noclobber.liveness import is_alive, living
from noclobber.store.protocol import EventQuery

SINGLE, LINKED, GROUP = "single", "linked", ("x", "y", "z")


def _version(number: int) -> bytes:
    """Says of itself whether it is whole; of many lengths, so that rewriting in place has something to cut off."""
    return b"%d\n" % number * (200 + 37 * (number % 5))


def _number(content: bytes) -> int:
    words = content.split()
    number = int(words[0])
    assert content == _version(number), f"a mixture: {set(words)}"
    return number


def _busy(root: Path, ready: int) -> None:
    """Changes of every kind, one after the other, until killed."""
    with ConcurrencyGuard(root, f"agent-{os.getpid()}") as guard:
        number = max(_number(guard.read(name).content) for name in (SINGLE, LINKED, *GROUP))
        os.write(ready, b".")
        while True:
            number += 1
            content = _version(number)
            guard.write(SINGLE, content)
            guard.write(LINKED, content)
            guard.write_many(dict.fromkeys(GROUP, content))
            guard.write("comes and goes", content)
            guard.move("comes and goes", "moved")
            guard.delete("moved")


def _killed_child(root: Path, instant: float) -> None:
    """Fork a busy writer and kill it so long after it began; it does not end by itself."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _busy(root, writable)
        finally:
            os._exit(1)
    os.close(writable)
    assert os.read(readable, 1) == b"."
    select.select([readable], [], [], instant)  # it ends early only if the child does
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    os.close(readable)


def _recovering_children(root: Path, count: int) -> None:
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                ConcurrencyGuard(root, "recoverer").close()
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count


def _check(root: Path) -> None:
    with ConcurrencyGuard(root, "checker") as checker:
        store, state = checker.workspace.store, root / ".noclobber"
        assert store.pending() == []
        assert list((state / "tmp").iterdir()) == []
        assert not [name for name in os.listdir(state / "kept") if name.startswith("late-")]
        assert len(living(state)) <= 1
        assert len({_number((root / name).read_bytes()) for name in GROUP}) == 1
        assert (root / LINKED).samefile(root / "other name")
        for name in (SINGLE, LINKED, *GROUP):
            (last,) = store.events(EventQuery(file_path=name, kinds=("write", "outside"), limit=1))
            assert last.kind == "write"
            assert last.after_hash == hash_content((root / name).read_bytes())
        here = [name for name in ("comes and goes", "moved") if (root / name).exists()]
        assert len(here) <= 1
        for name in here:
            _number((root / name).read_bytes())
        assert store.events(EventQuery(kinds=("outside",))) == []


def _prepare(root: Path) -> None:
    for name in (SINGLE, LINKED, *GROUP):
        (root / name).write_bytes(_version(0))
    os.link(root / LINKED, root / "other name")
    with ConcurrencyGuard(root, "first") as first:
        for name in (SINGLE, LINKED, *GROUP):
            first.read(name)
            first.write(name, _version(1))


def _kill_often(root: Path, times: int) -> None:
    _prepare(root)
    interrupted = 0
    for round_ in range(times):
        _killed_child(root, random.random() * 0.03)
        if round_ % 4 == 0:
            _recovering_children(root, 2)
        interrupted += bool(list((root / ".noclobber/tmp").iterdir()))
        with ConcurrencyGuard(root, "tidier") as tidier:
            for name in ("comes and goes", "moved"):
                if (root / name).exists():
                    tidier.read(name)
                    tidier.delete(name)
        _check(root)
    print(f"kills: {times}, of them {interrupted} in the middle of a change")
    assert interrupted > times // 10


def test_after_a_kill_at_any_instant_files_are_whole_and_the_history_agrees(tmp_path: Path) -> None:
    _kill_often(tmp_path, 60)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_after_thousands_of_kills_as_well(tmp_path: Path) -> None:
    _kill_often(tmp_path, 3000)


def test_a_killed_parents_locks_and_life_end_though_its_forked_child_lives(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old\n")
    holder = Worker("holder", first="holding", root=str(tmp_path))
    try:
        child, life = holder.first.split()
        with ConcurrencyGuard(tmp_path, "other") as other:
            assert is_alive(tmp_path / ".noclobber", life)
            assert other.workspace.locks.try_exclusive("file") is None
            holder.process.kill()
            holder.process.wait()
            os.kill(int(child), 0)  # the child lives
            assert not is_alive(tmp_path / ".noclobber", life)
            other.read("file")
            assert other.write("file", b"new\n").outcome == "done"
    finally:
        holder.close()
