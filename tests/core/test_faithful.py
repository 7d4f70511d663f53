"""Byte for byte and attribute for attribute: what a write leaves as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
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
