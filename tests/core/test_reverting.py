from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noclobber import ConcurrencyGuard, RevertConflictError, UnsavedEditsError
from noclobber.clock import utc_now
from noclobber.records import Buffer
from noclobber.store.protocol import Batch

ChangeLine = Callable[[bytes, int, bytes], bytes]


def _project(root: Path, *names: str) -> dict[str, bytes]:
    contents = {}
    for name in names:
        contents[name] = b"".join(b"%s %d\n" % (name.encode(), number) for number in range(1, 41))
        (root / name).write_bytes(contents[name])
    return contents


def test_a_turn_over_three_files_is_taken_back_whole(alice: ConcurrencyGuard, root: Path) -> None:
    before = _project(root, "a", "b", "c")
    for name in before:
        alice.read(name)
        alice.write(name, b"rewritten\n")
        alice.edit(name, [("rewritten", "rewritten twice")])
    done = alice.revert(turn_id="turn-1")
    assert {name: (root / name).read_bytes() for name in before} == before
    assert [(file.file_path, file.action) for file in done.files] == [("a", "restored"), ("b", "restored"), ("c", "restored")]
    assert {event.kind for event in alice.events(limit=3)} == {"revert"}


def test_what_others_did_later_is_kept(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path, change_line: ChangeLine) -> None:
    before = _project(root, "a", "b")
    for name in before:
        alice.edit(name, [(f"{name} 5\n", "alice\n")])
        bob.edit(name, [(f"{name} 30\n", "bob\n")])
    alice.edit("a", [("a 10\n", "alice again\n")])
    done = bob.revert(turn_id="turn-1")
    assert {name: (root / name).read_bytes() for name in before} == {name: change_line(before[name], 30, b"bob") for name in before}
    assert {file.action for file in done.files} == {"kept later changes"}


