"""Puts lessons into the lessons file, corrects them and takes them out, through the guard.

What is to stand there is computed from the bytes on disk under the path's lock, so that there is nothing to be stale: an edit by
whomever that comes in between is simply there when it is computed again. What moves to an archive moves in the same change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..changing import Request, change
from ..decision import Situation, Verdict, decide_placing
from ..errors import LeasedError
from ..guard import ConcurrencyGuard
from ..situation import Writer, look
from .archive import archive_for, choose_moves, new_archive
from .catalogue import Catalogue
from .document import check_text, insert_entries, new_file, read_entries, remove_entries, replace_entry
from .entry import Entry
from .errors import LessonError

__all__ = ["Filed", "Filing", "Rewritten", "lessons_lock"]

WRITER = "noclobber:lessons"
_ATTEMPTS = 60
_LEASE_SECONDS = 11.0


class Filed(NamedTuple):
    """What a change did: to each file it wrote, and which entries went to which archive."""

    files: dict[str, Rewritten]
    moved: dict[str, str]


class Rewritten(NamedTuple):
    """One file's bytes before (None: it was absent) and after."""

    before: bytes | None
    after: bytes


class _Overtaken(Exception):
    """The file changed in a way that needs another plan."""


class _Plan(NamedTuple):
    disk: bytes | None  # what it was made from
    content: bytes
    moves: dict[str, list[_Move]]  # by archive


class _Move(NamedTuple):
    id: str
    files: tuple[str, ...]
    raw: bytes  # the entry as it stands


class Filing:
    """Changes of one workspace's lessons file. To be used by the holder of ``lessons_lock``."""

    def __init__(self, guard: ConcurrencyGuard, catalogue: Catalogue) -> None:
        self._workspace = guard.workspace
        self._catalogue = catalogue
        self._writer = Writer(WRITER, guard.turn_id, guard.intent_id)
        self.file: str = guard.workspace.settings.lessons_file

    def read(self, file_path: str) -> bytes | None:
        """A file's bytes as they stand, None where it is absent; not a writer's read, so not on record."""
        with self._workspace.locator.locate(file_path, missing_ok=True) as located:
            found = look(located)
        return None if found is None else found.content

    def add(self, entry: Entry) -> Filed:
        """Append an entry to the lessons file, moving what no longer fits."""
        return self._change(lambda content: _added(content, entry))

    def replace(self, entry_id: str, entry: Entry, file_path: str | None = None) -> Filed:
        """Put an entry in an older one's place; append it where that is gone."""
        return self._change(lambda content: _replaced(content, entry_id, entry), file_path)

    def remove(self, entry_id: str, file_path: str) -> Filed:
        """Take an entry out of a file; nothing happens where it is gone."""
        return self._change(lambda content: remove_entries(content, {entry_id}), file_path)

    def _change(self, rule: Callable[[bytes], bytes], file_path: str | None = None) -> Filed:
        file = file_path or self.file
        until = time.monotonic() + _LEASE_SECONDS
        attempts = 0
        while attempts < _ATTEMPTS or time.monotonic() < until:
            attempts += 1
            plan = self._plan(rule, self.read(file), file)
            try:
                files = self._carry_out(plan, file)
            except _Overtaken:
                continue
            except LeasedError:  # another writer is between its check and its write: that ends within ten seconds
                if time.monotonic() > until:
                    raise
                time.sleep(0.25)
                continue
            return Filed(files, {move.id: target for target, moves in plan.moves.items() for move in moves})
        raise LessonError(f"{file} is being changed faster than a lesson can be put into it; nothing was changed. Try again later.")

    def _plan(self, rule: Callable[[bytes], bytes], disk: bytes | None, file: str) -> _Plan:
        before = self._new(file) if disk is None else disk
        check_text(before, file)
        content = rule(before)
        limit = self._workspace.settings.lessons_limit
        if file != self.file or content.count(b"## Lesson Learned (") * 3 <= limit:  # an entry takes three lines at least
            return _Plan(disk, content, {})
        moved = choose_moves(content, read_entries(content), limit, self._seen())
        moves: dict[str, list[_Move]] = {}
        for placed in moved:
            move = _Move(placed.id, placed.entry.files, content[placed.start : placed.end])
            moves.setdefault(archive_for(move.files), []).append(move)
        return _Plan(disk, remove_entries(content, {placed.id for placed in moved}) if moved else content, moves)

    def _new(self, file: str) -> bytes:
        imports = os.path.basename(file) == "CLAUDE.md" and self.read(os.path.join(os.path.dirname(file), "AGENTS.md")) is not None
        return new_file(imports_agents=imports)

    def _seen(self) -> dict[str, int]:
        return {lesson.id: lesson.seen for lesson in self._catalogue.all(("live", "writing"))}

    def _carry_out(self, plan: _Plan, file: str) -> dict[str, Rewritten]:
        files = {file: Rewritten(plan.disk, plan.content)}

        def decide_file(now: Situation) -> Verdict:
            if now.disk != plan.disk:
                raise _Overtaken
            return decide_placing(now, plan.content, shown=True)

        requests = [Request(file, "write", decide_file, asked=plan.content)]
        requests += [Request(target, "write", _archiving(moves, files), asked=b"") for target, moves in plan.moves.items()]
        change(self._workspace, self._writer, requests)
        return files


def _added(content: bytes, entry: Entry) -> bytes:
    """Appended, unless it is there: an exchange that was put back may have been read, and saved again, by somebody in between."""
    there = f"id={entry.id} ".encode() in content and any(placed.entry.id == entry.id for placed in read_entries(content))
    return content if there else insert_entries(content, [entry])


def _replaced(content: bytes, entry_id: str, entry: Entry) -> bytes:
    there = {placed.id for placed in read_entries(content)}
    if entry_id in there:
        return replace_entry(content, entry_id, entry)
    return _added(content, entry)


def _archiving(moves: list[_Move], files: dict[str, Rewritten]) -> Callable[[Situation], Verdict]:
    """Adds to an archive what is not there yet: a person may have copied it, or a crash been settled half-way."""

    def decide(now: Situation) -> Verdict:
        content = new_archive(moves[0].files) if now.disk is None else now.disk
        there = {placed.id for placed in read_entries(content)}
        fresh = [move.raw for move in moves if move.id not in there]
        files[now.file_path] = Rewritten(now.disk, insert_entries(content, fresh) if fresh else content)
        return decide_placing(now, files[now.file_path].after, shown=True)

    return decide


@contextmanager
def lessons_lock(guard: ConcurrencyGuard) -> Iterator[None]:
    """One at a time through what follows, threads and processes alike; the lock ends with its holder."""
    import fcntl

    folder = guard.workspace.folder("live")
    fd = os.open("../lessons.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
