"""Which folders are watched, and what is noticed there: exchanges, moved folders, overflows, several windows and workspaces."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent

from noclobber import ConcurrencyGuard
from noclobber.clock import format_utc
from noclobber.liveness import living
from noclobber.pausing import pause
from noclobber.store.protocol import Batch
from noclobber_server.lsp.watching import FolderWatch

TEN = "".join(f"line {n}\n" for n in range(1, 11))


class Seen:
    """What a watch has told, with waiting for it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.overflows = 0
        self._moved = threading.Condition()
        self.watch = FolderWatch(self._path, self._overflow)

    def _path(self, path: str) -> None:
        with self._moved:
            self.paths.append(path)
            self._moved.notify_all()

    def _overflow(self) -> None:
        with self._moved:
            self.overflows += 1
            self._moved.notify_all()

    def wait(self, is_so: Callable[[], bool]) -> None:
        with self._moved:
            assert self._moved.wait_for(is_so, 10), self.paths


@pytest.fixture
def seen() -> Iterator[Seen]:
    told = Seen()
    yield told
    told.watch.close()


def change_folders(editor: Any, *, added: Sequence[Path] = (), removed: Sequence[Path] = ()) -> None:
    came, went = ([types.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders] for folders in (added, removed))
    event = types.WorkspaceFoldersChangeEvent(came, went)
    editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))


async def watched(folder: Path, editor: Any) -> None:
    """Wait until the editor's server watches this folder."""
    process = Path("/proc", str(editor.client._server.pid))
    inode = f"ino:{folder.stat().st_ino:x} "

    def watches(descriptor: str) -> bool:
        try:
            is_watch = "inotify" in os.readlink(process / "fd" / descriptor)
            return is_watch and inode in (process / "fdinfo" / descriptor).read_text(encoding="ascii")
        except FileNotFoundError:
            return False  # closed since it was listed

    def is_watched() -> bool:
        return any(watches(descriptor) for descriptor in os.listdir(process / "fd"))

    await editor.until(is_watched)


def test_only_the_wanted_folders_are_watched(seen: Seen, tmp_path: Path) -> None:
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    assert seen.watch.want([str(tmp_path / "deep")]) == [str(tmp_path / "deep")]
    assert seen.watch.watched == {str(tmp_path / "deep")}
    (tmp_path / "deep" / "deeper" / "x").write_text("", encoding="utf-8")
    (tmp_path / "y").write_text("", encoding="utf-8")
    (tmp_path / "deep" / "z").write_text("", encoding="utf-8")
    seen.wait(lambda: str(tmp_path / "deep" / "z") in seen.paths)
    assert {Path(path).name for path in seen.paths} == {"z"}
    seen.watch.want([])
    assert seen.watch.watched == frozenset()


def test_a_file_exchanged_or_renamed_over_is_seen_at_once(seen: Seen, tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "a").write_text("old", encoding="utf-8")
    (tmp_path / "new").write_text("new", encoding="utf-8")
    seen.watch.want([str(folder)])
    os.replace(tmp_path / "new", folder / "a")
    seen.wait(lambda: str(folder / "a") in seen.paths)


def test_a_folder_that_vanishes_is_taken_up_again_when_it_is_back(seen: Seen, tmp_path: Path) -> None:
    folder = tmp_path / "src"
    folder.mkdir()
    seen.watch.want([str(tmp_path), str(folder)])
    folder.rename(tmp_path / "elsewhere")
    seen.wait(lambda: str(folder) not in seen.watch.watched)
    folder.mkdir()
    seen.wait(lambda: str(folder) in seen.watch.watched)
    seen.paths.clear()
    (folder / "a").write_text("x", encoding="utf-8")
    seen.wait(lambda: str(folder / "a") in seen.paths)


def test_a_queue_overflow_is_told(seen: Seen, tmp_path: Path) -> None:
    seen.watch.want([str(tmp_path)])
    inotify = seen.watch._inotify
    assert inotify is not None
    inotify.handle_event(InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b""))  # what the kernel sends when its queue is full
    assert seen.overflows == 1


