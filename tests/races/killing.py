"""Kills busy writers at random instants, lets several processes recover at once, and looks at what is left."""

from __future__ import annotations

import os
import random
import select
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from poor_kernel import without

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content
from noclobber.liveness import living
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


def _killed_child(root: Path, instant: float, taken_away: Sequence[str]) -> None:
    """Fork a busy writer and kill it so long after it began; it does not end by itself."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if taken_away:
                without(taken_away)
            _busy(root, writable)
        finally:
            os._exit(1)
    os.close(writable)
    assert os.read(readable, 1) == b"."
    select.select([readable], [], [], instant)  # it ends early only if the child does
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    os.close(readable)


def _recovering_children(root: Path, count: int, taken_away: Sequence[str]) -> None:
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if taken_away:
                    without(taken_away)
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
        assert not (root / "other name").exists() or (root / LINKED).samefile(root / "other name")
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
    with suppress(PermissionError):  # a file system without hard links
        os.link(root / LINKED, root / "other name")
    with ConcurrencyGuard(root, "first") as first:
        for name in (SINGLE, LINKED, *GROUP):
            first.read(name)
            first.write(name, _version(1))


def kill_often(root: Path, times: int, *, taken_away: Sequence[str] = ()) -> None:
    """So many kills, and more where too few came in the middle of a change, as on a busy machine.

    ``taken_away``: system calls that those who write and recover do not have.
    """
    _prepare(root)
    interrupted = kills = 0
    while kills < times or (interrupted <= times // 10 and kills < 10 * times):
        _killed_child(root, random.random() * 0.03, taken_away)
        kills += 1
        if kills % 4 == 1:
            _recovering_children(root, 2, taken_away)
        interrupted += bool(list((root / ".noclobber/tmp").iterdir()))
        with ConcurrencyGuard(root, "tidier") as tidier:
            for name in ("comes and goes", "moved"):
                if (root / name).exists():
                    tidier.read(name)
                    tidier.delete(name)
        _check(root)
    print(f"kills: {kills}, of them {interrupted} in the middle of a change")
    assert interrupted > times // 10
