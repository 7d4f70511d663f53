"""Looks at a document: reads its disk and its text, finds its state, and tells the store and the person what follows.

Everything here runs on the worker's thread. What the state is, is decided in ``state``; what is said of it, in ``diagnosing``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from noclobber.merge import is_mergeable_name

from .disk import authors_of, is_explained, newest, refresh_disk, revise_view
from .documents import Document, Version
from .state import Assessment, assess
from .view import normal

if TYPE_CHECKING:
    from .diagnosing import Publisher
    from .outside import OutsideChanges
    from .reporting import Reporter
    from .worker import Worker

__all__ = ["Tracker"]

_BEHIND_S = 1.0  # editors reload a clean buffer by themselves within a fifth of this
_DELETED_S = 0.3  # tools replace a file by deleting and making it
_LATE_S = 0.2
_RELOOK_S = 0.1


class Tracker:
    """Keeps every open document's state right. ``speaks_late``: the client writes files before it sends the keystrokes in them."""

    def __init__(
        self,
        worker: Worker,
        reporter: Reporter,
        publisher: Publisher,
        outside: OutsideChanges,
        *,
        agent_id: Callable[[], str],
        speaks_late: Callable[[], bool],
    ) -> None:
        self._worker = worker
        self._reporter = reporter
        self._publisher = publisher
        self._outside = outside
        self._agent_id = agent_id
        self._speaks_late = speaks_late

    def typed(self, document: Document) -> None:
        """From the event loop, at every change: see to it that a look is due."""
        document.look_due = True
        row = document.row
        if row is None or not row.unsaved:
            self._worker.once(("look", document), lambda: self.look(document))
            return
        stale = bool(document.published) or (document.assessment is not None and document.assessment.state != "fresh")
        wait = _RELOOK_S if stale else self._reporter.due_in(document)
        self._worker.later(("look", document), wait, lambda: self.look(document))

    def changed_on_disk(self, document: Document) -> None:
        """From any thread: the file may have changed."""
        self._worker.once(("look", document), lambda: self.look(document))

    def look(self, document: Document) -> Assessment | None:
        """Find the state and let everybody know; None for a document that is closed."""
        document.look_due = False
        if document.closed or document.room is None:
            return None
        before, told = document.disk, document.model.version
        if refresh_disk(document):
            self._noticed(document, before)
        text, version = document.model.read()
        revise_view(document, normal(text))
        found = self._assessed(document, normal(text), version)
        self._begin_trail(document, text, version, told)
        again = self._reporter.report(document, found, text, version)
        if again is not None:
            self._worker.later(("look", document), again, lambda: self.look(document))
        self._show(document, found, version)
        return found

    def _noticed(self, document: Document, before: Version | None) -> None:
        """Another version stands on disk than before: keep it, and have it explained."""
        assert document.room is not None
        if document.disk is not None and document.disk.hash != document.base_hash:
            unseen = [seen for seen in document.unseen if seen.hash != document.disk.hash]
            document.unseen = newest([*unseen, document.disk])
        document.authors = ()
        self._outside.noticed(document, before)

    def _assessed(self, document: Document, shown: str, version: int) -> Assessment:
        disk, base = document.disk, document.base
        base_shown = None if base is None else base.shown
        disk_shown = None if disk is None else disk.shown
        found = assess(base_shown, shown, disk_shown, by_lines=is_mergeable_name(document.file_path))
        if disk is None or disk.hash == document.base_hash:
            if found.unsaved and document.saves_taken == document.saves_told:
                document.prior = None  # typed in since: a save of before would have been told by now
            return found
        if disk_shown in (shown, base_shown):
            # Not by the row alone: text that was typed and saved before anybody looked has never been on record as unsaved.
            was_typed_in = document.saving == version or (document.row is not None and document.row.unsaved)
            document.prior = document.origin if was_typed_in else None
        elif document.trail.has_been(disk.shown):
            document.prior = document.prior or document.origin  # reloaded, or saved, and typed in since
        elif found.absorbed:
            document.prior = None
        else:
            return found
        self.adopt(document, disk)
        return assess(disk.shown, shown, disk.shown)

    def _begin_trail(self, document: Document, text: str, version: int, told: int) -> None:
        """What the buffer was before this look is of no interest once its base stands on disk and no save is to be told of.

        ``told``: the version known before the disk was looked at; what came after may be a text that was reloaded since.
        """
        at_rest = document.prior is None and (None if document.disk is None else document.disk.hash) == document.base_hash
        if version == told and (at_rest or document.trail.is_long):
            document.trail.begin(text, version)

    def adopt(self, document: Document, version: Version) -> None:
        """From now on this version is what the buffer came from: all that it says is in the buffer, or was knowingly passed over."""
        assert document.room is not None
        document.base, document.base_hash = version, version.hash
        document.seen_seq = document.room.workspace.store.last_seq()
        document.unseen = []
        document.authors = ()
        self._reporter.base_moved(document)

    def _show(self, document: Document, found: Assessment, version: int) -> None:
        now = time.monotonic()
        before = document.assessment
        if before is None or before.state != found.state:
            document.since = now
        document.assessment = found
        if found.state != "fresh" and not (document.authors and is_explained(document.authors)):
            document.authors = authors_of(document, self._agent_id())
        wait = self._patience(document, found) - (now - (document.since or now))
        if wait > 0 and found.state != "fresh":
            self._worker.later(("show", document), wait + 0.005, lambda: self.look(document))
            if not document.published:
                return
        self._publisher.publish(document, found, version)

    def _patience(self, document: Document, found: Assessment) -> float:
        """For how long a state must last before it is shown, in seconds: nothing may flash."""
        if found.state == "behind":
            return _BEHIND_S
        if found.state == "deleted":
            return _DELETED_S
        if self._speaks_late() and not is_explained(document.authors):
            return _LATE_S
        return 0.0
