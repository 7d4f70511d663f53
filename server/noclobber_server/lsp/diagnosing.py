"""Turns a buffer's state into the diagnostics its editor shows, and publishes them when they have changed, never otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from lsprotocol import types

from noclobber.blame import attribute_lines
from noclobber.records import Event
from noclobber.situation import hash_after

from .client import Client, lsp_range
from .documents import Document
from .state import Assessment, Region, as_bytes
from .wording import message_for, who

__all__ = ["CODES", "DiagnosticsSetting", "Publisher"]

DiagnosticsSetting = Literal["all", "conflicts", "off"]
SOURCE = "noclobber"
CODES = {"behind": "stale-buffer", "mergeable": "stale-buffer", "conflict": "stale-conflict", "deleted": "deleted-on-disk"}
_SEVERITY = {
    "behind": types.DiagnosticSeverity.Information,
    "mergeable": types.DiagnosticSeverity.Warning,
    "conflict": types.DiagnosticSeverity.Error,
    "deleted": types.DiagnosticSeverity.Warning,
}
_MOST = 40
_MOST_CHANGES = 20  # the last ones, in each diagnostic's data


class Publisher:
    """Publishes for one client. ``setting`` is asked each time, since it may change. Used by the worker's thread only."""

    def __init__(self, client: Callable[[], Client], setting: Callable[[Document], DiagnosticsSetting]) -> None:
        self._client = client
        self._setting = setting

    def publish(self, document: Document, found: Assessment, version: int) -> None:
        """Show the state as it is at this version of the text."""
        if document.model.version != version and found.state != "fresh":
            return  # the text has moved on; the look that is due will say it
        wanted = self._diagnostics(document, found) if self._is_shown(document, found) else []
        if _same(wanted, document.published):
            return
        document.published = wanted
        self._client().publish(document.uri, version, wanted)

    def withdraw(self, document: Document) -> None:
        """Take back what is shown: the document was closed."""
        if document.published:
            document.published = []
            self._client().publish(document.uri, document.model.version, [])

    def _is_shown(self, document: Document, found: Assessment) -> bool:
        setting = self._setting(document)
        return found.state != "fresh" and (setting == "all" or (setting == "conflicts" and found.state == "conflict"))

    def _diagnostics(self, document: Document, found: Assessment) -> list[types.Diagnostic]:
        regions: Sequence[Region | None] = found.regions[:_MOST] or (None,)
        by_line = _attributed(document)
        return [self._diagnostic(document, found, region, by_line) for region in regions]

    def _diagnostic(
        self, document: Document, found: Assessment, region: Region | None, by_line: list[Event | None] | None
    ) -> types.Diagnostic:
        authors = _authors(document, region, by_line)
        place = lsp_range(_place(document, region))
        message = message_for(
            found.state, authors, time.time(), None if region is None else region.disk, base_known=document.base_hash is not None
        )
        return types.Diagnostic(
            range=place,
            message=message,
            severity=_SEVERITY[found.state],
            code=CODES[found.state],
            source=SOURCE,
            related_information=self._related(document, region),
            data=_data(document, found, region, authors),
        )

    def _related(self, document: Document, region: Region | None) -> list[types.DiagnosticRelatedInformation] | None:
        if region is None or document.disk is None or not self._client().takes_related:
            return None
        first, after = region.disk
        shown = document.disk.shown.split("\n")[first : max(after, first)]
        text = "\n".join(shown[:6]) + ("\n…" if len(shown) > 6 else "")
        message = f"On disk now: {text}" if shown else "On disk these lines are gone."
        end = types.Position(max(after, first), 0)
        place = types.Location(document.uri, types.Range(types.Position(first, 0), end))
        return [types.DiagnosticRelatedInformation(place, message[:1000])]


def _place(document: Document, region: Region | None) -> Any:
    if region is None:
        return document.model.whole_lines(0, 0)
    first, after = region.buffer
    return document.model.whole_lines(first, max(after - 1, first))


def _attributed(document: Document) -> list[Event | None] | None:
    """For each line of the disk the event since the base that wrote it, None for older lines; None where it cannot be told."""
    room, base, disk = document.room, document.base, document.disk
    if room is None or base is None or disk is None or len(document.authors) < 2:
        return None
    versions: list[tuple[Event | None, bytes]] = [(None, as_bytes(base.shown))]
    for event in document.authors:
        content_hash = hash_after(event, document.file_path)
        content = (
            None if content_hash is None else disk.content if content_hash == disk.hash else room.workspace.store.content(content_hash)
        )
        if content is None:
            return None
        versions.append((event, as_bytes(document.view.shown(content))))
    return [tag for tag, _ in attribute_lines(versions)]


def _authors(document: Document, region: Region | None, by_line: list[Event | None] | None) -> Sequence[Event]:
    if region is None or by_line is None:
        return document.authors
    first, after = region.disk
    wrote = {event.seq: event for event in by_line[first:after] if event is not None}
    return [wrote[seq] for seq in sorted(wrote)] or document.authors


def _data(document: Document, found: Assessment, region: Region | None, authors: Sequence[Event]) -> dict[str, Any]:
    return {
        "state": found.state,
        "filePath": document.file_path,
        "baseHash": document.base_hash,
        "diskHash": document.disk.hash if document.disk else None,
        "bufferLines": list(region.buffer) if region else None,
        "diskLines": list(region.disk) if region else None,
        "changedBy": [
            {
                "seq": event.seq,
                "agentId": event.agent_id,
                "turnId": event.turn_id,
                "intentId": event.intent_id,
                "timestamp": event.timestamp,
                "kind": event.kind,
                "who": who(event),
            }
            for event in authors[-_MOST_CHANGES:]
        ],
        "changedByMore": max(len(authors) - _MOST_CHANGES, 0),
    }


def _same(one: list[types.Diagnostic], other: list[types.Diagnostic]) -> bool:
    """Whether two lists say the same: the words "4 s ago" age, what they say does not."""
    return [_essence(diagnostic) for diagnostic in one] == [_essence(diagnostic) for diagnostic in other]


def _essence(diagnostic: types.Diagnostic) -> tuple[Any, ...]:
    place = diagnostic.range
    at = place.start.line, place.start.character, place.end.line, place.end.character
    return at, diagnostic.code, diagnostic.severity, diagnostic.data
