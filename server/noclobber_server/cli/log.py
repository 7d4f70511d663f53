"""``log``: the history, filtered, and followed as it grows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, get_args

from noclobber.records import Event, EventKind, Outcome

from .numbers import whole_number
from .output import printable
from .registry import Command
from .times import since

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from noclobber import ConcurrencyGuard

    from .call import Call

__all__ = ["COMMANDS", "row_of"]

_HEADER = ("SEQ", "TIME", "WHO", "WHAT", "OUTCOME", "FILE", "VERSION", "TURN", "INTENT")
_STYLE = {"refused": "red", "observed": "yellow", "overridden": "yellow", "merged": "cyan"}
_POLL_SECONDS = 0.1  # asking for the store's version costs microseconds


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--file", metavar="P", help="events of this file")
    parser.add_argument("--agent", metavar="A")
    parser.add_argument("--turn", metavar="T")
    parser.add_argument("--intent", metavar="I")
    parser.add_argument("--kind", metavar="K", choices=get_args(EventKind), help=", ".join(get_args(EventKind)))
    parser.add_argument("--outcome", metavar="O", choices=get_args(Outcome), help=", ".join(get_args(Outcome)))
    parser.add_argument("--since", metavar="TIME", help="2h, 1d, 2026-01-31, or an ISO 8601 time")
    parser.add_argument("--limit", metavar="N", type=whole_number, default=50, help="the newest N (50); 0: all")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what happens from now on, until Ctrl-C")


def _log(call: Call) -> int:
    moment = None if call.since is None else since(call.since)
    with call.existing_guard(call.file) as guard:
        selected = _Selection(guard, call, moment)
        _say(call, selected.newest(call.limit or None))
        if call.follow:
            _follow(call, guard, selected)
    return 0


class _Selection:
    """The filters of one call, asked again and again by ``--follow``."""

    def __init__(self, guard: ConcurrencyGuard, call: Call, moment: str | None) -> None:
        from noclobber.store.protocol import EventQuery

        self._store = guard.workspace.store
        self.seen = self._store.last_seq()
        self._query = EventQuery(
            file_path=None if call.file is None else call.relative(guard, call.file),
            agent_id=call.selected("agent"),
            turn_id=call.selected("turn"),
            intent_id=call.selected("intent"),
            kinds=None if call.kind is None else (call.kind,),
            outcomes=None if call.outcome is None else (call.outcome,),
            since=moment,
        )

    def newest(self, limit: int | None) -> list[Event]:
        return self._store.events(self._query._replace(limit=limit, before_seq=self.seen + 1))

    def further(self) -> list[Event]:
        """What came since the last question."""
        newest = self._store.last_seq()
        if newest < self.seen:  # the state was deleted and made anew: its numbers begin again
            self.seen = 0
        found = self._store.events(self._query._replace(after_seq=self.seen, before_seq=newest + 1))
        self.seen = newest
        return found


def _follow(call: Call, guard: ConcurrencyGuard, selected: _Selection) -> None:
    version = -1
    while True:
        call.out.flush()
        now = guard.workspace.store.version()
        if now != version:
            version = now
            _say(call, selected.further(), header=False)
        else:
            time.sleep(_POLL_SECONDS)


def _say(call: Call, events: list[Event], *, header: bool = True) -> None:
    if call.out.as_json:
        for event in events:
            call.out.json(event.to_json())
    elif events or header:
        rows = [row_of(event) for event in events]
        call.out.table(_HEADER, rows, [_STYLE.get(event.outcome) for event in events])


def row_of(event: Event) -> tuple[str, ...]:
    """One event as the columns of the table."""
    path = event.file_path or "-"
    if event.to_path:
        path = f"{path} -> {event.to_path}"
    what = event.kind if event.refusal is None else f"{event.kind} {event.refusal}"
    version = f"{_short(event.before_hash)}..{_short(event.after_hash)}"
    labels = (event.turn_id or "-", event.intent_id or "-")
    return (str(event.seq), event.timestamp, printable(event.agent_id), what, event.outcome, path, version, *labels)


def _short(content_hash: str | None) -> str:
    return content_hash[:8] if content_hash else "-"


COMMANDS = {
    "log": Command(
        _log,
        _configure,
        "  noclobber log --file src/a.py\n"
        "  noclobber log --agent bob --outcome refused --since 2h\n"
        "  noclobber log --follow --json | jq .file_path",
        options="own",
    ),
}
