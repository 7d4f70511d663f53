"""The person's unsaved edits and other writers' leases, as the guard meets them in the store."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, LeasedError, StaleFileError, UnsavedEditsError
from noclobber.clock import format_utc, utc_now
from noclobber.records import Buffer
from noclobber.store.protocol import Batch

ChangeLine = Callable[[bytes, int, bytes], bytes]
TypeInto = Callable[..., None]


@pytest.fixture
def type_into(alice: ConcurrencyGuard, lines: Path) -> TypeInto:
    """A person's editor has ``a.txt`` open with these unsaved bytes."""

    def type_text(text: bytes, *, at: str | None = None, known: bool = True, where: tuple[int, int] | None = None) -> None:
        base = lines.read_bytes()
        store = alice.workspace.store
        hashes = [ConcurrencyGuard.hash_content(one) for one in (base, text)]
        text_hash = hashes[1] if known else None
        unsaved = None if where is None else (where,)
        buffer = Buffer("a.txt", "editor:vscode:7", hashes[0], text_hash, True, unsaved, at or utc_now(), alice.workspace.live().id)
        store.apply(Batch(buffers=[buffer], contents=[(hashes[0], base), (hashes[1], text)]))

    return type_text


def test_a_read_says_that_there_are_unsaved_edits(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    type_into(change_line(lines.read_bytes(), 10, b"typing"))
    (notice,) = alice.read("a.txt").notices
    assert "unsaved edits" in notice
    assert "editor:vscode:7" in notice


def test_a_write_over_unsaved_lines_is_refused(alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto) -> None:
    content = alice.read("a.txt").content
    type_into(change_line(content, 10, b"typing"))
    with pytest.raises(UnsavedEditsError, match="lines 10"):
        alice.write("a.txt", change_line(content, 10, b"alice"))
    with pytest.raises(UnsavedEditsError):
        alice.edit("a.txt", [("line 10\n", "alice\n")])
    assert lines.read_bytes() == content


def test_a_write_elsewhere_lands_with_a_notice(alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto) -> None:
    content = alice.read("a.txt").content
    type_into(change_line(content, 10, b"typing"))
    done = alice.write("a.txt", change_line(content, 90, b"alice"))
    assert "unsaved edits" in done.notices[0]
    assert lines.read_bytes() == change_line(content, 90, b"alice")


def test_unsaved_lines_are_followed_through_later_changes_on_disk(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    content = alice.read("a.txt").content
    type_into(change_line(content, 50, b"typing"))
    alice.write("a.txt", b"three\nnew\nlines\n" + content)
    with pytest.raises(UnsavedEditsError, match="lines 53"):
        alice.edit("a.txt", [("line 50\n", "alice\n")])
    assert alice.edit("a.txt", [("line 60\n", "alice\n")]).outcome == "done"


def test_before_it_is_known_what_is_unsaved_everything_is_taken_to_be(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    content = alice.read("a.txt").content
    type_into(content, known=False)
    with pytest.raises(UnsavedEditsError):
        alice.write("a.txt", change_line(content, 90, b"alice"))


def test_ten_minutes_after_the_last_keystroke_it_is_only_told(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    content = alice.read("a.txt").content
    type_into(change_line(content, 10, b"typing"), at=format_utc(time.time() - 601))
    done = alice.write("a.txt", change_line(content, 10, b"alice"))
    assert "untouched for 10 minutes" in done.notices[0]


def test_a_dead_servers_claim_outlives_it_only_while_its_editor_lives(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    long_ago = format_utc(time.time() - 120)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    for editor, refused in ((os.getpid(), True), (child, False), (None, False)):
        buffer = Buffer("a.txt", "editor:nvim:1", None, None, True, ((10, 10),), long_ago, "nobody", editor)
        alice.workspace.store.apply(Batch(buffers=[buffer]))
        assert (alice.check_write("a.txt", change_line(content, 10, b"x")).refusal is not None) == refused


def test_the_editors_own_writes_are_not_stopped_by_its_own_buffer(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    content = lines.read_bytes()
    type_into(change_line(content, 10, b"typing"))
    editor = alice.as_writer("editor:vscode:7")
    editor.read("a.txt")
    assert editor.write("a.txt", change_line(content, 10, b"typing")).outcome == "done"


def test_a_leased_path_is_refused_to_others_and_open_to_its_holder(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = bob.read("a.txt").content
    alice.read("a.txt")
    lease = alice.lease("a.txt", 5)
    with pytest.raises(LeasedError, match="alice is writing"):
        bob.write("a.txt", content + b"bob\n")
    with pytest.raises(LeasedError):
        bob.lease("a.txt")
    assert alice.write("a.txt", content + b"alice\n").outcome == "done"
    assert alice.release(lease)
    assert bob.edit("a.txt", [("line 5\n", "bob\n")]).outcome == "merged"


def test_a_lease_runs_out_by_itself(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    first = alice.lease("a.txt", 0.0)
    second = bob.lease("a.txt", 5)
    assert second.token > first.token
    assert not alice.release(first)


def test_check_write_changes_nothing_and_records_only_refusals(alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine) -> None:
    content = alice.read("a.txt").content
    assert alice.check_write("a.txt", b"new\n").content == b"new\n"
    assert lines.read_bytes() == content
    lines.write_bytes(change_line(content, 90, b"outside"))
    decision = alice.check_write("a.txt", change_line(content, 10, b"alice"), on_stale="merge")
    assert decision.outcome == "merged"
    assert decision.content == change_line(change_line(content, 90, b"outside"), 10, b"alice")
    refused = alice.check_write("a.txt", change_line(content, 10, b"alice"))
    assert refused.refusal is not None
    assert refused.content is None
    assert [event.outcome for event in alice.events(kind="write")] == ["refused"]


def test_a_change_made_by_the_clients_own_tool_is_recorded_and_known(alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    lines.write_bytes(content + b"by alice's own tool\n")
    event = alice.record_change("a.txt")
    assert event is not None
    assert (event.agent_id, event.before_hash) == ("alice", ConcurrencyGuard.hash_content(content))
    assert alice.verify_before_write("a.txt") is None
    refusal = bob.verify_before_write("a.txt")
    assert refusal is not None
    assert refusal.changed_by[0]["agent_id"] == "alice"
    assert alice.record_change("a.txt") is None


def test_a_recorded_change_does_not_launder_what_the_writer_had_not_seen(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine
) -> None:
    content = alice.read("a.txt").content
    bob.read("a.txt")
    bob.write("a.txt", change_line(content, 90, b"bob"))
    lines.write_bytes(change_line(lines.read_bytes(), 10, b"alice"))
    alice.record_change("a.txt", kind="edit", before=change_line(content, 90, b"bob"))
    assert alice.verify_before_write("a.txt") is not None


def test_unsaved_lines_known_only_by_number_are_followed_through_later_changes_on_disk(
    alice: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    base = lines.read_bytes()
    type_into(change_line(base, 10, b"person"), known=False, where=(10, 10))
    lines.write_bytes(b"one line more\n" * 20 + base)
    with pytest.raises(UnsavedEditsError, match="lines 30"):
        alice.edit("a.txt", [("line 10\n", "alice\n")])
    assert alice.edit("a.txt", [("line 50\n", "alice\n")]).outcome == "done"


def test_a_merge_that_unsaved_edits_would_stop_is_not_offered(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    base = alice.read("a.txt").content
    bob.edit("a.txt", [("line 90\n", "bob\n")])
    type_into(change_line(lines.read_bytes(), 10, b"person"))
    with pytest.raises(StaleFileError) as caught:
        alice.write("a.txt", change_line(base, 10, b"alice"))
    assert not caught.value.refusal.mergeable
    with pytest.raises(StaleFileError) as caught:
        alice.write("a.txt", change_line(base, 50, b"alice"))
    assert caught.value.refusal.mergeable
    assert alice.write("a.txt", change_line(base, 50, b"alice"), on_stale="merge").outcome == "merged"


def test_the_mode_that_only_watches_stops_no_kind_of_change(
    alice: ConcurrencyGuard, root: Path, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    (root / "noclobber.toml").write_text('mode = "observe"\n')
    with ConcurrencyGuard(root, "carol", turn_id="turn-3") as carol:
        carol.read("a.txt")
        old = carol.keep("a.txt", b"old\n")
        type_into(change_line(lines.read_bytes(), 10, b"person"))
        assert carol.check_edit("a.txt", [("line 10\n", "carol\n")]).content is not None
        assert carol.edit("a.txt", [("line 10\n", "carol\n")]).outcome == "observed"
        assert b"carol\n" in lines.read_bytes()
        assert carol.move("a.txt", "b.txt").outcome == "observed"
        carol.move("b.txt", "a.txt", turn_id="turn-4")
        type_into(change_line(lines.read_bytes(), 10, b"person"))
        assert carol.restore("a.txt", old).outcome == "observed"
        assert lines.read_bytes() == b"old\n"
        assert carol.delete("a.txt").outcome == "observed"
        assert not lines.exists()
        assert {event.kind for event in carol.events(outcome="observed")} == {"edit", "move", "restore", "delete"}


def test_an_override_over_unsaved_edits_still_keeps_what_others_had_changed(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, lines: Path, change_line: ChangeLine, type_into: TypeInto
) -> None:
    base = alice.read("a.txt").content
    bob.edit("a.txt", [("line 90\n", "bob\n")])
    type_into(change_line(lines.read_bytes(), 10, b"person"))
    assert alice.write("a.txt", change_line(base, 10, b"alice"), on_stale="merge", override=True).outcome == "overridden"
    assert lines.read_bytes() == change_line(change_line(base, 10, b"alice"), 90, b"bob")
