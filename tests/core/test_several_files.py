"""Several files in one change: all or nothing."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    PathError,
    StaleFileError,
)


def test_write_many_is_all_or_nothing(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    for name in ("a", "b", "c"):
        (root / name).write_bytes(b"old " + name.encode())
        alice.read(name)
    bob.read("b")
    bob.write("b", b"bob")
    with pytest.raises(StaleFileError) as caught:
        alice.write_many(dict.fromkeys(("a", "b", "c", "new/d"), b"new"))
    assert caught.value.refusal.file_path == "b"
    assert [(root / name).read_bytes() for name in ("a", "b", "c")] == [b"old a", b"bob", b"old c"]
    assert not (root / "new/d").exists()
    alice.read("b")
    done = alice.write_many(dict.fromkeys(("a", "b", "c", "new/d"), b"new"))
    assert [(root / name).read_bytes() for name in ("a", "b", "c", "new/d")] == [b"new"] * 4
    assert len(done) == 4


def test_write_many_takes_back_what_it_had_placed_when_an_outsider_is_quicker(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("a", "b"):
        (root / name).write_bytes(b"old")
        alice.read(name)
    seen: list[str] = []

    def step(name: str) -> None:
        seen.append(name)
        if seen.count("exchange") == 2 and name == "exchange":
            (root / "b").write_bytes(b"outside")

    alice.workspace.step = step
    with pytest.raises(StaleFileError) as caught:
        alice.write_many({"a": b"new", "b": b"new"})
    assert caught.value.refusal.file_path == "b"
    assert (root / "a").read_bytes() == b"old"
    assert (root / "b").read_bytes() == b"outside"
    assert os.listdir(root / ".noclobber/tmp") == []


def test_one_file_named_twice_in_one_change_is_told(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    with pytest.raises(PathError, match="named twice"):
        alice.write_many({"a.txt": b"1", "./a.txt": b"2"})


def test_a_refused_write_makes_no_folder(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("sub/f", b"1")
    (root / "sub/f").unlink()
    (root / "sub").rmdir()
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write("sub/f", b"2")
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write_many({"other/g": b"new", "sub/f": b"2"})
    assert os.listdir(root) == [".noclobber"]


def test_two_names_of_one_file_in_one_change_are_told(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    os.link(lines, root / "b.txt")
    for name in ("a.txt", "b.txt"):
        alice.read(name)
    with pytest.raises(PathError, match="two names of one file"):
        alice.write_many({"a.txt": b"x", "b.txt": b"y"})


def test_a_thousand_files_in_one_change_need_few_descriptors(alice: ConcurrencyGuard, root: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 100, hard))
    try:
        done = alice.write_many({f"part{number % 20}/{number}": b"%d" % number for number in range(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(done) == 1000
    assert (root / "part7/407").read_bytes() == b"407"


def test_a_file_already_as_wanted_is_on_record_only_if_all_the_others_are_written(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("a", "b"):
        (root / name).write_bytes(b"old")
        alice.read(name)

    def step(name: str) -> None:
        if name == "exchange":
            (root / "b").write_bytes(b"outside")

    alice.workspace.step = step
    with pytest.raises(StaleFileError):
        alice.write_many({"a": b"old", "b": b"new"})
    assert alice.events(kind="write", outcome="done") == []
