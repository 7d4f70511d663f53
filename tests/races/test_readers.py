"""Readers beside writers: under the guard nobody sees half a write or half of a change of several files; no program sees half a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from crew import Worker, race

from noclobber import ConcurrencyGuard


def _read_along(root: Path, seconds: float) -> None:
    for name in ("x", "y", "z"):
        (root / name).write_bytes(b"0\n" * 2000)
    one, other, guarded, plain = race(
        Worker("group_writer", root=str(root), agent="one", seconds=seconds),
        Worker("group_writer", root=str(root), agent="other", seconds=seconds),
        Worker("group_reader", root=str(root), seconds=seconds),
        Worker("plain_reader", root=str(root), seconds=seconds),
    )
    print(
        f"readers: {one['done'] + other['done']} changes, {guarded['reads']} guarded reads saw {guarded['changes']}, {plain['reads']} plain"
    )
    assert guarded["wrong"] == []
    assert plain["wrong"] == []
    assert guarded["changes"] > 3
    last = int((root / "x").read_bytes().split()[0])
    with ConcurrencyGuard(root, "checker") as checker:
        assert len(checker.events(file_path="x", kind="write", outcome="done")) == last == one["done"] + other["done"]


def test_no_reader_sees_half_of_anything(tmp_path: Path) -> None:
    _read_along(tmp_path, 2.0)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_nor_in_a_long_run(tmp_path: Path) -> None:
    _read_along(tmp_path, 60.0)


def test_four_editors_of_one_file_lose_no_line_of_each_other(tmp_path: Path) -> None:
    _edit_together(tmp_path, 15)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_four_editors_with_hundreds_of_lines_each(tmp_path: Path) -> None:
    _edit_together(tmp_path, 400)


def _edit_together(root: Path, count: int) -> None:
    agents = [f"agent-{number}" for number in range(4)]
    lines = [f"{agent} {number} todo\n" for number in range(count) for agent in agents]
    (root / "shared").write_text("".join(lines))
    results = race(*[Worker("editor", root=str(root), agent=agent, count=count) for agent in agents])
    assert (root / "shared").read_text() == "".join(line.replace("todo", "done") for line in lines)
    merged = sum(result["merged"] for result in results)
    print(f"edits: {4 * count}, of them {merged} over others' changes")
    assert merged > count


def test_eight_writers_of_eight_files_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    results = race(*[Worker("single", root=str(tmp_path), file=f"file-{number}", seconds=2.0) for number in range(8)])
    writes = sum(result["writes"] for result in results)
    print(f"8 writers, 8 files: {writes} writes, p50 {max(r['p50'] for r in results):.1f} ms, p99 {max(r['p99'] for r in results):.1f} ms")
    assert all(result["writes"] > 10 for result in results)
