"""Which index answers a question about the history.

SQLite's planner knows nothing of how many events a filter matches, so the choice is made here: one
filter goes through its own index; of several, the one that matches fewest (counted up to a bound) leads
and the others are checked row by row. Times are found by bisection over ``seq``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from ..records import Event
from .protocol import LOOKED_BACK, EventQuery
from .rows import EVENT_COLUMNS, events_from_rows

__all__ = ["LARGEST", "Lead", "leads_of", "select", "select_events", "was_given"]

LARGEST: Final = (1 << 63) - 1
"""The largest number there is in a database."""
# Counting so many rows of an index costs about 30 µs; a lead that matches fewer is good enough at once.
_COUNT_BOUND = 500
_FEW = 50
# A partial index is used only where the condition says literally that the row is in it.
_CHANGE = "kind <> 'read'"
_COMMON_CHANGES = frozenset(("write", "edit"))  # too frequent to lead where another filter can
_FILE_INDEXES = ("events_by_file", "events_changes_by_file")


class Lead(NamedTuple):
    """One way into the history: the index, and the condition that it answers. Several ``values`` are alternatives."""

    name: str
    condition: str
    values: tuple[tuple[Any, ...], ...]


def leads_of(query: EventQuery) -> list[Lead]:
    """The ways in that a query offers, the one that usually matches fewest first."""
    found: list[Lead] = []
    if query.after_hash is not None:
        found.append(Lead("events_changes_by_hash", f"after_hash = ? AND {_CHANGE}", ((query.after_hash,),)))
    if query.turn_id is not None:
        found.append(Lead("events_by_turn", "turn_id = ?", ((query.turn_id,),)))
    if query.file_path is not None:
        found.append(_of_file(query.file_path, query))
    if query.intent_id is not None:
        found.append(Lead("events_by_intent", "intent_id = ?", ((query.intent_id,),)))
    if query.agent_id is not None:
        name, condition = (
            ("events_changes_by_agent", f"agent_id = ? AND {_CHANGE}") if _changes_only(query) else ("events_by_agent", "agent_id = ?")
        )
        found.append(Lead(name, condition, ((query.agent_id,),)))
    if query.kinds is not None and "read" not in query.kinds and not (found and _COMMON_CHANGES & set(query.kinds)):
        found.append(Lead("events_by_kind", f"kind = ? AND {_CHANGE}", tuple((kind,) for kind in dict.fromkeys(query.kinds))))
    if query.outcomes is not None and "done" not in query.outcomes:
        alternatives = tuple((outcome,) for outcome in dict.fromkeys(query.outcomes))
        found.append(Lead("events_by_outcome", "outcome = ? AND outcome <> 'done'", alternatives))
    return found


def _of_file(file_path: str, query: EventQuery) -> Lead:
    if _changes_only(query):
        # Each guarded write asks for the last change of a file that may have been read a thousand times since.
        return Lead("events_changes_by_file", f"file_path = ? AND {_CHANGE}", ((file_path,),))
    return Lead("events_by_file", "file_path = ?", ((file_path,),))


def _changes_only(query: EventQuery) -> bool:
    return query.after_hash is not None or (query.kinds is not None and "read" not in query.kinds)


def select_events(connection: sqlite3.Connection, query: EventQuery) -> list[Event]:
    """The events asked for, in order of seq."""
    if query.file_path is not None and query == EventQuery(query.file_path, limit=1):
        return events_from_rows(connection.execute(_NEWEST_OF_FILE, (query.file_path,)))
    rows: dict[int, tuple[Any, ...]] = {}
    for statement, parameters in select(connection, query):
        for row in connection.execute(statement, parameters):
            rows[row[0]] = row
    ordered = [rows[seq] for seq in sorted(rows)]
    if query.limit is not None and len(ordered) > query.limit:
        ordered = ordered[: query.limit] if query.oldest else ordered[len(ordered) - query.limit :]
    return events_from_rows(ordered)


# Every guarded read asks for this, and nothing has to be weighed: 7 µs instead of 12.
_NEWEST_OF_FILE = f"""SELECT {EVENT_COLUMNS} FROM events WHERE seq = max(
    coalesce((SELECT seq FROM events INDEXED BY events_by_file WHERE file_path = ?1 ORDER BY seq DESC LIMIT 1), 0),
    coalesce((SELECT seq FROM events INDEXED BY events_by_to_path WHERE to_path = ?1 ORDER BY seq DESC LIMIT 1), 0))"""


def select(connection: sqlite3.Connection, query: EventQuery) -> Iterator[tuple[str, list[Any]]]:
    """The statements, with their parameters, whose rows together answer the query."""
    if query.kinds == () or query.outcomes == ():
        return
    bounds, bound_parameters = _bounds(connection, query)
    lead = _best(connection, leads_of(query), bounds, bound_parameters)
    checks, check_parameters = _checks(query)
    for index, condition, values in _branches(lead, query):
        terms = [term for term in (condition, *bounds, *checks) if term]
        where = f"WHERE {' AND '.join(terms)} " if terms else ""
        limit = "" if query.limit is None else f" LIMIT {min(max(query.limit, 0), LARGEST):d}"
        yield (
            f"SELECT {EVENT_COLUMNS} FROM events {index}{where}ORDER BY seq {'ASC' if query.oldest else 'DESC'}{limit}",
            [*values, *bound_parameters, *check_parameters],
        )


def _branches(lead: Lead | None, query: EventQuery) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Index, condition and values of each statement. A file that something was moved to is a statement of its own."""
    for values in lead.values if lead else ((),):
        index, condition = (f"INDEXED BY {lead.name} ", lead.condition) if lead else ("NOT INDEXED ", "")
        if query.file_path is None:
            yield index, condition, values
        elif lead and lead.name in _FILE_INDEXES:
            yield index, condition, values
            yield "INDEXED BY events_by_to_path ", "to_path = ?", (query.file_path,)
        else:
            yield index, f"{condition} AND (file_path = ? OR to_path = ?)", (*values, query.file_path, query.file_path)


