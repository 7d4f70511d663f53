"""The course of a guarded change, of one file or of several: lock, look, decide, exchange, and once more if overtaken.

Every race between the decision and the exchange ends in one of two ways: the exchange displaced exactly the bytes the decision
rested on, or it was put back and the decision is made again on what stands there now.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .content import access_error
from .decision import Decision, Verdict, decide_arrival
from .errors import FileAccessError, PathError, refused
from .locks import HeldLock
from .paths import Located
from .progress import Progress, unwatched
from .recording import Request, Settled, answer, kept_by, plan, record_refusal
from .records import Outcome, Write
from .situation import Survey, Writer, survey
from .store.protocol import Batch
from .workspace import Workspace

if TYPE_CHECKING:
    from .commit import Planned

__all__ = ["Request", "change", "consider"]

_ATTEMPTS = 16


def change(
    workspace: Workspace,
    writer: Writer,
    requests: Sequence[Request],
    *,
    enforce: Outcome | None = None,
    detail: dict[str, Any] | None = None,
    progress: Progress = unwatched,
) -> tuple[Write, ...]:
    """Make all the changes or none; one ``Write`` each.

    Raises the ``Refused`` of the first that may not be made, after putting it on record; FileAccessError (ENOENT) where a file to
    be deleted or moved is not there. ``enforce``: instead of refusing, go on
    and record this outcome (``observed``, ``overridden``); displaced bytes are kept as always. ``progress`` counts
    the files made ready, and may cancel until all are.
    """
    from .commit import Overtaken  # with all that places bytes; a check alone needs none of it

    for _ in range(_ATTEMPTS):
        try:
            return _attempt(workspace, writer, requests, enforce, detail, progress)
        except Overtaken as overtaken:
            last = overtaken
    message = f"{last.file_path!r} is being changed from outside faster than it can be written; nothing was changed. Try again later."
    raise FileAccessError(last.file_path, errno.EAGAIN, message)


def consider(workspace: Workspace, writer: Writer, request: Request, *, enforce: Outcome | None = None) -> Decision:
    """What ``change`` would do now, for a front whose client does the writing itself. A refusal is put on record; nothing else is done."""
    with workspace.in_use, ExitStack() as stack:
        (settled,) = _decide_all(workspace, writer, [request], _Folders(workspace, stack))
        refusal, verdict = settled.verdict.refusal, settled.verdict
        if refusal is None:
            workspace.store.apply(Batch(events=settled.seen.outside))
            return Decision(verdict.outcome, verdict.content, None, verdict.notices)
        refusal = record_refusal(workspace, writer, settled, (), enforce or "refused")
        content = None if enforce is None else verdict.content if verdict.content is not None else request.asked
        return Decision(enforce or "refused", content, refusal, verdict.notices)


def _attempt(
    workspace: Workspace,
    writer: Writer,
    requests: Sequence[Request],
    enforce: Outcome | None,
    detail: dict[str, Any] | None,
    progress: Progress,
) -> tuple[Write, ...]:
    with workspace.in_use, ExitStack() as stack:
        folders = _Folders(workspace, stack)
        settled = _decide_all(workspace, writer, requests, folders)
        for one in settled:
            if one.verdict.refusal is not None and not _may_enforce(one, enforce):
                raise refused(record_refusal(workspace, writer, one, settled, "refused"))
        settled = [_with_folders(_enforced(one, enforce), folders) for one in settled]
        plans = [plan(workspace, writer, one, detail) for one in settled]
        outside = [event for one in settled for event in one.seen.outside]
        if outside:
            workspace.store.apply(Batch(events=outside))
        seqs = _carried_out(workspace, plans, progress)
        return tuple(answer(one, planned, seq) for one, planned, seq in zip(settled, plans, seqs, strict=True))


def _decide_all(workspace: Workspace, writer: Writer, requests: Sequence[Request], folders: _Folders) -> list[Settled]:
    """Locate, lock (all stripes at once, sorted), settle what a crash left, look, decide."""
    places = [
        (folders.locate(request.path, follow=not request.takes_away), None if request.to is None else folders.locate(request.to))
        for request in requests
    ]
    paths = [place.file_path for pair in places for place in pair if place is not None]
    names = set(paths)
    if len(names) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise PathError(twice, f"{twice!r} is named twice in one change; name each file once.")
    for path in (place.file_path for pair in places for place in pair if place is not None and place.parent_fd < 0):
        _check_folders(path, names)
    folders.stack.enter_context(_settled(workspace, paths))
    for place in (place for pair in places for place in pair if place is not None):
        _look_again(place)
    # Two names of one file have two path locks; its inode has one.
    linked = [located for located, _ in places if located.stat is not None and located.stat.st_nlink > 1]
    if linked:
        folders.stack.enter_context(workspace.locks.inodes_exclusive(_inodes(linked)))
    settled = []
    for request, (located, to) in zip(requests, places, strict=True):
        seen = survey(workspace, located, writer, read_hash=request.read_hash)
        settled.append(Settled(located, to, seen, _verdict(workspace, writer, request, to, seen), request))
    return settled


def _check_folders(path: str, others: set[str]) -> None:
    """A folder that is to be made cannot be a file of the same change."""
    folder = path
    while folder := folder.rpartition("/")[0]:
        if folder in others:
            raise PathError(path, f"{path!r} cannot be: {folder!r} is to be a file in the same change, not a folder.")


def _inodes(linked: Sequence[Located]) -> set[tuple[int, int]]:
    """Of files with several names. Two of these names in one change would be one file written twice."""
    names: dict[tuple[int, int], str] = {}
    for located in linked:
        assert located.stat is not None
        inode = (located.stat.st_dev, located.stat.st_ino)
        if inode in names:
            first, second = names[inode], located.file_path
            raise PathError(second, f"{first!r} and {second!r} are two names of one file (hard links); name it once in a change.")
        names[inode] = located.file_path
    return set(names)


def _settled(workspace: Workspace, paths: Sequence[str]) -> HeldLock:
    """The paths' locks, with nothing of them left half done. Asked under the locks: their last holder may have died with them."""
    while True:
        lock = workspace.locks.exclusive(*paths)
        try:
            pending = [path for path in paths if workspace.store.pending(path)]
        except BaseException:
            lock.release()
            raise
        if not pending:
            return lock
        lock.release()
        from .recovery import settle_path  # a move is settled under both its names' locks, so under none of ours

        for path in pending:
            settle_path(workspace, path)


