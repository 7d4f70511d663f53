"""A command runs as if nothing stood between it and the terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from noclobber.checks.runner import Ran, run_command

RUN = "import sys; from noclobber.checks.runner import run_command; raise SystemExit(run_command(sys.argv[1:], folder='.').status)"


def run(*argv: str) -> Ran:
    return run_command(argv, folder=".")


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -SEGV $$", 139), ("kill -TERM $$", 143)]
)
def test_the_status_is_the_commands_own_or_128_and_the_signal(script: str, status: int) -> None:
    assert run("sh", "-c", script).status == status


def test_output_passes_through_byte_for_byte_and_apart(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    ran = run(sys.executable, "-c", "import os; os.write(1, bytes(range(256)) * 1000); os.write(2, b'\\xff err')")
    out, err = capfdbinary.readouterr()
    assert out == bytes(range(256)) * 1000
    assert err == b"\xff err"
    assert ran.printed.endswith(" err")


def test_what_stays_behind_in_the_background_does_not_hold_us_up() -> None:
    started = time.monotonic()
    assert run("sh", "-c", "sleep 60 & echo $!; exit 3").status == 3
    assert time.monotonic() - started < 10


def test_a_command_that_cannot_start_has_the_status_and_words_of_a_shell(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x", "utf-8")
    assert run("no-such-command-here") == Ran(127, pytest.approx(0, abs=5), "", "no-such-command-here: No such file or directory")  # type: ignore[arg-type]
    assert run(str(tmp_path / "plain")).status == 126


def test_only_the_end_of_a_long_output_is_remembered(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    ran = run(sys.executable, "-c", "import sys; [sys.stdout.write('x' * 99 + '\\n') for _ in range(90_000)]; print('the end')")
    assert len(capfdbinary.readouterr().out) == 9_000_008
    assert ran.printed.endswith("the end\n")
    assert len(ran.printed) < 5_000_000


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_to_us_reaches_the_command(number: signal.Signals, status: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "sh", "-c", "echo up; exec sleep 60"], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(number)
    assert process.wait(20) == status
    process.stdout.close()


class Terminal:
    """A person's terminal with our process in it."""

    def __init__(self, *argv: str, folder: str = ".") -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execv(sys.executable, [sys.executable, "-c", RUN, *argv])
        self.seen = b""

    def until(self, text: bytes, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.fd], [], [], 1)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    break
        assert text in self.seen

    def status(self) -> int:
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_on_a_terminal_the_command_has_a_terminal_of_our_size_and_gets_its_keys() -> None:
    terminal = Terminal(
        "sh", "-c", 'test -t 0 && test -t 1 && test -t 2 && echo ready && read line && echo "got $line" && stty size; exit 4'
    )
    termios.tcsetwinsize(terminal.fd, (33, 99))
    terminal.until(b"ready\r\n")
    os.write(terminal.fd, b"hello\r")
    terminal.until(b"got hello\r\n33 99\r\n")
    assert terminal.status() == 4


def test_ctrl_c_is_the_commands_to_answer() -> None:
    script = "import signal, sys\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(9))\nprint('up', flush=True)\nsignal.pause()"
    terminal = Terminal(sys.executable, "-c", script)
    terminal.until(b"up")
    os.write(terminal.fd, b"\x03")
    assert terminal.status() == 9


def test_ctrl_c_ends_a_command_that_does_not_answer_it_and_the_terminal_is_as_before() -> None:
    terminal = Terminal("sh", "-c", "echo up; exec sleep 60")
    before = termios.tcgetattr(terminal.fd)
    terminal.until(b"up")
    os.write(terminal.fd, b"\x03")
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 130
    assert termios.tcgetattr(terminal.fd)[3] == before[3]
    os.close(terminal.fd)
