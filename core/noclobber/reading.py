"""The course of a guarded read, and what follows from a snapshot: is it still fresh?

A check of an unchanged file costs one ``stat`` and a comparison; everything dearer happens only where that does not settle it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import refusals
from .arguments import checked_content, checked_lines
from .clock import utc_now
from .content import hash_content, same_signature
from .errors import FileAccessError, NoclobberError
from .locks import HeldLock
from .merge.lines import count_lines
from .merge.regions import Change, changed_regions, join_ranges
from .paths import Located
from .records import Event, FileStatus, LineRange, Read, Refusal, Signature, Snapshot
from .situation import Writer, look, notice_outside, open_buffers, survey
from .store.protocol import Batch
from .workspace import Workspace

__all__ = ["Freshness", "read", "record_snapshot", "status"]


def read(workspace: Workspace, writer: Writer, path: str | os.PathLike[str], lines: Sequence[LineRange] | None = None) -> Read:
    """The whole file and a snapshot of it; ``lines``: only these are shown to the writer.

    FileAccessError (ENOENT) where it is absent, after noting that the writer now knows that.
    """
    lines = checked_lines(lines)
    with workspace.in_use, workspace.locator.locate(path, missing_ok=True) as located:
        # Shared with other readers; a change of several files, or a rewrite in place, is never seen half done.
        with _settled(workspace, located.file_path):
            found = look(located)
            if found is None:
                _note_absent(workspace, writer, located.file_path)
                raise FileAccessError(located.file_path, errno.ENOENT, f"There is no file {located.file_path!r} in the workspace.")
            snapshot = _record(workspace, writer, located.file_path, found.content, lines, found.signature)
        notices = tuple(refusals.unsaved_notice(opened) for opened in open_buffers(workspace, located.file_path, writer))
        return Read(found.content, snapshot, notices)


def _settled(workspace: Workspace, file_path: str) -> HeldLock:
    """The path's lock, shared, with nothing of it left half done. Asked under the lock: its last holder may have died with it."""
    while True:
        lock = workspace.locks.shared(file_path)
        try:
            pending = workspace.store.pending(file_path)
        except BaseException:
            lock.release()
            raise
        if not pending:
            return lock
        lock.release()
        from .recovery import settle_path  # loads what recovery needs, only where something is left to settle

        settle_path(workspace, file_path)


def record_snapshot(
    workspace: Workspace, writer: Writer, path: str | os.PathLike[str], content: bytes | str, lines: Sequence[LineRange] | None = None
) -> Snapshot:
    """What a writer was shown by other means.

    Text is matched with the disk modulo BOM and line endings; where it is the disk's, the disk's bytes count.
    """
    lines = checked_lines(lines)
    content = content if isinstance(content, str) else checked_content(content)
    with workspace.in_use, workspace.locator.locate(path, missing_ok=True) as located:
        if isinstance(content, str):
            content = _bytes_of(located, content)
        return _record(workspace, writer, located.file_path, content, lines, None)


def status(workspace: Workspace) -> list[FileStatus]:
    """Every writer's live snapshots against the disk: fresh, stale or deleted."""
    hashes: dict[str, tuple[str | None, Signature | None]] = {}
    rows, settled = [], []
    for snapshot in workspace.store.snapshots():
        stat = _stat(workspace.root, snapshot.file_path)
        if stat is None:
            state = "deleted"
        elif snapshot.signature is not None and same_signature(snapshot.signature, stat):
            state = "fresh"
        else:
            found, signature = hashes.get(snapshot.file_path) or _hash_now(workspace, snapshot.file_path)
            hashes[snapshot.file_path] = (found, signature)
            state = "deleted" if found is None else "fresh" if found == snapshot.read_hash else "stale"
            if state == "fresh" and signature is not None and signature.settled:
                settled.append(snapshot._replace(signature=signature))
        rows.append(FileStatus(snapshot.file_path, snapshot.agent_id, snapshot.turn_id, snapshot.intent_id, state, snapshot.timestamp))  # type: ignore[arg-type]
    if settled:
        # So that the next look is a stat; a snapshot that its writer has replaced meanwhile stays as it is.
        workspace.store.apply(Batch(signatures=settled))
    return rows


class _Checked(NamedTuple):
    absolute: str
    signature: Signature
    version: int


