"""Drafts: a failed check leaves one for each distinct failure; the pass that follows says what resolved it.

What becomes a lesson by itself is a mistake made twice: the same failure in another turn after it was resolved. What comes and goes
without a change in between is flaky, and never becomes one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from ..checks.checking import Checked
from ..checks.failure import Failure
from ..clock import parse_utc, utc_now
from ..errors import NoclobberError, VersionGoneError
from ..guard import ConcurrencyGuard
from ..store.protocol import EventQuery
from .archive import is_archive
from .changes import Hunk, changed_hunks, files_touched, writers_since
from .compose import compose
from .filing import Filing
from .ledger import Ledger
from .records import FILED_STATES, Lesson
from .runs import UNKNOWN, Run, Runs
from .safety import check_globs
from .wording import context_text, failure_text, resolution_text

__all__ = ["Drafter", "Outcome"]

MOST_DRAFTS = 50
_TURN_SECONDS = 1800.0
_KEPT_FILES = 5


class Outcome(NamedTuple):
    """What became of one failure, or of one draft when its check passed."""

    action: Literal["drafted", "again", "known", "filed", "flaky", "resolved", "left"]
    lesson: Lesson
    failure: Failure | None = None


class _Since(NamedTuple):
    """What was changed since the check last passed, by writer and altogether (None: it never passed)."""

    writers: dict[str, list[str]]
    files: frozenset[str] | None

    @property
    def nothing(self) -> bool:
        return self.files is not None and not self.files

    def touches(self, failure: Failure, lesson: Lesson) -> bool:
        """Whether what was changed has to do with the failure: a file it names, or one that resolved it the first time.

        A failure that comes back after other changes is more often flaky than a mistake made again.
        """
        resolved = (lesson.detail or {}).get("resolved") or {}
        return self.files is None or not self.files.isdisjoint({failure.file, *failure.trace, *resolved.get("files", ())})


class Drafter:
    """Drafts on behalf of the guard's writer."""

    def __init__(self, guard: ConcurrencyGuard, name: str) -> None:
        self._guard = guard
        self._name = name
        self._ledger = Ledger(guard)
        self._catalogue = self._ledger.catalogue
        self._auto = guard.workspace.settings.lessons_auto

    def failed(self, checked: Checked, run: Run, *, at_once: bool, resolution: str) -> list[Outcome]:
        """One outcome for each failure, at most fifty."""
        self._ledger.synchronise()
        since = self._since_pass(checked, run)
        return [self._failure(failure, since, run, at_once, resolution) for failure in checked.failures[:MOST_DRAFTS]]

    def passed(self, checked: Checked, *, at_once: bool, resolution: str) -> list[Outcome]:
        """One outcome for each open draft of this check."""
        drafts = [
            lesson for lesson in self._catalogue.all(("draft",)) if lesson.check == self._name and (lesson.detail or {}).get("failure")
        ]
        waiting = [lesson for lesson in self._catalogue.all(FILED_STATES) if lesson.check == self._name and lesson.resolution == UNKNOWN]
        return [self._resolve(draft, checked, at_once, resolution) for draft in (*drafts, *waiting)]

    # failing

    def _since_pass(self, checked: Checked, run: Run) -> _Since:
        """What was changed since the check last passed; files None where it never did."""
        last = Runs(self._guard).last_pass(self._name)
        if last is None:
            return _Since(writers_since(self._guard, run.epoch, 0), None)
        writers = writers_since(self._guard, last.epoch, last.seq)
        passed_ns = round(parse_utc(last.at) * 1e9) + 1_000_000  # it is kept to the millisecond, rounded down
        touched = files_touched(self._guard.workspace.root, passed_ns, checked.started_ns)
        files = {file for written in writers.values() for file in written} | set(touched)
        return _Since(writers, frozenset(file for file in files if file != self._ledger.file and not is_archive(file)))

    def _failure(self, failure: Failure, since: _Since, run: Run, at_once: bool, resolution: str) -> Outcome:
        key = failure.key
        filed = self._catalogue.by_key(key, FILED_STATES)
        if filed:
            return Outcome("known", self._seen_again(filed[-1], failure, run), failure)
        known = self._catalogue.by_key(key, ("draft", "resolved", "flaky", "removed"))
        if not known:
            lesson = self._draft(failure, key, since, run, resolution)
            return self._file(lesson, failure) if at_once else self._noted(lesson, failure, since, "drafted")
        comes_back = known[-1].state == "resolved" and self._auto != "never" and self._another_turn(known[-1])
        made_again = comes_back and since.touches(failure, known[-1])
        lesson = self._seen_again(known[-1], failure, run)
        if lesson.state == "removed":
            return Outcome("left", lesson, failure)
        return self._file(lesson, failure) if at_once or made_again else self._noted(lesson, failure, since, "again")

    def _noted(self, lesson: Lesson, failure: Failure, since: _Since, action: Literal["drafted", "again"]) -> Outcome:
        """Kept as a draft: flaky where nothing changed since the check passed, or was flaky before."""
        if lesson.state == "flaky" or since.nothing:
            note = lesson.note or "failed without a change since the check last passed"
            return Outcome("flaky", self._put(lesson._replace(state="flaky", note=note)), failure)
        return Outcome(action, self._put(lesson._replace(state="draft")), failure)

    def _draft(self, failure: Failure, key: str, since: _Since, run: Run, resolution: str) -> Lesson:
        context = context_text(self._name, self._guard.agent_id, since.writers, (*filter(None, (failure.file,)), *failure.trace))
        texts = compose(context=context, failure=failure_text(failure), resolution=resolution, files=_globs((failure.file,)), key=key)
        return self._ledger.new_lesson(texts, check=self._name)._replace(state="draft", detail=self._detail(failure, run))

    def _detail(self, failure: Failure, run: Run) -> dict[str, Any]:
        return {
            "failure": failure.to_json(), "epoch": run.epoch, "seq": run.seq, "ended_ns": time.time_ns(),
            "kept": self._keep_files(failure), "turn": self._guard.turn_id, "agent": self._guard.agent_id,
        }  # fmt: skip

    def _keep_files(self, failure: Failure) -> dict[str, str]:
        """The files a failure names, as they stand now, so that the change which resolves it can be told, whoever makes it."""
        filing = Filing(self._guard, self._catalogue)
        kept: dict[str, str] = {}
        for file in dict.fromkeys(filter(None, (failure.file, *reversed(failure.trace)))):
            try:
                content = filing.read(file) if len(kept) < _KEPT_FILES else None
            except NoclobberError:  # not a file, or not in the workspace
                continue
            if content is not None:
                kept[file] = self._guard.keep(file, content)
        return kept

    def _seen_again(self, lesson: Lesson, failure: Failure, run: Run) -> Lesson:
        detail = {**(lesson.detail or {}), **self._detail(failure, run)} if lesson.state not in FILED_STATES else lesson.detail
        return self._put(lesson._replace(seen=lesson.seen + 1, last_seen=utc_now(), detail=detail))

    def _another_turn(self, lesson: Lesson) -> bool:
        """Whether this is another round of work than the one that resolved it; without turns, after half an hour."""
        resolved = (lesson.detail or {}).get("resolved") or {}
        if resolved.get("agent") != self._guard.agent_id:
            return True
        if resolved.get("turn") and self._guard.turn_id:
            return bool(resolved["turn"] != self._guard.turn_id)
        return parse_utc(utc_now()) - parse_utc(str(resolved.get("at") or utc_now())) > _TURN_SECONDS

    def _file(self, lesson: Lesson, failure: Failure | None) -> Outcome:
        kept = self._ledger.keep(lesson._replace(resolution=lesson.resolution or UNKNOWN, note=None))
        return Outcome("filed", kept.lesson, failure)

    # passing

    def _resolve(self, lesson: Lesson, checked: Checked, at_once: bool, given: str) -> Outcome:
        detail = lesson.detail or {}
        failure = Failure(**{**detail["failure"], "trace": tuple(detail["failure"]["trace"])})
        files = self._changed_files(detail, checked)
        if not files and not given:
            note = "passed again without a change in between"
            return Outcome("flaky", self._put(lesson._replace(state="flaky", note=note)) if lesson.state == "draft" else lesson, failure)
        said = given or resolution_text(failure, self._hunks(detail, files), files)
        texts = compose(
            context=lesson.context, failure=lesson.failure, resolution=said, files=_globs((*lesson.files, *files[:2])), key=lesson.key
        )
        resolved = {"turn": self._guard.turn_id, "agent": self._guard.agent_id, "at": utc_now(), "files": files[:20]}
        done = lesson._replace(resolution=texts.resolution, files=texts.files, note=None, detail={**detail, "resolved": resolved})
        if lesson.state in FILED_STATES or at_once or self._auto == "always":
            return self._file(done, failure)
        return Outcome("resolved", self._put(done._replace(state="resolved")), failure)

    def _changed_files(self, detail: dict[str, Any], checked: Checked) -> list[str]:
        """Files written since the failing run ended and before this one began, those the failure names first."""
        known = {file for files in writers_since(self._guard, detail["epoch"], detail["seq"]).values() for file in files}
        touched = files_touched(self._guard.workspace.root, detail["ended_ns"], checked.started_ns)
        same = {file for file in detail["kept"] if self._content_now(file) == self._version(detail["kept"][file])}
        files = sorted((known | set(touched)) - same - {self._ledger.file})
        return sorted(files, key=lambda file: (file != detail["failure"]["file"], file not in detail["kept"]))

    def _hunks(self, detail: dict[str, Any], files: Sequence[str]) -> list[Hunk]:
        found: list[Hunk] = []
        for file in files[:20]:
            before, after = self._version(detail["kept"].get(file)) or self._first_before(detail, file), self._content_now(file)
            if before is not None and after is not None:
                found += changed_hunks(file, before, after)
        return found

    def _first_before(self, detail: dict[str, Any], file: str) -> bytes | None:
        """What the first recorded change since the failing run displaced."""
        after = detail["seq"] if detail["epoch"] == self._guard.workspace.store.epoch else 0
        events = self._guard.workspace.store.events(EventQuery(file_path=file, after_seq=after, limit=20, oldest=True))
        displaced = next((event.before_hash for event in events if event.before_hash and event.before_hash != event.after_hash), None)
        return self._version(displaced)

    def _version(self, content_hash: str | None) -> bytes | None:
        try:
            return self._guard.content(content_hash) if content_hash else None
        except VersionGoneError:
            return None

    def _content_now(self, file: str) -> bytes | None:
        try:
            return Filing(self._guard, self._catalogue).read(file)
        except NoclobberError:
            return None

    def _put(self, lesson: Lesson) -> Lesson:
        self._catalogue.put([lesson])
        return lesson


def _globs(files: Sequence[str | None]) -> tuple[str, ...]:
    """File names as globs, without those that cannot be one."""
    usable: list[str] = []
    for file in dict.fromkeys(files):
        try:
            usable += check_globs((file,)) if file else ()
        except NoclobberError:
            continue
    return tuple(usable[:4])
