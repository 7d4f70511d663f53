"""noclobber keeps every writer from overwriting what it has not seen.

``ConcurrencyGuard`` reads and writes under the guard; what is refused raises a ``Refused`` that says why and what to do. The public
names are those listed here; what a plain read or write does not need is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    EditAmbiguousError,
    EditNotFoundError,
    ExistsError,
    FileAccessError,
    LeasedError,
    MergeConflictError,
    NoclobberError,
    OutsideWorkspaceError,
    PathError,
    Refused,
    RevertConflictError,
    StaleFileError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreTooNewError,
    UnreadFileError,
    UnsavedEditsError,
    VersionGoneError,
    WorkCancelledError,
    WorkspaceError,
)
from .guard import ConcurrencyGuard
from .records import AuthoredLine, Buffer, Event, FileStatus, Lease, Read, Refusal, Snapshot, Write
from .workspace import Workspace

if TYPE_CHECKING:
    from .aio import AsyncConcurrencyGuard
    from .lessons import append_lesson_to_claude

__all__ = [
    "AsyncConcurrencyGuard",
    "AuthoredLine",
    "Buffer",
    "ConcurrencyGuard",
    "EditAmbiguousError",
    "EditNotFoundError",
    "Event",
    "ExistsError",
    "FileAccessError",
    "FileStatus",
    "Lease",
    "LeasedError",
    "MergeConflictError",
    "NoclobberError",
    "OutsideWorkspaceError",
    "PathError",
    "Read",
    "Refusal",
    "Refused",
    "RevertConflictError",
    "Snapshot",
    "StaleFileError",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreError",
    "StoreTooNewError",
    "UnreadFileError",
    "UnsavedEditsError",
    "VersionGoneError",
    "WorkCancelledError",
    "Workspace",
    "WorkspaceError",
    "Write",
    "append_lesson_to_claude",
]


def __getattr__(name: str) -> Any:
    if name == "AsyncConcurrencyGuard":
        from .aio import AsyncConcurrencyGuard

        return AsyncConcurrencyGuard
    if name == "append_lesson_to_claude":
        from .lessons import append_lesson_to_claude

        return append_lesson_to_claude
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
