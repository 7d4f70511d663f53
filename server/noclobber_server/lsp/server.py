"""``noclobber lsp``: makes the server and runs it, on standard input and output or (for debugging) on a TCP port."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, BinaryIO

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcServerNotInitialized
from pygls.lsp.server import LanguageServer

from .protocol import Protocol
from .registration import register
from .transport import QueuedWriter, serve

if TYPE_CHECKING:
    import socket

    from .saving import Overwritten
    from .session import Session

__all__ = ["NoclobberServer", "create_server", "main"]

logger = logging.getLogger(__name__)
_LAST_PORT = 65535
_TERMINATED = 128 + signal.SIGTERM  # as a shell has it


class NoclobberServer(LanguageServer):
    """One client's server. ``session`` is there once the client has said who it is."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__("noclobber", _version(), protocol_cls=Protocol)
        self._environ = environ
        self._introduced: types.InitializeParams | None = None
        self._session: Session | None = None
        self.exit_code = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def introduce(self, params: types.InitializeParams) -> None:
        """The client says who it is."""
        self._introduced = params

    @property
    def session(self) -> Session:
        """The session of the client, made when it is first needed: what it loads must not delay the answer to ``initialize``."""
        if self._session is None:
            if self._introduced is None:
                raise JsonRpcServerNotInitialized()
            from .session import Session  # the guard and its store

            self._session = Session(self, self._introduced, self._environ)
        return self._session

    def end(self) -> None:
        """Save the state and let go of everything; idempotent."""
        if self._session is not None:
            self._session.end()

    def in_loop(self, work: Callable[[], Any]) -> None:
        """From any thread: do it on the event loop."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work)

    def run_task(self, work: Any) -> None:
        """On the event loop: let a coroutine run."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.report_server_error(error, None)  # type: ignore[arg-type]

    def offer(self, lost: Overwritten) -> None:
        """On the event loop: tell once of a version that was overwritten unseen, or came too late."""
        from .offering import offer

        self.run_task(offer(self.session, lost))

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002 - pygls' own signature
        """Errors are logged; only what a person can act on is shown, and that is said where it arises."""
        expected = isinstance(error, JsonRpcException)  # an answer in itself
        logger.log(logging.INFO if expected else logging.ERROR, "%s", error, exc_info=None if expected else error)

    async def serve(self, stream: BinaryIO, writer: Any) -> None:
        """Serve one client until it says exit, or its stream ends, or it dies, or we are told to end."""
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no such signals on this system, or not in this thread
            self._loop.add_signal_handler(signal.SIGTERM, self.stop, _TERMINATED)
        self.protocol.set_writer(writer)
        try:
            await serve(self.protocol, stream, self._unreadable, self._stopped)
        finally:
            await asyncio.to_thread(self.end)

    def stop(self, exit_code: int = 0) -> None:
        """End serving."""
        self.exit_code = exit_code
        if self._stopped is not None:
            self._stopped.set()

    def watch_parent(self, process_id: int | None) -> None:
        """End when the client's process ends, even where something else holds its end of the pipe open."""
        if process_id is None or self._loop is None or not hasattr(os, "pidfd_open"):
            return
        try:
            handle = os.pidfd_open(process_id)
        except OSError:
            return  # another machine's or another container's process

        def died() -> None:
            assert self._loop is not None
            self._loop.remove_reader(handle)
            os.close(handle)
            self.stop()

        self._loop.add_reader(handle, died)

    def _unreadable(self, message: str) -> None:
        logger.warning("%s", message)
        assert isinstance(self.protocol, Protocol)
        self.protocol.answer_unreadable(message)


def create_server(environ: Mapping[str, str] | None = None) -> NoclobberServer:
    """A server with everything registered; ``environ`` in place of the process's own."""
    server = NoclobberServer(os.environ if environ is None else environ)
    register(server)
    return server


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server. Standard output belongs to the protocol, the log goes to standard error."""
    parser = argparse.ArgumentParser(prog="noclobber lsp", description="The language server, on standard input and output.")
    parser.add_argument(
        "--tcp", nargs="?", const="127.0.0.1:0", metavar="HOST:PORT", help="serve one client on a TCP port instead (for debugging)"
    )
    parser.add_argument("--stdio", action="store_true", help="serve on standard input and output (as it does anyway)")
    parser.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error"), help="what to log to standard error"
    )
    options, _ = parser.parse_known_args(argv)
    logging.basicConfig(stream=sys.stderr, level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.WARNING)  # at INFO it writes every payload, file contents included
    server = create_server()
    if options.tcp is not None:
        return _run_tcp(server, options.tcp)
    return _run_stdio(server)


def _run_stdio(server: NoclobberServer) -> int:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not end up between two messages
    stream = os.fdopen(os.dup(0), "rb")  # not sys.stdin: the interpreter could not end while a thread waits in that
    writer = QueuedWriter(out)
    try:
        asyncio.run(server.serve(stream, writer))
    except KeyboardInterrupt:
        server.end()
    writer.close()
    return server.exit_code


def _run_tcp(server: NoclobberServer, address: str) -> int:
    import socket

    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit()) or int(port) > _LAST_PORT:
        sys.stderr.write(f"noclobber lsp: --tcp wants HOST:PORT with a port of 0 to {_LAST_PORT}, not {address!r}\n")
        return 2
    try:
        listener = socket.create_server((host or "127.0.0.1", int(port)))
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]
        sys.stderr.write(f"noclobber lsp: cannot listen on {address}: {reason}; choose another port, or 0 for any free one\n")
        return 1
    try:
        with listener:
            sys.stderr.write(f"listening on {listener.getsockname()[0]}:{listener.getsockname()[1]}\n")
            sys.stderr.flush()
            connection, _ = listener.accept()
        return _serve_connection(server, connection)
    except KeyboardInterrupt:
        server.end()
        return server.exit_code


def _serve_connection(server: NoclobberServer, connection: socket.socket) -> int:
    """One client and no other: the listener is closed by now, so that a second one is turned away at once."""
    import socket

    with connection, connection.makefile("rb") as stream, connection.makefile("wb") as out:
        writer = QueuedWriter(out)
        asyncio.run(server.serve(stream, writer))
        writer.close()
        with suppress(OSError):  # the client may have gone already
            connection.shutdown(socket.SHUT_RDWR)
    return server.exit_code


def _version() -> str:
    try:
        return version("noclobber")
    except PackageNotFoundError:
        return "0"
