"""What the commands do. Each takes its checked arguments and answers plain JSON; errors of core become clear errors of the request."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcRequestCancelled

from noclobber.errors import NoclobberError, Refused, RevertConflictError, WorkCancelledError
from noclobber.guard import ConcurrencyGuard
from noclobber.records import Snapshot
from noclobber.store.protocol import EventQuery

from .arguments import ActivityQuery, LessonText, OfDocument, RestoreVersion, RevertTurn, SnapshotQuery, read_arguments
from .calling import CommandCall
from .documents import Document
from .editing import BufferEditing
from .following import event_to_wire
from .rooms import Room
from .uris import path_of, uri_of

if TYPE_CHECKING:
    from .session import Session

__all__ = ["CommandFailed", "Commands"]

Result = TypeVar("Result")
_MOST = 1000


class CommandFailed(JsonRpcException):
    """A command that could not be done; the message says why, ``data`` holds the whole refusal where there is one."""

    CODE = -32803  # RequestFailed


class Commands:
    """The commands of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._editing = BufferEditing(session)

    async def run(self, name: str, call: CommandCall) -> Any:
        """Check the arguments of the command with this name, and do it."""
        kind, work = self._table(call)[name]
        return await work(read_arguments(kind, call.arguments))

    def _table(self, call: CommandCall) -> dict[str, tuple[type[Any], Callable[[Any], Awaitable[Any]]]]:
        return {
            "noclobber.lesson.append": (LessonText, self.append_lesson),
            "noclobber.snapshots": (SnapshotQuery, self.snapshots),
            "noclobber.activity": (ActivityQuery, self.activity),
            "noclobber.buffer.merge": (OfDocument, self.merge),
            "noclobber.buffer.takeDisk": (OfDocument, self.take_disk),
            "noclobber.buffer.keepMine": (OfDocument, self.keep_mine),
            "noclobber.restore": (RestoreVersion, self.restore),
            "noclobber.revert": (RevertTurn, lambda given: self.revert(given, call)),
        }

    async def merge(self, given: OfDocument) -> dict[str, Any]:
        """``noclobber.buffer.merge``."""
        return await self._editing.merge(self._document(given.uri))

    async def take_disk(self, given: OfDocument) -> dict[str, Any]:
        """``noclobber.buffer.takeDisk``."""
        return await self._editing.take_disk(self._document(given.uri))

    async def keep_mine(self, given: OfDocument) -> dict[str, Any]:
        """``noclobber.buffer.keepMine``."""
        return await self._editing.keep_mine(self._document(given.uri))

    async def snapshots(self, given: SnapshotQuery) -> dict[str, Any]:
        """``noclobber.snapshots``: live snapshots and what the disk says of each."""
        return {"snapshots": await self._in_rooms(given.root, lambda room: _snapshots(room, given))}

    async def activity(self, given: ActivityQuery) -> dict[str, Any]:
        """``noclobber.activity``: the newest events, oldest first."""
        events = await self._in_rooms(given.root, lambda room: _events(room, given))
        return {"events": events}

    async def restore(self, given: RestoreVersion) -> dict[str, Any]:
        """``noclobber.restore``: bring a kept version of a file back; what stands there is kept in its turn."""
        path, room = await self._file(given.uri)
        write = await self._off_loop(lambda: self._guard(room).restore(path, given.hash))
        return {"filePath": write.file_path, "outcome": write.outcome, "contentHash": write.content_hash, "seq": write.seq}

    async def revert(self, given: RevertTurn, call: CommandCall) -> dict[str, Any]:
        """``noclobber.revert``: take back what a turn did, keeping what came later. Stopped in time, nothing of it is done."""
        room = await self._one_room(given.root)
        guard = self._guard(room)
        with self._session.works.begin(f"Reverting {given.turn_id}", call) as work:
            reverted = await self._off_loop(
                lambda: guard.revert(turn_id=given.turn_id, agent_id=given.agent_id, dry_run=given.dry_run, progress=work)
            )
        answer: dict[str, Any] = _plain(reverted)
        return answer

    async def append_lesson(self, given: LessonText) -> dict[str, Any]:
        """``noclobber.lesson.append``: a lesson into the lessons file; from a diagnostic where one is given."""
        text = _lesson(given)
        room = (await self._file(given.uri))[1] if given.uri else await self._one_room(None)
        from noclobber.lessons import append_lesson_to_claude  # lessons are rare, and their rules are long

        answer = await self._off_loop(lambda: append_lesson_to_claude(self._guard(room), text))
        uri = uri_of(os.path.join(room.root, answer["path"]))
        return {"success": answer["success"], "path": answer["path"], "uri": uri, "message": answer["message"]}

    # -- finding what is meant --

    def _document(self, uri: str) -> Document:
        document = self._session.documents.get(uri)
        if document is None:
            raise JsonRpcInvalidParams(
                f"Invalid Params: no document of a guarded workspace is open under this name @ arguments[0].uri: {uri}"
            )
        return document

    async def _file(self, uri: str) -> tuple[str, Room]:
        path = path_of(uri)
        room = None if path is None or self._session.silent else await self._worked(lambda: self._session.rooms.room_for(path))
        if path is None or room is None:
            raise JsonRpcInvalidParams(f"Invalid Params: not a file in an open workspace @ arguments[0].uri: {uri}")
        return path, room

    async def _one_room(self, root: str | None) -> Room:
        rooms = await self._worked(lambda: self._session.all_rooms(root) or self._session.first_room(root))
        if not rooms:
            raise JsonRpcInvalidParams(f"Invalid Params: no such workspace is open @ arguments[0].root: {root}")
        return rooms[0]

    def _guard(self, room: Room) -> ConcurrencyGuard:
        return ConcurrencyGuard(room.workspace, self._session.client.agent_id)

    async def _in_rooms(self, root: str | None, work: Callable[[Room], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        rooms = await self._worked(lambda: self._session.all_rooms(root))
        found = await asyncio.gather(*(self._off_loop(lambda room=room: work(room)) for room in rooms))  # type: ignore[misc]
        return [{"root": room.root, **entry} for room, entries in zip(rooms, found, strict=True) for entry in entries]

    # -- doing it --

    async def _worked(self, work: Callable[[], Result]) -> Result:
        return await _told(asyncio.wrap_future(self._session.worker.call(work)))

    async def _off_loop(self, work: Callable[[], Result]) -> Result:
        """In a thread of our own pool: pygls reads nothing while its own is busy, and the worker's must stay free to look."""
        return await _told(asyncio.get_running_loop().run_in_executor(self._session.pool, work))


async def _told(answer: Awaitable[Result]) -> Result:
    try:
        return await answer
    except Refused as refused:
        raise CommandFailed(str(refused), data=refused.refusal.to_json()) from None
    except WorkCancelledError as error:
        raise JsonRpcRequestCancelled(str(error)) from None
    except RevertConflictError as error:
        raise CommandFailed(str(error), data={"conflicts": error.conflicts}) from None
    except NoclobberError as error:
        raise CommandFailed(str(error)) from None


def _snapshots(room: Room, given: SnapshotQuery) -> list[dict[str, Any]]:
    guard = ConcurrencyGuard(room.workspace, "editor")
    states = {(entry.agent_id, entry.file_path): entry.state for entry in guard.status()}
    found = room.workspace.store.snapshots(given.agent_id, given.file_path)
    return [
        _snapshot(snapshot, states.get((snapshot.agent_id, snapshot.file_path), "deleted"))
        for snapshot in found
        if given.turn_id in (None, snapshot.turn_id) and given.intent_id in (None, snapshot.intent_id)
    ]


def _snapshot(snapshot: Snapshot, state: str) -> dict[str, Any]:
    return {
        "filePath": snapshot.file_path,
        "readHash": snapshot.read_hash,
        "turnId": snapshot.turn_id,
        "intentId": snapshot.intent_id,
        "timestamp": snapshot.timestamp,
        "agentId": snapshot.agent_id,
        "lines": None if snapshot.lines is None else [list(span) for span in snapshot.lines],
        "seq": snapshot.seq,
        "state": state,
    }


def _events(room: Room, given: ActivityQuery) -> list[dict[str, Any]]:
    query = EventQuery(
        file_path=given.file_path,
        agent_id=given.agent_id,
        turn_id=given.turn_id,
        intent_id=given.intent_id,
        after_seq=given.after_seq,
        limit=min(max(given.limit, 1), _MOST),
    )
    return [event_to_wire(event) for event in room.workspace.store.events(query)]


def _lesson(given: LessonText) -> str:
    if given.lesson is not None:
        return given.lesson
    context, failure = given.context, given.failure
    if given.diagnostic is not None:
        message = str(given.diagnostic.get("message", "")).strip()
        source = " ".join(str(given.diagnostic[key]) for key in ("source", "code") if given.diagnostic.get(key))
        where = (path_of(given.uri) or given.uri).rsplit("/", 1)[-1] if given.uri else "a file"
        context = context or f"Editing {where}" + (f" ({source})" if source else "")
        failure = failure or message
    if not (failure or context or given.resolution):
        raise JsonRpcInvalidParams("Invalid Params: a lesson needs a text, its parts, or a diagnostic @ arguments[0]")
    parts = {"Context": context, "Failure": failure, "Resolution": given.resolution}
    return "\n".join(f"**{name}**: {text}" for name, text in parts.items() if text)


def _plain(value: Any) -> Any:
    """A record of core as plain JSON with camelCase names."""
    if hasattr(value, "_asdict"):
        return {_camel(name): _plain(entry) for name, entry in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
