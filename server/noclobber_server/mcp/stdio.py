"""Standard input and output as the event loop's own: the SDK's transport, without a thread's turn for each line, write and flush.

Three turns cost more than all else that a call does here. What is written and read is the SDK's business still.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import anyio
from mcp.server.stdio import stdio_server

from noclobber.errors import NoclobberError

__all__ = ["Incoming", "Outgoing", "standard_streams"]

_CHUNK = 1 << 16


@asynccontextmanager
async def standard_streams() -> AsyncIterator[tuple[Any, Any]]:
    """The streams that the SDK's server reads and writes. NoclobberError: there is no standard input or output.

    Meanwhile whatever else prints in this process, or is started by it, prints to standard error and reads nothing.
    """
    if sys.stdin is None or sys.stdout is None:
        raise NoclobberError("Standard input or output is closed, so there is nobody to serve.")
    if os.isatty(0) or os.isatty(1):  # a person who tries it out; a terminal is shared with the shell, which wants it as it was
        async with stdio_server() as streams:
            yield streams
        return
    with _claimed(0, _nothing) as source, _claimed(1, _standard_error) as sink:
        transport: AbstractAsyncContextManager[tuple[Any, Any]] = stdio_server(Incoming(source), Outgoing(sink))  # type: ignore[arg-type]
        async with transport as streams:
            yield streams


@contextmanager
def _claimed(fd: int, meanwhile: Callable[[], int]) -> Iterator[int]:
    """A descriptor of our own in place of a standard one, never waited for in the kernel; in the end it is as it was."""
    ours = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    waited_for = os.get_blocking(ours)
    try:
        os.set_blocking(ours, False)
        diverted = meanwhile()
        os.dup2(diverted, fd)
        os.close(diverted)
        yield ours
    finally:
        os.set_blocking(ours, waited_for)  # whoever else has this pipe has the flag, too
        os.dup2(ours, fd)
        os.close(ours)


def _nothing() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def _standard_error() -> int:
    try:
        return os.dup(2)
    except OSError:  # it may be closed
        return os.open(os.devnull, os.O_WRONLY)


class Incoming:
    """The lines of a pipe, a socket or a file, of any length; as many are held as one read brings."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._whole: deque[bytes] = deque()
        self._begun: list[bytes] = []

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> str:
        while not self._whole:
            chunk = await self._read()
            first, *others = chunk.split(b"\n")
            self._begun.append(first)
            for other in others:
                self._whole.append(b"".join(self._begun))
                self._begun = [other]
            if not chunk:
                last, self._begun = b"".join(self._begun), []
                if not last:
                    raise StopAsyncIteration
                self._whole.append(last)
        return self._whole.popleft().decode(errors="replace")

    async def _read(self) -> bytes:
        while True:
            try:
                return os.read(self._fd, _CHUNK)
            except BlockingIOError:
                await anyio.wait_readable(self._fd)
            except ConnectionResetError:
                return b""  # a socket whose other end was killed


class Outgoing:
    """Text into a pipe, a socket or a file. ClosedResourceError: the reader has left."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    async def write(self, text: str) -> None:
        """All of it, as fast as it is read at the other end."""
        left = memoryview(text.encode())
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._fd)
            except OSError as problem:
                raise anyio.ClosedResourceError from problem

    async def flush(self) -> None:
        """Nothing is held back."""