async def test_what_changed_while_the_systems_queue_ran_over_is_found_all_the_same(editor: Any, root: Any, agent: Any) -> None:
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text(encoding="ascii"))
    if room > 100_000:
        pytest.skip("the system's queue is too long to be filled")
    (root / "b.txt").write_text("one\n", encoding="utf-8")
    agent.read("b.txt")
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "b.txt").write_text("noticed\n", encoding="utf-8")  # the first look at all files is over when this is on record
    await editor.until(lambda: agent.events(kind="outside", file_path="b.txt"))
    await editor.settled()
    server = editor.client._server
    os.kill(server.pid, signal.SIGSTOP)
    try:
        for number in range(room // 2 + 100):  # each is two events: made, and closed
            (root / f"x{number % 100}").unlink(missing_ok=True)
            (root / f"x{number % 100}").touch()
        (root / "a.txt").write_text(TEN.replace("line 8", "theirs"), encoding="utf-8")
        (root / "b.txt").write_text("two\n", encoding="utf-8")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await editor.shown(uri, "stale-buffer")
    await editor.until(lambda: len(agent.events(kind="outside")) == 3)
    found = {event.file_path: event.after_hash for event in agent.events(kind="outside")[1:]}
    assert found == {name: agent.hash_content((root / name).read_bytes()) for name in ("a.txt", "b.txt")}


def test_a_folder_that_does_not_exist_is_no_error(seen: Seen, tmp_path: Path) -> None:
    assert seen.watch.want([str(tmp_path / "nowhere")]) == []


NONE_LEFT = """
import watchdog.observers.inotify_c as system

def none_left(*_arguments):
    raise OSError(28, "inotify watch limit reached")

"""


@pytest.mark.parametrize("lacking", ["system.InotifyFD = none_left\n", "system.InotifyFD.add_callback = none_left\n"])
async def test_where_the_system_watches_nothing_files_are_polled_and_the_client_is_asked_once(
    new_editor: Callable[[], Any], root: Any, agent: Any, lacking: str
) -> None:
    (root / "b.txt").write_text("one\n", encoding="utf-8")
    agent.read("b.txt")
    editor = new_editor()
    await editor.start(before=NONE_LEFT + lacking)
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    await editor.until(lambda: editor.registered)
    agent.edit("a.txt", [("line 8", "theirs 8")])
    (shown,) = await editor.shown(uri, "stale-buffer")
    assert "claude/1" in shown.message
    (root / "b.txt").write_text("two\n", encoding="utf-8")
    await editor.until(lambda: agent.events(kind="outside", file_path="b.txt"))
    pause(agent.workspace.state, format_utc(time.time() + 3600))
    await editor.shown(uri, None)
    (root / "c.txt").write_text("one\n", encoding="utf-8")
    agent.read("c.txt")
    editor.open("c.txt")
    await editor.settled()
    assert [entry.register_options for entry in editor.registered] == [{"watchers": [{"globPattern": "**/*"}]}]
    await editor.stop()


async def test_that_agents_know_more_files_than_are_watched_is_logged_once(
    new_editor: Callable[[], Any], root: Any, agent: Any, server_log: Any
) -> None:
    for name in "bcdef":
        (root / name).write_text("one\n", encoding="utf-8")
        agent.read(name)
    editor = new_editor()
    await editor.start(before="import noclobber_server.lsp.surveillance as ours; ours._MOST_HELD = 2\n")
    for name in "abc":
        editor.open(name, "one\n")
        await editor.settled()
    await editor.stop()
    assert server_log.text.count(f"so many files in {root} that those from d on are not watched") == 1


async def test_what_the_client_says_of_a_file_that_only_an_agent_knows_is_looked_at(
    new_editor: Callable[[], Any], root: Any, agent: Any
) -> None:
    (root / "b.txt").write_text("one\n", encoding="utf-8")
    agent.read("b.txt")
    editor = new_editor()
    await editor.start(
        before=NONE_LEFT + "system.InotifyFD = none_left\nimport noclobber_server.lsp.polling as ours; ours._EVERY_S = 1e6\n"
    )
    editor.open("a.txt")
    await editor.settled()
    (root / "b.txt").write_text("two\n", encoding="utf-8")
    change = types.FileEvent(editor.uri("b.txt"), types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([change]))
    await editor.until(lambda: agent.events(kind="outside", file_path="b.txt"))
    await editor.stop()


async def test_an_outside_change_is_put_on_record_once_though_two_windows_see_it(
    editor: Any, new_editor: Callable[[], Any], root: Any, agent: Any
) -> None:
    agent.read("a.txt")
    other = new_editor()
    await other.start(name="Other")
    editor.open("a.txt")
    other.open("a.txt")
    await editor.settled()
    await other.settled()
    (root / "a.txt").write_text("outside\n", encoding="utf-8")
    await editor.until(lambda: agent.events(kind="outside"))
    for window in (editor, other):
        await window.shown(window.uri("a.txt"), "stale-buffer")
    (event,) = agent.events(kind="outside")
    assert agent.content(event.after_hash) == b"outside\n"
    await other.stop()


async def test_an_outside_change_of_a_file_that_only_an_agent_knows_is_kept_and_put_on_record(editor: Any, root: Any, agent: Any) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "b.txt").write_text("one\n", encoding="utf-8")
    editor.open("a.txt")
    await editor.settled()
    agent.read("sub/b.txt")
    await editor.until(lambda: any(snapshot.file_path == "sub/b.txt" for snapshot in agent.workspace.store.snapshots()))
    await editor.settled()
    (root / "sub" / "b.txt").write_text("two\n", encoding="utf-8")
    await editor.until(lambda: agent.events(kind="outside"))
    (event,) = agent.events(kind="outside")
    assert (event.file_path, agent.content(event.after_hash)) == ("sub/b.txt", b"two\n")


