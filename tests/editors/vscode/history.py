"""Fills a workspace with a history of so many events, of several agents, an editor and an outsider, for the timeline's tests."""

from __future__ import annotations

import random
import sys
import time

from noclobber import ConcurrencyGuard
from noclobber.clock import format_utc
from noclobber.records import Event, EventKind, Outcome, RefusalType
from noclobber.store.protocol import Batch

AGENTS = ("claude/7f2a", "codex/19", "gemini/cli", "editor:code-server:4211", "outside")
DOINGS: tuple[tuple[EventKind, Outcome, RefusalType | None], ...] = (
    *(("read", "done", None),) * 9,
    *(("write", "done", None),) * 4,
    *(("edit", "done", None),) * 2,
    ("write", "refused", "STALE_FILE"),
    ("write", "merged", None),
    ("revert", "done", None),
    ("lesson", "done", None),
    ("check", "done", None),
)


def main() -> None:
    """Write the history."""
    root, count = sys.argv[1], int(sys.argv[2])
    chance = random.Random(7)
    with ConcurrencyGuard(root, "history") as guard:
        store = guard.workspace.store
        now = time.time() - 1
        times = sorted(now - chance.random() * min(3600.0, count * 1.5) for _ in range(count))
        events = []
        for moment in times:
            agent = chance.choice(AGENTS)
            kind, outcome, refusal = ("outside", "done", None) if agent == "outside" else chance.choice(DOINGS)
            detail = {"changed_by": [{"agent_id": "codex/19"}]} if refusal else None
            turn, file = f"turn-{len(events) // 20}", f"src/m{chance.randrange(40 if count > 100 else 3)}.py"
            before, after = (f"{len(events) + more:064x}" for more in (0, 1))
            labels = (None, None) if agent == "outside" else (turn, "INT-1")
            events.append(
                Event(0, format_utc(moment), kind, outcome, refusal, store.epoch, agent, *labels, file, None, before, after, detail)
            )
        store.apply(Batch(events=events))


if __name__ == "__main__":
    main()
