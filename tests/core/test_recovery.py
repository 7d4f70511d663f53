"""A process is killed at every step of every kind of change; whoever opens the workspace next finds one version or the other."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, Event
from noclobber.content import hash_content
from noclobber.errors import WorkspaceError
from noclobber.store.protocol import Batch, Pending
from noclobber.store.sqlite import SqliteStore

KilledAt = Callable[..., bool]
OLD, NEW = b"the old version\n" * 40, b"the new one\n" * 30


def _write(guard: ConcurrencyGuard) -> None:
    guard.write("a", NEW)


def _create(guard: ConcurrencyGuard) -> None:
    guard.write("new", NEW)


def _delete(guard: ConcurrencyGuard) -> None:
    guard.delete("a")


def _move(guard: ConcurrencyGuard) -> None:
    guard.move("a", "moved")


def _write_hard_linked(guard: ConcurrencyGuard) -> None:
    guard.write("linked", NEW)


def _write_many(guard: ConcurrencyGuard) -> None:
    guard.write_many({"a": NEW, "b": NEW, "new": NEW, "linked": NEW})


ALL = (_write, _create, _delete, _move, _write_hard_linked, _write_many)


def _prepare(root: Path) -> None:
    for name in ("a", "b", "linked"):
        (root / name).write_bytes(OLD)
    os.link(root / "linked", root / "other name")


def _state(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(root.iterdir()) if path.is_file()}


def _last_hash(events: list[Event], path: str) -> str | None:
    """What the history says stands at a path now."""
    last: str | None = None
    for event in events:
        if event.file_path == path:
            last = None if event.kind == "move" else event.after_hash
        elif event.to_path == path:
            last = event.after_hash
    return last


@pytest.mark.parametrize("work", ALL, ids=lambda work: work.__name__.strip("_"))
def test_killed_at_any_step_leaves_the_old_or_the_new_and_a_history_that_agrees(
    tmp_path: Path, killed_at: KilledAt, work: Callable[..., None]
) -> None:
    for at in range(1, 60):
        root = tmp_path / str(at)
        root.mkdir()
        _prepare(root)
        before = _state(root)
        killed = killed_at(root, work, at)
        with ConcurrencyGuard(root, "bob") as guard:
            now = _state(root)
            events = [event for event in guard.events() if event.outcome == "done"]
            for name in set(before) | set(now):
                expected = _last_hash(events, name)
                if expected is not None:
                    assert hash_content(now[name]) == expected, (at, name)
            assert os.listdir(root / ".noclobber/tmp") == [], at
            assert guard.workspace.store.pending() == [], at
            changed = [event for event in events if event.kind != "read"]
        assert all(content in (OLD, NEW) for content in now.values()), at
        assert now["linked"] == now["other name"], at
        whole = now != before
        assert bool(changed) == whole, (at, changed)
        if work is _write_many:
            assert len({now["a"], now["b"], now["linked"], now.get("new", OLD)}) == 1, at
        if not killed:
            assert whole
            return
    pytest.fail("the change never came to its end")


def test_an_interrupted_change_is_settled_by_the_next_holder_of_its_lock(tmp_path: Path, killed_at: KilledAt) -> None:
    """The other process has had the workspace open all along: it does not open it, it only takes the lock."""
    _prepare(tmp_path)
    with ConcurrencyGuard(tmp_path, "bob") as bob:
        bob.read("a")
        assert killed_at(tmp_path, _write, 3)
        assert bob.workspace.store.pending() != []
        assert bob.read("a").content in (OLD, NEW)
        assert bob.workspace.store.pending() == []


def test_two_processes_recover_at_once(tmp_path: Path, killed_at: KilledAt) -> None:
    for at in (2, 3, 4, 5):
        root = tmp_path / str(at)
        root.mkdir()
        _prepare(root)
        assert killed_at(root, _write_many, at)
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    with ConcurrencyGuard(root, "carol") as guard:
                        guard.read("a")
                    status = 0
                finally:
                    os._exit(status)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        with ConcurrencyGuard(root, "bob") as bob:
            assert bob.workspace.store.pending() == []
        now = _state(root)
        assert len({now["a"], now["b"], now["linked"]}) == 1


def test_what_nobody_claims_in_tmp_is_taken_in_not_swept_away(tmp_path: Path) -> None:
    with ConcurrencyGuard(tmp_path, "alice"):
        pass
    orphan = tmp_path / ".noclobber/tmp/c-dead-1"
    orphan.write_bytes(b"the only copy of something\n")
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        assert not orphan.exists()
        assert alice.content(hash_content(b"the only copy of something\n")) == b"the only copy of something\n"


def test_a_late_writer_into_the_displaced_file_is_noticed_kept_and_reported(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(OLD)
    with ConcurrencyGuard(tmp_path, "alice") as alice, (tmp_path / "a").open("r+b", buffering=0) as late:
        alice.read("a")
        alice.write("a", NEW)
        assert len(os.listdir(tmp_path / ".noclobber/kept")) == 1
        late.write(b"LATE")
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        (event,) = alice.events(kind="late")
        assert (event.file_path, event.before_hash) == ("a", hash_content(OLD))
        assert alice.content(event.after_hash or "") == b"LATE" + OLD[4:]
        assert os.listdir(tmp_path / ".noclobber/kept") == []
    assert (tmp_path / "a").read_bytes() == NEW


def test_a_displaced_file_that_its_late_writer_left_alone_goes_quietly(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(OLD)
    with ConcurrencyGuard(tmp_path, "alice") as alice, (tmp_path / "a").open("r+b", buffering=0):
        alice.read("a")
        alice.write("a", NEW)
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        assert alice.events(kind="late") == []
    assert os.listdir(tmp_path / ".noclobber/kept") == []


def test_an_interrupt_right_after_the_rows_came_on_record_makes_up_no_write(tmp_path: Path) -> None:
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        store = alice.workspace.store
        assert isinstance(store, SqliteStore)
        real = store.apply

        def apply(batch: Batch) -> tuple[int, ...]:
            done = real(batch)
            if batch.pending:
                store.apply = real  # type: ignore[method-assign]
                raise KeyboardInterrupt
            return done

        store.apply = apply  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            alice.write("new", NEW)
        with pytest.raises(Exception, match="There is no file"):
            alice.read("new")
        assert alice.events(kind="write") == []
        assert os.listdir(tmp_path / ".noclobber/tmp") == []


def test_a_change_a_front_lets_through_is_not_told_as_made_before_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(OLD)
    with ConcurrencyGuard(tmp_path, "alice") as alice:
        alice.read("a")
        (tmp_path / "a").write_bytes(b"outside\n")
        assert alice.check_write("a", NEW, override=True).outcome == "overridden"
        alice.read("a")
        assert [event.kind for event in alice.events()] == ["read", "outside", "write", "read"]


def test_what_somebody_changed_on_top_of_an_interrupted_change_of_several_stays_and_is_named(tmp_path: Path, killed_at: KilledAt) -> None:
    """Wherever it is killed: each file that holds some of the change has the event of whoever made it, and the opening says so."""
    named = 0
    for at in range(1, 60):
        root = tmp_path / str(at)
        root.mkdir()
        _prepare(root)
        killed = killed_at(root, _write_many, at)
        stood = (root / "a").read_bytes() == NEW
        with open(root / "a", "ab") as outsider:
            outsider.write(b"newer\n")
        with ConcurrencyGuard(root, "bob") as bob:
            now = bob.read("a").content
            assert now == (NEW if stood else OLD) + b"newer\n", at
            events = [event for event in bob.events(file_path="a") if event.kind != "read"]
            interrupted = [event for event in events if (event.detail or {}).get("interrupted")]
            finished = [event for event in events if event.agent_id == "alice" and event not in interrupted]
            if not stood:
                assert interrupted == finished == [], at
            elif finished == []:
                assert [(event.agent_id, event.turn_id, event.after_hash) for event in interrupted] == [
                    ("alice", "turn-1", hash_content(NEW))
                ], at
                assert "a was changed since" in (bob.workspace.notice or ""), at
                assert (root / "b").read_bytes() == OLD, at
                named += 1
        if not killed:
            assert named > 0
            return
    pytest.fail("the change never came to its end")


def test_a_secret_file_that_was_being_deleted_when_the_state_was_lost_is_put_aside_not_swept_away(
    tmp_path: Path, killed_at: KilledAt
) -> None:
    (tmp_path / ".env").write_bytes(b"TOKEN=the only copy\n")

    def delete(guard: ConcurrencyGuard) -> None:
        guard.read(".env")
        guard.delete(".env")

    at = next(at for at in range(1, 20) if killed_at(tmp_path, delete, at) and not (tmp_path / ".env").exists())
    assert at
    for name in ("state.db-wal", "state.db-shm"):
        (tmp_path / ".noclobber" / name).unlink(missing_ok=True)
    (tmp_path / ".noclobber/state.db").write_bytes(b"garbage" * 1000)
    with ConcurrencyGuard(tmp_path, "bob") as bob:
        (aside,) = (tmp_path / ".noclobber/kept").glob("unclaimed-*")
        assert aside.read_bytes() == b"TOKEN=the only copy\n"
        assert str(aside) in (bob.workspace.notice or "")
        assert os.listdir(tmp_path / ".noclobber/tmp") == []


def test_what_a_dead_writer_was_keeping_is_deleted_and_what_a_living_one_is_keeping_is_not(tmp_path: Path) -> None:
    with ConcurrencyGuard(tmp_path, "alice"):
        kept = tmp_path / ".noclobber/kept"
        dead, living = (kept / f"{hash_content(name)}.1234.abcdabcd" for name in (b"dead", b"living"))
        dead.write_bytes(b"half")
        living.write_bytes(b"half")
    with open(living, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with ConcurrencyGuard(tmp_path, "bob"):
            assert list(kept.iterdir()) == [living]
    with ConcurrencyGuard(tmp_path, "bob"):
        assert list(kept.iterdir()) == []


def test_state_that_came_with_somebody_elses_files_does_not_lead_out(tmp_path: Path) -> None:
    root, outside = tmp_path / "w", tmp_path / "outside.txt"
    root.mkdir()
    outside.write_bytes(b"not ours")
    with ConcurrencyGuard(root, "alice") as alice:
        hashes = {"expecting": None, "placing": hash_content(b"not ours"), "inode": 0}
        fields = {"events": [], "snapshots": [], "forget": [], "several": False}
        row = Pending(
            "p", "g", 0, "in.txt", "create", "../../../outside.txt", hashes["placing"], None, None, "intended", {**fields, **hashes}
        )
        alice.workspace.store.apply(Batch(pending=[row]))
    with ConcurrencyGuard(root, "bob"):
        assert outside.read_bytes() == b"not ours"
        assert not (root / "in.txt").exists()


@pytest.mark.parametrize("link", [".noclobber", ".noclobber/tmp", ".noclobber/kept"])
def test_a_state_that_is_a_symbolic_link_is_refused(tmp_path: Path, link: str) -> None:
    root, elsewhere = tmp_path / "w", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(elsewhere)
    with pytest.raises(WorkspaceError, match="symbolic link"):
        ConcurrencyGuard(root, "alice")
    assert list(elsewhere.iterdir()) == []


def test_what_a_living_writer_has_not_put_on_record_yet_is_left_to_it_by_whoever_opens_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(OLD)
    open_it = "import sys; from noclobber import ConcurrencyGuard as G; G(sys.argv[1], 'bob').close()"
    opened = 0

    def step(name: str) -> None:
        nonlocal opened
        if name == "record":
            subprocess.run([sys.executable, "-c", open_it, str(tmp_path)], check=True)
            opened += 1

    with ConcurrencyGuard(tmp_path, "alice") as alice:
        alice.read("a")
        alice.workspace.step = step
        assert alice.write("a", NEW).outcome == "done"
        assert opened == 1
    assert (tmp_path / "a").read_bytes() == NEW