async def test_a_lesson_for_a_file_whose_lock_somebody_keeps_holds_up_nothing_else(editor: Any, agent: Any) -> None:
    await editor.settled()
    with agent.workspace.locks.exclusive("CLAUDE.md"):
        asked = types.ExecuteCommandParams("noclobber.lesson.append", [{"lesson": "Read before you write."}])
        lesson = asyncio.wrap_future(editor.client.workspace_execute_command(asked))
        for _ in range(2):  # the lesson's workspace is found first
            await editor.settled()
        assert not lesson.done()
    assert (await lesson)["success"]


@pytest.mark.parametrize("how", ["moved", "restored", "reverted"])
async def test_an_outside_change_is_noticed_where_a_file_was_moved_or_brought_back_to(editor: Any, root: Any, agent: Any, how: str) -> None:
    (root / "sub").mkdir()
    editor.open("a.txt")
    if how == "moved":
        (root / "b.txt").write_text("one\n", encoding="utf-8")
        agent.read("b.txt")
    else:
        agent.write("sub/b.txt", b"one\n")
        kept = agent.get_snapshot("sub/b.txt").read_hash
        agent.delete("sub/b.txt", turn_id="turn-13")
    await editor.settled()
    if how == "moved":
        agent.move("b.txt", "sub/b.txt")
    elif how == "restored":
        agent.restore("sub/b.txt", kept)
    else:
        agent.revert(turn_id="turn-13")
    assert (root / "sub" / "b.txt").read_bytes() == b"one\n"
    await watched(root / "sub", editor)
    (root / "sub" / "b.txt").write_text("two\n", encoding="utf-8")
    await editor.until(lambda: agent.events(kind="outside", file_path="sub/b.txt"))


async def test_of_a_thousand_events_put_on_record_at_once_none_is_passed_over(new_editor: Callable[[], Any], root: Any, agent: Any) -> None:
    editor = new_editor()
    await editor.start(activity=True)
    await editor.settled()
    before = agent.workspace.store.last_seq()
    event = agent.record("check")
    agent.workspace.store.apply(Batch(events=[event._replace(seq=0)] * 1200))
    await editor.until(lambda: sum(len(told.events) for told in editor.activity) >= 1201)
    told = [entry.seq for message in editor.activity for entry in message.events if entry.seq > before]
    assert told == list(range(before + 1, before + 1202))
    await editor.stop()


