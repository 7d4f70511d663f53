"""Closing, threads, forks and interruptions: what is under way is finished or heals."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from noclobber import AsyncConcurrencyGuard, ConcurrencyGuard, NoclobberError, StaleFileError
from noclobber.workspace import Workspace


def test_a_closed_guard_says_so_whatever_is_asked(root: Path, lines: Path) -> None:
    guard = ConcurrencyGuard(root, "alice")
    guard.read("a.txt")
    guard.verify_before_write("a.txt")
    guard.close()
    guard.close()
    calls = (
        lambda: guard.read("a.txt"),
        lambda: guard.write("a.txt", b"x"),
        lambda: guard.verify_before_write("a.txt"),
        lambda: guard.record_snapshot("a.txt", b"x"),
        lambda: guard.get_snapshot("a.txt"),
        lambda: guard.get_all_snapshots(),
        lambda: guard.events(),
        lambda: guard.delete("a.txt"),
        lambda: guard.as_writer("bob").read("a.txt"),
    )
    for call in calls:
        with pytest.raises(NoclobberError, match="closed"):
            call()


def test_closing_waits_for_a_write_of_another_thread(root: Path, lines: Path) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def step(name: str) -> None:
        if name == "compare":
            reached.set()
            go_on.wait(20)

    workspace = Workspace.open(root, step=step)
    guard = ConcurrencyGuard(workspace, "alice")
    guard.read("a.txt")
    writing = threading.Thread(target=guard.write, args=("a.txt", b"whole\n"))
    closing = threading.Thread(target=workspace.close)
    writing.start()
    reached.wait(20)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    go_on.set()
    writing.join()
    closing.join()
    with ConcurrencyGuard(root, "bob") as bob:
        assert [event.outcome for event in bob.events(kind="write")] == ["done"]
        assert bob.workspace.store.pending() == []


async def test_a_cancelled_write_goes_on_and_is_on_record(root: Path, lines: Path) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def step(name: str) -> None:
        if name == "exchange":
            reached.set()
            go_on.wait(20)

    workspace = Workspace.open(root, step=step)
    async with AsyncConcurrencyGuard(ConcurrencyGuard(workspace, "alice")) as alice:
        await alice.read("a.txt")
        writing = asyncio.create_task(alice.write("a.txt", b"cancelled, yet whole\n"))  # type: ignore[arg-type]
        await asyncio.to_thread(reached.wait, 20)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        go_on.set()
    await asyncio.to_thread(workspace.close)
    assert lines.read_bytes() == b"cancelled, yet whole\n"
    with ConcurrencyGuard(root, "bob") as bob:
        assert [event.outcome for event in bob.events(kind="write")] == ["done"]


STEPS = ("record", "exchange", "compare", "settle", "tidy", "forget")


@pytest.mark.parametrize("at", STEPS)
@pytest.mark.parametrize("several", [False, True])
def test_an_interruption_at_any_step_heals_at_the_next_operation(root: Path, at: str, several: bool) -> None:
    names = ("a", "b", "c") if several else ("a",)
    with ConcurrencyGuard(root, "alice") as alice:
        for name in names:
            alice.write(name, b"old " + name.encode())
        if at == "forget":  # only a row that its outcome does not close comes so far
            os.link(root / "a", root / "linked")

        def step(name: str) -> None:
            if name == at:
                raise KeyboardInterrupt

        alice.workspace.step = step
        with pytest.raises(KeyboardInterrupt):
            alice.write_many({name: b"new " + name.encode() for name in names})
        alice.workspace.step = lambda _name: None
        found = {alice.read(name).content.split()[0] for name in names}
        assert len(found) == 1
        assert alice.workspace.store.pending() == []
        assert os.listdir(root / ".noclobber/tmp") == []
        for name in names:
            content = alice.read(name).content
            last = alice.events(file_path=name)[-1]
            assert last.after_hash == alice.hash_content(content)
            assert alice.write(name, b"and on").outcome == "done"


def test_eight_threads_share_one_guard_and_lose_no_line(root: Path) -> None:
    (root / "shared.txt").write_bytes(b"".join(b"%d:0\n\n\n" % number for number in range(8)))
    errors: list[BaseException] = []
    with ConcurrencyGuard(root, "alice") as guard:

        def work(number: int) -> None:
            try:
                for count in range(15):
                    guard.edit("shared.txt", [(f"{number}:{count}\n", f"{number}:{count + 1}\n")])
                    guard.write(f"own-{number}.txt", b"%d" % count)
                    guard.verify_before_write("shared.txt")
                    guard.verify_before_write(f"own-{number}.txt")
                    guard.read("shared.txt")
                    guard.status()
            except BaseException as error:
                errors.append(error)
                raise

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert (root / "shared.txt").read_bytes() == b"".join(b"%d:15\n\n\n" % number for number in range(8))
        assert guard.workspace.store.pending() == []
        assert os.listdir(root / ".noclobber/tmp") == []


def test_a_forked_child_goes_on_with_the_open_guard(root: Path, lines: Path) -> None:
    with ConcurrencyGuard(root, "alice") as guard:
        guard.read("a.txt")
        guard.verify_before_write("a.txt")
        child = os.fork()
        if not child:
            status = 1
            try:
                writer = guard.as_writer("child")
                writer.read("a.txt")
                writer.write("a.txt", b"child\n")
                writer.write("b.txt", b"child\n")
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        refusal = guard.verify_before_write("a.txt")
        assert refusal is not None
        assert [change["agent_id"] for change in refusal.changed_by] == ["child"]
        with pytest.raises(StaleFileError):
            guard.write("a.txt", b"alice\n")
        guard.read("b.txt")
        assert guard.write("b.txt", b"alice\n").outcome == "done"
        assert os.listdir(root / ".noclobber/tmp") == []
