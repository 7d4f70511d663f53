from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, EditNotFoundError, StaleFileError, UnreadFileError

ChangeLine = Callable[[bytes, int, bytes], bytes]


def _state(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (root / ".noclobber").rglob("*") if path.is_file())


def test_replacing_a_word_on_every_line_does_not_show_the_lines(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.edit("a.txt", [("line", "row")], replace_all=True)
    with pytest.raises(UnreadFileError, match="no lines"):
        alice.write("a.txt", b"from memory\n")


def test_replacing_a_word_does_not_show_the_rest_of_its_line(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "v").write_bytes(b"version=1.2.3 and what alice never saw\n")
    alice.edit("v", [("1.2.3", "1.2.4")])
    with pytest.raises(UnreadFileError):
        alice.write("v", b"version=1.2.5\n")


def test_a_word_replaced_in_lines_that_were_shown_leaves_them_known(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt", lines=[(1, 50)])
    alice.edit("a.txt", [("line 7\n", "row 7\nrow 7b\n")])
    snapshot = alice.get_snapshot("a.txt")
    assert snapshot is not None
    assert snapshot.lines == ((1, 51),)
    alice.read("a.txt", lines=[(52, 101)])
    assert alice.write("a.txt", b"all seen\n").outcome == "done"


def test_an_edit_of_a_stale_file_moves_the_lines_that_were_shown(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt", lines=[(1, 5)])
    bob.edit("a.txt", [("line 90\n", "bob\n")])
    alice.edit("a.txt", [("line 2\nline 3\n", "")])
    snapshot = alice.get_snapshot("a.txt")
    assert snapshot is not None
    assert snapshot.lines == ((1, 3),)


@pytest.mark.parametrize("first", ["read", "edit"])
def test_a_file_known_in_part_is_not_deleted(alice: ConcurrencyGuard, lines: Path, first: str) -> None:
    if first == "read":
        alice.read("a.txt", lines=[(1, 5)])
    else:
        alice.edit("a.txt", [("line 5\n", "x\n")])
    with pytest.raises(UnreadFileError, match="a delete would remove all of it"):
        alice.delete("a.txt")
    assert lines.exists()


def test_a_move_takes_along_only_the_lines_that_were_shown(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt", lines=[(1, 5)])
    done = alice.move("a.txt", "b.txt")
    for read_hash in (None, done.read_hash):
        with pytest.raises(UnreadFileError, match="only lines 1-5"):
            alice.write("b.txt", b"from memory\n", read_hash=read_hash)


def test_moving_an_unread_file_gives_nobody_its_version(alice: ConcurrencyGuard, lines: Path) -> None:
    done = alice.move("a.txt", "b.txt")
    assert done.read_hash is None
    assert alice.get_snapshot("b.txt") is None
    with pytest.raises(UnreadFileError, match="not one that a read gave to you"):
        alice.write("b.txt", b"from memory\n", read_hash=done.content_hash)


def test_restoring_a_version_by_its_hash_does_not_show_it(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    first = bob.read("a.txt").snapshot.read_hash
    bob.write("a.txt", b"bob\n")
    done = alice.restore("a.txt", first)
    for read_hash in (None, done.content_hash):
        with pytest.raises(UnreadFileError):
            alice.write("a.txt", b"from memory\n", read_hash=read_hash)
    bob.restore("a.txt", alice.hash_content(b"bob\n"))
    assert bob.write("a.txt", b"bob knows what he wrote\n").outcome == "done"


def test_a_restore_does_not_refresh_what_its_writer_had_read_before(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    first = bob.read("a.txt").snapshot.read_hash
    bob.write("a.txt", b"bob\n")
    alice.read("a.txt")
    alice.restore("a.txt", first)
    with pytest.raises(StaleFileError):
        alice.write("a.txt", b"from memory\n")


def test_a_revert_shows_only_its_diff(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine) -> None:
    bob.edit("a.txt", [("line 5\n", "bob 5\n")])
    alice.revert(turn_id="turn-2")
    with pytest.raises(UnreadFileError):
        alice.write("a.txt", b"from memory\n")
    content = alice.read("a.txt").content
    bob.edit("a.txt", [("line 5\n", "bob 5\n")])
    alice.read("a.txt")
    alice.revert(turn_id="turn-2")
    assert alice.write("a.txt", change_line(content, 1, b"knew all, saw the diff")).outcome == "done"


def test_a_diff_never_shows_a_secret_whose_earlier_version_is_kept_for_another_file(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("plain.txt", ".env"):
        (root / name).write_bytes(b"TOKEN=1\n")
        alice.read(name)
    (root / ".env").write_bytes(b"TOKEN=2-secret\n")
    with pytest.raises(StaleFileError) as caught:
        alice.write(".env", b"TOKEN=3\n", on_stale="merge")
    assert caught.value.refusal.diff == ""
    assert not caught.value.refusal.mergeable
    assert b"2-secret" not in _state(root)


def test_a_hint_never_quotes_a_secret_file(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("plain.txt", ".env"):
        (root / name).write_bytes(b"HOST=x\nTOKEN=2-secret\nB=1\n")
    with pytest.raises(EditNotFoundError) as caught:
        alice.edit(".env", [("HOST=x\nTOKEN=1\n", "y")])
    assert "2-secret" not in str(caught.value)
    assert b"2-secret" not in _state(root)
    with pytest.raises(EditNotFoundError, match="2-secret"):
        alice.edit("plain.txt", [("HOST=x\nTOKEN=1\n", "y")])


def test_what_a_refused_edit_was_to_make_can_be_brought_back(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.edit("a.txt", [("line 10\n", "bob\n")])
    with pytest.raises(StaleFileError):
        alice.edit("a.txt", [("line 10\n", "alice\n")])
    wanted = alice.events(outcome="refused")[-1].after_hash
    assert wanted is not None
    assert alice.content(wanted) == change_line(content, 10, b"alice")


def test_of_a_refused_change_of_several_files_every_content_can_be_brought_back(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path
) -> None:
    for name in ("a", "b"):
        (root / name).write_bytes(b"old")
        alice.read(name)
    bob.read("a")
    bob.write("a", b"bob")
    with pytest.raises(StaleFileError):
        alice.write_many({"a": b"wanted in a", "b": b"wanted in b"})
    refused = alice.events(outcome="refused")[-1]
    assert alice.content(refused.after_hash or "") == b"wanted in a"
    assert alice.content((refused.detail or {})["refused_with"]["b"]) == b"wanted in b"


def test_a_change_that_a_look_found_before_its_writer_put_it_on_record_is_the_writers_alone(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path
) -> None:
    """A client's own tool has written, an editor looks, and only then does the client's hook say whose it was."""
    before = alice.read("a.txt").snapshot.read_hash
    lines.write_bytes(b"by a tool of bob's\n")
    after = alice.as_writer("an editor").read("a.txt").snapshot.read_hash
    with pytest.raises(StaleFileError) as nobodys:
        alice.write("a.txt", b"mine\n")
    assert [change["agent_id"] for change in nobodys.value.refusal.changed_by] == ["outside"]
    bob.record("write", file_path="a.txt", before_hash=before, after_hash=after)
    with pytest.raises(StaleFileError) as bobs:
        alice.write("a.txt", b"mine\n")
    assert [change["agent_id"] for change in bobs.value.refusal.changed_by] == ["bob"]


def test_an_outside_change_stays_one_where_a_writer_only_made_the_same_again_later(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path
) -> None:
    before = alice.read("a.txt").content
    lines.write_bytes(b"the same\n")
    for content in (before, b"the same\n"):
        bob.read("a.txt")
        bob.write("a.txt", content)
    with pytest.raises(StaleFileError) as both:
        alice.write("a.txt", b"mine\n")
    assert [change["agent_id"] for change in both.value.refusal.changed_by] == ["outside", "bob", "bob"]