async def test_a_lock_that_somebody_keeps_holds_up_nothing_but_its_own_file(editor: Any, root: Any, agent: Any) -> None:
    (root / "b.txt").write_text("one\n", encoding="utf-8")
    for name in ("a.txt", "b.txt"):
        editor.open(name)
    await editor.settled()
    with agent.workspace.locks.exclusive("a.txt"):
        for name in ("a.txt", "b.txt"):
            (root / name).write_text("two\n", encoding="utf-8")
        await editor.until(lambda: agent.events(kind="outside"))
        await editor.settled()
        assert [event.file_path for event in agent.events(kind="outside")] == ["b.txt"]
    await editor.until(lambda: agent.events(kind="outside", file_path="a.txt"))


async def test_a_stream_of_guarded_writes_is_never_taken_for_outside_changes(editor: Any, root: Any, agent: Any) -> None:
    (root / "held.txt").write_text("0\n", encoding="utf-8")
    (root / "last.txt").write_text("before\n", encoding="utf-8")
    editor.open("a.txt")
    await editor.settled()
    agent.read("held.txt")
    agent.read("a.txt")
    agent.read("last.txt")
    await editor.settled()

    def stream() -> None:
        for number in range(1, 200):
            agent.write("held.txt", b"%d\n" % number)
            agent.write("a.txt", b"%d\n" % number)

    await asyncio.to_thread(stream)
    (root / "last.txt").write_text("after\n", encoding="utf-8")
    await editor.until(lambda: agent.events(kind="outside", file_path="last.txt"))
    assert [event.file_path for event in agent.events(kind="outside")] == ["last.txt"]


async def test_what_a_hook_holds_is_not_called_an_outside_change(editor: Any, root: Any, agent: Any) -> None:
    editor.open("a.txt")
    await editor.settled()

    async def hold() -> None:
        while True:
            await asyncio.sleep(0.5)
            leases.append(agent.lease("a.txt"))

    leases = [agent.lease("a.txt")]
    holding = asyncio.ensure_future(hold())  # a lease ends after ten seconds, and a busy machine may need them all
    (root / "a.txt").write_text("by the agent's own tool\n", encoding="utf-8")
    await editor.shown(editor.uri("a.txt"), "stale-buffer")
    await editor.heard_out()
    assert agent.events(kind="outside") == []
    holding.cancel()
    agent.record_change("a.txt", before=TEN.encode())
    assert agent.release(leases[-1])
    await editor.until(lambda: "claude/1" in editor.diagnostics[editor.uri("a.txt")][0].message)
    await editor.heard_out()
    assert agent.events(kind="outside") == []


async def test_what_one_window_saves_the_other_is_told_of(editor: Any, new_editor: Callable[[], Any]) -> None:
    other = new_editor()
    await other.start(name="Other")
    mine, theirs = editor.open("a.txt"), other.open("a.txt")
    other.type(theirs, "line 8", "other 8")
    await other.settled()
    editor.type(mine, "line 2", "mine 2")
    await editor.save(mine)
    await other.until(
        lambda: [d.message.startswith("Changed on disk by editor:Test:") for d in other.diagnostics.get(theirs, [])] == [True]
    )
    await other.stop()


async def test_folders_worktrees_and_nested_workspaces_each_have_their_own_state(new_editor: Callable[[], Any], tmp_path: Path) -> None:
    main, tree, plain = tmp_path / "main", tmp_path / "tree", tmp_path / "plain"
    for folder in (main, plain):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "a.txt").write_text(TEN, encoding="utf-8")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(main)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"], ["worktree", "add", "-q", str(tree)]):
        subprocess.run([*git, *arguments], check=True)
    editor = new_editor()
    await editor.start(folders=[main / "sub", tree, plain])
    for path in (main / "sub" / "a.txt", tree / "sub" / "a.txt", plain / "sub" / "a.txt"):
        editor.root = path.parent
        editor.open("a.txt")
    await editor.settled()
    for folder in (main, tree, plain):
        with ConcurrencyGuard(folder, "judge") as judge:
            assert [buffer.file_path for buffer in judge.workspace.store.buffers()] == ["sub/a.txt"], folder
    await editor.stop()


