"""Making decided changes happen: temporary files, pending rows, exchanges, outcome on record, tidying up.

One file or several: all or nothing. The order of the steps is what recovery relies on (``recovery.py``): a row is on record before its
file is touched, the outcome before a temporary file goes away. Nothing here decides whether a change is allowed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from stat import S_IMODE
from typing import Any, Literal, NamedTuple

from .attributes import Attributes
from .content import access_error, hash_content
from .errors import FileAccessError, NoclobberError
from .paths import Located
from .progress import Progress, unwatched
from .records import Event, Signature, Snapshot
from .replacement import Action, Site, action_for
from .replacement.base import Overtaken, inode_at, remove
from .store.protocol import Batch, Pending
from .temporary import CannotCarryError, check_writable, drop_temp, mark_temp, name_beside, write_temp
from .workspace import Workspace

ActionName = Literal["exchange", "create", "inplace", "delete", "move"]

__all__ = ["Means", "Overtaken", "Planned", "Recorder", "commit", "drafts", "site_of", "tidy"]


class Planned(NamedTuple):
    """One file's decided change. ``placing`` and ``expecting`` are bytes (None: absent), ``hashes`` those of both;
    ``secret``: they are never kept.

    ``events``, ``snapshots`` and ``forget`` settle it; ``keep`` are further contents to keep: what the writer
    knows where that never stands on disk. ``attributes``: those of a file that is brought back.
    """

    located: Located
    placing: bytes | None
    expecting: bytes | None
    hashes: tuple[str | None, str | None]
    secret: bool
    events: tuple[Event, ...]
    snapshots: tuple[Snapshot, ...] = ()
    forget: tuple[tuple[str, str | None], ...] = ()
    keep: tuple[tuple[str, bytes], ...] = ()
    to: Located | None = None
    attributes: Attributes | None = None

    @property
    def action(self) -> ActionName:
        """What has to be done to the file."""
        if self.to is not None:
            return "move"
        if self.placing is None:
            return "delete"
        if self.expecting is None:
            return "create"
        return "inplace" if self.located.stat is not None and self.located.stat.st_nlink > 1 else "exchange"


class Recorder:
    """The witness of all actions on one path: records rows in the store, keeping what came out unless it is never kept."""

    def __init__(self, workspace: Workspace, file_path: str) -> None:
        self._workspace = workspace
        self._file_path = file_path

    def record(self, row: Pending, keep: bytes | None = None) -> None:
        """The row, and these bytes with it."""
        kept = [] if keep is None else self._workspace.keepable(self._file_path, [(hash_content(keep), keep)])
        self._workspace.store.apply(Batch(pending=[row], contents=kept))

    def step(self, name: str) -> None:
        """Tell whoever watches."""
        self._workspace.step(name)


class _Unrecorded(Recorder):
    """Where the store itself fails, nothing can be recorded."""

    def record(self, row: Pending, keep: bytes | None = None) -> None:
        """Go on without."""


class Means(NamedTuple):
    """How files are replaced here. ``beside``: temporary files stand beside their targets (a bind mount looks like one file system and is
    not); ``inplace``: no exchange is to be had on this file system."""

    beside: bool = False
    inplace: bool = False


def commit(workspace: Workspace, plans: Sequence[Planned], progress: Progress = unwatched) -> tuple[int, ...]:
    """Carry out all plans or none; the sequence numbers of their events, in order. The paths' locks must be held.

    Overtaken where an outsider was quicker; FileAccessError where the system says no. Either way nothing of it stands.
    ``progress`` counts the files made ready; it may cancel until the change is on record.
    """
    means = Means()
    while True:
        try:
            return _commit(workspace, plans, means, progress)
        except FileAccessError as error:
            if error.errno == errno.EXDEV and not means.beside:
                means = means._replace(beside=True)
            elif error.errno == errno.ENOTSUP and not means.inplace:
                means = means._replace(inplace=True)
                workspace.no_exchange.update(_device(plan) for plan in plans if plan.located.file_path == error.path)
            elif error.errno == errno.EXDEV:  # beside its target nothing crosses over: it is a move
                message = f"{error.path!r} cannot be moved to another file system in one step; write it there, then delete it here."
                raise FileAccessError(error.path, errno.EXDEV, message) from error
            else:
                raise


def _commit(workspace: Workspace, plans: Sequence[Planned], means: Means, progress: Progress) -> tuple[int, ...]:
    actions: list[Action] = []
    group = f"{workspace.live().id}-{os.urandom(4).hex()}"
    try:
        for position, plan in enumerate(plans):
            actions.append(_prepared(workspace, plan, group, position, len(plans) > 1, means))
            progress(position + 1, len(plans))
        workspace.step("record")
        kept = [pair for plan in plans for pair in _contents(plan)]
        workspace.store.apply(Batch(pending=[action.row for action in actions], contents=kept))
    except BaseException:
        _drop_temps(workspace, actions)
        raise
    seqs = _make_all(workspace, actions, plans)
    with suppress(OSError, NoclobberError):  # it is made and on record: what cannot be tidied up now is left to recovery
        try:
            workspace.step("tidy")
            _put_away(workspace, actions)
        except (KeyboardInterrupt, SystemExit):
            _put_away(workspace, actions)  # most of them no row leads to any more
            raise
        _forget(workspace, [action for action in actions if action.outlives_outcome])
    return seqs


def tidy(workspace: Workspace, actions: Sequence[Action]) -> None:
    """Put the temporary files away, then the rows; a file somebody still writes into is put aside and looked at again later."""
    workspace.step("tidy")
    _put_away(workspace, actions)
    _forget(workspace, actions)


def _put_away(workspace: Workspace, actions: Sequence[Action]) -> None:
    discard = remove if workspace.discarded is None else workspace.discarded.discard
    for action in actions:
        if action.late and action.row.temp_name is not None:
            name = action.site.mark(action.row) or action.row.temp_name
            note = f"{action.row.file_path}\n{action.row.expecting}"
            workspace.store.put_meta(f"late:late-{name}", note)
        action.tidy(workspace.folder("kept"), discard)


def _forget(workspace: Workspace, actions: Sequence[Action]) -> None:
    if actions:
        workspace.step("forget")
        workspace.store.apply(Batch(settled=[action.row.id for action in actions]))


def site_of(workspace: Workspace, located: Located, to: Located | None = None) -> Site:
    """Where an action on this file works."""
    parents = (-1, "") if to is None else (to.parent_fd, to.name)
    return Site(located.parent_fd, located.name, workspace.folder("tmp"), *parents)


def drafts(row: Pending) -> Batch:
    """The events and snapshots that settle a row, as they were put on record with it."""
    return Batch(
        events=[Event(*fields) for fields in row.outcome["events"]],
        snapshots=[_snapshot(fields) for fields in row.outcome["snapshots"]],
        forget=[(agent_id, path) for agent_id, path in row.outcome["forget"]],
    )


def _snapshot(fields: Sequence[Any]) -> Snapshot:
    snapshot = Snapshot(*fields)
    lines = None if snapshot.lines is None else tuple((first, last) for first, last in snapshot.lines)
    signature = None if snapshot.signature is None else Signature(*snapshot.signature)
    return snapshot._replace(lines=lines, signature=signature)


def _make_all(workspace: Workspace, actions: Sequence[Action], plans: Sequence[Planned]) -> tuple[int, ...]:
    """Each exchange in turn, then the outcome on record; whatever comes in between takes all of it back."""
    made = 0
    try:
        for action, plan in zip(actions, plans, strict=True):
            if action.make() != "placed":
                raise Overtaken(plan.located.file_path)
            made += 1
            for place in (plan.located, plan.to):
                if place is not None and not workspace.locator.still_there(place):
                    message = f"The folder of {place.file_path!r} was moved while it was written; nothing was changed. Try again."
                    raise FileAccessError(place.file_path, errno.ESTALE, message)
        workspace.step("settle")
        return _settle(workspace, actions, plans)
    except (Overtaken, OSError, NoclobberError) as problem:
        # Overtaken: the action that was has already put back what came out.
        halfway = actions[made : made + 1] if not isinstance(problem, Overtaken) else ()
        _take_back(workspace, actions, made, halfway, problem)
        if isinstance(problem, OSError):
            raise access_error(plan.located.file_path, problem, "write") from problem
        raise


def _settle(workspace: Workspace, actions: Sequence[Action], plans: Sequence[Planned]) -> tuple[int, ...]:
    return workspace.store.apply(
        Batch(
            events=[event for plan in plans for event in plan.events],
            snapshots=[snapshot for plan in plans for snapshot in plan.snapshots],
            forget=[pair for plan in plans for pair in plan.forget],
            pending=[action.row._replace(state="committed") for action in actions if action.outlives_outcome],
            settled=[action.row.id for action in actions if not action.outlives_outcome],
        )
    )


def _take_back(workspace: Workspace, actions: Sequence[Action], made: int, halfway: Sequence[Action], problem: Exception) -> None:
    """Undo what was made, and what stopped half-way; what cannot be undone now is left to recovery, its row as it was."""
    deaf = isinstance(problem, NoclobberError) and not isinstance(problem, FileAccessError)
    stuck: list[Action] = []
    for action in reversed((*actions[:made], *halfway)):
        if deaf:  # the store is out of order: as last recorded, the row tells recovery the same about what is undone
            action.witness = _Unrecorded(workspace, action.row.file_path)
        try:
            action.recover_undo() if action in halfway else action.undo()
        except (OSError, NoclobberError):
            stuck.append(action)
    free = [action for action in actions if action not in stuck]
    try:
        # The rows are closed before their files go: a crash from here on must not take a missing file for one that was placed.
        workspace.store.apply(Batch(pending=[action.row._replace(state="committed") for action in free]))
        with suppress(OSError):
            tidy(workspace, free)
    except NoclobberError:
        if not deaf:
            raise


def _contents(plan: Planned) -> list[tuple[str, bytes]]:
    if plan.secret:
        return []
    both = zip(plan.hashes, (plan.placing, plan.expecting), strict=True)
    pairs = [(content_hash, content) for content_hash, content in both if content_hash is not None and content is not None]
    return [*pairs, *plan.keep]


def _prepared(workspace: Workspace, plan: Planned, group: str, position: int, several: bool, means: Means) -> Action:
    """The action with its temporary file written and flushed; not yet on record."""
    placing, expecting = plan.hashes
    outcome: dict[str, Any] = {
        "placing": placing,
        "expecting": expecting,
        "events": [list(event) for event in plan.events],
        "snapshots": [list(snapshot) for snapshot in plan.snapshots],
        "forget": [list(pair) for pair in plan.forget],
        "several": several,
    }
    file_path = plan.located.file_path
    to_path = None if plan.to is None else plan.to.file_path
    name = None if plan.to is not None else workspace.temp_name(secret=plan.secret)
    row = Pending(f"{group}-{position}", group, position, file_path, "create", name, placing, expecting, to_path, "intended", outcome)
    site = site_of(workspace, plan.located, plan.to)
    if name is not None and (means.beside or os.fstat(site.tmp).st_dev != os.fstat(site.parent).st_dev):
        row = row._replace(temp_name=name_beside(name))
    try:
        inplace = plan.action == "exchange" and (means.inplace or _device(plan) in workspace.no_exchange)
        action = "inplace" if inplace else plan.action
        row = _with_temp(row._replace(action=action), plan, site)
    except OSError as error:
        raise access_error(file_path, error, "write") from error
    return action_for(row, site, Recorder(workspace, file_path))


def _device(plan: Planned) -> int:
    return os.fstat(plan.located.parent_fd).st_dev


def _with_temp(row: Pending, plan: Planned, site: Site) -> Pending:
    """Write what the action needs beforehand; a file whose owner or attributes cannot be given to a new one is rewritten in place."""
    if row.action in ("exchange", "inplace"):
        check_writable(plan.located)
    if row.action == "exchange":
        try:
            like = plan.located if plan.attributes is None else None
            stat = write_temp(row, site, plan.placing or b"", like, plan.attributes)
            row.outcome["inode"] = stat.st_ino
            if like is not None:
                row.outcome["mode"] = S_IMODE(stat.st_mode)
        except CannotCarryError:
            row = row._replace(action="inplace")
    elif row.action == "create":
        write_temp(row, site, plan.placing or b"", None, plan.attributes)
    elif row.action == "move":
        row.outcome["inode"] = inode_at(site.parent, site.name)
    elif row.action == "delete":
        mark_temp(row, site)
    if row.action == "inplace":
        old = plan.expecting or b""
        row.outcome["split"] = len(old)
        write_temp(row, site, old + (plan.placing or b""), None)
    return row


def _drop_temps(workspace: Workspace, actions: Sequence[Action]) -> None:
    """Temporary files of rows that never came on record. An interrupt right after the commit finds them there: those are recovery's."""
    try:
        recorded = {row.id for row in workspace.store.pending()}
    except NoclobberError:
        return  # what is on record cannot be asked now; whoever opens the workspace next takes the files in
    for action in actions:
        if action.row.temp_name is not None and action.row.id not in recorded:
            drop_temp(action.row, action.site)
