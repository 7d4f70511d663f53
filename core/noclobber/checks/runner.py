"""Runs a command as if we were not there, and remembers the end of what it printed.

On a terminal the command gets a terminal of its own (its colours, its width, its Ctrl-C); elsewhere what it writes is passed through
unchanged, stdout and stderr apart. Its exit status is ours: 128 plus the number where a signal ended it, as shells have it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

__all__ = ["Ran", "forwarding", "pass_on", "report_of", "run_command", "status_of", "write_all"]

_KEEP = 4 * 1024 * 1024
_CHUNK = 65_536
_NOT_FOUND, _NOT_ALLOWED = 127, 126
_REPORT_SECONDS = 900.0


class Ran(NamedTuple):
    """How a command ended. ``printed``: the last 4 MB of its output; ``error``: why it could not be started."""

    status: int
    seconds: float
    printed: str
    error: str | None = None


def run_command(argv: Sequence[str], *, folder: str, stdin: int = 0, stdout: int = 1, stderr: int = 2) -> Ran:
    """Run a command to its end, its input and output being these descriptors."""
    started = time.monotonic()
    tail = _Tail()
    try:
        if os.isatty(stdout):
            from .terminal import run_in_terminal

            status = run_in_terminal(argv, folder, stdin, stdout, stderr, tail.add)
        else:
            status = _run_in_pipes(argv, folder, stdin, stdout, stderr, tail.add)
    except OSError as error:
        if error.filename is None:  # not the command's start, but our own output: its reader is gone
            raise
        status = _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_ALLOWED
        return Ran(status, time.monotonic() - started, "", f"{argv[0]}: {os.strerror(error.errno or 0)}")
    return Ran(status, time.monotonic() - started, tail.text())


def report_of(argv: Sequence[str], folder: str) -> bytes | None:
    """What a repetition of a failed run prints on stdout; None where it cannot be had."""
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_REPORT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout


class _Tail:
    """The last few megabytes of what went by."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= _KEEP:
            self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        return b"".join(self._chunks).decode("utf-8", "replace")


def _run_in_pipes(argv: Sequence[str], folder: str, stdin: int, stdout: int, stderr: int, keep: Callable[[bytes], None]) -> int:
    process = subprocess.Popen(argv, cwd=folder, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr, forwarding(lambda number: _forward(process, number)):
        pass_on({process.stdout.fileno(): stdout, process.stderr.fileno(): stderr}, keep, process)
        return status_of(process.wait())


def pass_on(routes: dict[int, int], keep: Callable[[bytes], None], process: subprocess.Popen[bytes]) -> None:
    """Copy from each descriptor to its other until all end, or the process has ended and nothing is left to read.

    What the command leaves running in the background may keep its output open: a shell would not wait for it either.
    """
    with selectors.DefaultSelector() as selector:
        for source in routes:
            os.set_blocking(source, False)
            selector.register(source, selectors.EVENT_READ)
        ended = False
        while selector.get_map():
            ready = selector.select(0 if ended else _WAIT)
            for key, _ in ready:
                if not _copy(key.fd, routes[key.fd], keep):
                    selector.unregister(key.fd)
            if ended and not ready:
                return
            ended = ended or (not ready and process.poll() is not None)


_WAIT = 0.05  # seconds; only until all output has ended or a process that closed none is seen to be gone


def _copy(source: int, target: int, keep: Callable[[bytes], None]) -> bool:
    """Whether there may be more."""
    try:
        chunk = os.read(source, _CHUNK)
    except BlockingIOError:
        return True
    except OSError:  # a terminal whose other side is closed says EIO
        return False
    if chunk:
        keep(chunk)
        write_all(target, chunk)
    return bool(chunk)


def write_all(target: int, chunk: bytes) -> None:
    """Write all of it, waiting where the reader is slow. BrokenPipeError where it is gone."""
    rest = memoryview(chunk)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:
            with selectors.DefaultSelector() as selector:
                selector.register(target, selectors.EVENT_WRITE)
                selector.select()


def status_of(returncode: int) -> int:
    """A process's return code as a shell says it."""
    return 128 - returncode if returncode < 0 else returncode


def _forward(process: subprocess.Popen[bytes], number: int) -> None:
    """Ctrl-C reaches the command from the terminal itself; any other way it reaches only us."""
    if process.poll() is None and not (number == signal.SIGINT and _in_foreground()):
        process.send_signal(number)


def _in_foreground() -> bool:
    try:
        fd = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(fd)


@contextmanager
def forwarding(forward: Callable[[int], None]) -> Iterator[None]:
    """Signals that ask us to end are the command's to answer; ours again afterwards. Outside the main thread nothing is forwarded."""

    def handle(number: int, _frame: FrameType | None) -> None:
        forward(number)

    before = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            before[number] = signal.signal(number, handle)
    except ValueError:  # not the main thread
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
