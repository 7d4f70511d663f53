"""What the files of a turn would hold with its changes undone: one step less at a time, on what stands there now.

Looks and reckons, changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .attributes import Attributes
from .errors import OutsideWorkspaceError, PathError
from .merge import invert_change, is_mergeable_name, unified_diff
from .situation import EFFECTIVE, look
from .store.protocol import EventQuery

if TYPE_CHECKING:
    from .guard import ConcurrencyGuard

__all__ = ["Plan", "RevertedFile", "Step"]


class RevertedFile(NamedTuple):
    """One file of a revert: ``action`` is ``restored`` (as before the turn), ``kept later changes``, ``removed`` or ``brought back``.

    ``diff`` leads from what stood there to what stands there now; ``seq`` is the event (0 in a dry run).
    """

    file_path: str
    action: str
    before_hash: str | None
    after_hash: str | None
    diff: str
    seq: int = 0


class Step(NamedTuple):
    """A stretch of the turn's own changes to one file, with nothing of anybody else's in between."""

    path: str
    to_path: str | None
    before: str | None
    after: str | None
    seq: int
    attributes: Attributes | None = None
    by_formatter: bool = False


class Plan:
    """What the files would hold: each begins as it stands now and has the turn's changes undone on it."""

    def __init__(self, guard: ConcurrencyGuard) -> None:
        self._guard = guard
        self.standing: dict[str, bytes | None] = {}
        self.wanted: dict[str, bytes | None] = {}
        self.attributes: dict[str, Attributes | None] = {}
        self._origins: dict[str, str] = {}  # where the files stand now that are wanted back under names they were moved from
        self._places: dict[str, tuple[int, str]] = {}  # where the files are that had these names before an undone (or kept) move
        self.conflicts: dict[str, str] = {}
        self._merged: set[str] = set()

    def undo(self, step: Step) -> None:
        """One stretch of changes less."""
        try:
            if step.by_formatter:
                self._undo_form(step)
            elif step.to_path is not None:
                self._undo_move(step)
            else:
                self._undo_content(step)
        except _ConflictError as conflict:
            self.conflicts[step.path] = str(conflict)

    def rows(self) -> list[RevertedFile]:
        """What is to be done, file by file, without those that stay as they are."""
        hash_of = self._guard.hash_content
        rows = []
        for path in sorted(self.wanted):
            now, then = self.standing[path], self.wanted[path]
            if now == then:
                continue
            action = "removed" if then is None else "brought back" if now is None else "restored"
            action = "kept later changes" if path in self._merged else action
            hashes = (None if now is None else hash_of(now), None if then is None else hash_of(then))
            secret = self._guard.workspace.secrecy.never_kept(path)
            diff = "" if secret else unified_diff(now or b"", then or b"", before_name=path, after_name=f"{path} (reverted)")
            rows.append(RevertedFile(path, action, *hashes, diff))
        return rows

    def origin(self, path: str) -> str | None:
        """Where the file that is wanted at a path stands now, if that is elsewhere."""
        origin = self._origins.get(path)
        return None if origin == path or self.standing.get(origin or "") is None else origin

    def moved(self) -> dict[str, str]:
        """Files that only need to be given their old names back (the value is where they stand): as they are, with all they have."""
        found = {path: self.origin(path) for path, now in self.standing.items() if now is None and self.wanted[path] is not None}
        return {
            path: origin
            for path, origin in found.items()
            if origin is not None and self.wanted[origin] is None and self.standing[origin] == self.wanted[path]
        }

    def _undo_form(self, step: Step) -> None:
        """What looked like a formatter's pass goes with the turn if it only changed the form; a person's quick save stays."""
        path = self._place(step.path, step.seq)
        now = self._now(path)
        store = self._guard.workspace.store
        before, after = (None if one is None else store.content(one) for one in (step.before, step.after))
        if now is None or before is None or after is None or not _only_form_differs(before, after):
            return
        with suppress(_ConflictError):  # later changes stand there: what that means for the turn's own change is said of that
            self._want(path, self._inverted(path, before, after, now))

    def _undo_content(self, step: Step) -> None:
        path = self._place(step.path, step.seq)
        now = self._now(path)
        if step.before == step.after:
            return
        if now is None:
            if step.after is None:
                self._want(path, None if step.before is None else self._content(path, step.before))
                self.attributes[path] = step.attributes
            elif step.before is not None:
                raise _ConflictError("it was deleted after the turn")
            return
        standing = self._guard.hash_content(now)  # contents are asked for last: of some files only the hashes are known
        if standing == step.before:
            return
        if step.after is None:
            raise _ConflictError("the turn deleted it, and it was made anew since")
        if step.before is None:
            if standing != step.after:
                raise _ConflictError("the turn made it, and it was changed since")
            self._want(path, None)
            return
        before = self._content(path, step.before)
        self._want(path, before if standing == step.after else self._inverted(path, before, self._content(path, step.after), now))
        if step.attributes is not None:  # deleted and made anew within the turn: what stands there is another file
            self.attributes[path] = step.attributes

    def _inverted(self, path: str, before: bytes, after: bytes, now: bytes) -> bytes:
        if now == after:
            return before
        if now == before:
            return now
        if not is_mergeable_name(path):
            raise _ConflictError("it was changed since, and files of this kind are not merged line by line")
        merged = invert_change(before, after, now)
        if merged.content is None:
            lines = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in (c.ours for c in merged.conflicts[:5]))
            raise _ConflictError(merged.obstacle or f"later changes stand on the same lines ({lines})")
        if merged.content != now:
            self._merged.add(path)
        return merged.content

    def _undo_move(self, step: Step) -> None:
        assert step.to_path is not None
        place = self._place(step.to_path, step.seq)
        if place != step.to_path:  # somebody has given it yet another name since: that later change is kept
            self._places[step.path] = (step.seq, place)
            return
        now = self._now(step.to_path)
        if self._now(step.path) is not None:
            raise _ConflictError(f"its old name is taken again (it was moved to {step.to_path})")
        if now is None:
            raise _ConflictError(f"it is no longer at {step.to_path}, where the turn moved it")
        self._want(step.path, now)
        self._want(step.to_path, None)
        self._origins[step.path] = self._origins.pop(step.to_path, step.to_path)
        self._places[step.path] = (step.seq, step.path)

    def _place(self, path: str, seq: int) -> str:
        """Where the file that had this name right after an event stands, or will with what is undone so far: moves since are followed."""
        while True:
            undone, place = self._places.get(path, (0, path))
            if seq < undone:
                return place
            query = EventQuery(file_path=path, kinds=("move", "revert"), outcomes=EFFECTIVE, after_seq=seq, oldest=True)
            away = [event for event in self._guard.workspace.store.events(query) if event.file_path == path and event.to_path is not None]
            if not away or away[0].to_path is None:
                return path
            path, seq = away[0].to_path, away[0].seq

    def _now(self, path: str) -> bytes | None:
        if path not in self.standing:
            try:
                with self._guard.workspace.locator.locate(path, missing_ok=True) as located:
                    found = look(located)
            except (PathError, OutsideWorkspaceError) as error:  # a folder by now, a symlink that leads out
                raise _ConflictError(str(error)) from error
            self.standing[path] = self.wanted[path] = None if found is None else found.content
        return self.wanted[path]

    def _want(self, path: str, content: bytes | None) -> None:
        self.wanted[path] = content

    def _content(self, path: str, content_hash: str) -> bytes:
        if self._guard.workspace.secrecy.never_kept(path):  # nor looked up: the same bytes may be kept for another file
            raise _ConflictError("its contents are never kept (git ignores it, or it looks secret): what the turn displaced is gone")
        content = self._guard.workspace.store.content(content_hash)
        if content is None:
            raise _ConflictError(f"version {content_hash[:12]} is not kept any more")
        return content


def _only_form_differs(before: bytes, after: bytes) -> bool:
    """Whether the words are the same, in whatever order, lines, quotes and brackets."""
    import re

    words = re.compile(rb"\w+")
    return sorted(words.findall(before)) == sorted(words.findall(after))


class _ConflictError(Exception):
    """Why one file cannot be taken back."""
