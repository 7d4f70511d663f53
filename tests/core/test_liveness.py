"""Who is alive is known by a held lock: however a process ends, it is known at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from noclobber.errors import WorkspaceError
from noclobber.liveness import Live, is_alive, living

HOLDER = """
import os, sys
from noclobber.liveness import Live
live = Live(sys.argv[1], {"agent_id": "alice", "front": "test"})
child = -1
if "fork" in sys.argv:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"here")  # from now on the child has let go of what it inherited
        sys.stdin.read()
        os._exit(0)
    os.read(reading, 4)
print(live.id, child, flush=True)
sys.stdin.read()
"""


def holder(state: Path, *more: str) -> tuple[subprocess.Popen[str], str, int]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(state), *more], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    live_id, child = process.stdout.readline().split()
    return process, live_id, int(child)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_life_lasts_until_it_is_closed(tmp_path: Path) -> None:
    live = Live(tmp_path)
    assert live.held()
    assert is_alive(tmp_path, live.id)
    live.close()
    live.close()
    assert not live.held()
    assert not is_alive(tmp_path, live.id)
    assert os.listdir(tmp_path / "live") == []


def test_the_living_are_listed_as_they_described_themselves_and_the_dead_are_swept(tmp_path: Path) -> None:
    process, live_id, _ = holder(tmp_path)
    mine = Live(tmp_path)
    try:
        found = {one.id: (one.agent_id, one.pid, one.front) for one in living(tmp_path)}
        assert found == {live_id: ("alice", process.pid, "test"), mine.id: ("", os.getpid(), "")}
    finally:
        end(process)
    assert not is_alive(tmp_path, live_id)
    assert [one.id for one in living(tmp_path)] == [mine.id]
    assert os.listdir(tmp_path / "live") == [mine.id]
    mine.close()


def test_a_killed_parent_is_dead_although_its_child_lives(tmp_path: Path) -> None:
    process, live_id, child = holder(tmp_path, "fork")
    assert is_alive(tmp_path, live_id)
    process.send_signal(signal.SIGKILL)
    process.wait()
    try:
        os.kill(child, 0)
        assert not is_alive(tmp_path, live_id)
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_a_child_that_ends_does_not_end_its_parents_life(tmp_path: Path) -> None:
    live = Live(tmp_path)
    child = os.fork()
    if child == 0:
        held = live.held()
        live.close()
        os._exit(1 if held else 0)
    assert os.waitpid(child, 0)[1] == 0
    assert live.held()
    assert is_alive(tmp_path, live.id)
    live.close()


def test_a_life_whose_file_was_deleted_knows_it(tmp_path: Path) -> None:
    live = Live(tmp_path)
    (tmp_path / "live" / live.id).unlink()
    assert not live.held()
    assert not is_alive(tmp_path, live.id)
    live.close()


@pytest.mark.parametrize("name", ["", "..", "../live", "0" * 16, "a/b"])
def test_an_id_that_nobody_has_is_not_alive(tmp_path: Path, name: str) -> None:
    assert not is_alive(tmp_path, name)
    assert living(tmp_path) == []


def test_a_file_that_is_no_description_does_not_disturb_the_others(tmp_path: Path) -> None:
    live = Live(tmp_path, {"agent_id": "é\n"})
    (tmp_path / "live" / "garbage").write_bytes(b"\xff\xfe")
    assert [one.agent_id for one in living(tmp_path)] == ["é\n"]
    live.close()


def test_where_no_lock_can_be_had_one_clear_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "live").write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot hold a lock"):
        Live(tmp_path)
