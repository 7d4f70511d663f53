"""Where two files cannot be exchanged: the same promises but those that the documentation takes back, on a file system that really cannot.

Twice: with the calls taken away by the kernel, wherever Linux runs; and on a FUSE file system that has them not, where root may mount one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crew import Worker, race
from killing import kill_often
from poor_kernel import missing, told_without

from noclobber import ConcurrencyGuard, ExistsError, StaleFileError
from noclobber.content import hash_content
from noclobber.diagnosis import diagnose

POOR_DISK = Path(__file__).parent.with_name("poorer") / "poor_disk.py"
OLD, NEW = b"the old version\n" * 40, b"the new one\n" * 30
TAKEN_AWAY = (("exchange",), ("exchange", "noreplace"), ("exchange", "noreplace", "leases"))

needs_filter = pytest.mark.skipif(missing() != "", reason=missing() or "calls can be taken away")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a FUSE file system")


@pytest.fixture(params=["with links", "nolinks"])
def poor_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A mounted file system without exchange, without the rename that never replaces; one of the two without hard links as well."""
    backing, folder = tmp_path / "backing", tmp_path / "poor"
    for path in (backing, folder):
        path.mkdir()
    command = [sys.executable, str(POOR_DISK), str(backing), str(folder), request.param]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    said = server.stdout.readline().strip()
    if said != "mounted":
        server.communicate()
        pytest.skip(said or "no FUSE file system can be served here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    try:
        server.communicate(timeout=20)  # it ends once nothing there is open any more
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()


def _all_changes(root: Path) -> str:
    """Every kind of change, each looked at; empty if all went well."""
    with ConcurrencyGuard(root, "alice", turn_id="turn-1") as alice:
        bob = alice.as_writer("bob")
        _one_by_one(root, alice, bob)
        _several(root, alice)
        last = {path.name: hash_content(path.read_bytes()) for path in root.iterdir() if path.is_file()}
        for name, found in last.items():
            assert alice.events(file_path=name, outcome="done")[-1].after_hash == found, name
        assert alice.workspace.store.pending() == []
        assert os.listdir(root / ".noclobber/tmp") == []
    return ""


def _one_by_one(root: Path, alice: ConcurrencyGuard, bob: ConcurrencyGuard) -> None:
    alice.write("a", OLD)
    (root / "a").chmod(0o751)
    before = (root / "a").stat()
    assert alice.write("a", NEW).outcome == "done"
    assert (root / "a").read_bytes() == NEW
    assert ((root / "a").stat().st_mode, (root / "a").stat().st_uid) == (before.st_mode, before.st_uid)
    bob.read("a")
    alice.edit("a", [(b"the new one\n" * 30, b"an edit\n")])
    with pytest.raises(StaleFileError):
        bob.write("a", b"bob\n")
    alice.move("a", "b")
    assert not (root / "a").exists()
    alice.write("c", b"c\n")
    with pytest.raises(ExistsError):
        alice.move("c", "b")
    alice.delete("b")
    assert not (root / "b").exists()
    alice.restore("b", hash_content(NEW))
    assert (root / "b").read_bytes() == NEW


def _several(root: Path, alice: ConcurrencyGuard) -> None:
    alice.write_many({"x": OLD, "y": OLD})
    alice.as_writer("alice", turn_id="turn-2").write_many({"x": NEW, "y": NEW, "z": NEW})

    def step(name: str) -> None:
        if name == "rewrite":
            (root / "y").write_bytes(b"outside\n")

    alice.workspace.step = step
    with pytest.raises(StaleFileError):
        alice.write_many({"x": b"3\n", "y": b"3\n", "new": b"3\n"})
    alice.workspace.step = lambda _name: None
    assert [(root / name).read_bytes() for name in ("x", "y")] == [NEW, b"outside\n"]
    assert not (root / "new").exists()
    alice.read("y")
    alice.write("y", NEW)
    alice.revert(turn_id="turn-2")
    assert (root / "x").read_bytes() == OLD
    assert not (root / "z").exists()


@needs_filter
@pytest.mark.parametrize("taken_away", TAKEN_AWAY, ids=" ".join)
def test_every_kind_of_change_is_made_without_these_calls(tmp_path: Path, taken_away: tuple[str, ...]) -> None:
    assert told_without(taken_away, lambda: _all_changes(tmp_path)) == ""


@needs_root
def test_every_kind_of_change_is_made_on_a_disk_without_them(poor_disk: Path) -> None:
    assert _all_changes(poor_disk) == ""
    assert any("cannot exchange two files" in finding.message for finding in diagnose(str(poor_disk), {}))


def _lost(root: Path, outsider: dict[str, Any]) -> list[str]:
    with ConcurrencyGuard(root, "checker") as checker:
        standing = hash_content((root / "file").read_bytes())
        doubtful = set(outsider["made"]) - set(outsider["overwritten"]) - {standing}
        return [made for made in doubtful if checker.workspace.store.content(made) is None]


def _fight(root: Path, kind: str, taken_away: tuple[str, ...], sabotage: str = "") -> list[str]:
    """What was lost of the outsider's versions; the outsider has all calls, so that it knows what it displaced."""
    root.mkdir(exist_ok=True)
    (root / "file").write_bytes(b"begin\n")
    writer = Worker("writer", root=str(root), seconds=1.0, without=taken_away, sabotage=sabotage)
    guarded, outsider = race(writer, Worker(kind, root=str(root), seconds=1.0))
    lost = _lost(root, outsider)
    print(
        f"{kind}, without {taken_away}: {guarded['done']} writes, {guarded['refused']} refused; {len(outsider['made'])} outside versions, "
        f"{len(outsider['overwritten'])} overwritten by outsiders, {len(lost)} lost"
    )
    assert guarded["done"] + guarded["refused"] > 5
    assert outsider["made"]
    assert list((root / ".noclobber/tmp").iterdir()) == []
    return lost


@needs_filter
@pytest.mark.parametrize("pace", ["", "slow"])
@pytest.mark.parametrize("kind", ["renamer", "in_place", "late"])
def test_no_outside_version_is_lost_where_files_are_rewritten_in_place(tmp_path: Path, kind: str, pace: str) -> None:
    assert _fight(tmp_path, kind, ("exchange", "noreplace"), pace) == []


@needs_filter
def test_the_race_finds_the_loss_where_nobody_is_kept_from_opening_the_file(tmp_path: Path) -> None:
    lost = (_fight(tmp_path / str(attempt), "in_place", ("exchange", "noreplace"), "alone") for attempt in range(8))
    assert any(lost), "nothing was lost: the test would not notice"


@needs_root
@pytest.mark.parametrize("kind", ["in_place", "late"])
def test_nor_on_a_disk_without_the_exchange(poor_disk: Path, kind: str) -> None:
    assert _fight(poor_disk, kind, ()) == []


@needs_filter
def test_one_who_renames_over_the_file_loses_nothing_without_leases_either(tmp_path: Path) -> None:
    assert _fight(tmp_path, "renamer", ("exchange", "noreplace", "leases")) == []


def _readers(root: Path, taken_away: tuple[str, ...]) -> None:
    (root / "x").write_bytes(b"0\n" * 2000)
    for name in ("y", "z"):
        (root / name).write_bytes(b"0\n" * 2000)
    writer = Worker("group_writer", root=str(root), agent="one", seconds=1.0, without=taken_away)
    readers = [Worker("plain_reader", root=str(root), seconds=1.0), Worker("group_reader", root=str(root), seconds=1.0)]
    written, plain, guarded = race(writer, *readers)
    print(f"{written['done']} writes of three files, {plain['reads']} plain reads, {guarded['reads']} guarded ones")
    assert written["done"] > 3
    assert guarded["wrong"] == []
    assert plain["wrong"] == []


@needs_filter
def test_no_program_that_opens_a_file_reads_half_of_what_is_rewritten_in_place(tmp_path: Path) -> None:
    _readers(tmp_path, ("exchange",))


@needs_filter
@pytest.mark.parametrize("taken_away", TAKEN_AWAY[:2], ids=" ".join)
def test_after_kills_files_are_whole_and_the_history_agrees_without_these_calls(tmp_path: Path, taken_away: tuple[str, ...]) -> None:
    kill_often(tmp_path, 30, taken_away=taken_away)


@needs_root
def test_after_kills_on_a_disk_without_them_as_well(poor_disk: Path) -> None:
    kill_often(poor_disk, 20)


@needs_filter
@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("taken_away", TAKEN_AWAY[:2], ids=" ".join)
def test_after_many_kills_as_well(tmp_path: Path, taken_away: tuple[str, ...]) -> None:
    kill_often(tmp_path, 1000, taken_away=taken_away)
