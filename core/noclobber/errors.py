"""What noclobber raises. Every error carries data, and a message that says what to do next.

::

    NoclobberError
    ├── Refused                      .refusal: the whole record; exit status 3
    │   ├── StaleFileError           STALE_FILE: changed, or deleted, since this writer read it
    │   ├── UnreadFileError          UNREAD_FILE: this writer never read it, or not all of it
    │   ├── ExistsError              EXISTS: expected to be absent
    │   ├── UnsavedEditsError        UNSAVED_EDITS: a person is editing these lines
    │   ├── LeasedError              LEASED: another writer is between its check and its write
    │   ├── MergeConflictError       MERGE_CONFLICT: the asked-for merge has conflicts
    │   ├── EditNotFoundError        EDIT_NOT_FOUND: the text to replace is not there
    │   ├── EditAmbiguousError       EDIT_AMBIGUOUS: it is there more than once
    │   └── OutsideWorkspaceError    OUTSIDE_WORKSPACE: the path leads out
    ├── PathError                    .path: not a usable name, or not a regular file
    ├── FileAccessError              .path, .errno: the system said no (permission, disk full, missing)
    ├── VersionGoneError             .hash: this version is no longer, or was never, kept
    ├── RevertConflictError          .conflicts: later changes stand on the same lines
    ├── WorkCancelledError           whoever waited for it stopped it; nothing of it stands
    ├── WorkspaceError               the workspace cannot be opened as it is
    └── StoreError                   the state cannot be used
        ├── StoreBusyError           somebody held it too long
        ├── StoreDamagedError        .set_aside: where the damaged file was moved
        └── StoreTooNewError         written by a newer noclobber that this one may not touch
"""

from __future__ import annotations

from .records import Refusal, RefusalType

__all__ = [
    "EditAmbiguousError",
    "EditNotFoundError",
    "ExistsError",
    "FileAccessError",
    "LeasedError",
    "MergeConflictError",
    "NoclobberError",
    "OutsideWorkspaceError",
    "PathError",
    "Refused",
    "RevertConflictError",
    "StaleFileError",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreError",
    "StoreTooNewError",
    "UnreadFileError",
    "UnsavedEditsError",
    "VersionGoneError",
    "WorkCancelledError",
    "WorkspaceError",
    "refused",
]


class NoclobberError(Exception):
    """The root of the tree."""


class Refused(NoclobberError):
    """A write that was not made; nothing was changed and nothing was lost."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.type}: {refusal.message} {refusal.resolution}")
        self.refusal = refusal

    def __reduce__(self) -> tuple[type[Refused], tuple[Refusal]]:
        return type(self), (self.refusal,)


class StaleFileError(Refused):
    """The bytes on disk are no longer those the writer knows."""


class UnreadFileError(Refused):
    """The writer never read the file, or only a part of it."""


class ExistsError(Refused):
    """The file was expected to be absent."""


class UnsavedEditsError(Refused):
    """A person's unsaved edits stand where the write would."""


class LeasedError(Refused):
    """Another writer holds the path for the next seconds."""


class MergeConflictError(Refused):
    """The merge that was asked for has conflicts."""


class EditNotFoundError(Refused):
    """The text to be replaced is not in the file."""


class EditAmbiguousError(Refused):
    """The text to be replaced is in the file more than once."""


class OutsideWorkspaceError(Refused):
    """The path leads out of the workspace, or into a folder that is not guarded."""


_BY_TYPE: dict[RefusalType, type[Refused]] = {
    "STALE_FILE": StaleFileError,
    "UNREAD_FILE": UnreadFileError,
    "EXISTS": ExistsError,
    "UNSAVED_EDITS": UnsavedEditsError,
    "LEASED": LeasedError,
    "MERGE_CONFLICT": MergeConflictError,
    "EDIT_NOT_FOUND": EditNotFoundError,
    "EDIT_AMBIGUOUS": EditAmbiguousError,
    "OUTSIDE_WORKSPACE": OutsideWorkspaceError,
}


def refused(refusal: Refusal) -> Refused:
    """The exception that belongs to a refusal."""
    return _BY_TYPE[refusal.type](refusal)


class PathError(NoclobberError):
    """A name that cannot be guarded: NUL, line break, undecodable bytes; a folder, FIFO or device."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path

    def __reduce__(self) -> tuple[type[PathError], tuple[str, str]]:
        return type(self), (self.path, str(self))


class FileAccessError(NoclobberError):
    """The operating system refused; ``errno`` is its own number."""

    def __init__(self, path: str, errno: int, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.errno = errno

    def __reduce__(self) -> tuple[type[FileAccessError], tuple[str, int, str]]:
        return type(self), (self.path, self.errno, str(self))


class VersionGoneError(NoclobberError):
    """A version whose bytes are not (or no longer) kept; only its hash is known."""

    def __init__(self, content_hash: str, message: str) -> None:
        super().__init__(message)
        self.hash = content_hash

    def __reduce__(self) -> tuple[type[VersionGoneError], tuple[str, str]]:
        return type(self), (self.hash, str(self))


class RevertConflictError(NoclobberError):
    """Later changes stand on the lines a revert would take back, or the old version is not kept; nothing was changed.

    ``conflicts`` maps each file to one sentence that says what stands in the way.
    """

    def __init__(self, conflicts: dict[str, str], message: str) -> None:
        super().__init__(message)
        self.conflicts = conflicts

    def __reduce__(self) -> tuple[type[RevertConflictError], tuple[dict[str, str], str]]:
        return type(self), (self.conflicts, str(self))


class WorkCancelledError(NoclobberError):
    """Whoever waited for this work stopped it; nothing of it stands."""


class WorkspaceError(NoclobberError):
    """The workspace cannot be opened as it is; the message says what to do."""


class StoreError(NoclobberError):
    """The state in ``.noclobber`` cannot be used."""


class StoreBusyError(StoreError):
    """The state stayed locked for longer than anybody should hold it."""


class StoreDamagedError(StoreError):
    """The database is damaged; it was set aside and the history rebuilt, or could not be."""

    def __init__(self, message: str, set_aside: str | None = None) -> None:
        super().__init__(message)
        self.set_aside = set_aside


class StoreTooNewError(StoreError):
    """The state needs a newer noclobber than this one."""
