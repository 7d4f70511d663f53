"""The store's side of lessons: which there are, where, how often seen, and what words they hold.

The files are the truth about what stands in them; this is what cannot stand there, an index for searching, and the drafts. It
reads and writes no file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, cast

from ..errors import StoreError
from ..store.protocol import Store
from .errors import NoSuchLessonError
from .records import Lesson, LessonState

__all__ = ["Catalogue"]

_COLUMNS = Lesson._fields
_NAMES = ", ".join(f'"{name}"' for name in _COLUMNS)
_PUT = (
    f"INSERT INTO lessons ({_NAMES}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in _COLUMNS[1:]) + " RETURNING number"
)
_PUT_WORDS = "INSERT OR REPLACE INTO lesson_words (rowid, lesson, context, failure, resolution, files) VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT " + ", ".join(f'lessons."{name}"' for name in _COLUMNS) + " FROM lessons"
_TEXTS = ("lesson", "context", "failure", "resolution")


class _Sqlite(Protocol):
    def reading(self) -> AbstractContextManager[sqlite3.Connection]: ...

    def writing(self) -> AbstractContextManager[sqlite3.Connection]: ...


class Catalogue:
    """Lessons by id, by key and by their words."""

    def __init__(self, store: Store) -> None:
        if not hasattr(store, "writing"):
            raise StoreError("Lessons need the embedded store; this workspace was opened with another one.")
        self._store = cast("_Sqlite", store)
        self._meta = store

    def put(self, lessons: Iterable[Lesson]) -> None:
        """Add or replace these lessons, all or none."""
        with self._store.writing() as connection:
            for lesson in lessons:
                _put(connection, lesson)

    def drop(self, ids: Iterable[str]) -> None:
        """Forget these ids; for a person's own entries that are no longer in their file."""
        with self._store.writing() as connection:
            for one in ids:
                connection.execute("DELETE FROM lesson_words WHERE rowid = (SELECT number FROM lessons WHERE id = ?)", (one,))
                connection.execute("DELETE FROM lessons WHERE id = ?", (one,))

    def all(self, states: Sequence[LessonState] = ()) -> list[Lesson]:
        """Lessons in these states (all if none are named), oldest first."""
        where = f" WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        return self._select(f'{where} ORDER BY "when", number', tuple(states))

    def get(self, lesson_id: str) -> Lesson:
        """One lesson by its id or the beginning of it; NoSuchLessonError where none or several fit."""
        found = self._select(" WHERE id = ?", (lesson_id,)) or self._select(" WHERE substr(id, 1, ?) = ?", (len(lesson_id), lesson_id))
        if len(found) != 1 or not lesson_id:
            several = (
                f"{lesson_id} is the beginning of {len(found)} ids; give more of it." if found else f"There is no lesson {lesson_id!r}."
            )
            raise NoSuchLessonError(f"{several} `noclobber lesson list` and `lesson list --drafts` show them.")
        return found[0]

    def by_key(self, key: str, states: Sequence[LessonState]) -> list[Lesson]:
        """Lessons about the same failure, oldest first."""
        return self._select(f" WHERE key = ? AND state IN ({', '.join('?' * len(states))}) ORDER BY number", (key, *states))

    def search(self, words: str, limit: int) -> list[Lesson]:
        """Best matches first: words that begin with those given; a lesson with more of them, or rarer ones, comes first."""
        terms = [
            term for word in words.split() if (term := "".join(char if char.isalnum() or char == "_" else " " for char in word).strip())
        ]
        if not terms:
            return []
        query = " OR ".join(f'"{part}"*' for term in terms for part in term.split())
        tail = " JOIN lesson_words ON lesson_words.rowid = lessons.number WHERE lesson_words MATCH ? AND state <> 'removed'"
        return self._select(f"{tail} AND state <> 'replaced' ORDER BY bm25(lesson_words, 2, 1, 3, 2, 2), number LIMIT ?", (query, limit))

    def meta(self, name: str) -> str | None:
        """A small value kept beside the lessons."""
        return self._meta.get_meta(f"lessons:{name}")

    def put_meta(self, name: str, value: str | None) -> None:
        """Keep a small value, or drop it."""
        self._meta.put_meta(f"lessons:{name}", value)

    def _select(self, tail: str, parameters: tuple[Any, ...]) -> list[Lesson]:
        with self._store.reading() as connection:
            return [_from_row(row) for row in connection.execute(_SELECT + tail, parameters)]


def _put(connection: sqlite3.Connection, lesson: Lesson) -> None:
    row = lesson._replace(files=cast("Any", json.dumps(lesson.files)), detail=cast("Any", lesson.detail and json.dumps(lesson.detail)))
    (number,) = connection.execute(_PUT, row).fetchone()
    connection.execute(_PUT_WORDS, (number, *(getattr(lesson, name) for name in _TEXTS), " ".join(lesson.files)))


def _from_row(row: tuple[Any, ...]) -> Lesson:
    lesson = Lesson(*row)
    detail = cast("str | None", lesson.detail)
    return lesson._replace(files=tuple(json.loads(cast("str", lesson.files))), detail=json.loads(detail) if detail else None)
