"""Names that lead out, names that cannot be, things that are no files, and folders in motion: a clear error, and nothing changed."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, ExistsError, FileAccessError, OutsideWorkspaceError, PathError
from noclobber.locks import HeldLock


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


@pytest.mark.parametrize("kind", ["folder", "fifo", "socket", "device"])
def test_what_is_not_a_regular_file_is_refused_without_waiting(alice: ConcurrencyGuard, root: Path, kind: str) -> None:
    path = root / "odd"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    else:
        if os.geteuid() != 0:
            pytest.skip("only root may make a device")
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # endless zeros
    with pytest.raises(PathError, match=r"regular files|a folder"):
        alice.write("odd", b"x")
    with pytest.raises(PathError):
        alice.read("odd")


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "bad\udcff", "", "."])
def test_unusable_names_are_told(alice: ConcurrencyGuard, name: str) -> None:
    with pytest.raises(PathError):
        alice.write(name, b"x")


@pytest.mark.parametrize("name", ["new/", "new/.", "a.txt/", "sub/new//"])
def test_a_name_that_ends_with_a_slash_is_no_files(alice: ConcurrencyGuard, root: Path, lines: Path, name: str) -> None:
    (root / "sub").mkdir()
    alice.read("a.txt")
    calls = (lambda: alice.write(name, b"x"), lambda: alice.move("a.txt", name), lambda: alice.write(f"{root}/{name}", b"x"))
    for call in calls if name != "a.txt/" else (*calls, lambda: alice.read(name), lambda: alice.delete(name)):
        with pytest.raises(PathError, match="a file's name does not end with a slash"):
            call()
    assert sorted(path.name for path in root.rglob("*") if ".noclobber" not in path.parts) == ["a.txt", "sub"]


def test_a_file_of_a_change_is_no_folder_of_it(alice: ConcurrencyGuard, root: Path) -> None:
    for contents in ({"p": b"1", "p/q": b"2"}, {"a/b/c": b"1", "a": b"2"}):
        with pytest.raises(PathError, match="is to be a file in the same change, not a folder"):
            alice.write_many(contents)
    assert os.listdir(root) == [".noclobber"]
    alice.write_many({"pp": b"1", "p/q": b"2"})


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


def test_a_folder_a_file_is_moved_into_is_renamed_in_the_middle_and_the_file_stays_in_the_workspace(
    alice: ConcurrencyGuard, root: Path, lines: Path
) -> None:
    (root / "sub").mkdir()
    content = alice.read("a.txt").content

    def step(name: str) -> None:
        if name == "move":
            (root / "sub").rename(root.parent / "elsewhere")

    alice.workspace.step = step
    with pytest.raises(FileAccessError, match=r"The folder of 'sub/a\.txt' was moved while it was written"):
        alice.move("a.txt", "sub/a.txt")
    assert lines.read_bytes() == content
    assert os.listdir(root.parent / "elsewhere") == []
    assert alice.events(kind="move") == []


CALLS: dict[str, Callable[[ConcurrencyGuard], object]] = {
    "write": lambda guard: guard.write("sub/f", b"new\n"),
    "edit": lambda guard: guard.edit("sub/f", [("old", "new")]),
    "delete": lambda guard: guard.delete("sub/f"),
    "move": lambda guard: guard.move("sub/f", "elsewhere"),
    "move there": lambda guard: guard.move("sub/other", "sub/f"),
    "several": lambda guard: guard.write_many({"sub/other": b"new\n", "sub/f": b"new\n"}),
    "check": lambda guard: guard.check_write("sub/f", b"new\n"),
    "read": lambda guard: guard.read("sub/f"),
}


@pytest.mark.parametrize("leads", ["out", "to another file", "to a folder", "nowhere"])
@pytest.mark.parametrize("call", CALLS)
def test_a_symlink_that_appears_between_the_look_up_and_the_lock_is_never_followed(
    alice: ConcurrencyGuard, root: Path, call: str, leads: str
) -> None:
    secret = _two_files_and_a_secret(alice, root)
    target = {"out": str(secret), "to another file": "other", "to a folder": ".", "nowhere": "nothing"}[leads]

    def swap() -> None:
        (root / "sub/f").unlink()
        (root / "sub/f").symlink_to(target)

    _just_before_the_lock(alice, swap)
    with pytest.raises((PathError, ExistsError, FileAccessError)):
        CALLS[call](alice)
    assert (root / "sub/f").is_symlink()
    assert (root / "sub/other").read_bytes() == b"old\n"
    assert secret.read_bytes() == b"secret\n"
    assert alice.workspace.store.content(alice.hash_content(b"secret\n")) is None
    assert os.listdir(root / ".noclobber/tmp") == []
    assert alice.workspace.store.pending() == []


@pytest.mark.parametrize("call", [name for name in CALLS if name not in ("check", "read")])
def test_a_folder_swapped_for_a_symlink_between_the_look_up_and_the_lock_leads_nowhere(
    alice: ConcurrencyGuard, root: Path, call: str
) -> None:
    secret = _two_files_and_a_secret(alice, root)
    outside = root.parent / "outside"
    outside.mkdir()
    for name in ("f", "other"):
        (outside / name).write_bytes(b"outside\n")

    def swap() -> None:
        (root / "sub").rename(root / "moved")
        (root / "sub").symlink_to(outside)

    _just_before_the_lock(alice, swap)
    with pytest.raises((FileAccessError, OutsideWorkspaceError, ExistsError)):
        CALLS[call](alice)
    assert [(outside / name).read_bytes() for name in ("f", "other")] == [b"outside\n"] * 2
    assert [(root / "moved" / name).read_bytes() for name in ("f", "other")] == [b"old\n"] * 2
    assert sorted(os.listdir(root)) == [".noclobber", "moved", "sub"]
    assert secret.read_bytes() == b"secret\n"


def _two_files_and_a_secret(alice: ConcurrencyGuard, root: Path) -> Path:
    (root / "sub").mkdir()
    for name in ("f", "other"):
        (root / "sub" / name).write_bytes(b"old\n")
        alice.read(f"sub/{name}")
    secret = root.parent / "secret"
    secret.write_bytes(b"secret\n")
    return secret


def _just_before_the_lock(alice: ConcurrencyGuard, act: Callable[[], None]) -> None:
    """Act once, when the path has been looked up and its lock is about to be taken."""
    locks = alice.workspace.locks
    acts = [act]

    def after_acting(take: Callable[..., HeldLock]) -> Callable[..., HeldLock]:
        def taken(*paths: str) -> HeldLock:
            if acts:
                acts.pop()()
            return take(*paths)

        return taken

    locks.exclusive = after_acting(locks.exclusive)  # type: ignore[method-assign]
    locks.shared = after_acting(locks.shared)  # type: ignore[method-assign]