class Freshness:
    """``verify_before_write`` of one writer, with what makes it cheap: signatures already seen to belong to the snapshot's bytes.

    Shared by threads: each entry is put and taken whole.
    """

    def __init__(self, workspace: Workspace, writer: Writer) -> None:
        self._workspace = workspace
        self._writer = writer
        self._checked: dict[str, _Checked] = {}

    def verify(self, path: str | os.PathLike[str]) -> Refusal | None:
        """None where this writer may write: unchanged, or never read. Else the refusal a write would get."""
        key = os.fspath(path)
        entry = self._checked.get(key)
        if entry is not None and entry.version == self._workspace.store.version():
            try:
                if same_signature(entry.signature, os.stat(entry.absolute)):
                    return None
            except OSError:
                pass  # gone or out of reach: the long way has the words for it
        return self._look_closely(key)

    def _look_closely(self, key: str) -> Refusal | None:
        workspace = self._workspace
        self._checked.pop(key, None)
        version = workspace.store.version()  # before looking: a change during the look must not be taken for seen
        with workspace.in_use, workspace.locator.locate(key, missing_ok=True) as located:
            seen = survey(workspace, located, self._writer)
        now = seen.situation
        if now.snapshot is None:
            return None
        if now.stale:
            return refusals.stale(now, mergeable=False)
        if seen.read is not None and seen.read.signature.settled:
            absolute = os.path.join(workspace.root, key)  # as it was asked: a symlink that leads elsewhere by then is another inode
            if len(self._checked) > 100_000:
                self._checked.clear()
            self._checked[key] = _Checked(absolute, seen.read.signature, version)
        return None


def _record(
    workspace: Workspace, writer: Writer, path: str, content: bytes, lines: Sequence[LineRange] | None, signature: Signature | None
) -> Snapshot:
    """A snapshot of these bytes. ``signature``: the disk's where they stand there now; None where the writer says it was shown them."""
    content_hash = hash_content(content)
    shown = None if lines is None else _clamped(lines, content)
    now = utc_now()
    detail: dict[str, Any] = {} if shown is None else {"lines": [list(span) for span in shown]}
    if signature is None:
        detail["told"] = True
    snapshot = Snapshot(path, content_hash, writer.turn_id, writer.intent_id, now, writer.agent_id, shown, signature)
    advanced = snapshot if shown is None else _advanced(workspace, snapshot, shown, content)
    outside = () if signature is None else notice_outside(workspace, path, content_hash)
    events = (*outside, _event(writer, path, now, content_hash, detail or None))
    contents = workspace.keepable(path, [(content_hash, content)])
    seqs = workspace.store.apply(Batch(events=events, snapshots=(advanced,), contents=contents))
    return advanced if advanced.seq else Snapshot(*advanced[:8], seqs[-1])


def _clamped(lines: Sequence[LineRange], content: bytes) -> tuple[LineRange, ...] | None:
    """Those of the lines that there are; None where these are all."""
    count = count_lines(content)
    shown = join_ranges((first, min(last, count)) for first, last in lines)
    return None if shown == ((1, count),) or (lines and not count) else shown


def _advanced(workspace: Workspace, snapshot: Snapshot, shown: tuple[LineRange, ...], content: bytes) -> Snapshot:
    """A partial read beside what the writer knew: the same bytes join up; newer ones replace only where all that changed was shown."""
    known = workspace.store.snapshot(snapshot.agent_id, snapshot.file_path)
    if known is None:
        return snapshot
    if known.read_hash == snapshot.read_hash:
        return snapshot._replace(lines=None if known.lines is None else join_ranges([*known.lines, *shown]))
    if known.lines is not None:
        return snapshot
    before = workspace.store.content(known.read_hash)
    if before is not None and _saw_all(shown, changed_regions(content, before), count_lines(content)):
        return snapshot._replace(lines=None)
    return known


def _saw_all(shown: tuple[LineRange, ...], changes: Sequence[Change], count: int) -> bool:
    """Whether these lines of the present version show all that changed; that lines are gone shows only to who saw both sides of the gap."""
    for start, end in (change.before for change in changes):
        first, last = (start + 1, end) if end > start else (max(start, 1), min(start + 1, count))
        if not any(span[0] <= first and last <= span[1] for span in shown):
            return False
    return True


def _event(writer: Writer, path: str, now: str, content_hash: str | None, detail: dict[str, Any] | None) -> Event:
    return Event(
        0, now, "read", "done", None, "", writer.agent_id, writer.turn_id, writer.intent_id, path, None, None, content_hash, detail
    )


def _note_absent(workspace: Workspace, writer: Writer, path: str) -> None:
    """The writer has seen that the file is gone: from now on it may make it anew."""
    if workspace.store.snapshot(writer.agent_id, path) is None:
        return
    events = (*notice_outside(workspace, path, None), _event(writer, path, utc_now(), None, None))
    workspace.store.apply(Batch(events=events, forget=((writer.agent_id, path),)))


def _bytes_of(located: Located, text: str) -> bytes:
    """The disk's own bytes where the text is theirs, else the text as UTF-8."""
    from .text import same_text

    found = look(located)
    if found is not None and same_text(text, found.content):
        return found.content
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NoclobberError(f"The text of {located.file_path!r} has half a character (a lone surrogate) in it; pass bytes.") from error


def _stat(root: str, file_path: str) -> os.stat_result | None:
    try:
        return os.stat(f"{root}/{file_path}")
    except OSError:
        return None


def _hash_now(workspace: Workspace, file_path: str) -> tuple[str | None, Signature | None]:
    try:
        with workspace.locator.locate(file_path, missing_ok=True) as located:
            found = look(located)
    except NoclobberError:
        return None, None
    return (None, None) if found is None else (hash_content(found.content), found.signature)
