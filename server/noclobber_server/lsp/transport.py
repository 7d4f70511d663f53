"""Carries messages between the client's pipes and the event loop.

One thread reads whole messages, one writes them, so that neither a slow client nor a busy handler holds up the other,
and a header that lies costs an error instead of the process. Knows framing and nothing of what is said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["MAX_MESSAGE", "FrameReader", "QueuedWriter", "serve"]

logger = logging.getLogger(__name__)

MAX_MESSAGE = 256 * 1024 * 1024
_MAX_HEADER = 8 * 1024
_IN_FLIGHT = 512
_CHUNK = 1024 * 1024


class FrameReader:
    """Takes messages out of a byte stream; what is no header is skipped, what is too large is skipped and told."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def next(self) -> bytes | ValueError | None:
        """One message's bytes, a ``ValueError`` for one that was skipped, None at the end."""
        length: int | None = None
        while True:
            header = self._stream.readline(_MAX_HEADER)
            if not header:
                return None
            if header in (b"\r\n", b"\n"):
                if length is None:
                    continue
                return self._body(length)
            name, _, value = header.partition(b":")
            if name.strip().lower() == b"content-length":
                length = _length(value)

    def _body(self, length: int) -> bytes | ValueError | None:
        if length > MAX_MESSAGE:
            return self._skip(length)
        parts, missing = [], length
        while missing:
            part = self._stream.read(min(missing, _CHUNK))
            if not part:
                return None
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _skip(self, length: int) -> ValueError | None:
        missing = length
        while missing:
            part = self._stream.read(min(missing, _CHUNK))
            if not part:
                return None
            missing -= len(part)
        return ValueError(f"A message of {length} bytes is over the limit of {MAX_MESSAGE}; it was skipped.")


def _length(value: bytes) -> int | None:
    digits = value.strip()
    return int(digits) if digits.isdigit() and len(digits) <= 18 else None


class QueuedWriter:
    """Writes in the background and in order; a client that is gone is no error."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="noclobber-writer", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Queue one framed message."""
        self._queue.put(data)

    def close(self) -> None:
        """Let what is queued go out, for at most a second."""
        self._queue.put(None)
        self._thread.join(1.0)

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            try:
                self._stream.write(data)
                self._stream.flush()
            except (OSError, ValueError):
                logger.info("The client no longer reads.")
                return


async def serve(protocol: Any, stream: BinaryIO, on_fault: Callable[[str], None], stopped: asyncio.Event) -> None:
    """Hand each message to the protocol, on this event loop, until the stream ends or ``stopped`` is set."""
    loop = asyncio.get_running_loop()
    room = threading.BoundedSemaphore(_IN_FLIGHT)

    def deliver(message: bytes | ValueError) -> None:
        room.release()
        if stopped.is_set():
            return
        try:
            if isinstance(message, ValueError):
                raise message
            parsed = json.loads(message)
        except (ValueError, RecursionError) as error:
            on_fault(f"Parse Error: {error}" if str(error) else "Parse Error: the message is nested too deeply")
            return
        protocol.handle_message(parsed)

    def read_all() -> None:
        reader = FrameReader(stream)
        try:
            while (message := reader.next()) is not None and not stopped.is_set():
                room.acquire()
                loop.call_soon_threadsafe(deliver, message)
            loop.call_soon_threadsafe(stopped.set)
        except (OSError, ValueError):
            loop.call_soon_threadsafe(stopped.set)
        except RuntimeError:
            return  # the loop is closed: the server has ended while a read was under way

    threading.Thread(target=read_all, name="noclobber-reader", daemon=True).start()
    await stopped.wait()
