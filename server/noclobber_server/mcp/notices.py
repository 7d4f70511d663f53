"""What changed under an agent since it last asked: one line, few words, each fact once, at most 200 tokens a turn."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from noclobber import ConcurrencyGuard
from noclobber.content import same_signature
from noclobber.situation import CHANGING, EFFECTIVE
from noclobber.store.protocol import EventQuery

from .identity import Caller

__all__ = ["Notices", "tokens_in"]

_TOKENS_A_TURN = 200
_NAMELESS_TURN_S = 300.0
_LOOK_EVERY_S = 0.5  # a stat of each file an agent knows: not with every call
_LOOKED_AT = 100
_NAMED = 5
_WORTH_CUTTING = 50  # tokens: with fewer left in this turn, a line longer than any turn's share waits for the next

_IN_SHORT = "Changed since you read them: {} of your files; check_files names them."


def tokens_in(text: str) -> int:
    """An upper estimate: names and paths break into pieces of about three letters."""
    return (len(text) + 2) // 3


class Notices:
    """Remembers what each agent was told, and what it is still to be told when a turn has room for it. Shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._told: dict[str, set[tuple[str, object]]] = {}
        self._untold: dict[str, dict[str, str]] = {}
        self._met: dict[str, set[str]] = {}
        self._looked: dict[str, float] = {}
        self._spent: dict[tuple[str, str | None], tuple[float, int]] = {}

    def collect(
        self, guard: ConcurrencyGuard, caller: Caller, about: str, own_seq: int, found: Sequence[str] = (),
        lessons: Callable[[], Sequence[str]] | None = None,
    ) -> list[str]:  # fmt: skip
        """The lines to add to an answer about one file: ``found`` belongs to the call itself, changes elsewhere are looked for.

        ``own_seq``: the event that the call itself put on record. ``lessons``: those for the file, asked until the agent has had all.
        """
        sent = list(self._spend(caller, found).values())
        if lessons is not None:
            sent += self._first_time(caller, about, lessons)
        if not caller.tells_changes:
            sent += self._changes(guard, caller, about, own_seq)
        return sent

    def _first_time(self, caller: Caller, about: str, lessons: Callable[[], Sequence[str]]) -> list[str]:
        with self._lock:
            met = self._met.setdefault(caller.agent_id, set())
            told = self._told.setdefault(caller.agent_id, set())
        if about in met:
            return []
        wanted = [line for line in lessons() if (about, line) not in told]
        sent = self._spend(caller, wanted)
        with self._lock:
            told.update((about, line) for line in sent)
            if len(sent) == len(wanted):
                met.add(about)
        return list(sent.values())

    def _changes(self, guard: ConcurrencyGuard, caller: Caller, about: str, own_seq: int) -> list[str]:
        new, room = self._changed(guard, about, own_seq), self._room(caller)
        with self._lock:
            held = self._untold.pop(guard.agent_id, {})
        if tokens_in(_IN_SHORT) <= room:  # what could not be told when it was found may be read, or undone, by now
            held = {path: by for path, by in held.items() if path != about and guard.verify_before_write(path) is not None}
        facts = held | new
        line = next((line for line in _wordings(facts) if tokens_in(line) <= room), "")
        sent = list(self._spend(caller, [line] if line else []).values())
        if not sent and facts:
            with self._lock:
                self._untold[guard.agent_id] = facts | self._untold.get(guard.agent_id, {})
        return sent

    def _changed(self, guard: ConcurrencyGuard, about: str, own_seq: int) -> dict[str, str]:
        """Which files this agent knows changed since the last look, and by whom."""
        store, mine, now = guard.workspace.store, guard.agent_id, time.monotonic()
        newest = store.last_seq()
        with self._lock:
            since = self._seen.get(mine, newest)
            self._seen[mine] = newest
            told = self._told.setdefault(mine, set())
            quiet = newest == since or (newest == own_seq and since == own_seq - 1)
            if quiet and now - self._looked.get(mine, -_LOOK_EVERY_S) < _LOOK_EVERY_S:
                return {}
            self._looked[mine] = now
        snapshots = {snapshot.file_path: snapshot for snapshot in store.snapshots(mine)}
        facts: dict[str, str] = {}
        if newest > since:
            for event in store.events(EventQuery(kinds=CHANGING, outcomes=EFFECTIVE, after_seq=since, limit=_LOOKED_AT)):
                if event.agent_id != mine and event.file_path in snapshots and event.file_path != about:
                    facts[event.file_path or ""] = event.agent_id
        for path, snapshot in snapshots.items():
            if path == about or snapshot.signature is None or (len(facts) > _NAMED and path not in facts):
                continue
            mark = _changed_mark(guard.workspace.root, path, snapshot.signature)
            if mark is not None and (path, mark) not in told:
                told.add((path, mark))
                if path not in facts and guard.verify_before_write(path) is not None:
                    facts[path] = "outside"
        return facts

    def _room(self, caller: Caller) -> int:
        with self._lock:
            return _TOKENS_A_TURN - self._turn(caller)[1]

    def _turn(self, caller: Caller) -> tuple[float, int]:
        """When this caller's turn began, and what was spent in it; calls without a turn make one of five minutes."""
        now = time.monotonic()
        begun, spent = self._spent.get((caller.agent_id, caller.turn_id), (now, 0))
        return (now, 0) if caller.turn_id is None and now - begun > _NAMELESS_TURN_S else (begun, spent)

    def _spend(self, caller: Caller, lines: Sequence[str]) -> dict[str, str]:
        """Those lines the turn has room for, each with what is sent of it: one that no turn has room for is cut."""
        if not lines:
            return {}
        sent: dict[str, str] = {}
        with self._lock:
            begun, spent = self._turn(caller)
            for line in lines:
                room = _TOKENS_A_TURN - spent
                cut = line if tokens_in(line) <= _TOKENS_A_TURN or room < _WORTH_CUTTING else f"{line[: 3 * room - 1]}…"
                if tokens_in(cut) <= room:
                    spent += tokens_in(cut)
                    sent[line] = cut
            if len(self._spent) > 10_000:
                self._spent.clear()
            self._spent[caller.agent_id, caller.turn_id] = (begun, spent)
        return sent


def _wordings(facts: Mapping[str, str]) -> Iterator[str]:
    """What can be said of changed files, from many names to none; nothing where nothing changed."""
    named = [f"{path} ({by})" for path, by in facts.items()]
    for count in range(min(_NAMED, len(named)), 0, -1):
        more = f" and {len(named) - count} more" if len(named) > count else ""
        yield f"Changed since you read them: {', '.join(named[:count])}{more}."
    if named:
        yield _IN_SHORT.format(len(named))


def _changed_mark(root: str, path: str, signature: object) -> object | None:
    """What tells this state of a file from others, None where it is surely the one that was read."""
    try:
        stat = os.stat(f"{root}/{path}")
    except OSError:
        return "gone"
    if same_signature(signature, stat):  # type: ignore[arg-type]
        return None
    return stat.st_mtime_ns, stat.st_size
