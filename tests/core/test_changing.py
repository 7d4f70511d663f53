from __future__ import annotations

import os
import resource
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    EditAmbiguousError,
    EditNotFoundError,
    ExistsError,
    FileAccessError,
    LeasedError,
    MergeConflictError,
    OutsideWorkspaceError,
    PathError,
    StaleFileError,
    UnreadFileError,
)

ChangeLine = Callable[[bytes, int, bytes], bytes]


def test_a_fresh_write_replaces_the_file_and_goes_on_record(alice: ConcurrencyGuard, lines: Path) -> None:
    read = alice.read("a.txt")
    done = alice.write("a.txt", b"new\n")
    assert lines.read_bytes() == b"new\n"
    assert (done.outcome, done.before_hash) == ("done", read.snapshot.read_hash)
    event = alice.events()[-1]
    assert (event.kind, event.outcome, event.agent_id, event.turn_id, event.intent_id) == ("write", "done", "alice", "turn-1", "INT-1")
    assert (event.before_hash, event.after_hash) == (read.snapshot.read_hash, done.read_hash)


def test_a_writer_may_go_on_writing_what_it_wrote(alice: ConcurrencyGuard) -> None:
    alice.write("new.txt", b"1")
    alice.write("new.txt", b"2")
    assert alice.write("new.txt", b"3").outcome == "done"


def test_a_stale_write_is_refused_with_the_diff_and_who(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 90, b"bob"))
    with pytest.raises(StaleFileError) as caught:
        alice.write("a.txt", change_line(content, 10, b"alice"))
    refusal = caught.value.refusal
    assert [(c["agent_id"], c["turn_id"], c["intent_id"], c["kind"]) for c in refusal.changed_by] == [("bob", "turn-2", "INT-2", "write")]
    assert "-line 90" in refusal.diff
    assert "+bob" in refusal.diff
    assert refusal.mergeable
    assert refusal.seq == alice.events()[-1].seq
    assert lines.read_bytes() == change_line(content, 90, b"bob")


