"""Runs a command in a terminal of its own that looks like ours, and passes keys and screen through."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from .runner import forwarding, pass_on, status_of

__all__ = ["run_in_terminal"]


def run_in_terminal(argv: Sequence[str], folder: str, stdin: int, stdout: int, stderr: int, keep: Callable[[bytes], None]) -> int:
    """The command's status. ``stdout`` is a terminal; where stdin or stderr are not, the command gets them as they are."""
    master, slave = os.openpty()
    try:
        keys = _is_ours(stdin)
        _copy_settings(stdout, slave, translate=keys)
        process = _start(argv, folder, slave, stdin if not keys else slave, slave if os.isatty(stderr) else stderr)
    except OSError:
        os.close(master)
        raise
    finally:
        os.close(slave)
    try:
        with (
            forwarding(lambda number: _signal_group(process, number)),
            _following_size(stdout, master),
            _keys(stdin if keys else None, master),
        ):
            pass_on({master: stdout}, keep, process)
            return status_of(process.wait())
    finally:
        os.close(master)


def _start(argv: Sequence[str], folder: str, slave: int, stdin: int, stderr: int) -> subprocess.Popen[bytes]:
    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    return subprocess.Popen(argv, cwd=folder, stdin=stdin, stdout=slave, stderr=stderr, preexec_fn=take_terminal)


def _is_ours(fd: int) -> bool:
    """Whether this is a terminal whose keys are for us: not where we run in the background."""
    try:
        return os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


def _copy_settings(terminal: int, slave: int, *, translate: bool) -> None:
    """Size and modes. Line ends are translated once: here, where our own terminal will be raw, else by that."""
    modes = termios.tcgetattr(terminal)
    if not translate:
        modes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, modes)
    termios.tcsetwinsize(slave, termios.tcgetwinsize(terminal))


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


@contextmanager
def _following_size(terminal: int, master: int) -> Iterator[None]:
    def resized(_number: int, _frame: FrameType | None) -> None:
        termios.tcsetwinsize(master, termios.tcgetwinsize(terminal))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGWINCH, resized)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


@contextmanager
def _keys(terminal: int | None, master: int) -> Iterator[None]:
    """Every key, Ctrl-C too, goes to the command's terminal, which makes of it what it would be there."""
    if terminal is None:
        yield
        return
    before = termios.tcgetattr(terminal)
    stop, wake = os.pipe()
    thread = threading.Thread(target=_pump, args=(terminal, master, stop), daemon=True)
    tty.setraw(terminal, termios.TCSADRAIN)
    thread.start()
    try:
        yield
    finally:
        os.close(wake)
        thread.join()
        os.close(stop)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _pump(terminal: int, master: int, stop: int) -> None:
    import select

    while True:
        ready, _, _ = select.select([terminal, stop], [], [])
        if stop in ready:
            return
        try:
            keys = os.read(terminal, 1024)
            if not keys:
                return
            os.write(master, keys)
        except OSError:  # the command is gone, or our terminal is
            return
