"""The server object: the seven tools (four without the file tools) and the resources, each handed to one function elsewhere.

One server serves both eras of the protocol, over stdio and HTTP alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Annotated, Any, Literal

import anyio.to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import CallToolResult, ToolAnnotations
from typing_extensions import TypedDict

from noclobber import ConcurrencyGuard
from noclobber.errors import NoclobberError

from ..hooks.session import take_call
from .answers import ChangeAnswer, CheckAnswer, LessonAnswer, LessonsAnswer, ReadAnswer, SnapshotsAnswer, failed
from .asking import append_lesson, check_files, query_snapshots, search_lessons
from .changing import edit_file, write_to_file
from .identity import Caller, Identity
from .notices import Notices
from .reading import read_file
from .resources import add_resources
from .schemas import slim
from .subscribing import HistoryBus, Subscribers
from .workspaces import Workspaces

__all__ = ["FILE_TOOLS", "OTHER_TOOLS", "build_server"]

FILE_TOOLS = ("read_file", "write_to_file", "edit_file")
OTHER_TOOLS = ("append_lesson_to_claude", "check_files", "query_snapshots", "search_lessons")

INSTRUCTIONS = (
    "Guarded files: a write succeeds only if the file is still what you read. If it is refused, read the file again, "
    "apply your change to what it says now, and write. Pass the agent_id of an answer on in later calls."
)


class Edit(TypedDict):
    """One exact replacement."""

    old: str
    new: str


def build_server(
    base: str, environ: Mapping[str, str], *, files: bool = True, stateless: bool = False, **options: Any
) -> tuple[MCPServer[Any], Workspaces]:
    """The server for the workspace of ``base``, and the workspaces to close afterwards. ``options`` go to the SDK's server as they are.

    ``stateless``: over HTTP, where callers are many and a token is for one workspace; over stdio the client is a program of the
    person's own, which opens whatever they have.
    """
    workspaces = Workspaces(base, confined=stateless)
    bus = HistoryBus(workspaces)
    subscribers = Subscribers(bus)
    calls = _Calls(workspaces, Identity(environ, partial(_hook_call, workspaces), stateless=stateless), one_client=not stateless)

    @asynccontextmanager
    async def lifespan(_server: MCPServer[Any]) -> AsyncIterator[dict[str, Any]]:
        watching = asyncio.ensure_future(bus.watch(subscribers))
        try:
            yield {}
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    from importlib.metadata import version

    server: MCPServer[Any] = MCPServer(
        "noclobber",
        instructions=INSTRUCTIONS,
        version=version("noclobber"),
        lifespan=lifespan,
        log_level="WARNING",
        subscriptions=bus,
        **options,
    )
    if files:
        _add_file_tools(server, calls)
    _add_other_tools(server, calls)
    add_resources(server, calls.workspaces)
    subscribers.serve(server)
    slim(server)
    return server, workspaces


def _hook_call(workspaces: Workspaces, call_id: str) -> tuple[str, str | None] | None:
    state = workspaces.state()
    return None if state is None else take_call(state, call_id)


class _Calls:
    """From a request to a guard, and from an error of core to an answer."""

    def __init__(self, workspaces: Workspaces, identity: Identity, *, one_client: bool) -> None:
        self.workspaces = workspaces
        self._one_client = one_client
        self.notices = Notices()
        self._identity = identity

    async def run(
        self,
        ctx: Context,
        given: Mapping[str, str | None],
        path: str | None,
        work: Callable[[ConcurrencyGuard, Caller, str], CallToolResult],
        *,
        quick: bool = False,
    ) -> CallToolResult:
        """Do the work in a thread, since it may wait for a lock that another process holds.

        ``quick`` work for the only client of a pipe is done at once: a thread's turn costs a third of such a call.
        """
        request = ctx.request_context
        client = request.session.client_params
        try:
            caller = self._identity.caller(
                given,
                request.meta or {},
                client=None if client is None else client.client_info.name,
                session=_session_of(ctx),
            )
        except NoclobberError as problem:
            return failed(problem)
        if quick and self._one_client:
            return self._guarded(caller, path, work)
        return await anyio.to_thread.run_sync(partial(self._guarded, caller, path, work))

    def _guarded(self, caller: Caller, path: str | None, work: Callable[[ConcurrencyGuard, Caller, str], CallToolResult]) -> CallToolResult:
        try:
            guard = self.workspaces.guard(caller, path)
            return work(guard, caller, path or "")
        except NoclobberError as problem:
            return failed(problem)


def _session_of(ctx: Context) -> str | None:
    headers = ctx.headers
    return None if headers is None else headers.get("mcp-session-id")


def _who(agent_id: str | None, turn_id: str | None, intent_id: str | None) -> dict[str, str | None]:
    return {"agent_id": agent_id, "turn_id": turn_id, "intent_id": intent_id}


def _add_file_tools(server: MCPServer[Any], calls: _Calls) -> None:
    @server.tool(
        "read_file", description="Read a text file, whole or by lines, or only its changes since your last read.", annotations=_READS
    )
    async def read_file_tool(
        ctx: Context, path: str, start_line: int | None = None, end_line: int | None = None, changes_only: bool = False,
        agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, ReadAnswer]:  # fmt: skip
        return await calls.run(ctx, _who(agent_id, turn_id, intent_id), path, lambda guard, caller, at: read_file(
            guard, caller, calls.notices, at, start=start_line, end=end_line, changes_only=changes_only), quick=True)  # fmt: skip

    @server.tool(
        "write_to_file", description="Replace a whole file you have read, or create one. Refused if it changed since.", annotations=_WRITES
    )
    async def write_to_file_tool(
        ctx: Context, path: str, content: str, read_hash: str | None = None, on_stale: Literal["reject", "merge"] = "reject",
        agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, ChangeAnswer]:  # fmt: skip
        return await calls.run(ctx, _who(agent_id, turn_id, intent_id), path, lambda guard, caller, at: write_to_file(
            guard, caller, calls.notices, at, content, read_hash=read_hash, on_stale=on_stale))  # fmt: skip

    @server.tool("edit_file", description="Replace exact texts in a file; changes elsewhere in it do not matter.", annotations=_WRITES)
    async def edit_file_tool(
        ctx: Context, path: str, edits: list[Edit], replace_all: bool = False,
        agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, ChangeAnswer]:  # fmt: skip
        pairs = [(edit["old"], edit["new"]) for edit in edits]
        return await calls.run(ctx, _who(agent_id, turn_id, intent_id), path, lambda guard, caller, at: edit_file(
            guard, caller, calls.notices, at, pairs, replace_all=replace_all))  # fmt: skip


def _add_other_tools(server: MCPServer[Any], calls: _Calls) -> None:
    @server.tool(
        "append_lesson_to_claude", description="Record a lesson in CLAUDE.md: what failed, when, and what to do.", annotations=_APPENDS
    )
    async def append_lesson_to_claude_tool(
        ctx: Context, lesson: str = "", context: str | None = None, failure: str | None = None, resolution: str | None = None,
        files: list[str] | None = None, agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, LessonAnswer]:  # fmt: skip
        return await calls.run(ctx, _who(agent_id, turn_id, intent_id), None, lambda guard, _caller, _at: append_lesson(
            guard, lesson, context=context, failure=failure, resolution=resolution, files=files or ()))  # fmt: skip

    @server.tool(
        "check_files",
        description="Which of these files (default: all you have read) changed since you read them, by whom.",
        annotations=_READS,
    )
    async def check_files_tool(
        ctx: Context, paths: list[str] | None = None,
        agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, CheckAnswer]:  # fmt: skip
        def told(done: int, total: int) -> None:
            anyio.from_thread.run(ctx.report_progress, float(done), float(total))

        return await calls.run(ctx, _who(agent_id, turn_id, intent_id), None, lambda guard, _caller, _at: check_files(guard, paths, told))

    @server.tool(
        "query_snapshots", description="Who was shown which version of a file; by file_path, turn_id or intent_id.", annotations=_READS
    )
    async def query_snapshots_tool(
        ctx: Context, file_path: str | None = None, limit: int = 50,
        agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, SnapshotsAnswer]:  # fmt: skip
        return await calls.run(ctx, _who(agent_id, None, None), None, lambda guard, _caller, _at: query_snapshots(
            guard, file_path=file_path, turn_id=turn_id, intent_id=intent_id, limit=limit))  # fmt: skip

    @server.tool("search_lessons", description="Find recorded lessons by words, or those for a file.", annotations=_READS)
    async def search_lessons_tool(
        ctx: Context, words: str | None = None, file_path: str | None = None, limit: int = 5,
        agent_id: str | None = None, turn_id: str | None = None, intent_id: str | None = None,
    ) -> Annotated[CallToolResult, LessonsAnswer]:  # fmt: skip
        return await calls.run(ctx, _who(agent_id, turn_id, intent_id), None, lambda guard, _caller, _at: search_lessons(
            guard, words, file_path, limit))  # fmt: skip


_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False)
_APPENDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
