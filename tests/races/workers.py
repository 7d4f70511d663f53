"""What runs in processes of its own: guarded writers, outsiders, readers. ``python workers.py NAME ARGUMENTS`` (JSON)."""

from __future__ import annotations

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

from noclobber import ConcurrencyGuard, FileAccessError, NoclobberError, Refused
from noclobber.replacement import base, create, exchange, inplace, relocate
from noclobber.syscalls import exchange as swap

Result = dict[str, Any]


def _go() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def _for(seconds: float) -> Iterator[int]:
    """Counts until the time is up."""
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        number += 1
        yield number


def counter(root: str, agent: str, seconds: float) -> Result:
    """Read, add one, write; read again where it was stale."""
    accepted = stale = 0
    with ConcurrencyGuard(root, agent) as guard:
        _go()
        for _ in _for(seconds):
            number = int(guard.read("counter").content)
            try:
                guard.write("counter", b"%d\n" % (number + 1))
                accepted += 1
            except Refused:
                stale += 1
    return {"accepted": accepted, "stale": stale}


def writer(root: str, seconds: float, sabotage: str = "") -> Result:
    """One guarded writer that rewrites the whole file again and again; ``sabotage`` leaves a safeguard out."""
    _sabotage(sabotage)
    done = refused = 0
    put_back = 0

    def step(name: str) -> None:
        nonlocal put_back
        put_back += name == "keep"

    with ConcurrencyGuard(root, "guarded") as guard:
        guard.workspace.step = step
        _go()
        for number in _for(seconds):
            try:
                guard.read("file")
                guard.write("file", b"guarded %d\n" % number * 50)
                done += 1
            except (Refused, FileAccessError):
                refused += 1
    return {"done": done, "refused": refused, "put_back": put_back}


def _sabotage(what: str) -> None:
    """Take a safeguard out of this process, so that the test can show that it would notice."""
    if what == "compare":

        def blind(self: exchange.Exchange) -> bool:
            directory, name = self.site.temp(self.row)
            self.late = not base.read_displaced(directory, name, self.row.expecting).quiet
            return True

        exchange.Exchange._settled = blind  # type: ignore[method-assign]
    if what in ("slow", "alone"):  # a long while between the last comparison and the write, so that every outsider hits it

        def slow(fd: int, content: bytes, overwrite: Callable[[int, bytes], None] = inplace._overwrite) -> None:
            time.sleep(0.005)
            overwrite(fd, content)

        inplace._overwrite = slow
    if what == "alone":
        inplace._alone = lambda _fd: nullcontext()  # type: ignore[assignment]
    if what == "late":
        true = base.read_displaced

        def careless(directory: int, name: str, expecting: str | None) -> base.Displaced:
            return true(directory, name, expecting)._replace(quiet=True)

        for module in (exchange, create, relocate, base):
            module.read_displaced = careless  # type: ignore[attr-defined]
        base._QUIET_WAIT_S = 0.0