def _checks(query: EventQuery) -> tuple[list[str], list[Any]]:
    """Every filter but file_path as a plain condition: true by itself where the index already saw to it."""
    terms: list[str] = []
    parameters: list[Any] = []
    for name in ("agent_id", "turn_id", "intent_id", "after_hash"):
        value = getattr(query, name)
        if value is not None:
            terms.append(f"+{name} = ?")
            parameters.append(value)
    if query.after_hash is not None:
        terms.append("+kind <> 'read'")
    for name, values in (("kind", query.kinds), ("outcome", query.outcomes)):
        if values is not None:
            terms.append(f"+{name} IN ({', '.join('?' * len(values))})")
            parameters.extend(values)
    return terms, parameters


def _bounds(connection: sqlite3.Connection, query: EventQuery) -> tuple[list[str], list[Any]]:
    terms: list[str] = []
    parameters: list[Any] = []
    first = query.after_seq
    if query.since is not None:
        terms.append("timestamp >= ?")
        parameters.append(query.since)
        first = max(first or 0, _seq_before(connection, query.since))
    if first:
        terms.append("seq > ?")
        parameters.append(first)
    if query.before_seq is not None:
        terms.append("seq < ?")
        parameters.append(query.before_seq)
    return terms, parameters


def _seq_before(connection: sqlite3.Connection, since: str) -> int:
    """A seq such that no event up to it is as late as ``since``; the highest timestamp so far never falls along seq."""
    low, high = 0, int(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            "SELECT coalesce(latest, timestamp), seq FROM events WHERE seq > ? ORDER BY seq LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row[0] >= since:
            high = middle
        else:
            low = int(row[1])
    return low


def _best(connection: sqlite3.Connection, leads: Sequence[Lead], bounds: Sequence[str], parameters: Sequence[Any]) -> Lead | None:
    """The lead that matches fewest, as far as counting to a bound can tell; else the first."""
    if len(leads) < 2:
        return leads[0] if leads else None
    sequence_bounds = [(term, value) for term, value in zip(bounds, parameters, strict=True) if term.startswith("seq")]
    best, fewest = leads[0], _COUNT_BOUND
    for lead in leads:
        count = sum(_count(connection, lead, values, sequence_bounds) for values in lead.values)
        if count < fewest:
            best, fewest = lead, count
        if count < _FEW:
            break
    return best


def _count(connection: sqlite3.Connection, lead: Lead, values: tuple[Any, ...], bounds: Sequence[tuple[str, Any]]) -> int:
    where = " AND ".join([lead.condition, *(term for term, _ in bounds)])
    statement = f"SELECT count(*) FROM (SELECT 1 FROM events INDEXED BY {lead.name} WHERE {where} LIMIT {_COUNT_BOUND})"
    return int(connection.execute(statement, (*values, *(value for _, value in bounds))).fetchone()[0])


def was_given(connection: sqlite3.Connection, agent_id: str, file_path: str, content_hash: str) -> Event | None:
    """The newest event that gave this writer this version, under the file's own name or the one it was moved to."""
    rows = [
        *connection.execute(_GIVEN_BY_FILE, (file_path, file_path, agent_id, content_hash)),
        *connection.execute(_GIVEN_BY_MOVE, (file_path, agent_id, content_hash)),
    ]
    return events_from_rows([max(rows)])[0] if rows else None


_LOOKED_BACK_TO = f"SELECT seq FROM events INDEXED BY events_by_file WHERE file_path = ? ORDER BY seq DESC LIMIT 1 OFFSET {LOOKED_BACK}"
_GIVEN_BY_FILE = f"""SELECT {EVENT_COLUMNS} FROM events INDEXED BY events_by_file
    WHERE file_path = ? AND seq > coalesce(({_LOOKED_BACK_TO}), 0) AND agent_id = ? AND given_hash = ? ORDER BY seq DESC LIMIT 1"""
_GIVEN_BY_MOVE = f"""SELECT {EVENT_COLUMNS} FROM events INDEXED BY events_by_to_path
    WHERE to_path = ? AND agent_id = ? AND given_hash = ? ORDER BY seq DESC LIMIT 1"""
