"""Runs the benchmarks, all or those named: a table on stdout, the same as JSON in ``build/bench.json``."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

from frame import Bench, Figure, Limit, against_limits, scratch


def main(names: list[str]) -> int:
    figures: list[Figure | Limit] = []
    for bench in _benches(names):
        sys.stderr.write(f"measuring {bench.name} …\n")
        with scratch(bench.name) as folder:
            figures.extend(bench.run(folder))
    _print_table(figures)
    if not names:
        _write_json(figures)
    return 0


def _benches(names: list[str]) -> list[Bench]:
    here = Path(__file__).parent
    modules = [import_module(path.stem) for path in sorted(here.glob("bench_*.py"))]
    benches = [bench for module in modules for bench in _benches_of(module)]
    if unknown := set(names) - {bench.name for bench in benches}:
        sys.exit(f"no benchmark is named {', '.join(sorted(unknown))}; there are: {', '.join(bench.name for bench in benches)}")
    return [bench for bench in benches if not names or bench.name in names]


def _benches_of(module: ModuleType) -> list[Bench]:
    if isinstance(module.BENCHES, dict):
        return [against_limits(name, measure) for name, measure in module.BENCHES.items()]
    return list(module.BENCHES)


def _print_table(figures: list[Figure | Limit]) -> None:
    header = ("what", "measured", "floor", "floor is", "ratio", "goal", "")
    rows = [(*one.cells, _verdict(one)) for one in figures]
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for one in figures:
        if one.note:
            print(f"  {one.name}: {one.note}")


def _verdict(figure: Figure | Limit) -> str:
    if not figure.goal:
        return ""
    return "met" if figure.met else "MISSED"


def _write_json(figures: list[Figure | Limit]) -> None:
    target = Path(__file__).resolve().parents[2] / "build" / "bench.json"
    told = {
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()}",
        "cores": len(os.sched_getaffinity(0)),
        "figures": [one.to_json() for one in figures],
    }
    target.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nwritten to {target.relative_to(target.parents[1])}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