def _verdict(workspace: Workspace, writer: Writer, request: Request, to: Located | None, seen: Survey) -> Verdict:
    now = seen.situation
    if now.disk is None and now.snapshot is None and request.kind in ("delete", "move"):
        raise FileAccessError(now.file_path, errno.ENOENT, f"There is no file {now.file_path!r} in the workspace.")
    verdict = request.decide(now)
    if to is None or verdict.refusal is not None:
        return verdict
    arrival = decide_arrival(survey(workspace, to, writer).situation)
    return arrival if arrival.refusal is not None else verdict._replace(notices=(*verdict.notices, *arrival.notices))


def _with_folders(one: Settled, folders: _Folders) -> Settled:
    """Folders that are missing are made only now that nothing is refused any more."""
    if one.to is not None:
        return one._replace(to=folders.make(one.to))
    return one if one.verdict.content is None else one._replace(located=folders.make(one.located))


class _Folders:
    """The folders of a change, each held open once until its end: thousands of files must not use up all descriptors."""

    def __init__(self, workspace: Workspace, stack: ExitStack) -> None:
        self.stack = stack
        self._locator = workspace.locator
        self._held: dict[tuple[int, int], int] = {}

    def locate(self, path: str | os.PathLike[str], *, follow: bool = True) -> Located:
        """The file at a path, which must not be closed."""
        located = self._locator.locate(path, missing_ok=True, follow=follow)
        if located.parent_fd >= 0:
            stat = os.fstat(located.parent_fd)
            held = self._held.setdefault((stat.st_dev, stat.st_ino), located.parent_fd)
            if held == located.parent_fd:
                self.stack.callback(os.close, held)
            else:
                os.close(located.parent_fd)
                located.parent_fd = held
        return located

    def make(self, located: Located) -> Located:
        """The same place with its folder there."""
        if located.parent_fd >= 0:
            return located
        from .commit import Overtaken

        self._locator.make_parents(located.file_path)
        made = self.locate(located.file_path)
        if made.file_path != located.file_path or made.stat is not None:
            raise Overtaken(located.file_path)  # somebody made the folder, and more, in this moment
        return made


def _look_again(located: Located) -> None:
    """The stat of before the lock may be another file's by now."""
    if located.parent_fd >= 0:
        try:
            located.stat = os.stat(located.name, dir_fd=located.parent_fd, follow_symlinks=False)
        except FileNotFoundError:
            located.stat = None
        except OSError as error:
            raise access_error(located.file_path, error, "look at") from error


def _may_enforce(one: Settled, enforce: Outcome | None) -> bool:
    """Watching and overriding pass over every refusal but those that leave nothing to do."""
    assert one.verdict.refusal is not None
    if enforce is None or one.verdict.refusal.type in ("EXISTS", "EDIT_NOT_FOUND", "EDIT_AMBIGUOUS", "OUTSIDE_WORKSPACE"):
        return False
    if one.to is not None:
        return one.seen.situation.disk is not None
    return one.verdict.content is not None or one.request.asked is not None or one.request.kind in ("delete", "revert")


def _enforced(one: Settled, enforce: Outcome | None) -> Settled:
    verdict = one.verdict
    if verdict.refusal is None or enforce is None:
        return one
    if verdict.content is not None:  # refused for a lease or unsaved edits only: what would have been placed
        return one._replace(verdict=verdict._replace(outcome=enforce))
    return one._replace(verdict=Verdict(enforce, one.request.asked, verdict.refusal))


def _carried_out(workspace: Workspace, plans: Sequence[Planned], progress: Progress) -> list[int]:
    """Commit what changes bytes; a write of the very bytes on disk only needs its event and snapshot, once all the rest stands."""
    real = [planned for planned in plans if planned.to is not None or planned.placing != planned.expecting]
    seqs: dict[int, int] = {}
    if real:
        from .commit import commit

        seqs.update(zip(map(id, real), commit(workspace, real, progress), strict=True))
    idle = [planned for planned in plans if id(planned) not in seqs]
    if idle:
        batch = Batch(
            events=[event for planned in idle for event in planned.events],
            snapshots=[snapshot for planned in idle for snapshot in planned.snapshots],
            forget=[pair for planned in idle for pair in planned.forget],
            contents=[pair for planned in idle for pair in workspace.keepable(planned.located.file_path, kept_by(planned))],
        )
        seqs.update(zip(map(id, idle), workspace.store.apply(batch), strict=True))
    return [seqs[id(planned)] for planned in plans]
