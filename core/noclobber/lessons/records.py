"""A lesson as the store knows it: what stands in a file, or waits to, with the counts and dates that change."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from .entry import Entry, Origin

__all__ = ["DRAFT_STATES", "FILED_STATES", "Lesson", "LessonState"]

LessonState = Literal["writing", "live", "archived", "draft", "resolved", "flaky", "removed", "replaced"]
FILED_STATES: tuple[LessonState, ...] = ("live", "archived")
DRAFT_STATES: tuple[LessonState, ...] = ("draft", "resolved", "flaky")


class Lesson(NamedTuple):
    """One lesson. ``state``: ``live`` in the lessons file, ``archived`` in another; ``draft`` of a failure still there, ``resolved`` once
    the check passed, ``flaky`` where nothing changed in between; ``removed`` by a person's command, ``replaced`` by a correction.

    ``when``: ``YYYY-MM-DD HH:MM:SS`` UTC. ``place``: the file it stands in. ``seen``: how often the same failure came. ``note``: what a
    person should know (that an outside save removed it). ``detail`` of a draft: the failure, the run it came from, its files.
    """

    id: str
    key: str
    state: LessonState
    when: str
    lesson: str = ""
    context: str = ""
    failure: str = ""
    resolution: str = ""
    files: tuple[str, ...] = ()
    agent_id: str | None = None
    turn_id: str | None = None
    intent_id: str | None = None
    check: str | None = None
    commit: str | None = None
    corrects: str | None = None
    place: str | None = None
    note: str | None = None
    seen: int = 1
    first_seen: str = ""
    last_seen: str = ""
    detail: dict[str, Any] | None = None

    @property
    def entry(self) -> Entry:
        """The lesson as an entry of a file."""
        origin = Origin(self.id, self.key, self.agent_id, self.turn_id, self.intent_id, self.check, self.commit, self.corrects, self.files)
        return Entry(self.when, self.lesson, self.context, self.failure, self.resolution, origin)

    @property
    def title(self) -> str:
        """One line that says what it is about."""
        text = self.failure or self.lesson or self.context or self.resolution
        return text.split("\n", 1)[0]

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` gives it."""
        return {**self._asdict(), "files": list(self.files)}
