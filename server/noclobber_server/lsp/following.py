"""Follows a workspace's history as other processes write it: open documents are looked at, and clients that asked for it are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from noclobber.records import Event
from noclobber.situation import CHANGING
from noclobber.store.protocol import EventQuery

if TYPE_CHECKING:
    from .client import Client
    from .rooms import Room
    from .tracking import Tracker

__all__ = ["ACTIVITY", "Follower", "event_to_wire"]

ACTIVITY = "noclobber/activity"
_AT_A_TIME = 500


class Follower:
    """Used by the worker's thread only."""

    def __init__(self, client: Client, tracker: Tracker, *, wants_activity: bool) -> None:
        self._client = client
        self._tracker = tracker
        self._wants_activity = wants_activity
        self.on_events: Callable[[Room, list[Event]], None] = lambda _room, _events: None

    def follow(self, room: Room) -> None:
        """Take in what was put on record since the last time."""
        if room.is_closed:
            return
        store = room.workspace.store
        store.version()  # notices a state that was removed
        last = store.last_seq()
        if store.epoch != room.epoch:  # made anew, or rebuilt: then what is older than its newest events was told already
            room.epoch, room.last_seq = store.epoch, max(last - _AT_A_TIME, 0)
            self._tell_anew(room, last)
        while store.last_seq() != room.last_seq:
            events = store.events(EventQuery(after_seq=room.last_seq, limit=_AT_A_TIME, oldest=True))
            if not events:
                return
            room.last_seq = events[-1].seq
            self._take_in(room, events)

    def have_looked_again(self, room: Room) -> None:
        """A pause began or ended, or the settings are others, of which nothing goes on record: clients that show it look again."""
        if self._wants_activity and not room.is_closed:
            self._client.notify(ACTIVITY, {"root": room.root, "events": []})

    def _take_in(self, room: Room, events: list[Event]) -> None:
        paths = {path for event in events if event.kind in CHANGING for path in (event.file_path, event.to_path) if path}
        for path in paths & room.documents.keys():
            for document in room.documents[path]:
                document.authors = ()  # it may be known now who it was
                self._tracker.look(document)
        self.on_events(room, events)
        if self._wants_activity:
            self._client.notify(ACTIVITY, {"root": room.root, "events": [event_to_wire(event) for event in events]})

    def _tell_anew(self, room: Room, last: int) -> None:
        """What is open, and what is unsaved in it, was in the state that is gone."""
        for document in [document for documents in room.documents.values() for document in documents]:
            document.row, document.own_text = None, None
            document.seen_seq = document.seen_seq if document.seen_seq <= last else 0
            self._tracker.look(document)


def event_to_wire(event: Event) -> dict[str, Any]:
    """An event as editors get it: camelCase, without what only refusals hold."""
    return {
        "seq": event.seq,
        "timestamp": event.timestamp,
        "kind": event.kind,
        "outcome": event.outcome,
        "refusal": event.refusal,
        "agentId": event.agent_id,
        "turnId": event.turn_id,
        "intentId": event.intent_id,
        "filePath": event.file_path,
        "toPath": event.to_path,
        "beforeHash": event.before_hash,
        "afterHash": event.after_hash,
    }
