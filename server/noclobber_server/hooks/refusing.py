"""Counting refusals: a writer is never refused for ever."""

from __future__ import annotations

from noclobber.clock import format_utc, parse_utc, utc_now
from noclobber.situation import CHANGING, EFFECTIVE
from noclobber.store.protocol import EventQuery

from .context import Context

__all__ = ["is_third"]

_WINDOW_S = 600.0
_TIMES = 3


def is_third(context: Context, file_path: str) -> bool:
    """Whether the refusal just put on record is this writer's third on this file in ten minutes, with no change of its own between."""
    store, agent_id = context.guard.workspace.store, context.guard.agent_id
    since = format_utc(parse_utc(utc_now()) - _WINDOW_S)
    own = store.events(EventQuery(file_path=file_path, agent_id=agent_id, kinds=CHANGING, outcomes=EFFECTIVE, since=since, limit=1))
    after = own[0].seq if own else None
    refused = EventQuery(file_path=file_path, agent_id=agent_id, outcomes=("refused",), since=since, after_seq=after, limit=_TIMES)
    return len(store.events(refused)) >= _TIMES
