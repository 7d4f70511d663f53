"""A guarded write of one file: what it replaces, what it refuses, and what can be brought back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import (
    ConcurrencyGuard,
    StaleFileError,
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


@pytest.mark.parametrize("kind", ["exchange", "create", "in place"])
def test_the_new_bytes_are_flushed_before_the_step_that_relies_on_them(
    alice: ConcurrencyGuard, root: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is to be placed, before it is on record; what is rewritten in place, before the outcome is."""
    if kind != "create":
        (root / "a").write_bytes(b"old\n")
        alice.read("a")
    if kind == "in place":
        os.link(root / "a", root / "b")
    course: list[str] = []
    flush = os.fsync

    def fsync(fd: int) -> None:
        flush(fd)
        course.append(Path(f"/proc/self/fd/{fd}").read_bytes().decode())

    monkeypatch.setattr(os, "fsync", fsync)
    alice.workspace.step = course.append
    alice.write("a", b"new\n")
    monkeypatch.undo()
    expected = {
        "exchange": ["new\n", "record", "exchange", "compare", "settle"],
        "create": ["new\n", "record", "create", "settle"],
        "in place": ["old\nnew\n", "record", "rewrite", "new\n", "compare", "settle"],
    }
    assert course[: len(expected[kind])] == expected[kind]
