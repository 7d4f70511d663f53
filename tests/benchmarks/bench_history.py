"""A query for 20 events must cost the same in a history of ten thousand and of a million."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from frame import Bench, Figure, by_turns

from noclobber.records import Event
from noclobber.store.protocol import Batch, EventQuery, Store
from noclobber.store.sqlite import SqliteStore


def _query(folder: Path) -> Iterable[Figure]:
    stores = {count: _filled(folder / str(count), count) for count in (10_000, 1_000_000)}
    try:
        for what, query in _QUESTIONS.items():
            small, large = (_asking(store, query(count)) for count, store in stores.items())
            floor, ours = by_turns(small, large, rounds=400).medians
            yield Figure(f"20 of 1,000,000 events by {what}", ours, "of 10,000", floor, ours / floor, most_ratio=1.5, most_seconds=0.001)
    finally:
        for store in stores.values():
            store.close()


# A writer with an eighth of the history, a turn and an intent from its middle, a file that comes back all the time.
_QUESTIONS: dict[str, Callable[[int], EventQuery]] = {
    "agent": lambda _count: EventQuery(agent_id="agent-3", limit=20),
    "turn": lambda count: EventQuery(turn_id=f"turn-{count // 80}", limit=20),
    "intent": lambda count: EventQuery(intent_id=f"INT-{count // 800}", limit=20),
    "file": lambda _count: EventQuery(file_path="src/module_7.py", limit=20),
}


def _asking(store: Store, query: EventQuery) -> Callable[[], None]:
    def ask() -> None:
        assert len(store.events(query)) == 20

    return ask


def _filled(state: Path, count: int) -> Store:
    """A store with this many events, 40 to a turn, 400 to an intent, over 500 files and 8 writers."""
    state.mkdir()
    store = SqliteStore(str(state))
    events = (_event(number) for number in range(count))
    while chunk := tuple(islice(events, 10_000)):
        store.apply(Batch(events=chunk))
    return store


def _event(number: int) -> Event:
    stamp = f"2026-01-{number // 86_400_000 + 1:02d}T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    kind = ("read", "read", "write", "edit")[number % 4]
    before, after = f"{number % 977:064x}", f"{(number + 1) % 977:064x}"
    labels = (f"agent-{number % 8}", f"turn-{number // 40}", f"INT-{number // 400}", f"src/module_{number % 500}.py")
    return Event(0, stamp, kind, "done", None, "", *labels, None, before, after)


BENCHES = (Bench("query", _query),)
