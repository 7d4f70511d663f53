"""A folder of the workspace on another file system than its state: temporary files stand beside their targets, and none is left there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, FileAccessError
from noclobber.content import hash_content
from noclobber.recovery import settle_all

OLD, NEW = b"the old version\n" * 40, b"the new one\n" * 30
NAMES = ("a", "linked")
Work = Callable[[ConcurrencyGuard], object]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a second file system")

KINDS: dict[str, Work] = {
    "write": lambda guard: guard.write("there/a", NEW),
    "create": lambda guard: guard.write("there/new", NEW),
    "delete": lambda guard: guard.delete("there/a"),
    "move": lambda guard: guard.move("there/a", "there/moved"),
    "hard-linked": lambda guard: guard.write("there/linked", NEW),
    "several": lambda guard: guard.write_many({"there/a": NEW, "here": NEW, "there/new": NEW, "there/linked": NEW}),
}


@pytest.fixture(params=["tmpfs", "bind"])
def there(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder in the workspace where another file system is mounted; ``bind``: the same one once more, which looks like one and is not."""
    folder = tmp_path / "work/there"
    folder.mkdir(parents=True)
    (tmp_path / "bound").mkdir()
    options = ["-t", "tmpfs", "-o", "size=9m", "tmpfs"] if request.param == "tmpfs" else ["--bind", str(tmp_path / "bound")]
    mounted = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no second file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _prepare(there: Path) -> Path:
    root = there.parent
    shutil.rmtree(root / ".noclobber", ignore_errors=True)
    for path in (*there.iterdir(), root / "here"):
        path.unlink(missing_ok=True)
    for path in (there / "a", there / "linked", root / "here"):
        path.write_bytes(OLD)
    os.link(there / "linked", there / "other name")
    return root


def _stepping(root: Path, work: Work, at: int, act: Callable[[], None]) -> bool:
    """The change in a child, where something is done at its ``at``-th step; whether it came so far."""
    child = os.fork()
    if child == 0:
        count, status = 0, 1

        def step(_name: str) -> None:
            nonlocal count
            count += 1
            if count == at:
                act()

        try:
            with ConcurrencyGuard(root, "alice") as guard:
                for name in ("there/a", "there/linked", "here"):
                    guard.read(name)
                guard.workspace.step = step
                work(guard)
            status = 0
        finally:
            os._exit(2 if count >= at else status)
    ended = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(ended) or os.WEXITSTATUS(ended) == 2


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _strange(there: Path) -> list[str]:
    return sorted(name for name in os.listdir(there) if name not in ("a", "linked", "other name", "new", "moved"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_change_works_there_and_nothing_stays_beside_the_files(there: Path, kind: str) -> None:
    root = _prepare(there)
    with ConcurrencyGuard(root, "alice") as alice:
        for name in ("there/a", "there/linked", "here"):
            alice.read(name)
        KINDS[kind](alice)
        assert alice.events()[-1].outcome == "done"
        assert os.listdir(root / ".noclobber/tmp") == []
    assert _strange(there) == []


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_any_step_nothing_stays_beside_the_files(there: Path, kind: str) -> None:
    beside = 0
    for at in range(1, 60):
        root = _prepare(there)
        killed = _stepping(root, KINDS[kind], at, _kill)
        beside += _strange(there) != []
        with ConcurrencyGuard(root, "bob") as bob:
            assert _strange(there) == [], at
            assert os.listdir(root / ".noclobber/tmp") == [], at
            assert bob.workspace.store.pending() == [], at
            contents = {path.read_bytes() for path in there.iterdir()}
            assert contents <= {OLD, NEW}, at
            assert bob.content(hash_content(OLD)) == OLD
        if not killed:
            assert beside > 1 or kind in ("move", "hard-linked")
            return
    pytest.fail("the change never came to its end")


def test_a_temporary_file_of_a_secret_is_swept_but_never_kept(there: Path) -> None:
    def write(guard: ConcurrencyGuard) -> None:
        guard.read("there/.env")
        guard.write("there/.env", b"TOKEN=new\n")

    for at in range(1, 9):  # from some step on it stands there; where only the kernel knows of the two file systems, later
        root = _prepare(there)
        (there / ".env").write_bytes(b"TOKEN=old\n")
        assert _stepping(root, write, at, _kill)
        (there / ".env").unlink()
        if _strange(there):
            break
    assert _strange(there) != []
    with ConcurrencyGuard(root, "bob") as bob:
        assert _strange(there) == []
        assert bob.workspace.store.content(hash_content(b"TOKEN=new\n")) is None


def test_what_a_late_writer_adds_to_a_displaced_file_there_is_kept_and_reported(there: Path) -> None:
    root = _prepare(there)
    with (there / "a").open("r+b", buffering=0) as late:
        with ConcurrencyGuard(root, "alice") as alice:
            alice.read("there/a")
            alice.write("there/a", NEW)
            assert alice.workspace.store.pending() == []
            assert alice.write("there/a", b"newer\n").outcome == "done"
        late.write(b"LATE")
        with ConcurrencyGuard(root, "bob") as bob:
            assert bob.events(kind="late") == []
    with ConcurrencyGuard(root, "bob") as bob:
        (event,) = bob.events(kind="late")
        assert (event.file_path, event.before_hash) == ("there/a", hash_content(OLD))
        assert bob.content(event.after_hash or "") == b"LATE" + OLD[4:]
    assert _strange(there) == []
    assert os.listdir(root / ".noclobber/kept") == []


def test_a_mark_that_leads_anywhere_else_removes_nothing(there: Path) -> None:
    root = _prepare(there)
    with ConcurrencyGuard(root, "alice") as alice:
        for number, path in enumerate(("there/a", "here", "../outside", ".noclobber/settings")):
            (root / f".noclobber/tmp/at-.noclobber-c-dead-{number}").write_text(path)
        settle_all(alice.workspace)
        assert (there / "a").read_bytes() == (root / "here").read_bytes() == OLD
        assert os.listdir(root / ".noclobber/tmp") == []


def test_a_move_to_another_file_system_says_what_to_do_and_changes_nothing(there: Path) -> None:
    root = _prepare(there)
    with ConcurrencyGuard(root, "alice") as alice:
        with pytest.raises(FileAccessError, match="another file system"):
            alice.move("there/a", "moved here")
        assert (there / "a").read_bytes() == OLD
        assert not (root / "moved here").exists()
        assert alice.workspace.store.pending() == []
    assert _strange(there) == []
