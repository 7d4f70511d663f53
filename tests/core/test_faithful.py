"""Byte for byte and attribute for attribute: what a write leaves as it was."""

from __future__ import annotations

import errno
import os
import stat
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    FileAccessError,
    StaleFileError,
    UnreadFileError,
)


@pytest.mark.parametrize(
    "content",
    [b"", b"no newline", b"a\r\nb\r\n", b"mixed\r\nends\n\r", b"\xef\xbb\xbfbom\n", "ü\n".encode("utf-16"), bytes(range(256)) * 40],
    ids=["empty", "no final newline", "crlf", "mixed", "bom", "utf-16", "binary"],
)
def test_bytes_are_written_as_they_are(alice: ConcurrencyGuard, lines: Path, content: bytes) -> None:
    alice.read("a.txt")
    alice.write("a.txt", content)
    assert lines.read_bytes() == content
    assert alice.read("a.txt").content == content


def test_mode_and_attributes_survive_a_write(alice: ConcurrencyGuard, lines: Path) -> None:
    lines.chmod(0o4751)
    os.setxattr(lines, "user.origin", b"kept")
    alice.read("a.txt")
    alice.write("a.txt", b"new\n")
    assert stat.S_IMODE(lines.stat().st_mode) == 0o4751
    assert os.getxattr(lines, "user.origin") == b"kept"


