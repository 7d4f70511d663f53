"""The frozen records that every part of noclobber passes around.

Plain named tuples: they cost nothing to import (a hook starts a process for each call of an agent's
tool), are built straight from database rows, and cannot be changed behind anybody's back. Field names
are the names on the wire; nothing here knows about files, databases or editors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

__all__ = [
    "AuthoredLine",
    "Buffer",
    "Event",
    "EventKind",
    "FileStatus",
    "Lease",
    "LineRange",
    "Outcome",
    "Read",
    "Refusal",
    "RefusalType",
    "Signature",
    "Snapshot",
    "Write",
    "lines_to_json",
]

EventKind = Literal[
    "read", "write", "edit", "delete", "move", "restore", "revert", "clear", "outside", "git",
    "late", "open", "save", "close", "lesson", "check",
]  # fmt: skip
Outcome = Literal["done", "merged", "formatted", "refused", "observed", "overridden"]
RefusalType = Literal[
    "STALE_FILE", "UNREAD_FILE", "EXISTS", "UNSAVED_EDITS", "LEASED", "MERGE_CONFLICT",
    "EDIT_NOT_FOUND", "EDIT_AMBIGUOUS", "OUTSIDE_WORKSPACE",
]  # fmt: skip

LineRange = tuple[int, int]
"""First and last line, both counted from 1 and both included."""


class Signature(NamedTuple):
    """What ``stat`` says of a file: enough to trust that its bytes are the ones once hashed.

    ``mtime_ns`` and ``ctime_ns`` in nanoseconds since 1970; ``settled`` is false where the ctime was
    so young when the bytes were read (20 ms) that a later change could carry the same one.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    settled: bool


class Snapshot(NamedTuple):
    """What one writer knows of one file: the bytes it was shown, with its own edits applied.

    ``read_hash`` is the SHA-256 (64 hex digits) of those bytes. ``lines`` is None where the writer was
    shown the whole file, else the ranges it was shown. ``seq`` is the event up to which the writer has seen what
    others did to this file (0 in a draft: the event recorded with it). ``signature`` is that of the file
    on disk when it held exactly these bytes, None where they never stood there.
    """

    file_path: str
    read_hash: str
    turn_id: str | None
    intent_id: str | None
    timestamp: str
    agent_id: str
    lines: tuple[LineRange, ...] | None = None
    signature: Signature | None = None
    seq: int = 0


class Event(NamedTuple):
    """One line of history: something tried, by whom, and its outcome.

    ``seq`` counts from 1 in commit order within an ``epoch`` (a new epoch begins where the state was made
    anew). ``timestamp`` is UTC, ISO 8601 with milliseconds and ``Z``. Hashes are those of the file before and
    after (None: absent). ``detail`` holds what only some kinds have (JSON object): ``group`` of a write of
    several files, ``lines`` of a partial read, ``changed_by`` and ``diff`` of a refusal, the name of a check.
    """

    seq: int
    timestamp: str
    kind: EventKind
    outcome: Outcome
    refusal: RefusalType | None
    epoch: str
    agent_id: str
    turn_id: str | None
    intent_id: str | None
    file_path: str | None
    to_path: str | None
    before_hash: str | None
    after_hash: str | None
    detail: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The event as it stands in the journal and in ``--json``; ``detail`` is left out where empty."""
        row = self._asdict()
        if self.detail is None:
            del row["detail"]
        return row


class Refusal(NamedTuple):
    """Why a write was refused, and all a writer needs to go on without guessing.

    ``changed_by``: what happened to the file since the writer's snapshot, oldest first, each with
    ``agent_id``, ``turn_id``, ``intent_id``, ``timestamp``, ``kind``; ``agent_id`` is ``outside`` where no front of
    ours saw the change. ``diff``: unified, from the snapshot to the disk, at most 60 lines, the cut stated; empty where a
    side is not known. ``mergeable``: whether a three-way merge of this very write would be clean.
    ``seq``: the event that recorded this refusal (``noclobber why SEQ``), 0 if it was not recorded.
    """

    type: RefusalType
    message: str
    file_path: str
    expected_hash: str | None
    current_hash: str | None
    resolution: str
    changed_by: tuple[dict[str, Any], ...] = ()
    diff: str = ""
    mergeable: bool = False
    seq: int = 0

    def to_json(self) -> dict[str, Any]:
        """The refusal as one JSON object, the same through every front."""
        return {**self._asdict(), "changed_by": list(self.changed_by)}


class Buffer(NamedTuple):
    """A document open in an editor, as far as the store knows it.

    ``base_hash``: the disk bytes it came from; ``text_hash``: the bytes that saving it would write (None: not known yet,
    or never kept); ``unsaved``: it differs from its base; ``lines``: the unsaved ranges in the lines of the
    base (None: not known); ``keystroke_at``: UTC time of the last keystroke; ``live_id``: the held lock
    that says its server is alive; ``editor_pid``: the editor's process, looked at only once that lock is free.
    """

    file_path: str
    agent_id: str
    base_hash: str | None
    text_hash: str | None
    unsaved: bool
    lines: tuple[LineRange, ...] | None
    keystroke_at: str
    live_id: str
    editor_pid: int | None = None


class Lease(NamedTuple):
    """The right to change one path for a few seconds, between a hook's check and its client's write.

    ``token`` only grows within a workspace; ``expires_ns`` is monotonic time of the boot named by ``boot_id``.
    """

    file_path: str
    agent_id: str
    token: int
    boot_id: str
    expires_ns: int


class Read(NamedTuple):
    """A guarded read: the whole file's bytes, the snapshot recorded, and one line for each thing to know."""

    content: bytes
    snapshot: Snapshot
    notices: tuple[str, ...] = ()


class Write(NamedTuple):
    """A change that was made. ``read_hash`` is what the writer now knows (None after a delete).

    ``content_hash``: what stands on disk now; they differ where others' changes were kept that the writer
    has not been shown. ``merged_diff``: what others had changed, where the answer shows it.
    """

    file_path: str
    outcome: Outcome
    read_hash: str | None
    content_hash: str | None
    before_hash: str | None
    seq: int
    notices: tuple[str, ...] = ()
    merged_diff: str = ""


class FileStatus(NamedTuple):
    """One live snapshot against the disk; ``state`` is ``fresh``, ``stale`` or ``deleted``."""

    file_path: str
    agent_id: str
    turn_id: str | None
    intent_id: str | None
    state: Literal["fresh", "stale", "deleted"]
    timestamp: str


class AuthoredLine(NamedTuple):
    """One line of a file and the event that last wrote it (None: older than the history)."""

    number: int
    text: bytes
    event: Event | None


def lines_to_json(lines: Sequence[LineRange] | None) -> list[list[int]] | None:
    """Line ranges as JSON has them."""
    return None if lines is None else [list(span) for span in lines]
