"""The commands that the agent panel needs beside those every editor has: ``noclobber.panel.*``, one object argument, camelCase.

``register_panel`` is called once by the registration. What each answers is decided in the ``panel_*`` modules; this one hands
them what was asked, and turns core's errors into errors of the request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from .arguments import read_arguments
from .calling import CommandCall
from .panel_asked import Asked

if TYPE_CHECKING:
    from noclobber.errors import NoclobberError

    from .documents import Document
    from .panel_counting import Counter
    from .rooms import Room
    from .server import NoclobberServer
    from .session import Session

__all__ = ["Panel", "register_panel"]

_NAMES = (
    "overview", "writers", "lessons", "lesson", "looked", "timeline", "version", "history", "event", "line", "why", "restore", "revert",
    "pause", "letLand", "merging", "putBack",
)  # fmt: skip


def register_panel(server: NoclobberServer) -> None:
    """Register every command of the panel."""
    panels: list[Panel] = []  # the session is there only once the client has said who it is
    for name in _NAMES:
        _register(server, panels, name)


def _register(server: NoclobberServer, panels: list[Panel], name: str) -> None:
    @server.command(f"noclobber.panel.{name}")
    async def command(ls: Any, call: CommandCall) -> Any:  # pygls evaluates a command's annotations, and ours would be a circle
        if not panels:
            panels.append(Panel(ls.session))
        return await panels[0].run(name, call)


class Panel:
    """The panel's commands in one session."""

    def __init__(self, session: Session) -> None:
        from pathlib import Path

        from .panel_counting import Counter
        from .panel_hooks import HookCheck
        from .panel_rooms import PanelRooms

        self._session = session
        self._rooms = PanelRooms(session)
        self._counter: Counter = Counter()
        self._hooks = HookCheck(_own_version(), Path.home(), os.environ, trusted=session.trusted)

    async def run(self, name: str, call: CommandCall) -> Any:
        """One command by its name."""
        from noclobber.errors import NoclobberError

        from .commands import CommandFailed

        asked = read_arguments(Asked, call.arguments)
        try:
            if name == "revert":
                return await self._revert(asked, call)
            return await getattr(self, f"_{_SNAKE.get(name, name)}")(asked)
        except NoclobberError as error:
            raise CommandFailed(str(error)) from None

    # -- what the views show --

    async def _overview(self, asked: Asked) -> dict[str, Any]:
        from .panel_overview import overview
        from .panel_rooms import unshown

        def of(room: Room) -> dict[str, Any]:
            editor, hooks = self._session.client.agent_id, self._hooks.problem(room.root)
            return overview(room.workspace, self._counter, editor=editor, earlier=asked.earlier, hooks=hooks)

        rows, problems = await self._rooms.each_alone(asked.root, of)
        found = [row for _, row in rows]
        unread = [unshown(root, "notGuarding", f"What happens here cannot be shown: {error}") for root, error in problems.items()]
        return {
            "roots": [row["root"] for row in found] + unread + await self._rooms.unguarded(),
            "turns": _newest(turn for row in found for turn in row["turns"]),
            "blocked": [one for row in found for one in row["blocked"]],
            "displaced": [one for row in found for one in row["displaced"]],
            "decisions": [one for row in found for one in row["decisions"]],
            "refusals": sum(row["refusals"] for row in found),
            "lastSeq": {room.root: row["lastSeq"] for room, row in rows},
        }

    async def _writers(self, asked: Asked) -> dict[str, Any]:
        from .panel_writers import writers

        rows, problems = await self._rooms.each_alone(asked.root, lambda room: writers(room.workspace))
        return {"writers": _newest(writer for _, found in rows for writer in found), "problems": _told(problems, rows)}

    async def _lessons(self, asked: Asked) -> dict[str, Any]:
        from .panel_lessons import lessons

        rows, problems = await self._rooms.each_alone(asked.root, lambda room: lessons(self._rooms.guard(room), asked.query or ""))
        return {"lessons": [lesson for _, found in rows for lesson in found], "problems": _told(problems, rows)}

    async def _looked(self, asked: Asked) -> dict[str, Any]:
        from .panel_overview import mark_looked

        await self._rooms.each(asked.root, lambda room: mark_looked(room.workspace, asked.seq))
        return {"done": True, "message": ""}

    async def _timeline(self, asked: Asked) -> dict[str, Any]:
        import time

        from noclobber.clock import format_utc

        from ..timeline.picture import recent, turn

        room = await self._rooms.room(asked)
        since = format_utc(time.time() - 60 * (asked.minutes or 15))
        turn_id = asked.turn_id
        if turn_id is None:
            data = await self._rooms.off_loop(lambda: recent(room.workspace, since=since))
        else:
            data = await self._rooms.off_loop(lambda: turn(room.workspace, turn_id, agent_id=asked.agent_id))
        return {"root": room.root, "data": data}

    # -- one file, one event, one version --

    async def _history(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import history

        room = await self._rooms.room(asked)
        file_path = self._rooms.file_path(room, asked)
        return {"entries": await self._rooms.off_loop(lambda: history(room.workspace, self._counter, file_path))}

    async def _event(self, asked: Asked) -> dict[str, Any] | None:
        from .panel_history import event_row

        room = await self._rooms.room(asked)
        event = await self._rooms.off_loop(lambda: room.workspace.store.event(asked.seq or 0))
        return None if event is None else event_row(room.workspace, self._counter, event)

    async def _line(self, asked: Asked) -> dict[str, Any]:
        from .panel_buffers import line_of_disk
        from .panel_history import line_author

        room = await self._rooms.room(asked)
        file_path = self._rooms.file_path(room, asked)
        line = await self._rooms.worked(lambda: line_of_disk(self._session, asked.uri or "", asked.line or 0))
        if line is None:
            return {"line": None, "event": None}
        return await self._rooms.off_loop(lambda: line_author(self._rooms.guard(room), self._counter, file_path, line))

    async def _version(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import version_text

        room = await self._rooms.room(asked)
        return await self._rooms.off_loop(lambda: version_text(self._rooms.guard(room), asked.hash or ""))

    async def _why(self, asked: Asked) -> dict[str, Any]:
        room = await self._rooms.room(asked)
        return {"text": await self._rooms.off_loop(lambda: self._rooms.guard(room).why(asked.seq or 0))}

    # -- what the person decides --

    async def _restore(self, asked: Asked) -> dict[str, Any]:
        from .panel_history import restore

        room = await self._rooms.room(asked)
        file_path = self._rooms.file_path(room, asked)
        return await self._rooms.off_loop(lambda: restore(self._rooms.guard(room), file_path, asked.hash or ""))

    async def _revert(self, asked: Asked, call: CommandCall) -> dict[str, Any]:
        from .panel_history import revert

        room = await self._rooms.room(asked)
        with self._session.works.begin(f"Reverting {asked.turn_id}", call) as work:
            return await self._rooms.off_loop(
                lambda: revert(self._rooms.guard(room), asked.turn_id or "", asked.agent_id, work, dry_run=asked.dry_run)
            )

    async def _lesson(self, asked: Asked) -> dict[str, Any]:
        from .panel_lessons import change_lesson

        room = await self._rooms.room(asked)
        text = {"context": asked.context, "failure": asked.failure, "resolution": asked.resolution}
        return await self._rooms.off_loop(lambda: change_lesson(self._rooms.guard(room), asked.id or "", asked.action or "", text))

    async def _pause(self, asked: Asked) -> dict[str, Any]:
        import time

        from noclobber.clock import format_utc
        from noclobber.pausing import pause, resume

        seconds = asked.seconds or 0
        until = format_utc(time.time() + seconds)
        await self._rooms.each(asked.root, lambda room: pause(room.workspace.state, until) if seconds else resume(room.workspace.state))
        return {"done": True, "message": f"noclobber is paused until {until}" if seconds else "noclobber is guarding again"}

    async def _let_land(self, asked: Asked) -> dict[str, Any]:
        from noclobber.errors import VersionGoneError

        from .panel_buffers import let_through
        from .panel_history import let_land

        room = await self._rooms.room(asked)
        event = await self._rooms.off_loop(lambda: room.workspace.store.event(asked.seq or 0))
        if event is not None and event.after_hash is not None:
            try:
                return await self._rooms.off_loop(lambda: let_land(self._rooms.guard(room), event))
            except VersionGoneError:
                pass  # contents of such a file are never kept: the agent has to try again, and may
        path = asked.file_path or ""
        await self._rooms.worked(lambda: let_through(self._session, path, room.root))
        return {"done": True, "message": f"{path} may be written until you type in it again; your text stays in the editor."}

    async def _merging(self, asked: Asked) -> dict[str, Any]:
        from .panel_buffers import Choice, plan

        choice = next((name for name in get_args(Choice) if name == asked.choice), None)
        return await self._with_buffer(asked.uri, lambda document: plan(self._session, document, choice, asked.mine or ""))

    async def _put_back(self, asked: Asked) -> dict[str, Any]:
        from .panel_buffers import put_back

        return await self._with_buffer(asked.uri, lambda document: put_back(self._session, document))

    async def _with_buffer(self, uri: str | None, work: Callable[[Document], dict[str, Any]]) -> dict[str, Any]:
        from noclobber.errors import NoclobberError

        document = self._session.documents.get(uri or "")

        def worked() -> dict[str, Any]:  # only here, after all that came before, is it known whether an open document is a guarded one
            if document is None or document.room is None:
                raise NoclobberError("This file is not open in a guarded workspace.")
            return work(document)

        return await self._rooms.worked(worked)


_SNAKE = {"letLand": "let_land", "putBack": "put_back"}


def _told(problems: dict[str, NoclobberError], rows: Sequence[Any]) -> list[str]:
    """What could not be read in some of the workspaces; NoclobberError where that is so in all of them."""
    if problems and not rows:
        raise next(iter(problems.values()))
    return [f"{os.path.basename(root)}: {error}" for root, error in problems.items()]


def _newest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["last"]), reverse=True)


def _own_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("noclobber")
    except PackageNotFoundError:  # run from its sources
        return None
