"""The course of a guarded change as a small machine, explored exhaustively: every interleaving with outsiders and crashes.

One writer changes one file or two, all or nothing; outsiders rename over, write in place, delete, and write late into a file they
hold open; crashes come at any step; the next holder of the lock recovers and then makes a guarded write of its own. ``breaking`` leaves
one rule out. Files are (inode, content); contents are names of versions: ``E`` old, ``N`` ours, ``B`` the next holder's, ``W1``… outside.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from machine import RULES, WROTE_LATE, Limits, State
from moves import steps

__all__ = ["RULES", "Found", "Limits", "State", "explore"]


class Found(NamedTuple):
    """How many states there are, and the way to the first violation (None: there is none)."""

    states: int
    violation: str | None
    trace: tuple[str, ...]


def explore(limits: Limits, breaking: frozenset[str] = frozenset()) -> Found:
    """Every state that can be reached, breadth first, until one is wrong."""
    assert breaking <= RULES
    start = State(
        tuple((file + 1, "E") for file in range(limits.files)), (None,) * limits.files, (None,) * limits.files, "check", 0, "idle", 0,
        frozenset({"E"}), frozenset(), frozenset(), 0, frozenset(), ("",) * limits.files, frozenset(), limits, 0,
    )  # fmt: skip
    came: dict[State, tuple[str, State] | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        wrong = _wrong(state, limits)
        if wrong is not None:
            return Found(len(came), wrong, _trace(came, state))
        for name, after in steps(state, breaking):
            if after not in came:
                came[after] = (name, state)
                queue.append(after)
    return Found(len(came), None, ())


def _trace(came: dict[State, tuple[str, State] | None], state: State) -> tuple[str, ...]:
    names: list[str] = []
    step = came[state]
    while step is not None:
        names.append(step[0])
        step = came[step[1]]
    return tuple(reversed(names))


def _wrong(state: State, limits: Limits) -> str | None:
    """What must hold: never half a file at its name; at the end nothing lost, nothing left, no older version over a newer, history true."""
    if any(file is not None and file[1] == "half" for file in state.paths):
        return "half a file can be seen"
    if state.next_pc != "over":
        return None
    accounted = state.kept | state.own_loss | {file[1] for file in state.paths if file} | {content for _, content in state.aside}
    outside = {f"W{number}" for number in range(1, state.versions + 1)}
    if lost := outside - accounted:
        return f"lost {sorted(lost)}"
    if any(state.temps) or any(state.rows):
        return "something is left"
    for file, word in zip(state.paths, state.word, strict=True):
        if word != "" and _older(None if file is None else file[1], word, late=state.held == WROTE_LATE):
            return f"{file} stands over the outsider's {word}"
    return _history_wrong(state)


def _older(standing: str | None, word: str | None, *, late: bool) -> bool:
    """Whether what stands is neither the outsider's word nor one that came after it.

    A version that somebody went on writing into while it was out of its place has no order with what was put there meanwhile.
    """
    if standing == word:
        return False
    if standing is None or word is None or not standing.startswith("W"):
        return True
    return not late and int(standing[1:]) < int(word[1:])


def _history_wrong(state: State) -> str | None:
    """Where no outsider has been, the version on record stands; the next look at another file puts the outside change on record."""
    expected = "B" if "B" in state.history else "N" if "N" in state.history else "E"
    for file, word in zip(state.paths, state.word, strict=True):
        standing = None if file is None else file[1]
        if word == "" and standing != expected and not (standing or "").startswith("W"):
            return f"history says {expected}, {standing} stands"
    return None