def test_a_refused_writes_content_can_be_brought_back(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.write_bytes(b"outside\n")
    with pytest.raises(StaleFileError):
        alice.write("a.txt", b"what alice wanted\n")
    refused = alice.events(outcome="refused")[0]
    assert refused.after_hash is not None
    assert alice.content(refused.after_hash) == b"what alice wanted\n"


def test_a_displaced_version_can_be_restored(alice: ConcurrencyGuard, lines: Path) -> None:
    read = alice.read("a.txt")
    alice.write("a.txt", b"new\n")
    alice.restore("a.txt", read.snapshot.read_hash)
    assert lines.read_bytes() == read.content
    assert alice.events()[-1].kind == "restore"


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


def test_equal_bytes_are_never_stale(alice: ConcurrencyGuard, lines: Path) -> None:
    content = alice.read("a.txt").content
    lines.write_bytes(b"something else")
    lines.write_bytes(content)
    os.utime(lines, (1, 1))
    assert alice.verify_before_write("a.txt") is None
    other = lines.with_name("other")
    other.write_bytes(content)
    other.rename(lines)
    assert alice.verify_before_write("a.txt") is None
    assert alice.write("a.txt", b"fine\n").outcome == "done"


def test_writing_what_already_stands_there_is_no_conflict(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.write_bytes(b"agreed\n")
    assert alice.write("a.txt", b"agreed\n").outcome == "done"
    assert alice.write("a.txt", b"next\n").outcome == "done"


def test_same_size_and_time_set_back_is_still_seen(alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine) -> None:
    content = alice.read("a.txt").content
    before = lines.stat()
    lines.write_bytes(change_line(content, 10, b"LINE 10"))
    os.utime(lines, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lines.stat().st_size == before.st_size
    assert alice.verify_before_write("a.txt") is not None
    with pytest.raises(StaleFileError):
        alice.write("a.txt", content + b"x")


def test_a_formatter_after_ones_own_write_is_merged_not_refused(alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine) -> None:
    content = alice.read("a.txt").content
    mine = change_line(content, 10, b"x=1")
    alice.write("a.txt", mine)
    lines.write_bytes(change_line(mine, 10, b"x = 1"))
    assert alice.edit("a.txt", [("line 50\n", "fifty\n")]).outcome == "formatted"
    done = alice.write("a.txt", change_line(change_line(mine, 50, b"fifty"), 90, b"ninety"))
    assert done.outcome == "formatted"
    result = lines.read_bytes()
    assert b"x = 1\n" in result
    assert b"ninety\n" in result
    assert [event.outcome for event in alice.events(kind="outside")] == ["formatted"]


def test_a_change_with_another_known_writer_is_no_formatter(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    alice.write("a.txt", change_line(content, 10, b"alice"))
    bob.edit("a.txt", [("line 50\n", "bob\n")])
    with pytest.raises(StaleFileError):
        alice.write("a.txt", change_line(content, 10, b"alice again"))


def test_a_deleted_file_can_be_made_anew_once_the_writer_has_seen_that(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.unlink()
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write("a.txt", b"x")
    with pytest.raises(Exception, match="There is no file"):
        alice.read("a.txt")
    assert alice.write("a.txt", b"anew\n").before_hash is None


def test_delete_needs_a_fresh_read_and_stays_restorable(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    lines.chmod(0o754)
    with pytest.raises(UnreadFileError):
        alice.delete("a.txt")
    read = alice.read("a.txt")
    bob.read("a.txt")
    bob.write("a.txt", b"bob\n")
    with pytest.raises(StaleFileError):
        alice.delete("a.txt")
    alice.read("a.txt")
    alice.delete("a.txt")
    assert not lines.exists()
    bob.restore("a.txt", read.snapshot.read_hash)
    assert lines.read_bytes() == read.content
    assert stat.S_IMODE(lines.stat().st_mode) == 0o754


def test_move_keeps_the_bytes_and_never_replaces(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    content = alice.read("a.txt").content
    (root / "taken.txt").write_bytes(b"taken")
    with pytest.raises(ExistsError):
        alice.move("a.txt", "taken.txt")
    alice.move("a.txt", "sub/b.txt")
    assert (root / "sub/b.txt").read_bytes() == content
    assert not lines.exists()
    assert (root / "taken.txt").read_bytes() == b"taken"
    assert alice.write("sub/b.txt", b"known there\n").outcome == "done"


def test_a_file_moved_away_is_stale_for_others(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = bob.read("a.txt").content
    alice.move("a.txt", "b.txt")
    with pytest.raises(StaleFileError) as caught:
        bob.write("a.txt", content)
    assert [(c["agent_id"], c["kind"]) for c in caught.value.refusal.changed_by] == [("alice", "move")]


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


def test_contents_of_secret_files_are_never_kept(alice: ConcurrencyGuard, root: Path) -> None:
    (root / ".env").write_bytes(b"TOKEN=1")
    read = alice.read(".env")
    done = alice.write(".env", b"TOKEN=2")
    for content_hash in (read.snapshot.read_hash, done.read_hash):
        assert alice.workspace.store.content(content_hash or "") is None
    (root / ".env").write_bytes(b"TOKEN=3")
    with pytest.raises(StaleFileError) as caught:
        alice.write(".env", b"TOKEN=4", on_stale="merge")
    assert "TOKEN" not in caught.value.refusal.diff
    state = b"".join(path.read_bytes() for path in (root / ".noclobber").rglob("*") if path.is_file())
    assert b"TOKEN=" not in state


def test_observe_mode_lets_the_write_through_and_says_what_it_would_have_refused(root: Path, lines: Path) -> None:
    (root / "noclobber.toml").write_text('mode = "observe"\n')
    with ConcurrencyGuard(root, "alice") as alice:
        read = alice.read("a.txt")
        lines.write_bytes(b"outside\n")
        assert alice.write("a.txt", b"alice\n").outcome == "observed"
        event = alice.events()[-1]
        assert (event.outcome, event.refusal) == ("observed", "STALE_FILE")
        assert alice.content(event.before_hash or "") == b"outside\n"
        assert read.content != b"alice\n"
    assert lines.read_bytes() == b"alice\n"


def test_an_override_keeps_what_it_displaces(alice: ConcurrencyGuard, lines: Path) -> None:
    alice.read("a.txt")
    lines.write_bytes(b"outside\n")
    assert alice.write("a.txt", b"alice\n", override=True).outcome == "overridden"
    event = alice.events()[-1]
    assert alice.content(event.before_hash or "") == b"outside\n"


@pytest.mark.parametrize("call", ["delete", "move"])
def test_what_is_not_there_is_neither_deleted_nor_moved(alice: ConcurrencyGuard, call: str) -> None:
    with pytest.raises(FileAccessError, match="There is no file 'none'"):
        _ = alice.delete("none") if call == "delete" else alice.move("none", "b")
    assert alice.events() == []


def test_replacing_nothing_makes_a_new_file_and_its_folders(alice: ConcurrencyGuard, root: Path) -> None:
    alice.edit("new/dir/f", [("", "content\n")])
    assert (root / "new/dir/f").read_bytes() == b"content\n"


def test_a_refused_write_makes_no_folder(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("sub/f", b"1")
    (root / "sub/f").unlink()
    (root / "sub").rmdir()
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write("sub/f", b"2")
    with pytest.raises(StaleFileError, match="deleted"):
        alice.write_many({"other/g": b"new", "sub/f": b"2"})
    assert os.listdir(root) == [".noclobber"]


def test_a_move_onto_a_name_another_writer_has_leased_is_refused(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    bob.lease("b.txt")
    with pytest.raises(LeasedError, match=r"bob is writing b\.txt"):
        alice.move("a.txt", "b.txt")
    assert lines.exists()


def test_a_name_that_is_taken_is_told_with_its_own_hash(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    alice.read("a.txt")
    (root / "taken").write_bytes(b"taken")
    with pytest.raises(ExistsError) as caught:
        alice.move("a.txt", "taken")
    refusal = caught.value.refusal
    assert (refusal.file_path, refusal.expected_hash, refusal.current_hash) == ("taken", None, alice.hash_content(b"taken"))


def test_two_names_of_one_file_in_one_change_are_told(alice: ConcurrencyGuard, root: Path, lines: Path) -> None:
    os.link(lines, root / "b.txt")
    for name in ("a.txt", "b.txt"):
        alice.read(name)
    with pytest.raises(PathError, match="two names of one file"):
        alice.write_many({"a.txt": b"x", "b.txt": b"y"})


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


def test_a_restore_compares_with_the_bytes_at_the_moment_of_the_call(alice: ConcurrencyGuard, lines: Path) -> None:
    first = alice.read("a.txt").snapshot.read_hash
    alice.write("a.txt", b"second\n")

    def step(name: str) -> None:
        if name == "exchange" and lines.read_bytes() == b"second\n":
            lines.write_bytes(b"newer than the call\n")

    alice.workspace.step = step
    with pytest.raises(StaleFileError):
        alice.restore("a.txt", first)
    assert lines.read_bytes() == b"newer than the call\n"
