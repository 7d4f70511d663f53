from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from noclobber import locks as module
from noclobber.errors import StoreBusyError, WorkspaceError
from noclobber.locks import PathLocks

HOLDER = """
import sys
from noclobber.locks import PathLocks
locks = PathLocks(sys.argv[1])
held = getattr(locks, sys.argv[2])(*sys.argv[3:])
print("held", flush=True)
sys.stdin.readline()
held.release()
print("released", flush=True)
sys.stdin.readline()
"""


class Holder:
    """Another process that holds locks until told to let go."""

    def __init__(self, state: Path, how: str, *paths: str) -> None:
        command = [sys.executable, "-c", HOLDER, str(state), how, *paths]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.expect("held")

    def expect(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == word + "\n"

    def let_go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.expect("released")

    def __enter__(self) -> Holder:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / ".noclobber"


@pytest.fixture
def locks(state: Path) -> Iterator[PathLocks]:
    made = PathLocks(state)
    yield made
    made.close()


def free(locks: PathLocks, path: str) -> bool:
    held = locks.try_exclusive(path)
    if held is None:
        return False
    held.release()
    return True


def test_the_state_folder_is_made_private(locks: PathLocks, state: Path) -> None:
    assert state.stat().st_mode & 0o777 == 0o700


def test_another_process_cannot_have_a_held_path_and_can_once_it_is_released(locks: PathLocks, state: Path) -> None:
    with Holder(state, "exclusive", "a.py") as other:
        assert not free(locks, "a.py")
        assert free(locks, "b.py")
        other.let_go()
        with locks.exclusive("a.py"):
            pass


def test_readers_share_and_keep_writers_out(locks: PathLocks, state: Path) -> None:
    with Holder(state, "shared", "a.py"):
        with locks.shared("a.py"):
            pass
        assert not free(locks, "a.py")


def test_several_paths_are_held_together_and_given_back_together(locks: PathLocks, state: Path) -> None:
    names = [f"file{n}" for n in range(50)]
    with Holder(state, "exclusive", *names, names[0]) as other:
        assert not any(free(locks, name) for name in names)
        other.let_go()
        assert all(free(locks, name) for name in names)


def test_threads_exclude_one_another_too(locks: PathLocks) -> None:
    inside, counts = 0, []

    def work() -> None:
        nonlocal inside
        for _ in range(300):
            with locks.exclusive("a.py", "b.py"):
                inside += 1
                counts.append(inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [1] * 1800


ADDER = """
import sys
from noclobber.locks import PathLocks
locks = PathLocks(sys.argv[1])
for _ in range(2000):
    with locks.exclusive("other", "counter"), open(sys.argv[2], "r+", encoding="ascii") as counter:
        value = int(counter.read())
        counter.seek(0)
        counter.write(str(value + 1))
"""


def test_processes_count_without_losing_one(state: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0", encoding="ascii")
    workers = [subprocess.Popen([sys.executable, "-c", ADDER, str(state), str(counter)]) for _ in range(4)]
    assert [worker.wait() for worker in workers] == [0] * 4
    assert counter.read_text(encoding="ascii") == "8000"


def test_two_takers_of_the_same_paths_in_opposite_order_never_wait_for_one_another(locks: PathLocks) -> None:
    names = [f"n{n}" for n in range(20)]

    def work(order: list[str]) -> None:
        for _ in range(300):
            with locks.exclusive(*order):
                pass

    threads = [threading.Thread(target=work, args=(order,)) for order in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def test_a_thread_that_would_wait_for_itself_is_told_so(locks: PathLocks) -> None:
    with locks.exclusive("a.py"):
        with pytest.raises(WorkspaceError, match="wait for itself"):
            locks.exclusive("b.py")
        with pytest.raises(WorkspaceError, match="wait for itself"):
            locks.shared("b.py")
    with locks.exclusive("b.py"):
        pass


def test_a_lock_tried_and_got_counts_as_held_by_the_thread(locks: PathLocks) -> None:
    held = locks.try_exclusive("a.py")
    assert held is not None
    with held, pytest.raises(WorkspaceError, match="wait for itself"):
        locks.exclusive("a.py")
    assert free(locks, "a.py")


def test_several_are_got_together_or_none_of_them(locks: PathLocks) -> None:
    with locks.exclusive("b.py"):
        assert locks.try_exclusive("a.py", "b.py", "c.py") is None
        assert all(free(locks, path) for path in ("a.py", "c.py"))
    held = locks.try_exclusive("a.py", "b.py", "c.py")
    assert held is not None
    with held:
        assert not any(free(locks, path) for path in ("a.py", "b.py", "c.py"))


def test_trying_while_holding_never_waits(locks: PathLocks) -> None:
    with locks.exclusive("a.py"):
        assert not free(locks, "a.py")
        assert free(locks, "b.py")
        with pytest.raises(WorkspaceError, match="wait for itself"):
            locks.exclusive("c.py")


def test_releasing_twice_is_harmless(locks: PathLocks) -> None:
    held = locks.exclusive("a.py")
    held.release()
    held.release()
    assert free(locks, "a.py")


def test_two_names_of_one_inode_meet_after_their_paths(locks: PathLocks, state: Path) -> None:
    code = """
import sys
from noclobber.locks import PathLocks
locks = PathLocks(sys.argv[1])
with locks.exclusive("other name"):
    print("asking", flush=True)
    with locks.inode_exclusive(1, 2):
        print("got it", flush=True)
"""
    with locks.exclusive("one name"), locks.inode_exclusive(1, 2):
        other = subprocess.Popen([sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE, text=True, encoding="utf-8")
        assert other.stdout is not None
        assert other.stdout.readline() == "asking\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.2)
    assert other.communicate()[0] == "got it\n"


def test_several_inodes_are_taken_at_once_and_none_is_no_trouble(locks: PathLocks) -> None:
    with locks.exclusive("a.py", "b.py"):
        with locks.inodes_exclusive([(1, 2), (1, 3), (1, 2)]), pytest.raises(WorkspaceError, match="wait for itself"):
            locks.inode_exclusive(1, 3)
        with locks.inodes_exclusive([]):
            pass


def test_a_path_is_not_taken_after_an_inode(locks: PathLocks) -> None:
    with locks.inode_exclusive(1, 2):
        with pytest.raises(WorkspaceError, match="wait for itself"):
            locks.exclusive("a.py")
        with pytest.raises(WorkspaceError, match="wait for itself"):
            locks.inode_exclusive(1, 3)


def test_a_killed_holder_frees_its_locks(locks: PathLocks, state: Path) -> None:
    with Holder(state, "exclusive", "a.py") as other:
        assert not free(locks, "a.py")
        other.process.send_signal(signal.SIGKILL)
        other.process.wait()
        assert free(locks, "a.py")


def test_a_killed_parent_whose_forked_child_lives_frees_its_locks(locks: PathLocks, state: Path) -> None:
    code = """
import os, sys
from noclobber.locks import PathLocks
locks = PathLocks(sys.argv[1])
held = locks.exclusive("a.py")
child = os.fork()
if child == 0:
    held.release()                      # the parent's, so nothing may happen
    with locks.exclusive("of the child"):
        print("child", os.getpid(), flush=True)
        sys.stdin.readline()
    os._exit(0)
os.waitpid(child, 0)
"""
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline().split()[1])
    assert not free(locks, "a.py")  # the child's closing and releasing did not free what the parent holds
    parent.kill()
    parent.wait()
    os.kill(child, 0)
    assert free(locks, "a.py")
    assert not free(locks, "of the child")
    parent.communicate()
    with locks.exclusive("of the child"):
        pass


def test_a_started_program_inherits_no_lock(locks: PathLocks, state: Path) -> None:
    with locks.exclusive("a.py"):
        sleeper = subprocess.Popen(["sleep", "60"], close_fds=False)
    assert free(locks, "a.py")
    sleeper.kill()
    sleeper.wait()


def test_a_deleted_lock_file_is_noticed_and_everybody_meets_at_the_new_one(locks: PathLocks, state: Path) -> None:
    with Holder(state, "exclusive", "b.py") as other:
        other.let_go()
        shutil.rmtree(state)
        with locks.exclusive("a.py"), Holder(state, "exclusive", "c.py"):
            assert (state / "path.locks").exists()
            assert not free(locks, "c.py")
        assert free(locks, "a.py")


def test_a_lock_held_while_the_state_was_deleted_says_that_it_is_no_longer_met(locks: PathLocks, state: Path) -> None:
    with locks.exclusive("a.py") as held:
        assert held.intact()
        shutil.rmtree(state)
        assert not held.intact()
        assert PathLocks(state).try_exclusive("a.py") is not None
        assert not held.intact()


def test_a_waiter_on_a_deleted_lock_file_ends_up_at_the_new_one(locks: PathLocks, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[bool] = []
    asked: set[int] = set()
    locked = module._locked

    def asking(fd: int, *arguments: Any) -> bool:
        asked.add(os.fstat(fd).st_ino)
        return locked(fd, *arguments)

    def until_asked(file: Path) -> None:
        while file.stat().st_ino not in asked:
            time.sleep(0.001)

    def wait() -> None:
        with locks.exclusive("a.py") as waited:
            got.append(waited.intact())

    held = locks.exclusive("a.py")
    monkeypatch.setattr(module, "_locked", asking)
    waiter = threading.Thread(target=wait)
    waiter.start()
    until_asked(state / "path.locks")
    shutil.rmtree(state)
    with Holder(state, "exclusive", "a.py") as other:
        held.release()
        until_asked(state / "path.locks")
        assert not got
        other.let_go()
        waiter.join()
    assert got == [True]


def test_when_the_whole_workspace_is_gone_the_error_says_so(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    locks = PathLocks(root / ".noclobber")
    shutil.rmtree(root)
    with pytest.raises(WorkspaceError, match="No such file"):
        locks.exclusive("a.py")


def test_the_count_of_stripes_is_the_states_own(state: Path) -> None:
    state.mkdir()
    (state / "path.locks").write_text('{"hash": "crc32", "stripes": 1}\n', encoding="ascii")
    locks = PathLocks(state)
    with locks.exclusive("a.py"):
        assert not free(locks, "anything else")
        with locks.inode_exclusive(1, 2):
            pass


def test_a_lock_file_without_a_header_gets_one(state: Path) -> None:
    state.mkdir()
    (state / "path.locks").write_bytes(b"\0" * 100)
    PathLocks(state)
    first = (state / "path.locks").read_bytes().split(b"\n")[0]
    assert json.loads(first) == {"hash": "crc32", "stripes": 4096}
    PathLocks(state)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b'{"hash": "md5", "stripes": 4096}\n', "another version"),
        (b'{"hash": "crc32", "stripes": 0}\n', "another version"),
        (b"nonsense", "damaged"),
        (b"[]", "damaged"),
    ],
)
def test_a_header_that_cannot_be_followed_is_refused_with_what_to_do(state: Path, header: bytes, said: str) -> None:
    state.mkdir()
    (state / "path.locks").write_bytes(header)
    with pytest.raises(WorkspaceError, match=said):
        PathLocks(state)
    assert (state / "path.locks").read_bytes() == header


def test_a_file_system_without_such_locks_is_reported_when_opening(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SET", 9999)  # the kernel's answer is the one it gives where it has no such lock
    with pytest.raises(WorkspaceError, match=r"has no working locks .* keep the workspace on a local disk"):
        PathLocks(state)


def test_a_state_folder_that_cannot_be_written_is_reported_in_words() -> None:
    with pytest.raises(WorkspaceError, match=r"Cannot use the lock file /proc/self/path\.locks: No such file"):
        PathLocks("/proc/self")


def test_stripes_that_collide_exclude_one_another_without_a_deadlock(locks: PathLocks) -> None:
    first = "f0"
    second = next(name for n in range(1, 10**6) if crc32((name := f"f{n}").encode()) % 4096 == crc32(b"f0") % 4096)
    with locks.exclusive(first, second):
        assert not free(locks, first)
    with locks.exclusive(first):
        assert not free(locks, second)


def test_idle_descriptors_do_not_grow_with_the_number_of_threads(locks: PathLocks, state: Path) -> None:
    together = threading.Barrier(40)

    def hold(n: int) -> None:
        with locks.shared(f"f{n}"):
            together.wait()

    threads = [threading.Thread(target=hold, args=(n,)) for n in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ours = str(state / "path.locks")
    assert sum(os.path.realpath(f"/proc/self/fd/{fd}") == ours for fd in os.listdir("/proc/self/fd")) <= 16


def test_closed_locks_can_be_forgotten(state: Path) -> None:
    locks = PathLocks(state)
    seen = weakref.ref(locks)
    locks.close()
    del locks
    gc.collect()
    assert seen() is None


def test_a_holder_that_is_stopped_is_waited_for_with_a_limit_and_named(state: Path) -> None:
    with Holder(state, "exclusive", "a.txt") as holder:
        holder.process.send_signal(signal.SIGSTOP)
        locks = PathLocks(state, patience=0.3)
        for ask in (locks.exclusive, locks.shared):
            with pytest.raises(StoreBusyError, match=r"a\.txt stayed locked.*stopped"):
                ask("a.txt")
        locks.exclusive("b.txt").release()  # nothing is left held
        holder.process.send_signal(signal.SIGCONT)
        holder.let_go()
        locks.exclusive("a.txt").release()
