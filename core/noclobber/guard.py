"""``ConcurrencyGuard``: what callers use. One writer's view of one workspace; every call is one course elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from . import observing, reading
from .arguments import checked_content, checked_edits, checked_label, checked_on_stale
from .asking import Asking, PathLike
from .changing import change, consider
from .content import hash_content
from .decision import Decision, Edit, Situation, Verdict, decide_edit, decide_removal, decide_write
from .errors import NoclobberError
from .progress import Progress, unwatched
from .recording import Request
from .records import AuthoredLine, Event, EventKind, Lease, LineRange, Outcome, Read, Refusal, Snapshot, Write
from .situation import OUTSIDE, Writer
from .store.protocol import Batch
from .workspace import Workspace

if TYPE_CHECKING:
    from .reverting import Reverted

__all__ = ["ConcurrencyGuard", "PathLike"]

OnStale = Literal["reject", "merge"]


class ConcurrencyGuard(Asking):
    """Guarded reads and writes for one writer. Shared by threads; any number of processes may have one on the same workspace.

    ``workspace``: a folder or an open ``Workspace``. A folder stands for the workspace that owns it: where there is none yet, one is
    made at the git root, without git in that folder. ``turn_id`` and ``intent_id``
    are defaults for every call. Paths are relative to the root, or absolute and inside it. Every refused change raises a ``Refused``.
    """

    def __init__(
        self,
        workspace: PathLike | Workspace,
        agent_id: str | None = None,
        *,
        turn_id: str | None = None,
        intent_id: str | None = None,
        enforce: bool = True,
    ) -> None:
        self._owned = not isinstance(workspace, Workspace)
        if agent_id == "" or agent_id == OUTSIDE:
            raise NoclobberError(f"An agent_id names a writer; it cannot be {agent_id!r}.")
        for value, what in ((agent_id, "agent_id"), (turn_id, "turn_id"), (intent_id, "intent_id")):
            checked_label(value, what)
        super().__init__(workspace if isinstance(workspace, Workspace) else Workspace.open(workspace), agent_id, turn_id, intent_id)
        self._enforce = enforce
        self._freshness = reading.Freshness(self.workspace, Writer(self.agent_id, self.turn_id, self.intent_id))

    def as_writer(self, agent_id: str, *, turn_id: str | None = None, intent_id: str | None = None) -> ConcurrencyGuard:
        """The same workspace seen by another writer (or the same in another turn)."""
        return ConcurrencyGuard(self.workspace, agent_id, turn_id=turn_id, intent_id=intent_id, enforce=self._enforce)

    def __enter__(self) -> ConcurrencyGuard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the workspace if this guard opened it; idempotent."""
        if self._owned:
            self.workspace.close()

    hash_content = staticmethod(hash_content)

    # what this writer knows

    def record_snapshot(
        self,
        path: PathLike,
        content: bytes | str,
        turn_id: str | None = None,
        intent_id: str | None = None,
        *,
        lines: Sequence[LineRange] | None = None,
    ) -> Snapshot:
        """Note what this writer was shown of a file by other means than ``read``."""
        return reading.record_snapshot(self.workspace, self._writer(turn_id, intent_id), path, content, lines)

    def verify_before_write(self, path: PathLike) -> Refusal | None:
        """None where the file is unchanged since this writer read it, or was never read; else what a write would be told."""
        return self._freshness.verify(path)

    def read(
        self, path: PathLike, *, turn_id: str | None = None, intent_id: str | None = None, lines: Sequence[LineRange] | None = None
    ) -> Read:
        """The file's bytes, a snapshot recorded; ``lines``: the ranges that are really shown to the writer."""
        return reading.read(self.workspace, self._writer(turn_id, intent_id), path, lines)

    def clear_snapshot(self, path: PathLike) -> None:
        """Forget what this writer knows of a file: it is unread from now on. On record, so that it holds after a restart."""
        observing.clear(self.workspace, self._writer(None, None), self._file_path(path))

    def clear_all_snapshots(self) -> None:
        """Forget all that this writer knows."""
        observing.clear(self.workspace, self._writer(None, None), None)

    # changes

    def write(
        self,
        path: PathLike,
        content: bytes,
        *,
        turn_id: str | None = None,
        intent_id: str | None = None,
        read_hash: str | None = None,
        on_stale: OnStale = "reject",
        override: bool = False,
    ) -> Write:
        """Replace a whole file, or make it, if its bytes are those this writer knows; else refuse, or merge where asked to.

        ``read_hash``: the version the content was made from, of those this writer was given. ``override``: write all the same, the
        displaced bytes kept and the outcome ``overridden``.
        """
        request = self._write_request(path, content, read_hash, on_stale)
        return change(self.workspace, self._writer(turn_id, intent_id), [request], enforce=self._passing(override))[0]

    def edit(
        self,
        path: PathLike,
        edits: Sequence[Edit],
        *,
        replace_all: bool = False,
        turn_id: str | None = None,
        intent_id: str | None = None,
        override: bool = False,
    ) -> Write:
        """Make exact replacements (old, new), in order. Needs no earlier read; a change elsewhere in the file does not matter.

        Text is matched in the file's own encoding and line endings.
        """
        request = Request(path, "edit", _edit_rule(edits, replace_all))
        return change(self.workspace, self._writer(turn_id, intent_id), [request], enforce=self._passing(override))[0]

    def write_many(
        self,
        contents: Mapping[str, bytes],
        *,
        turn_id: str | None = None,
        intent_id: str | None = None,
        on_stale: OnStale = "reject",
    ) -> tuple[Write, ...]:
        """Write several files, all or nothing; the refusal is that of the first that may not be written."""
        requests = [self._write_request(path, content, None, on_stale) for path, content in contents.items()]
        if not requests:
            return ()
        return change(self.workspace, self._writer(turn_id, intent_id), requests, enforce=self._passing(override=False))

    def delete(self, path: PathLike, *, turn_id: str | None = None, intent_id: str | None = None, read_hash: str | None = None) -> Write:
        """Delete a file this writer has read and nobody has changed since; its bytes stay restorable."""
        request = Request(path, "delete", lambda now: decide_removal(now, needs_read=True), read_hash=read_hash)
        return change(self.workspace, self._writer(turn_id, intent_id), [request], enforce=self._passing(override=False))[0]

    def move(self, path: PathLike, to: PathLike, *, turn_id: str | None = None, intent_id: str | None = None) -> Write:
        """Give a file another name, which must be free. Refused where it changed since this writer read it."""
        request = Request(path, "move", lambda now: decide_removal(now, needs_read=False), to=to)
        return change(self.workspace, self._writer(turn_id, intent_id), [request], enforce=self._passing(override=False))[0]

    def restore(self, path: PathLike, content_hash: str, *, turn_id: str | None = None, intent_id: str | None = None) -> Write:
        """Bring back a kept version (64 hex digits, or the beginning of them); what stands there now is kept in its turn.

        A beginning means one of this file's own versions, if any begins so; else at least six digits name one of any file.
        """
        content = self.content(self._version_of(path, content_hash))
        request = observing.restoring(self.workspace, self.agent_id, path, content)
        return change(self.workspace, self._writer(turn_id, intent_id), [request], enforce=self._passing(override=False))[0]

    def revert(
        self,
        *,
        turn_id: str,
        agent_id: str | None = None,
        dry_run: bool = False,
        files: Iterable[str] | None = None,
        progress: Progress = unwatched,
    ) -> Reverted:
        """Take back what a turn did to all its files, keeping what came later; all or nothing. ``progress`` may cancel it."""
        from .reverting import revert

        enforce = self._passing(override=False)
        return revert(self, turn_id=turn_id, agent_id=agent_id, dry_run=dry_run, files=files, enforce=enforce, progress=progress)

    # for fronts whose client does the writing itself

    def check_write(
        self,
        path: PathLike,
        content: bytes,
        *,
        turn_id: str | None = None,
        intent_id: str | None = None,
        read_hash: str | None = None,
        on_stale: OnStale = "reject",
        override: bool = False,
    ) -> Decision:
        """What ``write`` would do, without doing it; a refusal is put on record."""
        request = self._write_request(path, content, read_hash, on_stale)
        return consider(self.workspace, self._writer(turn_id, intent_id), request, enforce=self._passing(override))

    def check_edit(
        self,
        path: PathLike,
        edits: Sequence[Edit],
        *,
        replace_all: bool = False,
        turn_id: str | None = None,
        intent_id: str | None = None,
        override: bool = False,
    ) -> Decision:
        """What ``edit`` would do, without doing it; a refusal is put on record."""
        request = Request(path, "edit", _edit_rule(edits, replace_all))
        return consider(self.workspace, self._writer(turn_id, intent_id), request, enforce=self._passing(override))

    def record_change(
        self,
        path: PathLike,
        *,
        kind: EventKind = "write",
        outcome: Outcome = "done",
        before: bytes | None = None,
        knows: bytes | None = None,
        turn_id: str | None = None,
        intent_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> Event | None:
        """Put on record that what stands on disk now was put there by this writer; None where nothing changed.

        ``before``: what it displaced, kept. ``knows``: what the writer knows now, where that is not all of what stands there.
        """
        writer = self._writer(turn_id, intent_id)
        return observing.record_change(self.workspace, writer, path, kind, outcome, before=before, knows=knows, detail=detail)

    def record(
        self,
        kind: EventKind,
        *,
        outcome: Outcome = "done",
        file_path: str | None = None,
        before_hash: str | None = None,
        after_hash: str | None = None,
        detail: dict[str, Any] | None = None,
        turn_id: str | None = None,
        intent_id: str | None = None,
    ) -> Event:
        """Put any other event on record."""
        writer = self._writer(turn_id, intent_id)
        return observing.record(self.workspace, writer, kind, outcome, file_path, before_hash, after_hash, detail)

    def keep(self, path: PathLike, content: bytes) -> str:
        """Keep a version of a file, unless its contents are never kept; its hash."""
        content = checked_content(content)
        content_hash = hash_content(content)
        contents = self.workspace.keepable(self._file_path(path), [(content_hash, content)])
        self.workspace.store.apply(Batch(contents=contents))
        return content_hash

    def lease(self, path: PathLike, seconds: float = 10.0) -> Lease:
        """Hold a path against other writers for at most ten seconds. LeasedError while another holds it."""
        return observing.lease(self.workspace, self._writer(None, None), self._file_path(path), seconds)

    def release(self, lease: Lease) -> bool:
        """Give a lease up before its time; false where it had run out and another holds the path."""
        return self.workspace.store.release_lease(lease.file_path, lease.token)

    # history

    def blame(self, path: PathLike) -> list[AuthoredLine]:
        """For each line of the file as it stands, the event that last wrote it."""
        from .history import blame

        return blame(self, path)

    def why(self, seq: int) -> str:
        """What happened in one event, in words; for a refusal, why and what to do."""
        from .history import why

        return why(self, seq)

    def _passing(self, override: bool) -> Outcome | None:
        if override:
            return "overridden"
        observed = not self._enforce or self.workspace.settings.mode == "observe" or self.workspace.paused()
        return "observed" if observed else None

    def _write_request(self, path: PathLike, content: bytes, read_hash: str | None, on_stale: OnStale) -> Request:
        asked, merge_asked = checked_content(content), checked_on_stale(on_stale)
        return Request(path, "write", lambda now: decide_write(now, asked, merge_asked=merge_asked), asked=asked, read_hash=read_hash)


def _edit_rule(edits: Sequence[Edit], replace_all: bool) -> Callable[[Situation], Verdict]:
    pairs = checked_edits(edits)
    return lambda now: decide_edit(now, pairs, replace_all=replace_all)