def test_a_mode_given_to_the_file_just_before_the_exchange_is_not_lost(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    steps: list[str] = []

    def step(name: str) -> None:
        steps.append(name)
        if name == "exchange":
            lines.chmod(0o755)
        if name == "tidy":
            assert stat.S_IMODE(lines.stat().st_mode) == 0o755
            lines.chmod(0o700)

    alice.workspace.step = step
    alice.write("a.txt", b"new\n")
    assert "tidy" in steps
    assert stat.S_IMODE(lines.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_the_owner_survives_a_write(alice: ConcurrencyGuard, lines: Path) -> None:
    os.chown(lines, 12345, 54321)
    alice.read("a.txt")
    alice.write("a.txt", b"new\n")
    assert (lines.stat().st_uid, lines.stat().st_gid) == (12345, 54321)


def test_a_new_file_has_the_mode_the_umask_gives(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "plain").write_bytes(b"")
    alice.write("new", b"")
    assert (root / "new").stat().st_mode == (root / "plain").stat().st_mode


def test_a_symlink_stays_and_its_target_changes(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    (root / "link").symlink_to("a.txt")
    alice.read("link")
    alice.write("link", b"through the link\n")
    assert (root / "link").is_symlink()
    assert lines.read_bytes() == b"through the link\n"
    assert alice.verify_before_write("a.txt") is None


def test_a_hard_link_stays_one_file_under_both_names(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    os.link(lines, root / "b.txt")
    alice.read("a.txt")
    alice.write("a.txt", b"both\n")
    assert (root / "b.txt").read_bytes() == b"both\n"
    assert lines.stat().st_ino == (root / "b.txt").stat().st_ino
    with pytest.raises(UnreadFileError):
        alice.write("b.txt", b"unread under this name\n")


def test_what_bob_knew_under_one_name_is_stale_after_a_write_through_the_other(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path, lines: Path
) -> None:
    os.link(lines, root / "b.txt")
    alice.read("a.txt")
    bob.read("b.txt")
    alice.write("a.txt", b"by the other name\n")
    assert bob.verify_before_write("b.txt") is not None
    with pytest.raises(StaleFileError):
        bob.write("b.txt", b"bob\n")


FORMS: dict[str, tuple[str, str, bytes]] = {
    "crlf": ("utf-8", "one\r\ntwo\r\nthree\r\n", b""),
    "mixed ends": ("utf-8", "one\r\ntwo\nthree\r", b""),
    "no final newline": ("utf-8", "one\ntwo\nthree", b""),
    "bom": ("utf-8", "one\ntwo\nthree\n", b"\xef\xbb\xbf"),
    "utf-16 le": ("utf-16-le", "one\r\ntwo\r\nthree\r\n", b"\xff\xfe"),
    "utf-16 be": ("utf-16-be", "one\ntwo\nthree\n", b"\xfe\xff"),
    "latin-1": ("latin-1", "one \xe9\ntwo\nthree\n", b""),
}
"""Encoding, text, and what stands before it."""


@pytest.mark.parametrize("form", FORMS)
def test_an_edit_given_as_text_changes_its_words_and_no_other_byte(alice: ConcurrencyGuard, root: Path, form: str) -> None:
    encoding, text, mark = FORMS[form]
    (root / "file").write_bytes(mark + text.encode(encoding))
    alice.edit("file", [("two\nthree", "zwei\ndrei")])
    assert (root / "file").read_bytes() == mark + text.replace("two", "zwei").replace("three", "drei").encode(encoding)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "mixed ends"])
def test_a_merge_keeps_both_changes_and_every_other_byte(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path, form: str) -> None:
    encoding, text, mark = FORMS[form]
    padding = "".join(f"line {number}\n" for number in range(8))
    if "\r\n" in text:
        padding = padding.replace("\n", "\r\n")
    first, rest = text.split("two")
    text = f"{first}two{padding[-2:].lstrip('0123456789')}{padding}{rest.lstrip()}"

    def made(changed: str) -> bytes:
        return mark + changed.encode(encoding)

    (root / "file").write_bytes(made(text))
    alice.read("file")
    bob.edit("file", [("one", "eins")])
    assert alice.write("file", made(text.replace("three", "drei")), on_stale="merge").outcome == "merged"
    assert (root / "file").read_bytes() == made(text.replace("three", "drei").replace("one", "eins"))


def _merge(alice: ConcurrencyGuard, bob: ConcurrencyGuard) -> None:
    content = alice.read("a.txt").content
    bob.edit("a.txt", [("line 90\n", "bob\n")])
    alice.write("a.txt", content.replace(b"line 10\n", b"alice\n"), on_stale="merge")


def _restore(alice: ConcurrencyGuard, _bob: ConcurrencyGuard) -> None:
    alice.write("a.txt", b"2\n")
    alice.restore("a.txt", alice.events()[0].after_hash or "")


def _revert(alice: ConcurrencyGuard, _bob: ConcurrencyGuard) -> None:
    alice.write("a.txt", b"2\n")
    alice.revert(turn_id="turn-1")


KINDS: dict[str, Callable[[ConcurrencyGuard, ConcurrencyGuard], object]] = {
    "write": lambda alice, _: alice.write("a.txt", b"2\n"),
    "edit": lambda alice, _: alice.edit("a.txt", [("line 50\n", "fifty\n")]),
    "merge": _merge,
    "several": lambda alice, _: alice.write_many({"a.txt": b"2\n", "new": b"new\n"}),
    "restore": _restore,
    "revert": _revert,
    "through a symlink": lambda alice, _: (alice.read("link"), alice.write("link", b"2\n")),
    "move away and back": lambda alice, _: (alice.move("a.txt", "b.txt"), alice.move("b.txt", "a.txt")),
}


@pytest.mark.parametrize("links", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_mode_owner_attributes_and_names_survive_every_kind_of_change(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path, lines: Path, kind: str, links: int
) -> None:
    (root / "link").symlink_to("a.txt")
    if links == 2:
        os.link(lines, root / "other name")
    if os.geteuid() == 0:
        os.chown(lines, 12345, 54321)
    lines.chmod(0o2755)
    os.setxattr(lines, "user.origin", b"kept")
    before = _looks(lines)
    alice.read("a.txt")
    KINDS[kind](alice, bob)
    assert _looks(lines) == before
    assert (root / "link").readlink() == Path("a.txt")
    assert links == 1 or lines.samefile(root / "other name")


def _looks(path: Path) -> tuple[object, ...]:
    stat_ = path.stat()
    attributes = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return stat_.st_mode, stat_.st_uid, stat_.st_gid, stat_.st_nlink, attributes


def _as_nobody(work: Callable[[], object]) -> None:
    """Done by a user without rights where this one is root."""
    if os.geteuid() != 0:
        work()
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        work()
    finally:
        os.seteuid(0)
        os.setegid(0)


CHANGES: dict[str, Callable[[ConcurrencyGuard], object]] = {
    "write": lambda alice: alice.write("a.txt", b"new\n"),
    "edit": lambda alice: alice.edit("a.txt", [(b"locked", b"new")]),
    "several": lambda alice: alice.write_many({"new.txt": b"new\n", "a.txt": b"new\n"}),
}


@pytest.mark.parametrize("links", [1, 2])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_for_reading_only_is_not_written(change: str, links: int) -> None:
    def work(folder: Path, mode: int) -> None:
        path = folder / "a.txt"
        path.write_bytes(b"locked\n")
        if links == 2:
            os.link(path, folder / "b.txt")
        path.chmod(mode)
        with ConcurrencyGuard(folder, "alice") as alice:
            alice.read("a.txt")
            CHANGES[change](alice)

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:  # pytest's own folders are closed to others
        work(Path(one), 0o644)  # whoever has no rights may not be able to import what is needed
        if os.geteuid() == 0:
            os.chown(other, 65534, 65534)
        with pytest.raises(FileAccessError, match=r"Cannot write 'a\.txt': Permission denied") as caught:
            _as_nobody(lambda: work(Path(other), 0o444))
        assert caught.value.errno == errno.EACCES
        assert (Path(other) / "a.txt").read_bytes() == b"locked\n"
        assert not (Path(other) / "new.txt").exists()
        assert os.listdir(Path(other) / ".noclobber/tmp") == []


def _give_access_list(path: Path, kind: str) -> bytes:
    """As the kernel keeps it: version 2, then tag, rights and whose, for owner, one more user, group, mask, all others."""
    nobody = 0xFFFFFFFF
    entries = ((1, 6, nobody), (2, 6, 12345), (4, 4, nobody), (0x10, 6, nobody), (0x20, 4, nobody))
    access_list = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, f"system.posix_acl_{kind}", access_list)
    except OSError as error:
        pytest.skip(f"no access lists here: {error.strerror}")
    return access_list


def test_an_access_list_survives_a_write(alice: ConcurrencyGuard, lines: Path) -> None:
    access_list = _give_access_list(lines, "access")
    before = _looks(lines)
    alice.read("a.txt")
    alice.write("a.txt", b"new\n")
    assert _looks(lines) == before
    assert os.getxattr(lines, "system.posix_acl_access") == access_list


def test_a_new_file_has_what_its_own_folder_hands_down(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "team").mkdir()
    if os.geteuid() == 0:
        os.chown(root / "team", -1, 54321)
    (root / "team").chmod(0o2775)
    _give_access_list(root / "team", "default")
    (root / "team/plain").write_bytes(b"")
    alice.write("team/guarded", b"")
    assert _looks(root / "team/guarded") == _looks(root / "team/plain")


def test_a_folders_access_list_that_the_state_inherited_is_not_handed_on(root: Path, lines: Path) -> None:
    _give_access_list(root, "default")
    (root / "sub").mkdir()
    os.removexattr(root / "sub", "system.posix_acl_default")
    (root / "sub/plain").write_bytes(b"")
    lines.chmod(0o640)
    before = _looks(lines)
    with ConcurrencyGuard(root, "alice") as alice:
        alice.read("a.txt")
        alice.write("a.txt", b"new\n")
        alice.write("sub/guarded", b"")
    assert os.listxattr(root / ".noclobber/tmp") != [], "or this shows nothing"
    assert _looks(lines) == before
    assert _looks(root / "sub/guarded") == _looks(root / "sub/plain")


@pytest.mark.parametrize("nameless", [True, False], ids=["", "no nameless files"])
@pytest.mark.skipif(os.geteuid() != 0, reason="only root is in every group")
def test_a_new_file_belongs_to_the_group_its_folder_hands_down(
    alice: ConcurrencyGuard, root: Path, nameless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    (root / "team").mkdir()
    os.chown(root / "team", -1, 54321)
    (root / "team").chmod(0o2775)
    alice.write("team/new", b"")
    (root / "team/plain").write_bytes(b"")
    assert _looks(root / "team/new") == _looks(root / "team/plain")
