"""The lessons view: drafts, live and archived ones, searched, accepted, dropped, edited and removed. Plain camelCase JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from noclobber import ConcurrencyGuard
from noclobber.errors import NoclobberError

from .uris import uri_of

if TYPE_CHECKING:
    from noclobber.lessons.records import Lesson

__all__ = ["change_lesson", "lessons"]

_MOST = 300
_STATES = {"live": "live", "archived": "archived"}  # every other one is a draft of some sort


def lessons(guard: ConcurrencyGuard, query: str) -> list[dict[str, Any]]:
    """Drafts first, then what is in the file, then the archive; with a query the best match first."""
    from noclobber.lessons.ledger import Ledger

    ledger = Ledger(guard)
    found = ledger.search(query, _MOST) if query.strip() else [*ledger.drafts(), *ledger.filed()]
    lines: dict[str, dict[str, int]] = {}
    return [_row(guard, lesson, lines) for lesson in found[:_MOST]]


def change_lesson(guard: ConcurrencyGuard, lesson_id: str, action: str, texts: Mapping[str, str | None]) -> dict[str, Any]:
    """``accept`` or ``drop`` a draft, ``edit`` or ``remove`` a lesson. ``texts``: the parts that an edit changes; None: as it is."""
    from noclobber.lessons.appending import told
    from noclobber.lessons.compose import compose
    from noclobber.lessons.ledger import Ledger

    ledger = Ledger(guard)
    if action == "accept":
        return {"done": True, "message": told(ledger.accept(lesson_id))}
    if action in ("drop", "remove"):
        lesson = ledger.remove(lesson_id)
        return {"done": True, "message": f"{'Dropped' if action == 'drop' else 'Removed'}: {lesson.title}"}
    if action == "edit":
        ledger.synchronise()  # what was edited by hand since stays, too
        old = ledger.catalogue.get(lesson_id)
        context, failure, resolution = (
            getattr(old, part) if texts.get(part) is None else texts[part] for part in ("context", "failure", "resolution")
        )
        shown_as_failure = texts.get("failure") is not None and not old.failure
        lesson_text = "" if shown_as_failure else old.lesson
        edited = ledger.edit(lesson_id, compose(lesson_text, context=context, failure=failure, resolution=resolution))
        return {"done": True, "message": f"Changed: {edited.title}"}
    raise NoclobberError(f"{action!r} is nothing that can be done with a lesson.")


def _row(guard: ConcurrencyGuard, lesson: Lesson, lines: dict[str, dict[str, int]]) -> dict[str, Any]:
    root = os.fspath(guard.workspace.root)
    place = lesson.place
    if place is not None and place not in lines:
        lines[place] = _lines(root, place)
    return {
        "root": root, "id": lesson.id, "state": _STATES.get(lesson.state, "draft"), "title": lesson.title, "context": lesson.context,
        "failure": lesson.failure or lesson.lesson, "resolution": lesson.resolution, "timestamp": lesson.when, "count": lesson.seen,
        "note": lesson.note or "", "uri": "" if place is None else uri_of(os.path.join(root, place)),
        "line": 1 if place is None else lines[place].get(lesson.id, 1),
    }  # fmt: skip


def _lines(root: str, place: str) -> dict[str, int]:
    """On which line of a file each entry begins."""
    from noclobber.lessons.document import read_entries

    try:
        with open(os.path.join(root, place), "rb") as file:
            content = file.read()
    except OSError:
        return {}
    return {placed.id: content.count(b"\n", 0, placed.start) + 1 for placed in read_entries(content)}
