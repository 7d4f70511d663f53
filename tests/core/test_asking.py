"""Questions about what was: they are answered whatever stands under the name today."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from noclobber import ConcurrencyGuard, NoclobberError, OutsideWorkspaceError, PathError, VersionGoneError
from noclobber.store import SqliteStore


def _folder(path: Path) -> None:
    path.mkdir()


def _folder_with_files(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def _link_out(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def _link_in_circles(path: Path) -> None:
    path.symlink_to(path.name)


def _nothing(_path: Path) -> None:
    return


NOW: dict[str, Callable[[Path], None]] = {
    "nothing": _nothing,
    "a folder": _folder,
    "a folder with files": _folder_with_files,
    "a pipe": os.mkfifo,
    "a symlink that leads out": _link_out,
    "a symlink in circles": _link_in_circles,
}


@pytest.mark.parametrize("name", ["thing", "sub/thing"])
@pytest.mark.parametrize("now", NOW)
def test_a_file_of_the_past_is_asked_for_whatever_stands_there_now(alice: ConcurrencyGuard, root: Path, now: str, name: str) -> None:
    done = alice.write(name, b"it was a file\n")
    (root / name).unlink()
    NOW[now](root / name)
    (event,) = alice.events(file_path=name)
    assert (event.kind, event.after_hash) == ("write", done.content_hash)
    assert alice.events(file_path=root / name) == [event]
    assert [snapshot.read_hash for snapshot in alice.get_snapshots_by_file(name)] == [done.read_hash]
    snapshot = alice.get_snapshot(name)
    assert snapshot is not None
    assert snapshot.read_hash == done.read_hash


def test_so_is_one_whose_folder_is_a_file_today(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("sub/thing", b"1\n")
    (root / "sub/thing").unlink()
    (root / "sub").rmdir()
    (root / "sub").write_bytes(b"a file\n")
    assert [event.kind for event in alice.events(file_path="sub/thing")] == ["write"]


def test_a_question_through_a_symlink_is_about_the_file_it_names(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("real", b"1\n")
    (root / "link").symlink_to("real")
    assert [event.file_path for event in alice.events(file_path="link")] == ["real"]


@pytest.mark.parametrize("path", ["../out", "/etc/hostname", ".git/config", ".noclobber/state.db"])
def test_a_question_about_what_is_not_guarded_is_refused_as_ever(alice: ConcurrencyGuard, path: str) -> None:
    with pytest.raises(OutsideWorkspaceError):
        alice.events(file_path=path)


@pytest.mark.parametrize("path", ["", "a\0b", "a\nb", "."])
def test_a_question_about_no_usable_name_is_told(alice: ConcurrencyGuard, path: str) -> None:
    with pytest.raises(PathError):
        alice.events(file_path=path)


def test_a_change_still_needs_a_regular_file(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "thing").mkdir()
    with pytest.raises(NoclobberError, match="a folder"):
        alice.write("thing", b"x")
    with pytest.raises(NoclobberError, match="a folder"):
        alice.lease("thing")


def _alike(alice: ConcurrencyGuard, content: bytes, digits: int) -> bytes:
    """Another content whose hash begins with the same digits."""
    wanted = alice.hash_content(content)[:digits]
    return next(other for other in map(b"%d\n".__mod__, range(1 << 20)) if alice.hash_content(other).startswith(wanted))


def test_the_beginning_of_a_hash_means_the_files_own_version_before_any_others(alice: ConcurrencyGuard, root: Path) -> None:
    mine = b"my own version\n"
    alice.write("other.md", _alike(alice, mine, 2))
    alice.write("a.py", mine)
    alice.write("a.py", b"newer\n")
    alice.restore("a.py", alice.hash_content(mine)[:2].upper())
    assert (root / "a.py").read_bytes() == mine


def test_a_short_beginning_never_brings_another_files_version(alice: ConcurrencyGuard, root: Path) -> None:
    plan = b"the secret plan\n"
    alice.write("plan.md", plan)
    alice.write("a.py", b"code\n")
    digits = alice.hash_content(plan)
    for prefix in ("", digits[0], digits[:5]):
        with pytest.raises(VersionGoneError, match=r"No kept version of a\.py begins with .*; for one of another file give 6 digits"):
            alice.restore("a.py", prefix)
    assert (root / "a.py").read_bytes() == b"code\n"
    alice.restore("a.py", digits[:6])
    assert (root / "a.py").read_bytes() == plan


def test_a_beginning_that_fits_several_of_the_files_versions_is_told(alice: ConcurrencyGuard, root: Path) -> None:
    first = b"one\n"
    second = _alike(alice, first, 2)
    for content in (first, second, b"last\n"):
        alice.write("a.py", content)
    with pytest.raises(VersionGoneError, match=r"is the beginning of 2 versions of a\.py; give more digits"):
        alice.restore("a.py", alice.hash_content(first)[:2])
    assert (root / "a.py").read_bytes() == b"last\n"


def test_a_version_whose_kept_bytes_are_damaged_is_not_restored(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("a.py", b"one\n")
    alice.write("a.py", b"two\n")
    first = alice.hash_content(b"one\n")
    with cast("SqliteStore", alice.workspace.store).writing() as connection:
        connection.execute("UPDATE blobs SET data = ? WHERE id = (SELECT id FROM contents WHERE hash = ?)", (b"three\n", first))
    with pytest.raises(VersionGoneError, match="damaged"):
        alice.restore("a.py", first)
    assert (root / "a.py").read_bytes() == b"two\n"