async def test_a_workspace_inside_another_one_is_its_own_where_no_git_holds_them_together(
    new_editor: Callable[[], Any], tmp_path: Path
) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "vendor" / "inner"
    for folder in (inner, outer):  # one that is begun inside another would be that one
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "a.txt").write_text(TEN, encoding="utf-8")
        ConcurrencyGuard(folder, "claude/1").close()
    editor = new_editor()
    await editor.start(folders=[outer])
    for folder in (outer, inner):
        editor.root = folder
        editor.type(editor.open("a.txt"), "line 2", "mine 2")
    await editor.settled()
    for folder in (outer, inner):
        with ConcurrencyGuard(folder, "claude/1") as agent:
            assert [buffer.file_path for buffer in agent.workspace.store.buffers()] == ["a.txt"], folder
            agent.edit("a.txt", [("line 8", f"theirs in {folder.name}")])
        (shown,) = await editor.shown((folder / "a.txt").as_uri(), "stale-buffer")
        assert "claude/1" in shown.message
    await editor.stop()


async def test_a_folder_added_later_is_taken_in_and_one_removed_is_let_go(editor: Any, root: Path, tmp_path: Path, agent: Any) -> None:
    later = tmp_path / "later"
    later.mkdir()
    for name in ("b.txt", "c.txt"):
        (later / name).write_text(TEN, encoding="utf-8")
    folder = types.WorkspaceFolder(later.as_uri(), "later")

    def change(**folders: list[types.WorkspaceFolder]) -> None:
        event = types.WorkspaceFoldersChangeEvent(**{"added": [], "removed": [], **folders})
        editor.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(event))

    editor.root = later
    editor.open("b.txt")
    await editor.settled()
    assert not (later / ".noclobber").exists()  # it is none of the client's folders yet
    editor.close(editor.uri("b.txt"))
    change(added=[folder])
    editor.type(editor.open("b.txt"), "line 2", "mine 2")
    await editor.settled()
    with ConcurrencyGuard(later, "judge") as judge:
        assert [(row.file_path, row.unsaved) for row in judge.workspace.store.buffers()] == [("b.txt", True)]
        editor.close(editor.uri("b.txt"))
        change(removed=[folder])
        editor.type(editor.open("c.txt"), "line 2", "mine 2")
        await editor.settled()
        assert judge.workspace.store.buffers() == []
        assert judge.edit("c.txt", [("line 2", "theirs 2")]).outcome == "done"  # no buffer of a folder that is let go is in the way
    editor.root = root
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    await editor.shown(uri, "stale-buffer")
    assert (later / "c.txt").as_uri() not in editor.diagnostics


async def test_a_change_that_the_system_does_not_tell_of_is_noticed_where_the_client_does(editor: Any, root: Path, tmp_path: Path) -> None:
    other_name = tmp_path / "elsewhere"
    os.link(root / "a.txt", other_name)  # what is written under this name is told of in its own folder only
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text(TEN.replace("line 9", "theirs"), encoding="utf-8")
    await editor.shown(uri, "stale-buffer")
    (root / "a.txt").write_text(TEN, encoding="utf-8")
    await editor.shown(uri, None)
    await asyncio.sleep(1)  # until all is done that was put off for these two: it would look at the file by itself
    other_name.write_text(TEN.replace("line 8", "theirs"), encoding="utf-8")
    event = types.FileEvent(uri, types.FileChangeType.Changed)
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await editor.shown(uri, "stale-buffer")