class _Log:
    """An outsider's own versions, and which of them it overwrote itself."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.made: list[str] = []
        self.overwritten: set[str] = set()

    def next(self) -> bytes:
        content = b"%s %d\n" % (self.label.encode(), len(self.made)) * 40
        self.made.append(_hash(content))
        return content

    def overwrites(self, content: bytes) -> None:
        self.overwritten.add(_hash(content))

    def result(self, **more: Any) -> Result:
        return {"made": self.made, "overwritten": sorted(self.overwritten & set(self.made)), **more}


def _pause() -> None:
    """Any while, so that the moments of both sides drift against each other and the guarded writer gets its turn."""
    time.sleep(random.random() * 0.006)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def renamer(root: str, seconds: float) -> Result:
    """Renames over the file. By exchange, so that it knows what it displaced; what it displaced, it throws away."""
    log = _Log("renamed")
    folder = os.open(root, os.O_RDONLY)
    _go()
    for _ in _for(seconds):
        with open(f"{root}/fresh", "wb") as file:
            file.write(log.next())
        swap(folder, "file", folder, "fresh")
        with open(f"{root}/fresh", "rb") as file:
            log.overwrites(file.read())
        os.unlink(f"{root}/fresh")
    return log.result()


def in_place(root: str, seconds: float) -> Result:
    """Truncates the file and writes into it, as a plain editor does."""
    log = _Log("in place")
    _go()
    for _ in _for(seconds):
        with open(f"{root}/file", "r+b", buffering=0) as file:
            log.overwrites(file.read())
            content = log.next()
            file.seek(0)
            file.truncate()
            file.write(content)
        _pause()
    return log.result()


def late(root: str, seconds: float) -> Result:
    """Keeps the file open until another stands in its place, and only then writes into it."""
    log = _Log("late")
    displaced = 0
    _go()
    for _ in _for(seconds):
        with open(f"{root}/file", "r+b", buffering=0) as file:
            mine = os.fstat(file.fileno()).st_ino
            until = time.monotonic() + 0.004
            while os.stat(f"{root}/file").st_ino == mine and time.monotonic() < until:
                os.sched_yield()
            displaced += os.stat(f"{root}/file").st_ino != mine
            log.overwrites(file.read())
            content = log.next()
            file.seek(0)
            file.truncate()
            file.write(content)
        _pause()
    return log.result(displaced=displaced)


def editor(root: str, agent: str, count: int) -> Result:
    """Replaces each of its own lines by ``edit``, in a file that others edit as well."""
    merged = 0
    with ConcurrencyGuard(root, agent) as guard:
        guard.read("shared")
        _go()
        for number in range(count):
            done = guard.edit("shared", [(f"{agent} {number} todo\n", f"{agent} {number} done\n")])
            merged += done.outcome == "merged"
    return {"merged": merged}


def group_writer(root: str, agent: str, seconds: float) -> Result:
    """Writes three files at once, always with the same number."""
    done = refused = 0
    with ConcurrencyGuard(root, agent) as guard:
        _go()
        for _ in _for(seconds):
            number = max(int(guard.read(name).content.split()[0]) for name in ("x", "y", "z"))
            content = b"%d\n" % (number + 1) * 2000
            try:
                guard.write_many({"x": content, "y": content, "z": content})
                done += 1
            except Refused:
                refused += 1
    return {"done": done, "refused": refused}


def group_reader(root: str, seconds: float) -> Result:
    """Reads x, then y, then z under the guard: each is whole, and none is older than the one before."""
    reads, changes, wrong = 0, 0, []
    last = 0
    with ConcurrencyGuard(root, "reader") as guard:
        _go()
        for _ in _for(seconds):
            numbers = []
            for name in ("x", "y", "z"):
                words = guard.read(name).content.split()
                if len(words) != 2000 or len(set(words)) != 1:
                    wrong.append(f"{name} is torn")
                numbers.append(int(words[0]))
            reads += 1
            changes += numbers[0] != last
            last = numbers[0]
            if numbers != sorted(numbers):
                wrong.append(f"half of a change: {numbers}")
    return {"reads": reads, "changes": changes, "wrong": wrong[:5]}


def plain_reader(root: str, seconds: float) -> Result:
    """Any program at all: opens and reads."""
    reads, wrong = 0, []
    _go()
    for _ in _for(seconds):
        with open(f"{root}/x", "rb") as file:
            words = file.read().split()
        if len(words) != 2000 or len(set(words)) != 1:
            wrong.append(f"{len(words)} words, {len(set(words))} versions")
        reads += 1
    return {"reads": reads, "wrong": wrong[:5]}


def single(root: str, file: str, seconds: float) -> Result:
    """Rewrites a file of its own; how long each write took, in milliseconds."""
    took = []
    with ConcurrencyGuard(root, file) as guard:
        guard.write(file, b"begin\n")
        _go()
        for number in _for(seconds):
            began = time.perf_counter()
            guard.write(file, b"%d\n" % number * 1000)
            took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return {"writes": len(took), "p50": took[len(took) // 2], "p99": took[int(len(took) * 0.99)]}


def persistent(root: str, agent: str, seconds: float) -> Result:
    """Goes on writing and reading whatever happens to the state; errors of ours are counted, others end it."""
    done, errors = 0, []
    with ConcurrencyGuard(root, agent) as guard:
        epochs = {guard.workspace.store.epoch}
        _go()
        for number in _for(seconds):
            try:
                guard.read("file")
                guard.write("file", b"%s %d\n" % (agent.encode(), number))
                done += 1
                epochs.add(guard.workspace.store.epoch)
            except Refused:
                continue
            except NoclobberError as error:
                errors.append(f"{type(error).__name__}: {error}")
        print("then", flush=True)
        sys.stdin.readline()
        accepted = 0
        while accepted < 20:
            number = int(guard.read("counter").content)
            try:
                guard.write("counter", b"%d\n" % (number + 1))
                accepted += 1
            except Refused:
                continue
    return {"done": done, "errors": errors[:5], "epochs": len(epochs)}


def walker(root: str, outside: str, seconds: float) -> Result:
    """Writes by a path whose folder is moved, or swapped for a symlink that leads out, all the time."""
    done, refused, kinds = 0, 0, set()
    with ConcurrencyGuard(root, "walker") as guard:
        _go()
        for number in _for(seconds):
            try:
                guard.read("folder/file")
                guard.write("folder/file", b"walked %d\n" % number)
                done += 1
            except (Refused, NoclobberError) as error:
                refused += 1
                kinds.add(type(error).__name__)
    return {"done": done, "refused": refused, "kinds": sorted(kinds), "outside": sorted(os.listdir(outside))}


def mover(root: str, seconds: float, link_to: str = "") -> Result:
    """Moves the folder away and back; with ``link_to`` a symlink stands in its place meanwhile."""
    moves = 0
    _go()
    for _ in _for(seconds):
        os.rename(f"{root}/folder", f"{root}/moved")
        if link_to:
            os.symlink(link_to, f"{root}/folder")
            os.unlink(f"{root}/folder")
        os.rename(f"{root}/moved", f"{root}/folder")
        moves += 1
        _pause()
    return {"moves": moves}


def backwards(root: str, count: int) -> Result:
    """The clock goes back by an hour with every write."""
    from noclobber import changing, clock, commit, reading, recovery, situation

    hour = 0

    def earlier() -> str:
        nonlocal hour
        hour += 1
        return clock.format_utc(1_750_000_000 - hour * 3600)

    for module in (changing, reading, recovery, situation):
        module.utc_now = earlier  # type: ignore[attr-defined]
    assert commit
    with ConcurrencyGuard(root, "traveller") as guard:
        _go()
        guard.read("file")
        for number in range(count):
            guard.write("file", b"%d\n" % number)
        events = guard.events(kind="write")
        refused = ""
        with open(f"{root}/file", "wb") as file:
            file.write(b"outside\n")
        try:
            guard.write("file", b"again\n")
        except Refused as error:
            refused = error.refusal.type
    return {"writes": len(events), "ordered": [event.seq for event in events] == sorted(event.seq for event in events), "refused": refused}


def holder(root: str) -> Result:
    """Takes a path's lock and forks a child that lives on; then waits to be killed."""
    guard = ConcurrencyGuard(root, "holder")
    life = guard.workspace.live().id
    lock = guard.workspace.locks.exclusive("file")
    reading_end, _writing_end = os.pipe()
    forked, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(_writing_end)
        os.write(telling, b".")
        os.read(reading_end, 1)  # until the parent is gone
        sys.stdin.read()  # and the test lets go
        os._exit(0)
    os.read(forked, 1)  # by now it has let go of what it was born with
    print(f"holding {child} {life}", flush=True)
    _go()
    lock.release()
    return {}


if __name__ == "__main__":
    job: Callable[..., Result] = globals()[sys.argv[1]]
    arguments = json.loads(sys.argv[2])
    taken_away = arguments.pop("without", ())
    if taken_away:
        sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "poorer"))
        from poor_kernel import without

        without(taken_away)
    print("result", json.dumps(job(**arguments)), flush=True)
