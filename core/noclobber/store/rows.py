"""Records as database rows, and back. No connection is held here, and nothing is decided."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any, Final

from ..errors import StoreError
from ..records import Buffer, Event, LineRange, Signature, Snapshot
from .protocol import Pending

__all__ = [
    "BUFFER_COLUMNS",
    "EVENT_COLUMNS",
    "FORM_FILE",
    "FORM_FINAL",
    "FORM_RAW",
    "FORM_ZLIB",
    "GIVEN_KINDS",
    "GIVEN_OUTCOMES",
    "PENDING_COLUMNS",
    "PUT_BUFFER",
    "PUT_EVENT",
    "PUT_PENDING",
    "PUT_SIGNATURE",
    "PUT_SNAPSHOT",
    "SNAPSHOT_COLUMNS",
    "buffer_from_row",
    "buffer_row",
    "event_row",
    "events_from_rows",
    "given_hash",
    "json_text",
    "json_value",
    "pending_from_row",
    "pending_row",
    "signature_row",
    "snapshot_row",
    "snapshots_from_rows",
]

GIVEN_KINDS: Final = frozenset(("read", "write", "edit", "restore", "revert", "move", "open", "save"))
GIVEN_OUTCOMES: Final = frozenset(("done", "merged", "formatted", "overridden"))

FORM_RAW: Final = 0
"""As it came: a write does not pay for compression."""
FORM_ZLIB: Final = 1
FORM_FILE: Final = 2
FORM_FINAL: Final = 3
"""Compressing did not make it smaller."""

EVENT_COLUMNS: Final = ", ".join(Event._fields)
SNAPSHOT_COLUMNS: Final = "file_path, read_hash, turn_id, intent_id, timestamp, agent_id, lines, signature, seq"
BUFFER_COLUMNS: Final = ", ".join(Buffer._fields)
PENDING_COLUMNS: Final = ", ".join(f'"{name}"' for name in Pending._fields)

# ?1 is seq: None for the next one. ?2 is the timestamp; `latest` is set only where an earlier event had a higher one.
PUT_EVENT: Final = f"""INSERT INTO events ({EVENT_COLUMNS}, given_hash, latest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    nullif(max(?2, coalesce((SELECT coalesce(latest, timestamp) FROM events ORDER BY seq DESC LIMIT 1), '')), ?2))"""
PUT_SNAPSHOT: Final = f"""INSERT INTO snapshots ({SNAPSHOT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (file_path, agent_id) DO UPDATE SET read_hash = excluded.read_hash, turn_id = excluded.turn_id,
    intent_id = excluded.intent_id, timestamp = excluded.timestamp, lines = excluded.lines,
    signature = excluded.signature, seq = excluded.seq"""
PUT_SIGNATURE: Final = "UPDATE snapshots SET signature = ? WHERE file_path = ? AND agent_id = ? AND seq = ? AND read_hash = ?"
PUT_BUFFER: Final = f"INSERT OR REPLACE INTO buffers ({BUFFER_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
PUT_PENDING: Final = f"INSERT OR REPLACE INTO pending ({PENDING_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

# One blob instead of six columns: 10,000 snapshots are read for every status. Inode and device may use all 64 bits.
_SIGNATURE = Struct("<qqqQQ?")


def given_hash(event: Event) -> str | None:
    """The version of the file that the writer really knew after this event, None where it was given none.

    It is not ``after_hash`` where an edit kept others' changes that the answer did not show; then the
    event's detail has ``read_hash``.
    """
    if event.kind not in GIVEN_KINDS or event.outcome not in GIVEN_OUTCOMES:
        return None
    if event.detail is not None and "read_hash" in event.detail:
        known = event.detail["read_hash"]
        return known if isinstance(known, str) else None
    return event.after_hash


def event_row(event: Event, epoch: str, seq: int | None = None) -> tuple[Any, ...]:
    """Values for ``PUT_EVENT``."""
    detail = event.detail
    return (seq, *event[1:5], epoch, *event[6:13], None if detail is None else json_text(detail), given_hash(event))


def events_from_rows(rows: Iterable[tuple[Any, ...]]) -> list[Event]:
    """Events from rows of ``EVENT_COLUMNS``."""
    make = Event._make
    return [make(row) if row[13] is None else make((*row[:13], json_value(row[13]))) for row in rows]


def snapshot_row(snapshot: Snapshot, seq: int) -> tuple[Any, ...]:
    """Values for ``PUT_SNAPSHOT``."""
    signature = snapshot.signature
    packed = None if signature is None else _SIGNATURE.pack(*signature)
    return (*snapshot[:6], _lines_text(snapshot.lines), packed, seq)


def signature_row(snapshot: Snapshot) -> tuple[Any, ...]:
    """Values for ``PUT_SIGNATURE``."""
    packed = None if snapshot.signature is None else _SIGNATURE.pack(*snapshot.signature)
    return (packed, snapshot.file_path, snapshot.agent_id, snapshot.seq, snapshot.read_hash)


def snapshots_from_rows(rows: Iterable[tuple[Any, ...]]) -> list[Snapshot]:
    """Snapshots from rows of ``SNAPSHOT_COLUMNS``."""
    make, make_signature, unpack = Snapshot._make, Signature._make, _SIGNATURE.unpack
    return [
        make(
            (
                file_path,
                read_hash,
                turn_id,
                intent_id,
                timestamp,
                agent_id,
                None if lines is None else _lines(lines),
                None if signature is None else make_signature(unpack(signature)),
                seq,
            )
        )
        for file_path, read_hash, turn_id, intent_id, timestamp, agent_id, lines, signature, seq in rows
    ]


def buffer_row(buffer: Buffer) -> tuple[Any, ...]:
    """Values for ``PUT_BUFFER``."""
    return (*buffer[:5], _lines_text(buffer.lines), *buffer[6:])


def buffer_from_row(row: tuple[Any, ...]) -> Buffer:
    """A buffer from a row of ``BUFFER_COLUMNS``."""
    return Buffer(row[0], row[1], row[2], row[3], bool(row[4]), None if row[5] is None else _lines(row[5]), *row[6:])


def pending_row(pending: Pending) -> tuple[Any, ...]:
    """Values for ``PUT_PENDING``."""
    return (*pending[:10], json_text(pending.outcome))


def pending_from_row(row: tuple[Any, ...]) -> Pending:
    """A pending exchange from a row of ``PENDING_COLUMNS``."""
    return Pending._make((*row[:10], json_value(row[10])))


def _lines_text(lines: Sequence[LineRange] | None) -> str | None:
    return None if lines is None else ",".join(f"{first}-{last}" for first, last in lines)


def _lines(text: str) -> tuple[LineRange, ...]:
    spans = (span.partition("-") for span in text.split(",") if span)
    return tuple((int(first), int(last)) for first, _, last in spans)


# The detail of nearly every snapshot that a front records; the encoder would take 2 µs of the 16 that its event costs.
_TOLD_TEXT = '{"told":true}'


# json costs a few milliseconds to import (it needs re), and most events of a hook carry no detail.
def json_text(value: dict[str, Any]) -> str:
    """One JSON object as text; StoreError where a value is none that JSON has."""
    if len(value) == 1 and value.get("told") is True:
        return _TOLD_TEXT
    import json

    try:
        return json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise StoreError(f"nothing was recorded: a value cannot be written as JSON ({error}).") from error


def json_value(text: str) -> Any:
    """What ``json_text`` wrote."""
    if text == _TOLD_TEXT:
        return {"told": True}
    import json

    return json.loads(text)
