"""What a writer may ask of its workspace: its snapshots, the history, kept versions. Nothing here changes a file or the record."""

from __future__ import annotations

import os

from .arguments import checked_label, checked_limit, checked_since
from .errors import VersionGoneError
from .records import Event, EventKind, FileStatus, Outcome, Snapshot
from .situation import Writer
from .store.protocol import EventQuery
from .workspace import Workspace

__all__ = ["Asking", "PathLike"]

PathLike = str | os.PathLike[str]
_DIGITS_OF_ANY_FILE = 6


class Asking:
    """One writer's questions. Paths are relative to the root, or absolute and inside it."""

    def __init__(self, workspace: Workspace, agent_id: str | None, turn_id: str | None, intent_id: str | None) -> None:
        self.workspace = workspace
        self.agent_id = agent_id or f"python:{os.getpid()}"
        self.turn_id = turn_id or None
        self.intent_id = intent_id or None

    # live snapshots, and those of the past

    def get_snapshot(self, path: PathLike) -> Snapshot | None:
        """This writer's live snapshot of a file."""
        return self.workspace.store.snapshot(self.agent_id, self._name_of(path))

    def get_all_snapshots(self) -> list[Snapshot]:
        """This writer's live snapshots, ordered by file."""
        return self.workspace.store.snapshots(self.agent_id)

    def get_snapshots_by_turn(self, turn_id: str) -> list[Snapshot]:
        """Every snapshot ever recorded in a turn, by any writer, oldest first."""
        return self._past(EventQuery(turn_id=turn_id))

    def get_snapshots_by_intent(self, intent_id: str) -> list[Snapshot]:
        """Every snapshot ever recorded for an intent, by any writer, oldest first."""
        return self._past(EventQuery(intent_id=intent_id))

    def get_snapshots_by_file(self, path: PathLike) -> list[Snapshot]:
        """Every snapshot ever recorded of a file, by any writer, oldest first."""
        return self._past(EventQuery(file_path=self._name_of(path)))

    def status(self) -> list[FileStatus]:
        """All writers' live snapshots against the disk."""
        from .reading import status

        return status(self.workspace)

    # history

    def events(
        self,
        *,
        file_path: PathLike | None = None,
        agent_id: str | None = None,
        turn_id: str | None = None,
        intent_id: str | None = None,
        kind: EventKind | None = None,
        outcome: Outcome | None = None,
        since: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """The events that match all that is given, the newest ``limit`` of them, in order; of a file also where it is one no longer.

        ``since``: an ISO 8601 time, UTC where it names no zone. ValueError where it is none, or ``limit`` is negative.
        """
        path = None if file_path is None else self._name_of(file_path)
        kinds = None if kind is None else (kind,)
        outcomes = None if outcome is None else (outcome,)
        labels = (agent_id, turn_id, intent_id)
        query = EventQuery(path, *labels, kinds, outcomes, since=checked_since(since), limit=checked_limit(limit))
        return self.workspace.store.events(query)

    def content(self, content_hash: str) -> bytes:
        """A kept version by its hash, or by the beginning of it. VersionGoneError where it is not kept, or the beginning fits several."""
        full = content_hash.lower()
        if full.strip("0123456789abcdef"):
            raise VersionGoneError(content_hash, f"{content_hash!a:.80} is no version; a version is named by the digits of its hash.")
        if len(full) < 64:
            found = self.workspace.store.find_hashes(full) if full else []
            if len(found) > 1:
                raise VersionGoneError(content_hash, f"{content_hash} is the beginning of {len(found)} versions; give more digits.")
            full = found[0] if found else full
        content = self.workspace.store.content(full)
        if content is None:
            message = f"Version {content_hash} is not kept: too old, never seen, damaged, or of a file whose contents are never kept."
            raise VersionGoneError(content_hash, message)
        return content

    def _version_of(self, path: PathLike, content_hash: str) -> str:
        """The version meant by the beginning of a hash where it is to stand in a file: one of that file's own before any other's."""
        prefix, file_path = content_hash.lower(), self._name_of(path)
        if len(prefix) >= 64:
            return content_hash
        events = self.workspace.store.events(EventQuery(file_path=file_path))
        own = {one for event in events for one in (event.before_hash, event.after_hash) if one is not None and one.startswith(prefix)}
        kept = [one for one in own if self.workspace.store.content(one) is not None] if prefix else []
        if len(kept) > 1:
            raise VersionGoneError(
                content_hash, f"{content_hash} is the beginning of {len(kept)} versions of {file_path}; give more digits."
            )
        if not kept and len(prefix) < _DIGITS_OF_ANY_FILE:
            message = (
                f"No kept version of {file_path} begins with {content_hash!r}; for one of another file give {_DIGITS_OF_ANY_FILE} digits."
            )
            raise VersionGoneError(content_hash, message)
        return kept[0] if kept else content_hash

    def _writer(self, turn_id: str | None, intent_id: str | None) -> Writer:
        """This writer in the turn and with the intent of one call; those of the guard where they are not given, or empty."""
        turn = checked_label(turn_id, "turn_id") or self.turn_id
        return Writer(self.agent_id, turn, checked_label(intent_id, "intent_id") or self.intent_id)

    def _file_path(self, path: PathLike) -> str:
        with self.workspace.locator.locate(path, missing_ok=True) as located:
            return located.file_path

    def _name_of(self, path: PathLike) -> str:
        """For questions about what was: a file of the past may be a folder today."""
        return self.workspace.locator.name_of(path)

    def _past(self, query: EventQuery) -> list[Snapshot]:
        from .observing import past_snapshots

        return past_snapshots(self.workspace, query)
