"""Names that lead out, names that cannot be, things that are no files, and folders in motion: a clear error, and nothing changed."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    OutsideWorkspaceError,
    PathError,
)


@pytest.mark.parametrize("path", ["../out.txt", "/etc/hostname", "a/../../out", ".git/config", ".noclobber/state.db", "sub/.git/x"])
def test_no_path_leads_out(alice: ConcurrencyGuard, root: Path, path: str) -> None:
    (root / "a").mkdir()
    for call in (lambda: alice.write(path, b"x"), lambda: alice.read(path), lambda: alice.edit(path, [("a", "b")])):
        with pytest.raises(OutsideWorkspaceError):
            call()
    assert not (root.parent / "out.txt").exists()


def test_a_symlink_out_of_the_workspace_is_refused(alice: ConcurrencyGuard, root: Path) -> None:
    secret = root.parent / "secret"
    secret.write_bytes(b"outside")
    (root / "link").symlink_to(secret)
    with pytest.raises(OutsideWorkspaceError):
        alice.read("link")
    with pytest.raises(OutsideWorkspaceError):
        alice.write("link", b"x")
    assert secret.read_bytes() == b"outside"


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket"])
def test_what_is_not_a_regular_file_is_refused_without_waiting(alice: ConcurrencyGuard, root: Path, kind: str) -> None:
    path = root / "odd"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        os.mknod(path, stat.S_IFSOCK | 0o600)
    with pytest.raises(PathError, match=r"regular files|a folder"):
        alice.write("odd", b"x")
    with pytest.raises(PathError):
        alice.read("odd")


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "bad\udcff", "", "."])
def test_unusable_names_are_told(alice: ConcurrencyGuard, name: str) -> None:
    with pytest.raises(PathError):
        alice.write(name, b"x")


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system folds case")
def test_names_that_differ_only_in_case_or_unicode_form_are_two_files(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("Name", "name", "\u00e9", "e\u0301"):
        alice.write(name, name.encode())
    assert sorted(os.listdir(root)) == sorted([".noclobber", "Name", "name", "\u00e9", "e\u0301"])


def test_a_folder_renamed_in_the_middle_of_a_write_is_told_and_nothing_lands(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "sub").mkdir()
    (root / "sub/f").write_bytes(b"old")
    alice.read("sub/f")

    def step(name: str) -> None:
        if name == "compare" and (root / "sub").exists():
            (root / "sub").rename(root.parent / "elsewhere")

    alice.workspace.step = step
    with pytest.raises(Exception, match="was moved while it was written"):
        alice.write("sub/f", b"new")
    assert (root.parent / "elsewhere/f").read_bytes() == b"old"
    assert os.listdir(root / ".noclobber/tmp") == []
