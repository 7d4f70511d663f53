"""A rewrite in place that a crash cut off, and a recovery that was cut off too: the old version stands again, nothing is dropped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from course import Course, run_apart
from outsider import Outsider

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content

OLD = b"".join(b"old %d\n" % number for number in range(60))


def _mixtures(old: bytes, new: bytes) -> list[bytes]:
    """What our own writes leave: the new one begun; the old one begun again over that; the new one not yet cut to its length."""
    shorter = min(len(old), len(new))
    begun = [new[:at] + old[at:] for at in range(1, len(new), 37)]
    again = [old[:first] + new[first:second] + old[second:] for first in range(5, shorter, 71) for second in range(first, len(new), 97)]
    back = [old[:at] + new[at:] for at in range(5, shorter + 1, 37)]
    return [mixture for mixture in dict.fromkeys([*begun, *again, *back, new + old[len(new) :]]) if mixture not in (old, new)]


@pytest.mark.parametrize("length", [20, 60, 100], ids=["shorter", "as long", "longer"])
def test_a_mixture_of_both_versions_becomes_the_old_one_again(tmp_path: Path, length: int) -> None:
    new = b"".join(b"NEW %d\n" % number for number in range(length))
    (tmp_path / "file").write_bytes(OLD)
    os.link(tmp_path / "file", tmp_path / "other name")
    for mixture in _mixtures(OLD, new):
        (tmp_path / "file").write_bytes(OLD)
        ended = run_apart(tmp_path, ("file",), lambda guard: _write(guard, new), Course(((3, "kill"),)), Outsider(tmp_path / "file"))
        assert ended.steps == ("record", "rewrite", "compare")
        (tmp_path / "file").write_bytes(mixture)
        with ConcurrencyGuard(tmp_path, "checker") as checker:
            assert (tmp_path / "other name").read_bytes() == OLD
            assert checker.content(hash_content(mixture)) == mixture
            assert checker.workspace.store.pending() == []


def test_somebody_elses_bytes_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    os.link(tmp_path / "file", tmp_path / "other name")
    run_apart(tmp_path, ("file",), lambda guard: _write(guard, b"new\n"), Course(((3, "kill"),)), Outsider(tmp_path / "file"))
    (tmp_path / "file").write_bytes(b"outside\n")
    with ConcurrencyGuard(tmp_path, "checker"):
        assert (tmp_path / "other name").read_bytes() == b"outside\n"


def test_a_hard_linked_file_deleted_after_the_crash_does_not_stop_anybody(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    os.link(tmp_path / "file", tmp_path / "other name")
    run_apart(tmp_path, ("file",), lambda guard: _write(guard, b"new\n"), Course(((2, "kill"),)), Outsider(tmp_path / "file"))
    (tmp_path / "file").unlink()
    with ConcurrencyGuard(tmp_path, "checker") as checker:
        assert checker.workspace.store.pending() == []


def _write(guard: ConcurrencyGuard, content: bytes) -> None:
    guard.write("file", content)