async def test_what_is_open_in_a_folder_that_is_removed_is_let_go_and_taken_up_again_when_it_is_added(
    editor: Any, root: Any, agent: Any
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs 8")])
    await editor.shown(uri, "stale-buffer")
    change_folders(editor, removed=[root])
    await editor.shown(uri, None)
    await editor.settled()
    assert editor.client._server.pid not in {one.pid for one in living(agent.workspace.state)}
    (row,) = agent.workspace.store.buffers("a.txt")
    assert b"mine 2" in agent.content(row.text_hash)
    editor.type(uri, "line 5", "mine 5")
    change_folders(editor, added=[root])
    await editor.shown(uri, "stale-buffer")
    (row,) = agent.workspace.store.buffers("a.txt")
    assert agent.content(row.text_hash) == editor.texts[uri].encode()
    agent.edit("a.txt", [("line 9", "theirs 9")])
    await editor.until(lambda: "lines 8-9" in editor.diagnostics[uri][0].message)


async def test_a_document_outside_every_folder_is_taken_in_when_its_folder_is_added(editor: Any, tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    (later / "b.txt").write_text(TEN, encoding="utf-8")
    editor.root = later
    uri = editor.open("b.txt")
    await editor.settled()
    change_folders(editor, added=[later])
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    with ConcurrencyGuard(later, "claude/1") as agent:
        agent.edit("b.txt", [("line 8", "theirs 8")])
    await editor.shown(uri, "stale-buffer")


async def test_without_its_last_folder_a_client_is_not_given_the_files_of_others(editor: Any, root: Any, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.txt").write_text(TEN, encoding="utf-8")
    with ConcurrencyGuard(other, "claude/1") as agent:
        change_folders(editor, removed=[root])
        editor.root = other
        editor.open("b.txt")
        await editor.settled()
        assert agent.workspace.store.buffers() == []


async def test_a_file_reached_through_a_symlink_is_the_file_itself(editor: Any, root: Any, agent: Any) -> None:
    (root / "link.txt").symlink_to("a.txt")
    uri = editor.open("link.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    await editor.shown(uri, "stale-buffer")
    assert [buffer.file_path for buffer in agent.workspace.store.buffers()] == ["a.txt"]


async def test_a_renamed_folder_above_a_document_is_noticed(editor: Any, root: Any) -> None:
    (root / "x" / "y").mkdir(parents=True)
    (root / "x" / "y" / "a.txt").write_text(TEN, encoding="utf-8")
    uri = editor.open("x/y/a.txt")
    await editor.settled()
    (root / "x").rename(root / "z")
    await editor.shown(uri, "deleted-on-disk")
    (root / "z").rename(root / "x")
    await editor.shown(uri, None)


async def test_the_state_removed_under_the_server_is_made_anew(editor: Any, root: Any) -> None:
    import shutil

    uri = editor.open("a.txt")
    await editor.settled()
    shutil.rmtree(root / ".noclobber", ignore_errors=True)  # as rm -rf: the server may be making parts of it anew already
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    with ConcurrencyGuard(root, "claude/1") as agent:
        agent.edit("a.txt", [("line 8", "theirs")])
        await editor.shown(uri, "stale-buffer")
        assert [buffer.unsaved for buffer in agent.workspace.store.buffers("a.txt")] == [True]


async def test_a_workspace_that_could_not_be_used_is_tried_again_later(new_editor: Callable[[], Any], root: Path) -> None:
    (root / ".noclobber").write_text("in the way", encoding="utf-8")
    (root / "b.txt").write_text(TEN, encoding="utf-8")
    editor = new_editor()
    await editor.start(before="import noclobber_server.lsp.rooms as ours; ours._AGAIN_S = 0\n")
    editor.open("a.txt")
    await editor.settled()
    (root / ".noclobber").unlink()
    editor.type(editor.open("b.txt"), "line 2", "mine 2")
    await editor.settled()
    with ConcurrencyGuard(root, "judge") as judge:
        assert [(row.file_path, row.unsaved) for row in judge.workspace.store.buffers()] == [("b.txt", True)]
    await editor.stop()
