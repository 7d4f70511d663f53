"""Finding the workspaces that a command of the panel means, and running its work where it may run."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from noclobber import ConcurrencyGuard
    from noclobber.errors import NoclobberError

    from .panel_asked import Asked
    from .rooms import Room
    from .session import Session

__all__ = ["PanelRooms", "unshown"]

Result = TypeVar("Result")
_UNKNOWN = "The workspace could not be opened when it was first asked for; restart the server to try again."


class PanelRooms:
    """The rooms of one session, as the panel reaches them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def each(self, root: str | None, work: Callable[[Room], Result]) -> list[tuple[Room, Result]]:
        """Do it in the room with this root, or in all of them; NoclobberError, once all have been tried, where it failed in one."""
        done, problems = await self.each_alone(root, work)
        for problem in problems.values():
            raise problem
        return done

    async def each_alone(
        self, root: str | None, work: Callable[[Room], Result]
    ) -> tuple[list[tuple[Room, Result]], dict[str, NoclobberError]]:
        """As ``each``, but what one room has in the way, by its root, keeps the others from nothing."""
        from noclobber.errors import NoclobberError

        rooms = await self.rooms(root)
        jobs = (self.off_loop(lambda room=room: work(room)) for room in rooms)  # type: ignore[misc]
        done: list[tuple[Room, Result]] = []
        problems: dict[str, NoclobberError] = {}
        for room, found in zip(rooms, await asyncio.gather(*jobs, return_exceptions=True), strict=True):
            if isinstance(found, (NoclobberError, OSError)):
                problems[room.root] = found if isinstance(found, NoclobberError) else NoclobberError(str(found))
            elif isinstance(found, BaseException):
                raise found
            else:
                done.append((room, found))
        return done, problems

    async def rooms(self, root: str | None) -> list[Room]:
        """The rooms of the client's folders, opened where they are not yet, since an agent may be the first to write there."""
        if self._session.silent:
            return []
        rooms = self._session.rooms

        def opened() -> list[Room]:
            for folder in rooms.folders:
                rooms.room_for(os.path.join(folder, "."))
            return [room for room in rooms if root in (None, room.root) and _is_shown(room.root, rooms.folders)]

        return await self.worked(opened)

    async def room(self, asked: Asked) -> Room:
        """The room a command means by a file or a root; the first one where it names none. NoclobberError where there is none."""
        from noclobber.errors import NoclobberError

        from .uris import path_of

        path = path_of(asked.uri) if asked.uri else None
        if path is not None:
            found = await self.worked(lambda: self._session.rooms.room_for(path))
            rooms = [] if found is None else [found]
        else:
            rooms = await self.rooms(asked.root)
        if not rooms:
            raise NoclobberError("This file is not in a guarded workspace." if asked.uri else "No workspace is guarded here.")
        return rooms[0]

    def file_path(self, room: Room, asked: Asked) -> str:
        """The file a command means, as its workspace names it."""
        from .uris import path_of

        path = path_of(asked.uri) if asked.uri else asked.file_path
        with room.workspace.locator.locate(path or "", missing_ok=True) as located:
            return located.file_path

    def guard(self, room: Room) -> ConcurrencyGuard:
        """The guard of a room, as the editor."""
        from noclobber import ConcurrencyGuard

        return ConcurrencyGuard(room.workspace, self._session.client.agent_id)

    async def unguarded(self) -> list[dict[str, Any]]:
        """The client's folders that no room stands for, each with the reason."""
        if self._session.silent:
            return [unshown("", "off", "NOCLOBBER=off or CI=true is set for this editor: nothing is guarded here.")]

        def closed() -> list[dict[str, Any]]:
            rooms = self._session.rooms
            folders = [folder for folder in rooms.folders if rooms.room_for(os.path.join(folder, ".")) is None]
            return [unshown(folder, "notGuarding", rooms.obstacle(os.path.join(folder, ".")) or _UNKNOWN) for folder in folders]

        return await self.worked(closed)

    async def worked(self, work: Callable[[], Result]) -> Result:
        """Do it in order with all that touches documents."""
        return await asyncio.wrap_future(self._session.worker.call(work))

    async def off_loop(self, work: Callable[[], Result]) -> Result:
        """Do it in a thread of its own: the worker must stay free to look."""
        return await asyncio.get_running_loop().run_in_executor(self._session.pool, work)


def unshown(root: str, mode: str, reason: str) -> dict[str, Any]:
    """A folder of which nothing can be shown but the reason."""
    return {"root": root, "name": os.path.basename(root), "mode": mode, "reason": reason, "pausedUntil": None}


def _is_shown(root: str, folders: Iterable[str]) -> bool:
    """Whether a workspace has to do with a folder that the client still has open; where none is open, every one counts."""
    real = [os.path.realpath(folder) for folder in folders]
    return not real or any(os.path.commonpath((root, folder)) in (root, folder) for folder in real)
