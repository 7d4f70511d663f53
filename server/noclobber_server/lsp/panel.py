"""The commands that the agent panel needs beside those every editor has: ``noclobber.panel.*``, one object argument, camelCase.

``register_panel`` is called once by the registration. What each answers is decided in the ``panel_*`` modules; this one finds the
workspaces that are meant, runs the work where it may run, and turns core's errors into errors of the request.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import attrs

from .arguments import read_arguments

if TYPE_CHECKING:
    from noclobber import ConcurrencyGuard

    from .panel_counting import Counter
    from .rooms import Room
    from .server import NoclobberServer
    from .session import Session

__all__ = ["Panel", "register_panel"]

Result = TypeVar("Result")
_NAMES = (
    "overview", "writers", "lessons", "lesson", "looked", "timeline", "version", "history", "event", "line", "why", "restore", "revert",
    "pause", "letLand", "merging",
)  # fmt: skip


@attrs.frozen
class Asked:
    """What a panel command may be asked; each reads the few it needs."""

    root: str | None = None
    uri: str | None = None
    file_path: str | None = None
    hash: str | None = None
    seq: int | None = None
    line: int | None = None
    agent_id: str | None = None
    turn_id: str | None = None
    earlier: bool = False
    minutes: int | None = None
    seconds: int | None = None
    query: str | None = None
    id: str | None = None
    action: str | None = None
    context: str | None = None
    failure: str | None = None
    resolution: str | None = None
    choice: str | None = None
    mine: str | None = None
    base: str | None = None


def register_panel(server: NoclobberServer) -> None:
    """Register every command of the panel."""
    panels: list[Panel] = []  # the session is there only once the client has said who it is
    for name in _NAMES:
        _register(server, panels, name)


def _register(server: NoclobberServer, panels: list[Panel], name: str) -> None:
    @server.command(f"noclobber.panel.{name}")
    async def command(ls: Any, *given: Any) -> Any:  # pygls evaluates a command's annotations, and ours would be a circle
        if not panels:
            panels.append(Panel(ls.session))
        return await panels[0].run(name, read_arguments(Asked, given))


class Panel:
    """The panel's commands in one session."""

    def __init__(self, session: Session) -> None:
        from pathlib import Path

        from .panel_counting import Counter
        from .panel_hooks import HookCheck

        self._session = session
        self._counter: Counter = Counter()
        self._hooks = HookCheck(_own_version(), Path.home(), os.environ, trusted=session.trusted)

    async def run(self, name: str, asked: Asked) -> Any:
        """One command by its name."""
        from noclobber.errors import NoclobberError

        from .commands import CommandFailed

        try:
            return await getattr(self, f"_{_SNAKE.get(name, name)}")(asked)
        except NoclobberError as error:
            raise CommandFailed(str(error)) from None

    # -- what the views show --

    async def _overview(self, asked: Asked) -> dict[str, Any]:
        from .panel_overview import overview

        def of(room: Room) -> dict[str, Any]:
            return overview(room.workspace, self._counter, earlier=asked.earlier, hooks=self._hooks.problem(room.root))

        rows = await self._each(asked.root, of)
        found = [row for _, row in rows]
        return {
            "roots": [row["root"] for row in found] + await self._unguarded(),
            "turns": _newest(turn for row in found for turn in row["turns"]),
            "blocked": [one for row in found for one in row["blocked"]],
            "decisions": [one for row in found for one in row["decisions"]],
            "refusals": sum(row["refusals"] for row in found),
            "lastSeq": {room.root: row["lastSeq"] for room, row in rows},
        }

    async def _writers(self, asked: Asked) -> dict[str, Any]:
        from .panel_writers import writers

        rows = await self._each(asked.root, lambda room: writers(room.workspace))
        return {"writers": _newest(writer for _, found in rows for writer in found)}

    async def _lessons(self, asked: Asked) -> dict[str, Any]:
        from .panel_lessons import lessons

        rows = await self._each(asked.root, lambda room: lessons(self._guard(room), asked.query or ""))
        return {"lessons": [lesson for _, found in rows for lesson in found]}

    async def _looked(self, asked: Asked) -> dict[str, Any]:
        from .panel_overview import mark_looked

        await self._each(asked.root, lambda room: mark_looked(room.workspace, asked.seq))
        return {"done": True, "message": ""}

    async def _timeline(self, asked: Asked) -> dict[str, Any]:
        import time

        from noclobber.clock import format_utc

        from ..timeline.picture import recent, turn

        room = await self._room(asked)
        since = format_utc(time.time() - 60 * (asked.minutes or 15))
        turn_id = asked.turn_id
        if turn_id is None:
            data = await self._off_loop(lambda: recent(room.workspace, since=since))
        else:
            data = await self._off_loop(lambda: turn(room.workspace, turn_id, agent_id=asked.agent_id))
        return {"root": room.root, "data": data}

    # -- one file, one event, one version --

    async def _history(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import history

        room = await self._room(asked)
        file_path = self._file_path(room, asked)
        return {"entries": await self._off_loop(lambda: history(room.workspace, self._counter, file_path))}

    async def _event(self, asked: Asked) -> dict[str, Any] | None:
        from .panel_history import event_row

        room = await self._room(asked)
        event = await self._off_loop(lambda: room.workspace.store.event(asked.seq or 0))
        return None if event is None else event_row(room.workspace, self._counter, event)

    async def _line(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import line_author

        room = await self._room(asked)
        file_path = self._file_path(room, asked)
        return await self._off_loop(lambda: line_author(self._guard(room), self._counter, file_path, asked.line or 0))

    async def _version(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import version_text

        room = await self._room(asked)
        return await self._off_loop(lambda: version_text(self._guard(room), asked.hash or ""))

    async def _why(self, asked: Asked) -> dict[str, Any]:
        room = await self._room(asked)
        return {"text": await self._off_loop(lambda: self._guard(room).why(asked.seq or 0))}

    # -- what the person decides --

    async def _restore(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import restore

        room = await self._room(asked)
        file_path = self._file_path(room, asked)
        return await self._off_loop(lambda: restore(self._guard(room), file_path, asked.hash or ""))

    async def _revert(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import revert

        room = await self._room(asked)
        return await self._off_loop(lambda: revert(self._guard(room), asked.turn_id or "", asked.agent_id))

    async def _lesson(self, asked: Asked) -> dict[str, Any]:
        from .panel_lessons import change_lesson

        room = await self._room(asked)
        text = {"context": asked.context, "failure": asked.failure, "resolution": asked.resolution}
        return await self._off_loop(lambda: change_lesson(self._guard(room), asked.id or "", asked.action or "", text))

    async def _pause(self, asked: Asked) -> dict[str, Any]:
        import time

        from noclobber.clock import format_utc
        from noclobber.pausing import pause, resume

        seconds = asked.seconds or 0
        until = format_utc(time.time() + seconds)
        await self._each(asked.root, lambda room: pause(room.workspace.state, until) if seconds else resume(room.workspace.state))
        return {"done": True, "message": f"noclobber is paused until {until}" if seconds else "noclobber is guarding again"}

    async def _let_land(self, asked: Asked) -> dict[str, Any]:
        from noclobber.errors import VersionGoneError

        from .panel_buffers import let_through
        from .panel_history import let_land

        room = await self._room(asked)
        event = await self._off_loop(lambda: room.workspace.store.event(asked.seq or 0))
        if event is not None and event.after_hash is not None:
            try:
                return await self._off_loop(lambda: let_land(self._guard(room), event))
            except VersionGoneError:
                pass  # contents of such a file are never kept: the agent has to try again, and may
        path = asked.file_path or ""
        await self._worked(lambda: let_through(self._session, path, room.root))
        return {"done": True, "message": f"{path} may be written until you type in it again; your text stays in the editor."}

    async def _merging(self, asked: Asked) -> dict[str, Any]:
        from noclobber.errors import NoclobberError

        from .panel_buffers import Choice, plan

        document = self._session.documents.get(asked.uri or "")
        choice = next((name for name in get_args(Choice) if name == asked.choice), None)

        def planned() -> dict[str, Any]:  # only here, after all that came before, is it known whether an open document is a guarded one
            if document is None or document.room is None or choice is None:
                raise NoclobberError("This file is not open in a guarded workspace.")
            return plan(self._session, document, choice, asked.mine or "", asked.base)

        return await self._worked(planned)

    # -- where it is done --

    async def _each(self, root: str | None, work: Callable[[Room], Result]) -> list[tuple[Room, Result]]:
        rooms = await self._rooms(root)
        found = await asyncio.gather(*(self._off_loop(lambda room=room: work(room)) for room in rooms))  # type: ignore[misc]
        return list(zip(rooms, found, strict=True))

    async def _rooms(self, root: str | None) -> list[Room]:
        """The rooms of the client's folders, opened where they are not yet, since an agent may be the first to write there."""
        if self._session.silent:
            return []
        rooms = self._session.rooms

        def opened() -> list[Room]:
            for folder in rooms.folders:
                rooms.room_for(os.path.join(folder, "."))
            return [room for room in rooms if root in (None, room.root)]

        return await self._worked(opened)

    async def _room(self, asked: Asked) -> Room:
        from noclobber.errors import NoclobberError

        from .uris import path_of

        path = path_of(asked.uri) if asked.uri else None
        if path is not None:
            found = await self._worked(lambda: self._session.rooms.room_for(path))
            rooms = [] if found is None else [found]
        else:
            rooms = await self._rooms(asked.root)
        if not rooms:
            raise NoclobberError("This file is not in a guarded workspace." if asked.uri else "No workspace is guarded here.")
        return rooms[0]

    def _file_path(self, room: Room, asked: Asked) -> str:
        from .uris import path_of

        path = path_of(asked.uri) if asked.uri else asked.file_path
        with room.workspace.locator.locate(path or "", missing_ok=True) as located:
            return located.file_path

    def _guard(self, room: Room) -> ConcurrencyGuard:
        from noclobber import ConcurrencyGuard

        return ConcurrencyGuard(room.workspace, self._session.client.agent_id)

    async def _unguarded(self) -> list[dict[str, Any]]:
        """The client's folders that no room stands for, each with the reason."""
        if self._session.silent:
            return [_unguarded("", "off", "NOCLOBBER=off or CI=true is set for this editor: nothing is guarded here.")]

        def closed() -> list[dict[str, Any]]:
            rooms = self._session.rooms
            folders = [folder for folder in rooms.folders if rooms.room_for(os.path.join(folder, ".")) is None]
            return [_unguarded(folder, "notGuarding", _obstacle(folder)) for folder in folders]

        return await self._worked(closed)

    async def _worked(self, work: Callable[[], Result]) -> Result:
        return await asyncio.wrap_future(self._session.worker.call(work))

    async def _off_loop(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._session.pool, work)


_SNAKE = {"letLand": "let_land"}


def _newest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["last"]), reverse=True)


def _own_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("noclobber")
    except PackageNotFoundError:  # run from its sources
        return None


def _unguarded(root: str, mode: str, reason: str) -> dict[str, Any]:
    return {"root": root, "name": os.path.basename(root), "mode": mode, "reason": reason, "pausedUntil": None}


def _obstacle(folder: str) -> str:
    """Why the workspace of this folder cannot be opened."""
    from noclobber import Workspace
    from noclobber.errors import NoclobberError

    try:
        Workspace.open(folder).close()
    except NoclobberError as error:
        return str(error)
    return "The workspace could not be opened when it was first asked for; restart the server to try again."
