"""Eight processes on eight files: the guard must not make them wait for one another more than the disk does."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from bench_guard import SIZE, raw_write
from frame import Bench, Figure, content_of, percentile

from noclobber import ConcurrencyGuard

PROCESSES = 8
SECONDS = 2.0
ROUNDS = 3

Writer = Callable[[bytes], object]


def _guarded(folder: Path, number: int) -> Writer:
    guard = ConcurrencyGuard(folder, f"agent-{number}")
    return partial(guard.write, f"guarded_{number}.py")


def _raw(folder: Path, number: int) -> Writer:
    return partial(raw_write, folder / f"raw_{number}.py")


def _work(make: Callable[[Path, int], Writer], folder: Path, number: int, ready: Barrier, results: Any) -> None:
    """Write for the agreed time; how long each write took."""
    write = make(folder, number)
    contents = [content_of(SIZE, seed) for seed in range(20)]
    write(contents[-1])
    ready.wait()
    taken = []
    end = time.perf_counter() + SECONDS
    begun = time.perf_counter()
    while begun < end:
        write(contents[len(taken) % 19])
        now = time.perf_counter()
        taken.append(now - begun)
        begun = now
    results.put(taken)


def _run(make: Callable[[Path, int], Writer], folder: Path, processes: int) -> list[float]:
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=_work, args=(make, folder, number, ready, results)) for number in range(processes)]
    for worker in workers:
        worker.start()
    taken = [one for _ in workers for one in results.get(timeout=120)]
    for worker in workers:
        worker.join()
    return taken


def _scaling(folder: Path) -> Iterable[Figure]:
    runs: dict[tuple[Any, int], list[list[float]]] = {(make, count): [] for make in (_guarded, _raw) for count in (1, PROCESSES)}
    for _ in range(ROUNDS):
        for (make, count), taken in runs.items():
            taken.append(_run(make, folder, count))
    rate = {key: sorted(len(run) for run in taken)[ROUNDS // 2] / SECONDS for key, taken in runs.items()}
    ours = rate[_guarded, PROCESSES] / rate[_guarded, 1]
    raw = rate[_raw, PROCESSES] / rate[_raw, 1]
    p99 = percentile((one for run in runs[_guarded, PROCESSES] for one in run), 0.99)
    raw_p99 = percentile((one for run in runs[_raw, PROCESSES] for one in run), 0.99)
    note = ", ".join(
        f"{what} {rate[make, 1]:.0f} to {rate[make, PROCESSES]:.0f} writes/s ({scaled:.2f} x)"
        for what, make, scaled in (("guarded", _guarded, ours), ("raw", _raw, raw))
    )
    yield Figure("8 processes, 8 files: scaling; p99", p99, "raw p99", raw_p99, ours / raw, least_ratio=0.75, most_seconds=0.02, note=note)


BENCHES = (Bench("scaling", _scaling),)
