"""Everything one workspace knows of lessons: the files' entries, the archive's, and the drafts, kept in step.

What people and other tools do to the files is taken as it is: an entry edited by hand is read back as it stands, one deleted by
hand (or taken away by git) is noted among the drafts and not put back, one that comes back is live again.
"""

from __future__ import annotations

import os
import secrets as randomness
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from ..clock import utc_now
from ..content import hash_content
from ..errors import NoclobberError
from ..guard import ConcurrencyGuard
from .archive import ARCHIVE_FILE, RULES_FOLDER, is_archive
from .catalogue import Catalogue
from .compose import Texts
from .document import read_entries
from .entry import Entry
from .errors import LessonError
from .filing import Filed, Filing, lessons_lock
from .records import DRAFT_STATES, FILED_STATES, Lesson

__all__ = ["Kept", "Ledger"]


class Kept(NamedTuple):
    """What became of a lesson: ``added``, ``counted`` (it was there already) or ``replaced`` (it corrects ``before``)."""

    action: Literal["added", "counted", "replaced"]
    lesson: Lesson
    before: Lesson | None = None
    moved: int = 0


class Ledger:
    """The lessons of the guard's workspace, on behalf of the guard's writer."""

    def __init__(self, guard: ConcurrencyGuard) -> None:
        self._guard = guard
        self.catalogue = Catalogue(guard.workspace.store)
        self._filing = Filing(guard, self.catalogue)
        self.file = self._filing.file

    # changes

    def keep(self, lesson: Lesson) -> Kept:
        """Put a lesson into the file, unless it is there: then it is counted, or, where its resolution is another, corrected."""
        with lessons_lock(self._guard):
            self._synchronise()
            there = self.catalogue.by_key(lesson.key, FILED_STATES)
            same = next((one for one in there if _same_text(one.resolution, lesson.resolution)), None)
            if same is not None or (there and not lesson.resolution):
                kept = self._count(same or there[-1], lesson)
            elif there:
                kept = self._correct(there[-1], lesson)
            else:
                kept = self._add(lesson)
        self._record(kept.action, kept.lesson)
        return kept

    def new_lesson(self, texts: Texts, *, check: str | None = None, lesson_id: str | None = None) -> Lesson:
        """A lesson by the guard's writer, of now, not yet anywhere."""
        now = utc_now()
        guard = self._guard
        return Lesson(
            lesson_id or f"l{randomness.token_hex(4)}", texts.key, "writing", f"{now[:10]} {now[11:19]}", *texts.texts, texts.files,
            guard.agent_id, guard.turn_id, guard.intent_id, check, self._commit(), first_seen=now, last_seen=now,
        )  # fmt: skip

    def edit(self, lesson_id: str, texts: Texts) -> Lesson:
        """Give a lesson other words, where it stands; its origin and time stay."""
        with lessons_lock(self._guard):
            self._synchronise()
            old = self.catalogue.get(lesson_id)
            new = old._replace(lesson=texts.lesson, context=texts.context, failure=texts.failure, resolution=texts.resolution)
            if old.state in FILED_STATES and old.place:
                entry = new.entry if not old.id.startswith("p") else new.entry._replace(origin=None)
                self._filing.replace(old.id, entry, old.place)
            self.catalogue.put([new])
        self._record("edited", new)
        return new

    def remove(self, lesson_id: str) -> Lesson:
        """Take a lesson out for good, from its file or from among the drafts."""
        with lessons_lock(self._guard):
            self._synchronise()
            lesson = self.catalogue.get(lesson_id)
            if lesson.state in FILED_STATES and lesson.place:
                self._filing.remove(lesson.id, lesson.place)
            removed = lesson._replace(state="removed", note=f"removed by {self._guard.agent_id}", place=None)
            self.catalogue.put([removed])
        self._record("removed", removed)
        return removed

    def accept(self, lesson_id: str, resolution: str = "") -> Kept:
        """Put a draft into the file."""
        draft = self.catalogue.get(lesson_id)
        if draft.state not in DRAFT_STATES:
            raise LessonError(f"{lesson_id} is no draft; it is {draft.state}. `noclobber lesson list --drafts` shows the drafts.")
        return self.keep(draft._replace(state="writing", note=None, resolution=resolution or draft.resolution))

    # questions

    def synchronise(self) -> None:
        """Take in what people and other tools did to the files since we last looked."""
        with lessons_lock(self._guard):
            self._synchronise()

    def filed(self) -> list[Lesson]:
        """What stands in the lessons file, then what is archived, oldest first."""
        self.synchronise()
        return self.catalogue.all(("live",)) + self.catalogue.all(("archived",))

    def drafts(self) -> list[Lesson]:
        """What waits for somebody to accept or remove it, oldest first."""
        self.synchronise()
        return self.catalogue.all(DRAFT_STATES)

    def search(self, words: str, limit: int = 20) -> list[Lesson]:
        """Live, archived and drafted lessons with these words, the best first."""
        self.synchronise()
        return self.catalogue.search(words, limit)

    def for_file(self, path: str, limit: int = 20) -> list[Lesson]:
        """What should be known before this file is edited: lessons whose globs match it, then those that name it; newest first."""
        from .matching import names_file

        self.synchronise()
        with self._guard.workspace.locator.locate(path, missing_ok=True) as located:
            file_path = located.file_path
        known = [*reversed(self.catalogue.all((*FILED_STATES, *DRAFT_STATES)))]
        ranked = [(rank, lesson) for lesson in known if (rank := names_file(lesson, file_path)) is not None]
        return [lesson for _, lesson in sorted(ranked, key=lambda pair: pair[0])][:limit]

    # inside the lock

    def _add(self, lesson: Lesson) -> Kept:
        now = utc_now()
        lesson = lesson._replace(state="writing", when=f"{now[:10]} {now[11:19]}")
        self.catalogue.put([lesson])  # before the file: killed in between, it is found among the drafts
        try:
            filed = self._filing.add(lesson.entry)
        except NoclobberError as error:
            self.catalogue.put([lesson._replace(state="draft", note=f"could not be written: {error}")])
            raise
        lesson = lesson._replace(state="live", place=self.file, note=None)
        self._settle([lesson], filed)
        return Kept("added", lesson, moved=len(filed.moved))

    def _count(self, there: Lesson, lesson: Lesson) -> Kept:
        counted = there._replace(seen=there.seen + max(lesson.seen, 1), last_seen=utc_now())
        self.catalogue.put([counted, *self._absorbed(lesson, there)])
        return Kept("counted", counted)

    def _correct(self, there: Lesson, lesson: Lesson) -> Kept:
        new = lesson._replace(corrects=there.when.replace(" ", "T"), seen=there.seen + 1, first_seen=there.first_seen or lesson.first_seen)
        if lesson.id == there.id:
            new = new._replace(id=f"l{randomness.token_hex(4)}")
        self.catalogue.put([new._replace(state="writing")])
        filed = self._filing.replace(there.id, new.entry, there.place)
        new = new._replace(state=there.state, place=there.place, note=None)
        old = there._replace(state="replaced", note=f"corrected by {new.id}", place=None)
        self._settle([new, old], filed)
        return Kept("replaced", new, there, len(filed.moved))

    def _absorbed(self, lesson: Lesson, there: Lesson) -> list[Lesson]:
        """A draft that says what the file says already needs nobody's attention any more."""
        known = [one for one in self.catalogue.by_key(lesson.key, DRAFT_STATES) if one.id == lesson.id]
        return [one._replace(state="replaced", note=f"the same as {there.id}") for one in known]

    def _settle(self, lessons: list[Lesson], filed: Filed) -> None:
        known = {lesson.id: lesson for lesson in lessons}
        for entry_id, target in filed.moved.items():
            lesson = known.get(entry_id) or next((one for one in self.catalogue.all(("live",)) if one.id == entry_id), None)
            if lesson is not None:
                known[entry_id] = lesson._replace(state="archived", place=target)
        self.catalogue.put(known.values())
        for file, rewritten in filed.files.items():
            # An outside save between our look and our change may have taken lessons away: the next look must see that.
            if self.catalogue.meta(f"indexed:{file}") == _mark(rewritten.before):
                self.catalogue.put_meta(f"indexed:{file}", _mark(rewritten.after))

    def _synchronise(self) -> None:
        """Compare each file with what was last taken in; a file that did not change costs a read and its hash."""
        changed: dict[str, bytes | None] = {}
        for file in self._files():
            content = self._filing.read(file)
            if self.catalogue.meta(f"indexed:{file}") != _mark(content):
                changed[file] = content
        writing = self.catalogue.all(("writing",))
        if changed or writing:
            self._take_in(changed, writing)

    def _take_in(self, changed: dict[str, bytes | None], writing: list[Lesson]) -> None:
        known = {lesson.id: lesson for lesson in self.catalogue.all()}
        put: dict[str, Lesson] = {}
        drop: list[str] = []
        for file, content in changed.items():
            for placed in [] if content is None else read_entries(content):
                put[placed.id] = self._as_it_stands(placed.id, placed.entry, file, known.get(placed.id))
        stood_there = [one for one in known.values() if one.state in FILED_STATES and one.place in changed]
        gone = [one for one in (*stood_there, *writing) if one.id not in put]
        elsewhere = self._standing([file for file in self._files() if file not in changed]) if gone else {}
        for lesson in gone:
            if lesson.id in elsewhere:  # an old save had brought it back beside its archived self, and a later one took that away
                put[lesson.id] = self._as_it_stands(lesson.id, *elsewhere[lesson.id], lesson)
            elif lesson.id.startswith("p"):
                drop.append(lesson.id)
            else:
                put[lesson.id] = _taken_away(lesson)
        self.catalogue.put(put.values())
        self.catalogue.drop(drop)
        for file, content in changed.items():
            self.catalogue.put_meta(f"indexed:{file}", _mark(content))

    def _standing(self, files: Iterable[str]) -> dict[str, tuple[Entry, str]]:
        contents = ((file, self._filing.read(file)) for file in files)
        return {placed.id: (placed.entry, file) for file, content in contents if content is not None for placed in read_entries(content)}

    def _as_it_stands(self, entry_id: str, entry: Entry, file: str, known: Lesson | None) -> Lesson:
        now = utc_now()
        origin = entry.origin
        base = known or Lesson(
            entry_id, origin.key if origin and origin.key else entry_id, "live", entry.when, first_seen=now, last_seen=now
        )
        if origin and known is None:
            base = base._replace(
                agent_id=origin.agent, turn_id=origin.turn, intent_id=origin.intent, check=origin.check, commit=origin.commit,
                corrects=origin.corrects,
            )  # fmt: skip
        state: Literal["archived", "live"] = "archived" if file != self.file else "live"
        lesson, context, failure, resolution = entry.texts
        return base._replace(
            state=state, when=entry.when, lesson=lesson, context=context, failure=failure, resolution=resolution,
            files=entry.files, place=file, note=None,
        )  # fmt: skip

    def _files(self) -> Sequence[str]:
        found = [self.file, ARCHIVE_FILE]
        try:
            names = os.listdir(os.path.join(self._guard.workspace.root, RULES_FOLDER))
        except OSError:  # there is no such folder, or nobody may look into it
            names = []
        found += sorted(f"{RULES_FOLDER}/{name}" for name in names if is_archive(f"{RULES_FOLDER}/{name}"))
        known = {lesson.place for lesson in self.catalogue.all(("archived",)) if lesson.place}
        return [*dict.fromkeys((*found, *sorted(known)))]

    def _record(self, action: str, lesson: Lesson) -> None:
        detail = {"action": action, "lesson": lesson.id, "check": lesson.check}
        self._guard.record("lesson", file_path=lesson.place or self.file, detail=detail)

    def _commit(self) -> str | None:
        from .revision import current_commit

        return current_commit(self._guard.workspace.root)


def _mark(content: bytes | None) -> str:
    return "absent" if content is None else hash_content(content)


def _same_text(one: str, other: str) -> bool:
    return one.split() == other.split()


def _taken_away(lesson: Lesson) -> Lesson:
    if lesson.state == "writing":
        note = "its writer ended before the file was written"
    else:
        note = f"an outside save removed it from {lesson.place} (noticed {utc_now()[:10]})"
    return lesson._replace(state="draft", note=note, place=None)
