from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def test_a_reader_that_leaves_early_ends_the_command_quietly(cli: Any) -> None:
    cli.file("big.txt", b"0123456789\n" * 200_000)
    reading = cli.start("read", "big.txt", stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    reading.stdout.read(10)
    reading.stdout.close()
    assert reading.stderr.read() == b""
    reading.stderr.close()
    assert reading.wait(30) == 141


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_gets_every_byte(cli: Any, unbuffered: str) -> None:
    content = b"0123456789\n" * 200_000
    cli.file("big.txt", content)
    slow = "import sys, time; time.sleep(0.3); sys.stdout.buffer.write(sys.stdin.buffer.read())"
    command = ["sh", "-c", '"$0" read big.txt | "$1" -c "$2"', cli.noclobber, sys.executable, slow]
    done = subprocess.run(command, cwd=cli.root, env=cli.environment(PYTHONUNBUFFERED=unbuffered), capture_output=True, check=True)
    assert done.stdout == content


def test_an_answer_that_cannot_be_written_is_a_failure_in_one_line(cli: Any) -> None:
    cli.file("a.txt", b"one\n" * 10_000)
    with Path("/dev/full").open("wb") as full:
        reading = cli.start("read", "a.txt", stdout=full, stderr=subprocess.PIPE)
        _, err = reading.communicate(timeout=30)
    assert reading.returncode == 1
    assert err.decode().startswith("noclobber: the answer could not be written: ")
    assert err.count(b"\n") == 1


def test_an_interrupted_write_that_waits_for_its_input_changes_nothing(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    read, write = os.pipe()
    waiting = cli.start("write", "a.txt", stdin=read, stderr=subprocess.PIPE)
    os.close(read)
    os.write(write, b"x" * 200_000)  # more than a pipe holds: written once the command is reading
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=30)
    os.close(write)
    assert (err, waiting.returncode) == (b"", 130)
    assert (cli.root / "a.txt").read_bytes() == b"one\n"


def test_closed_streams_are_no_disaster(cli: Any) -> None:
    cli.file("a.txt", b"one\n")
    command = "noclobber read a.txt >&-; echo $?; noclobber write a.txt <&-; echo $?; noclobber read a.txt 2>&-; echo $?"
    folder = str(Path(cli.noclobber).parent)
    environment = cli.environment(PATH=f"{folder}:{os.environ['PATH']}")
    done = subprocess.run(["sh", "-c", command], cwd=cli.root, env=environment, capture_output=True, check=True)
    assert done.stdout == b"0\n2\none\n0\n"
    assert b"Traceback" not in done.stderr


def _on_a_terminal(cli: Any, *arguments: str, **environment: str) -> str:
    """What the command shows a person; the terminal's own line ends taken away."""
    controller, terminal = pty.openpty()
    running = subprocess.Popen(
        [cli.noclobber, *arguments],
        cwd=cli.root,
        env={**cli.environment(TERM="xterm"), **environment},
        stdout=terminal,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not piece:
            break
        shown += piece
    running.wait(30)
    os.close(controller)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_a_table_with_a_header_and_colour(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    shown = _on_a_terminal(cli, "log")
    assert "SEQ" in shown
    assert "\x1b[" in shown


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_is_left_out_where_it_is_not_wanted(cli: Any, environment: dict[str, str]) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    shown = _on_a_terminal(cli, "log", **environment)
    assert "SEQ" in shown
    assert "\x1b" not in shown


def test_a_name_on_record_cannot_command_the_terminal(cli: Any) -> None:
    from noclobber import ConcurrencyGuard, NoclobberError, Snapshot
    from noclobber.records import Event
    from noclobber.store.protocol import Batch

    agent_id, turn_id, now = "bob\x1b[2J", "t\x1b]0;x\x07", "2026-01-01T00:00:00.000Z"
    with ConcurrencyGuard(cli.root, "alice") as guard:
        with pytest.raises(NoclobberError, match="agent_id"):
            guard.as_writer(agent_id).write("a.txt", b"one\n")
        guard.write("a.txt", b"one\n")
        # As another front, or an older one, may have left it in the state.
        after = guard.hash_content(b"two\n")
        event = Event(0, now, "write", "done", None, "", agent_id, turn_id, None, "a.txt", None, guard.hash_content(b"one\n"), after)
        snapshot = Snapshot("a.txt", after, turn_id, None, now, agent_id)
        guard.workspace.store.apply(Batch(events=[event], snapshots=[snapshot], contents=[(after, b"two\n")]))
        (cli.root / "a.txt").write_bytes(b"two\n")
    for arguments in (("log",), ("status",), ("blame", "a.txt")):
        assert "\x1b[2J" not in _on_a_terminal(cli, *arguments)
        assert b"\x1b" not in cli(*arguments).out
