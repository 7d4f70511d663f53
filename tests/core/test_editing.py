"""Merges, exact replacements and reads in part: what a writer is taken to know never goes beyond what it was shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    EditAmbiguousError,
    EditNotFoundError,
    MergeConflictError,
    StaleFileError,
    UnreadFileError,
)

ChangeLine = Callable[[bytes, int, bytes], bytes]


def test_a_merge_keeps_both_changes_and_shows_the_other(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 90, b"bob"))
    done = alice.write("a.txt", change_line(content, 10, b"alice"), on_stale="merge")
    assert done.outcome == "merged"
    assert "+bob" in done.merged_diff
    assert lines.read_bytes() == change_line(change_line(content, 90, b"bob"), 10, b"alice")
    assert alice.write("a.txt", b"having seen all\n").outcome == "done"


def test_a_merge_with_conflicts_is_refused_and_says_where(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 10, b"bob"))
    with pytest.raises(MergeConflictError, match="lines 10"):
        alice.write("a.txt", change_line(content, 10, b"alice"), on_stale="merge")
    assert lines.read_bytes() == change_line(content, 10, b"bob")


def test_without_git_a_merge_it_would_need_is_plainly_refused(
    alice: ConcurrencyGuard, lines: Path, monkeypatch: pytest.MonkeyPatch, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    theirs = change_line(change_line(content, 5, b"x"), 90, b"y")
    lines.write_bytes(theirs)
    monkeypatch.setenv("PATH", "/nonexistent")
    ours = change_line(change_line(content, 20, b"p"), 60, b"q")
    with pytest.raises(StaleFileError):
        alice.write("a.txt", ours, on_stale="merge")
    assert lines.read_bytes() == theirs


def test_an_edit_elsewhere_in_a_changed_file_lands(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 90, b"bob"))
    done = alice.edit("a.txt", [(b"line 10\n", b"alice\n")])
    assert done.outcome == "merged"
    assert lines.read_bytes() == change_line(change_line(content, 90, b"bob"), 10, b"alice")


def test_an_edit_never_launders_what_was_not_seen(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 90, b"bob"))
    alice.edit("a.txt", [(b"line 10\n", b"alice\n")])
    from_memory = change_line(content, 10, b"alice") + b"one more\n"
    with pytest.raises(StaleFileError) as caught:
        alice.write("a.txt", from_memory)
    assert [change["agent_id"] for change in caught.value.refusal.changed_by] == ["bob"]
    alice.write("a.txt", from_memory, on_stale="merge")
    assert b"bob\n" in lines.read_bytes()
    assert lines.read_bytes().endswith(b"one more\n")


def test_a_read_hash_from_before_an_edit_over_others_does_not_launder_either(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 90, b"bob"))
    done = alice.edit("a.txt", [(b"line 10\n", b"alice\n")])
    with pytest.raises(StaleFileError):
        alice.write("a.txt", b"from memory\n", read_hash=done.read_hash)
    with pytest.raises(UnreadFileError, match="not one that a read gave to you"):
        alice.write("a.txt", b"from memory\n", read_hash=done.content_hash)


def test_knowing_the_current_hash_buys_nothing(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    seen_by_bob = bob.read("a.txt").snapshot.read_hash
    with pytest.raises(UnreadFileError, match="not one that a read gave to you"):
        alice.write("a.txt", b"x", read_hash=seen_by_bob)


def test_an_older_read_hash_really_given_is_judged_by_its_own_version(alice: ConcurrencyGuard, lines: Path) -> None:
    first = alice.read("a.txt").snapshot.read_hash
    lines.write_bytes(b"second\n")
    alice.read("a.txt")
    with pytest.raises(StaleFileError):
        alice.write("a.txt", b"made from the first\n", read_hash=first)


def test_an_edit_needs_no_earlier_read_but_gives_no_leave_to_write_the_whole(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.edit("a.txt", [("line 3\n", "three\n")])
    with pytest.raises(UnreadFileError, match="only lines 3"):
        alice.write("a.txt", b"from memory\n")


def test_an_edit_of_text_that_others_changed_is_stale_with_the_diff(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 10, b"bob"))
    with pytest.raises(StaleFileError, match="very lines") as caught:
        alice.edit("a.txt", [(b"line 10\n", b"alice\n")])
    assert "+bob" in caught.value.refusal.diff


def test_edits_that_do_not_fit_say_why(alice: ConcurrencyGuard, lines: Path) -> None:
    with pytest.raises(EditNotFoundError):
        alice.edit("a.txt", [("line 1000\n", "x\n")])
    with pytest.raises(EditAmbiguousError, match="lines 1, 10"):
        alice.edit("a.txt", [("line 1", "x")])
    assert alice.edit("a.txt", [("line 1", "row 1")], replace_all=True).outcome == "done"
    with pytest.raises(EditNotFoundError, match="does not exist"):
        alice.edit("none.txt", [("a", "b")])


def test_a_partial_read_gives_no_leave_to_replace_the_whole(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt", lines=[(1, 5)])
    with pytest.raises(UnreadFileError, match="only lines 1-5"):
        alice.write("a.txt", b"gamed\n")
    alice.read("a.txt", lines=[(6, 100)])
    assert alice.write("a.txt", b"all seen\n").outcome == "done"


def test_a_partial_read_of_a_changed_file_does_not_refresh_what_was_not_shown(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    lines.write_bytes(change_line(content, 90, b"outside"))
    alice.read("a.txt", lines=[(1, 5)])
    with pytest.raises(StaleFileError):
        alice.write("a.txt", content)
    alice.read("a.txt", lines=[(85, 95)])
    assert alice.write("a.txt", change_line(content, 90, b"seen")).outcome == "done"


def test_replacing_nothing_makes_a_new_file_and_its_folders(alice: ConcurrencyGuard, root: Path) -> None:
    alice.edit("new/dir/f", [("", "content\n")])
    assert (root / "new/dir/f").read_bytes() == b"content\n"
