"""One client's session: everything that lives from ``initialize`` to the end, put together here and nowhere else.

Methods called by the event loop take messages and queue work; the work is done on the worker's thread.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from noclobber.roots import find_root
from noclobber.settings import is_off

from .actions import quick_fixes
from .client import Client
from .commands import Commands
from .diagnosing import DiagnosticsSetting, Publisher
from .documents import Document, Documents
from .following import Follower
from .git_traces import git_marks, working_tree
from .hovering import LineAuthors
from .keeping import Keeper
from .late import LateWriters
from .long_work import LongWorks, Opening
from .opening import ClosedTexts, place, take_up
from .outside import OutsideChanges
from .reporting import Reporter
from .rooms import Room, Rooms
from .saving import Overwritten, Saving
from .scanning import Scan
from .surveillance import Surveillance
from .text import Change, Encoding, Place, Span, TextModel
from .tracking import Tracker
from .uris import folders_of, path_of
from .worker import Worker

if TYPE_CHECKING:
    from .server import NoclobberServer

__all__ = ["Session"]

logger = logging.getLogger(__name__)
_CLOSING_S = 10.0
_SETTINGS = ("all", "conflicts", "off")


class Session:
    """``options``: what the client gave as ``initializationOptions``."""

    def __init__(self, server: NoclobberServer, params: types.InitializeParams, environ: Mapping[str, str]) -> None:
        options = params.initialization_options
        options = options if isinstance(options, dict) else {}
        self.server = server
        self.client = Client(server, params)
        self.documents = Documents()
        self._closed_texts = ClosedTexts()
        self._set_aside = Documents()  # open in the editor, but in none of its folders: a folder that is added may have them
        # With CI=true no state is made, and with NOCLOBBER=off nothing is looked at.
        self.silent = is_off(environ) or environ.get("CI", "").lower() == "true"
        self._encoding: Encoding = _encoding(server)
        self._offers = options.get("offers") is not False
        self.trusted = options.get("trusted") is not False  # VS Code's Restricted Mode: nothing is run that the folder names
        self._chosen = self._begun_with = _setting(options)
        self.worker = Worker(self._failed)
        self.works = LongWorks(server, lambda: self.client.shows_progress)
        self.rooms = Rooms(folders_of(params), self._room_opened, lambda root: Opening(self.works, root))
        agent_id = lambda: self.client.agent_id  # noqa: E731 - the one line says it
        self.reporter = Reporter(agent_id, lambda: self.client.process_id)
        self.publisher = Publisher(lambda: self.client, self._diagnostics_setting)
        self.outside = OutsideChanges(self.worker, agent_id, self._git_changed)
        self.tracker = Tracker(
            self.worker, self.reporter, self.publisher, self.outside, agent_id=agent_id, speaks_late=lambda: self.client.speaks_late
        )
        self.saving = Saving(self.worker, self.tracker, self.reporter, self.outside, agent_id, self._overwritten)
        self.follower = Follower(self.client, self.tracker, wants_activity=bool(options.get("activity")))
        self.commands = Commands(self)
        self.pool = ThreadPoolExecutor(2, "noclobber-long")  # what may take a while; the worker must stay free to look
        self._line_authors = LineAuthors(self.client.agent_id)
        self.keeper = Keeper(self._failed)
        late = LateWriters(self.worker, self._overwritten)
        scan = Scan(self.worker, self.outside, self.works)
        self.surveillance = Surveillance(
            self.worker, self.rooms, self.tracker, self.follower, self.outside, self.keeper, late, scan, self.client.watch_files
        )
        self.follower.on_events = self.surveillance.recorded
        self._ended = False

    def begin(self) -> None:
        """The client is ready: follow the workspaces that have a history already."""
        if not self.silent:
            self.worker.submit(self._open_known)

    # -- from the event loop --

    def opened(self, item: types.TextDocumentItem) -> None:
        """A document was opened."""
        path = path_of(item.uri)
        if path is None or self.silent:
            logger.debug("Not a file of ours: %s", item.uri)
            return
        self._set_aside.remove(item.uri)
        self._begin(Document(item.uri, path, TextModel(item.text, item.version, self._encoding)))

    def changed(self, uri: str, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]) -> None:
        """A keystroke: taken in constant time."""
        document = self.documents.get(uri)
        if document is None:
            self._changed_aside(uri, version, changes)
            return
        if not document.take(version, [_change(change) for change in changes]):
            logger.info("The version went back to %d, the change was ignored: %s", version, uri)
            return
        document.typed_at = time.time()
        if not document.look_due:
            self.tracker.typed(document)

    def _changed_aside(self, uri: str, version: int, changes: Sequence[types.TextDocumentContentChangeEvent]) -> None:
        aside = self._set_aside.get(uri)
        if aside is None:
            logger.debug("A change of a document that is not open: %s", uri)
            return
        aside.model.take(version, [_change(change) for change in changes])
        self.worker.once(("read", aside), aside.model.read)  # or its changes would gather

    def before_save(self, uri: str, *, by_hand: bool) -> Future[list[Any]] | None:
        """The edits to make before a save, or None where there can be none."""
        document = self.documents.get(uri)
        if document is None:
            return None
        document.saving = document.model.version  # before the answer, hence before the editor writes
        if not by_hand:
            return None
        return self.worker.call(lambda: self.saving.before_save(document))

    def saved(self, uri: str) -> None:
        """A document was written by its editor."""
        document = self.documents.get(uri)
        if document is not None:
            text = document.told_of_save()  # now, before the next keystroke
            self.worker.submit(lambda: self.saving.saved(document, text))

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self._set_aside.remove(uri)
        document = self.documents.remove(uri)
        if document is not None:
            document.closed = True
            self.worker.submit(lambda: self._close(document))

    def configured(self, settings: object) -> None:
        """The client's settings changed. What they do not say is as it was when the session began; many clients send none at all."""
        if not isinstance(settings, dict):
            return
        section = settings.get("noclobber", settings)
        chosen = _setting(section if isinstance(section, dict) else {}) or self._begun_with
        if chosen != self._chosen:
            self._chosen = chosen
            self.look_at_all()

    def hinted(self, uris: list[str]) -> None:
        """The client saw files change."""
        for uri in uris:
            document, path = self.documents.get(uri), path_of(uri)
            if document is not None:
                self.tracker.changed_on_disk(document)
            elif path is not None:
                self.worker.submit(partial(self.surveillance.hinted, path))

    def folders_changed(self, added: list[str], removed: list[str]) -> None:
        """Workspace folders came or went, and with them what is open in them."""
        self.rooms.change_folders(_paths(added), _paths(removed))
        if self.silent:
            return
        for document in self.documents:
            if not self.rooms.takes(document.path):
                self.documents.drop(document)
                self.worker.submit(partial(self._leave, document))
                self._put_aside(document)
        self.worker.submit(self._close_unneeded)
        self.worker.submit(self._open_known)
        for document in self._set_aside:
            if self.rooms.takes(document.path):
                self._set_aside.drop(document)
                self._begin(_as_opened(document))

    def _begin(self, document: Document) -> None:
        text = document.model.read()[0]
        replaced = self.documents.add(document)
        if replaced is not None:
            replaced.closed = True
        self.worker.submit(lambda: self._open(document, text, replaced))

    def _put_aside(self, document: Document) -> None:
        self._set_aside.add(_as_opened(document))

    def _outside_folders(self, document: Document) -> None:
        """The worker found it in no folder; meanwhile one may have been added, or the document closed."""
        if self.documents.drop(document):
            if self.rooms.takes(document.path):
                self._begin(_as_opened(document))
            else:
                self._put_aside(document)

    def look_at_all(self) -> None:
        """Look at every document again."""
        for document in self.documents:
            self.tracker.changed_on_disk(document)

    def quick_fixes(self, uri: str, diagnostics: Sequence[types.Diagnostic]) -> list[types.CodeAction]:
        """What can be done about the problems at a place."""
        document = self.documents.get(uri)
        assessment = document.assessment if document else None
        state = assessment.state if assessment else "fresh"
        return quick_fixes(uri, diagnostics, state, on_disk=document is not None and document.disk is not None)

    async def hover(self, uri: str, line: int) -> str | None:
        """Who wrote a line."""
        document = self.documents.get(uri)
        if document is None:
            return None
        return await asyncio.wrap_future(self.worker.call(lambda: self._line_authors.of_line(document, line)))

    def end(self) -> None:
        """Save the state and let go of everything; idempotent."""
        if self._ended:
            return
        self._ended = True
        self.surveillance.close()
        self.works.cancel_all()
        self.keeper.close(_CLOSING_S)
        self.pool.shutdown(wait=False, cancel_futures=True)
        if not self.worker.close(_CLOSING_S, self._end):
            logger.warning("The state could not be saved within %d s.", _CLOSING_S)

    # -- on the worker's thread --

    def all_rooms(self, root: str | None) -> list[Room]:
        """The open workspaces, or the one with this root."""
        self._open_known()
        return [room for room in self.rooms if root is None or os.path.realpath(root) == room.root]

    def first_room(self, root: str | None) -> list[Room]:
        """Where no workspace is open yet: that of the client's first folder."""
        room = self.rooms.room_for(self.rooms.folders[0]) if root is None and self.rooms.folders and not self.silent else None
        return [] if room is None else [room]

    def _open_known(self) -> None:
        for folder in () if self.silent else self.rooms.folders:
            if find_root(folder) is not None:
                self.rooms.room_for(folder)

    def _open(self, document: Document, text: str, replaced: Document | None) -> None:
        if replaced is not None:
            self.saving.finish(replaced)
            self._forget(replaced)
            self.publisher.withdraw(replaced)
        if not document.closed and not self.rooms.takes(document.path):
            logger.debug("Outside every workspace folder: %s", document.uri)
            self.server.in_loop(lambda: self._outside_folders(document))
            return
        room = None if document.closed else self.rooms.room_for(document.path)
        if room is None or not place(document, room):
            logger.debug("In no workspace, or no file that can be guarded: %s", document.uri)
            self.server.in_loop(lambda: self.documents.drop(document))
            return
        rows = take_up(document, text, self.client.agent_id, self._closed_texts)
        room.add(document)
        self.surveillance.refresh()
        self.reporter.opened(document, text, rows)
        self.tracker.look(document)

    def _close(self, document: Document) -> None:
        self.saving.finish(document)
        self._closed_texts.note(document)
        self.publisher.withdraw(document)
        self.reporter.closed(document, keep_unsaved=False)
        self._forget(document)
        for sibling in document.room.documents.get(document.file_path, ()) if document.room else ():
            self.tracker.look(sibling)
        self.surveillance.refresh()

    def _leave(self, document: Document) -> None:
        """No folder of the client has it any more, though it is open: its unsaved text stays on record, as when the server ends."""
        self._keep_unsaved(document)
        self.publisher.withdraw(document)
        document.closed = True
        self._forget(document)

    def _close_unneeded(self) -> None:
        for room in self.rooms.unneeded():
            self.outside.settle(room)
            self.rooms.close(room)
        self.surveillance.refresh()

    def _keep_unsaved(self, document: Document) -> None:
        if document.room is not None:
            self.saving.finish(document)
            self.tracker.look(document)
            self.reporter.flush(document)
            self.reporter.closed(document, keep_unsaved=True)

    def _forget(self, document: Document) -> None:
        self.worker.forget(("look", document))
        self.worker.forget(("show", document))
        if document.room is not None:
            document.room.remove(document)

    def _room_opened(self, room: Room) -> None:
        tree = working_tree(room.root)
        room.git_marks = {} if tree is None else {tree: git_marks(tree)}
        if room.workspace.notice:
            logger.warning("%s", room.workspace.notice)
        self.surveillance.refresh()

    def _end(self) -> None:
        for document in self.documents:
            self._keep_unsaved(document)
        for room in self.rooms:
            self.outside.settle(room)
        self.rooms.close_all()

    def _diagnostics_setting(self, document: Document) -> DiagnosticsSetting:
        if document.room is not None and document.room.workspace.paused():
            return "off"
        if self._chosen is not None:
            return self._chosen
        return document.room.workspace.settings.lsp_diagnostics if document.room is not None else "all"

    # -- what is said --

    def _git_changed(self, room: Room, files: list[str]) -> None:
        unsaved = [path for path in files for document in room.documents.get(path, ())[:1] if document.row and document.row.unsaved]
        message = f"git changed {len(files)} open file{'s' if len(files) != 1 else ''}"
        if unsaved and not room.workspace.paused():
            more = f" and {len(unsaved) - 5} more" if len(unsaved) > 5 else ""
            self.client.tell(f"{message}; you have unsaved edits in {', '.join(unsaved[:5])}{more}.")
        else:
            self.server.window_log_message(types.LogMessageParams(types.MessageType.Info, message + "."))

    def _overwritten(self, lost: Overwritten) -> None:
        if not self._offers:  # the client reads it from the history and asks in its own way
            return
        if lost.document.room is not None and lost.document.room.workspace.paused():
            return
        self.server.in_loop(lambda: self.server.offer(lost))

    def _failed(self, error: Exception) -> None:
        logger.error("A piece of work failed.", exc_info=error)


def _paths(uris: list[str]) -> list[str]:
    return [path for uri in uris if (path := path_of(uri))]


def _as_opened(document: Document) -> Document:
    """The same document as if its editor had opened it just now."""
    return Document(document.uri, document.path, TextModel(*document.model.read(), document.model.encoding))


def _change(event: types.TextDocumentContentChangeEvent) -> Change:
    if isinstance(event, types.TextDocumentContentChangePartial):
        start, end = event.range.start, event.range.end
        return Change(Span(Place(start.line, start.character), Place(end.line, end.character)), event.text)
    return Change(None, event.text)


def _encoding(server: NoclobberServer) -> Encoding:
    chosen = server.workspace.position_encoding
    name = str(getattr(chosen, "value", chosen))
    return "utf-8" if name == "utf-8" else "utf-32" if name == "utf-32" else "utf-16"


def _setting(options: dict[str, Any]) -> DiagnosticsSetting | None:
    value = options.get("diagnostics")
    return value if value in _SETTINGS else None