def test_a_later_change_of_the_same_lines_stops_it_all_and_is_named(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    _project(root, "a", "b")
    alice.edit("a", [("a 5\n", "alice\n")])
    alice.edit("b", [("b 5\n", "alice\n")])
    bob.edit("b", [("alice\n", "bob\n")])
    now = {name: (root / name).read_bytes() for name in ("a", "b")}
    with pytest.raises(RevertConflictError, match="b") as caught:
        alice.revert(turn_id="turn-1")
    assert list(caught.value.conflicts) == ["b"]
    assert {name: (root / name).read_bytes() for name in ("a", "b")} == now


def test_files_the_turn_made_go_and_files_it_deleted_come_back(alice: ConcurrencyGuard, root: Path) -> None:
    before = _project(root, "gone")
    (root / "gone").chmod(0o750)
    alice.read("gone")
    alice.write("made", b"new\n")
    alice.delete("gone")
    done = alice.revert(turn_id="turn-1")
    assert not (root / "made").exists()
    assert (root / "gone").read_bytes() == before["gone"]
    assert stat.S_IMODE((root / "gone").stat().st_mode) == 0o750
    assert [(file.file_path, file.action) for file in done.files] == [("gone", "brought back"), ("made", "removed")]


def test_a_move_is_undone(alice: ConcurrencyGuard, root: Path) -> None:
    before = _project(root, "old name")
    alice.move("old name", "new name")
    alice.revert(turn_id="turn-1")
    assert (root / "old name").read_bytes() == before["old name"]
    assert not (root / "new name").exists()


def _looks(path: Path) -> tuple[object, ...]:
    found = path.stat()
    return found.st_mode, found.st_uid, found.st_gid, {name: os.getxattr(path, name) for name in os.listxattr(path)}


def _script(root: Path) -> Path:
    """An executable file with an owner and an attribute of its own."""
    path = root / "run.sh"
    path.write_bytes(b"#!/bin/sh\n")
    if os.geteuid() == 0:
        os.chown(path, 12345, 54321)
    path.chmod(0o755)
    os.setxattr(path, "user.origin", b"kept")
    return path


@pytest.mark.parametrize("then", ["nothing", "an edit", "another edits", "a move on"])
def test_a_move_taken_back_gives_back_the_file_with_mode_owner_and_attributes(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path, then: str
) -> None:
    before, content = _looks(script := _script(root)), b"#!/bin/sh\n"
    inode = script.stat().st_ino
    alice.move("run.sh", "bin.sh")
    if then == "an edit":
        alice.edit("bin.sh", [(b"sh", b"bash")])
    elif then == "another edits":
        content += b"# bob\n"
        bob.edit("bin.sh", [(b"/bin/sh\n", b"/bin/sh\n# bob\n")])
    elif then == "a move on":
        alice.move("bin.sh", "sub/bin.sh")
    done = bob.revert(turn_id="turn-1")
    assert (script.read_bytes(), _looks(script)) == (content, before)
    assert then != "nothing" or script.stat().st_ino == inode
    assert all(file.seq for file in done.files)
    assert bob.verify_before_write("run.sh") is None


def test_files_that_changed_names_in_a_ring_get_them_back_with_all_they_have(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path
) -> None:
    before = {script: (script.read_bytes(), _looks(script)) for script in (_script(root),)}
    _project(root, "plain")
    before[root / "plain"] = ((root / "plain").read_bytes(), _looks(root / "plain"))
    for path, to in (("run.sh", "aside"), ("plain", "run.sh"), ("aside", "plain")):
        alice.move(path, to)
    bob.revert(turn_id="turn-1")
    assert {path: (path.read_bytes(), _looks(path)) for path in before} == before


def test_the_undoing_of_a_move_can_be_undone_and_is_no_change_from_outside(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path
) -> None:
    before = _looks(_script(root))
    alice.move("run.sh", "bin.sh")
    alice.revert(turn_id="turn-1")
    bob.read("run.sh")
    alice.write("bin.sh", b"another\n")
    assert alice.events(kind="outside") == []
    alice.read("bin.sh")
    alice.delete("bin.sh")
    bob.move("run.sh", "once.sh")
    alice.as_writer("carol", turn_id="turn-3").revert(turn_id="turn-2")
    alice.as_writer("carol", turn_id="turn-4").revert(turn_id="turn-3")
    assert _looks(root / "once.sh") == before


@pytest.mark.parametrize("anew", [False, True])
def test_a_deleted_file_comes_back_with_mode_owner_and_attributes(alice: ConcurrencyGuard, root: Path, anew: bool) -> None:
    before = _looks(script := _script(root))
    alice.read("run.sh")
    alice.delete("run.sh")
    if anew:
        alice.write("run.sh", b"another\n")
    alice.revert(turn_id="turn-1")
    assert (script.read_bytes(), _looks(script)) == (b"#!/bin/sh\n", before)


def test_a_file_deleted_when_only_its_mode_was_put_on_record_comes_back_with_that(alice: ConcurrencyGuard, root: Path) -> None:
    content = alice.hash_content(_script(root).read_bytes())
    alice.read("run.sh")
    (root / "run.sh").unlink()
    alice.record("delete", file_path="run.sh", before_hash=content, detail={"mode": 0o710})
    alice.revert(turn_id="turn-1")
    assert stat.S_IMODE((root / "run.sh").stat().st_mode) == 0o710


def test_a_file_that_others_moved_later_is_followed(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    before = _project(root, "a")
    alice.edit("a", [("a 5\n", "alice\n")])
    bob.move("a", "moved")
    alice.revert(turn_id="turn-1")
    assert (root / "moved").read_bytes() == before["a"]
    assert not (root / "a").exists()


def test_a_later_name_is_kept_and_what_the_turn_did_before_is_taken_back_there(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path
) -> None:
    before = _project(root, "c", "other")
    alice.edit("c", [("c 5\n", "alice\n")])
    alice.move("c", "d")
    alice.edit("d", [("c 7\n", "alice again\n")])
    bob.move("d", "e")
    bob.move("other", "c")
    assert [(file.file_path, file.action) for file in alice.revert(turn_id="turn-1").files] == [("e", "restored")]
    assert (root / "e").read_bytes() == before["c"]
    assert (root / "c").read_bytes() == before["other"]
    assert not (root / "d").exists()


def test_a_file_another_moved_away_before_the_turn_took_its_name_is_followed(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path
) -> None:
    before = _project(root, "a", "b")
    alice.edit("a", [("a 5\n", "alice\n")])
    bob.move("a", "moved")
    alice.move("b", "a")
    alice.revert(turn_id="turn-1")
    assert (root / "moved").read_bytes() == before["a"]
    assert (root / "b").read_bytes() == before["b"]


@pytest.fixture
def ignored(root: Path) -> str:
    """A file whose contents are never kept."""
    (root / ".env").write_bytes(b"old\n")
    return ".env"


def test_a_file_whose_contents_are_never_kept_is_said_to_be_one_and_the_way_on_is_named(
    alice: ConcurrencyGuard, root: Path, ignored: str
) -> None:
    before = _project(root, "a")
    for name in ("a", ignored):
        alice.read(name)
        alice.write(name, b"new\n")
    with pytest.raises(RevertConflictError, match=r"other files alone, name them .*--file") as caught:
        alice.revert(turn_id="turn-1")
    assert "never kept" in caught.value.conflicts[ignored]
    alice.revert(turn_id="turn-1", files=["a"])
    assert (root / "a").read_bytes() == before["a"]
    with pytest.raises(RevertConflictError) as caught:
        alice.revert(turn_id="turn-1", files=[ignored])
    assert "--file" not in str(caught.value)


@pytest.mark.parametrize("how", ["made", "moved", "as it was"])
def test_what_needs_only_the_hashes_of_a_never_kept_file_is_taken_back_and_no_diff_shows_it(
    alice: ConcurrencyGuard, root: Path, ignored: str, how: str
) -> None:
    if how == "made":
        alice.write(".env.made", b"secret\n")
    elif how == "moved":
        alice.move(ignored, ".env.moved")
    else:
        alice.read(ignored)
        alice.write(ignored, b"new\n")
        (root / ignored).write_bytes(b"old\n")
    assert not any(file.diff for file in alice.revert(turn_id="turn-1", dry_run=True).files)
    alice.revert(turn_id="turn-1")
    assert sorted(path.name for path in root.iterdir()) == [".env", ".noclobber"]
    assert (root / ignored).read_bytes() == b"old\n"


def test_a_file_the_turn_made_and_another_changed_is_a_conflict(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    alice.write("made", b"1\n")
    bob.edit("made", [("1\n", "1\n2\n")])
    with pytest.raises(RevertConflictError) as caught:
        alice.revert(turn_id="turn-1")
    assert caught.value.conflicts == {"made": "the turn made it, and it was changed since"}


def test_only_one_agents_part_of_a_shared_turn_is_taken_back(alice: ConcurrencyGuard, root: Path, change_line: ChangeLine) -> None:
    before = _project(root, "a")
    other = alice.as_writer("carol", turn_id="turn-1")
    alice.edit("a", [("a 5\n", "alice\n")])
    other.edit("a", [("a 30\n", "carol\n")])
    alice.revert(turn_id="turn-1", agent_id="alice")
    assert (root / "a").read_bytes() == change_line(before["a"], 30, b"carol")


def test_a_dry_run_shows_the_diff_and_changes_nothing(alice: ConcurrencyGuard, root: Path) -> None:
    _project(root, "a")
    alice.edit("a", [("a 5\n", "alice\n")])
    now = (root / "a").read_bytes()
    shown = alice.revert(turn_id="turn-1", dry_run=True)
    assert shown.dry_run
    assert "-alice" in shown.files[0].diff
    assert (root / "a").read_bytes() == now
    assert alice.events(kind="revert") == []


def test_a_second_revert_of_the_same_turn_has_nothing_to_do(alice: ConcurrencyGuard, root: Path) -> None:
    _project(root, "a")
    alice.edit("a", [("a 5\n", "alice\n")])
    assert alice.revert(turn_id="turn-1").files
    bob = alice.as_writer("bob", turn_id="turn-2")
    assert bob.revert(turn_id="no such turn").files == ()


def test_a_revert_can_itself_be_reverted(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    _project(root, "a")
    alice.edit("a", [("a 5\n", "alice\n")])
    changed = (root / "a").read_bytes()
    bob.revert(turn_id="turn-1")
    bob.as_writer("carol", turn_id="turn-3").revert(turn_id="turn-2")
    assert (root / "a").read_bytes() == changed


def test_a_formatters_pass_after_the_turns_write_goes_with_it(alice: ConcurrencyGuard, root: Path, change_line: ChangeLine) -> None:
    before = _project(root, "a")
    alice.read("a")
    mine = change_line(before["a"], 5, b"x=1")
    alice.write("a", mine)
    (root / "a").write_bytes(change_line(mine, 5, b"x = 1"))
    alice.edit("a", [("a 30\n", "thirty\n")])
    alice.revert(turn_id="turn-1")
    assert (root / "a").read_bytes() == before["a"]


def test_a_persons_save_soon_after_the_turns_write_is_no_formatters_and_stays(
    alice: ConcurrencyGuard, root: Path, change_line: ChangeLine
) -> None:
    before = _project(root, "a")["a"]
    alice.read("a")
    mine = change_line(before, 10, b"alice")
    alice.write("a", mine)
    (root / "a").write_bytes(change_line(mine, 30, b"person"))
    assert alice.edit("a", [("a 20\n", "twenty\n")]).outcome == "formatted"
    alice.revert(turn_id="turn-1")
    assert (root / "a").read_bytes() == change_line(before, 30, b"person")


def test_a_persons_save_of_the_turns_own_line_is_a_conflict(alice: ConcurrencyGuard, root: Path, change_line: ChangeLine) -> None:
    before = _project(root, "a")["a"]
    alice.read("a")
    mine = change_line(before, 10, b"alice")
    alice.write("a", mine)
    (root / "a").write_bytes(change_line(mine, 10, b"person"))
    alice.edit("a", [("a 20\n", "twenty\n")])
    now = (root / "a").read_bytes()
    with pytest.raises(RevertConflictError):
        alice.revert(turn_id="turn-1")
    assert (root / "a").read_bytes() == now


def test_a_persons_unsaved_edits_stop_a_revert(alice: ConcurrencyGuard, root: Path) -> None:
    _project(root, "a")
    alice.edit("a", [("a 5\n", "alice\n")])
    buffer = Buffer("a", "editor:vscode:1", None, None, True, ((4, 6),), utc_now(), alice.workspace.live().id)
    alice.workspace.store.apply(Batch(buffers=[buffer]))
    with pytest.raises(UnsavedEditsError):
        alice.revert(turn_id="turn-1")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    plan=st.lists(st.tuples(st.sampled_from(["alice", "bob"]), st.integers(0, 9)), min_size=1, max_size=12, unique_by=lambda step: step[1])
)
def test_whoever_edits_what_in_which_order_only_the_turns_own_lines_go_back(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int]]
) -> None:
    root = tmp_path_factory.mktemp("revert")
    before = b"".join(b"begin %d\n.\nend %d\n" % (number, number) for number in range(10))
    (root / "a").write_bytes(before)
    with ConcurrencyGuard(root, "alice", turn_id="turn-a") as alice:
        bob = alice.as_writer("bob", turn_id="turn-b")
        for name, number in plan:
            (alice if name == "alice" else bob).edit("a", [(b"begin %d\n.\n" % number, b"begin %d\n%s\n" % (number, name.encode()))])
        bob.revert(turn_id="turn-a")
    expected = before
    for name, number in plan:
        if name == "bob":
            expected = expected.replace(b"begin %d\n.\n" % number, b"begin %d\nbob\n" % number)
    assert (root / "a").read_bytes() == expected
    assert os.listdir(root / ".noclobber/tmp") == []


def test_a_change_between_the_plan_and_the_lock_is_kept(
    alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path, change_line: ChangeLine
) -> None:
    before = _project(root, "a", "b")
    for name in before:
        alice.edit(name, [(f"{name} 5\n", "alice\n")])
    changed = False

    def progress(done: int, _total: int) -> None:
        nonlocal changed
        if done == 1 and not changed:  # of b it is reckoned already what it is to be
            changed = True
            bob.edit("b", [("b 30\n", "bob\n")])

    bob.revert(turn_id="turn-1", progress=progress)
    assert {name: (root / name).read_bytes() for name in before} == {**before, "b": change_line(before["b"], 30, b"bob")}
