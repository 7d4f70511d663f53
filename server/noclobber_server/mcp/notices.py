"""What changed under an agent since it last asked: one line, few words, each fact once, at most 200 tokens a turn."""

from __future__ import annotations

import os
import threading
import time

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


def tokens_in(text: str) -> int:
    """An upper estimate: names and paths break into pieces of about three letters."""
    return (len(text) + 2) // 3


class Notices:
    """Remembers what each agent was told. Shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}
        self._told: dict[str, set[tuple[str, object]]] = {}
        self._met: dict[str, set[str]] = {}
        self._looked: dict[str, float] = {}
        self._spent: dict[tuple[str, str | None], tuple[float, int]] = {}

    def collect(self, guard: ConcurrencyGuard, caller: Caller, about: str | None, own_seq: int, found: tuple[str, ...] = ()) -> list[str]:
        """The lines to add to an answer about one file: ``found`` belongs to the call itself, changes elsewhere are looked for.

        ``own_seq``: the event that the call itself put on record.
        """
        lines = [*found]
        if not caller.tells_changes:
            changed = self._changed(guard, about, own_seq)
            if changed:
                lines.append(changed)
        return self._within_budget(caller, lines)

    def first_time(self, agent_id: str, file_path: str) -> bool:
        """Whether this agent meets this file for the first time here."""
        with self._lock:
            met = self._met.setdefault(agent_id, set())
            if file_path in met:
                return False
            met.add(file_path)
        return True

    def _changed(self, guard: ConcurrencyGuard, about: str | None, own_seq: int) -> str:
        store, mine, now = guard.workspace.store, guard.agent_id, time.monotonic()
        newest = store.last_seq()
        with self._lock:
            since = self._seen.get(mine, newest)
            self._seen[mine] = newest
            told = self._told.setdefault(mine, set())
            quiet = newest == since or (newest == own_seq and since == own_seq - 1)
            if quiet and now - self._looked.get(mine, -_LOOK_EVERY_S) < _LOOK_EVERY_S:
                return ""
            self._looked[mine] = now
        snapshots = {snapshot.file_path: snapshot for snapshot in store.snapshots(mine)}
        facts: dict[str, str] = {}
        if newest > since:
            for event in store.events(EventQuery(kinds=CHANGING, outcomes=EFFECTIVE, after_seq=since, limit=_LOOKED_AT)):
                if event.agent_id != mine and event.file_path in snapshots and event.file_path != about:
                    facts[event.file_path or ""] = event.agent_id
        for path, snapshot in snapshots.items():
            if path == about or snapshot.signature is None or len(facts) > _NAMED:
                continue
            mark = _changed_mark(guard.workspace.root, path, snapshot.signature)
            if mark is not None and (path, mark) not in told:
                told.add((path, mark))
                if path not in facts and guard.verify_before_write(path) is not None:
                    facts[path] = "outside"
        if not facts:
            return ""
        named = ", ".join(f"{path} ({by})" for path, by in list(facts.items())[:_NAMED])
        more = f" and {len(facts) - _NAMED} more" if len(facts) > _NAMED else ""
        return f"Changed since you read them: {named}{more}."

    def _within_budget(self, caller: Caller, lines: list[str]) -> list[str]:
        if not lines:
            return lines
        key, now = (caller.agent_id, caller.turn_id), time.monotonic()
        with self._lock:
            begun, spent = self._spent.get(key, (now, 0))
            if caller.turn_id is None and now - begun > _NAMELESS_TURN_S:
                begun, spent = now, 0
            kept = []
            for line in lines:
                cost = tokens_in(line)
                if spent + cost <= _TOKENS_A_TURN:
                    spent += cost
                    kept.append(line)
            if len(self._spent) > 10_000:
                self._spent.clear()
            self._spent[key] = (begun, spent)
        return kept


def _changed_mark(root: str, path: str, signature: object) -> object | None:
    """What tells this state of a file from others, None where it is surely the one that was read."""
    try:
        stat = os.stat(f"{root}/{path}")
    except OSError:
        return "gone"
    if same_signature(signature, stat):  # type: ignore[arg-type]
        return None
    return stat.st_mtime_ns, stat.st_size
