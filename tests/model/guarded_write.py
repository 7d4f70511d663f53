"""The course of a guarded change as a small machine, explored exhaustively: every interleaving with outsiders and crashes.

One writer changes one file or two, all or nothing; outsiders rename over, write in place, delete, and write late into a file they
hold open; crashes come at any step; the next holder of the lock recovers and then makes a guarded write of its own. ``breaking`` leaves
one rule out. Files are (inode, content); contents are names of versions: ``E`` old, ``N`` ours, ``B`` the next holder's, ``W1``… outside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

File = tuple[int, str] | None
Row = tuple[str, str, str, int] | None
"""State (``intended``, ``committed``), placing, expecting, inode of what goes in."""

RULES = frozenset({"record", "announce", "keep", "compare", "put back", "late check", "late again", "inode", "outcome first", "row last",
                   "lock", "undo together"})  # fmt: skip
"""What may be left out, each for a violation to be found."""


_FORSAKEN, _WROTE_LATE = -1, -2


class Limits(NamedTuple):
    """How much happens: files of the change, outside renames, writes in place, deletions, late writers, crashes."""

    files: int = 1
    renames: int = 2
    in_place: int = 1
    deletes: int = 0
    late: int = 1
    crashes: int = 2


class State(NamedTuple):
    """``pc`` of the writer and of the next lock holder (``idle`` until it comes), with the file each is at.

    ``flags``: displaced files known to be held; ``held``: the inode a late writer has open; ``aside``: files in kept/; ``word``: how
    outsiders left each file (empty: they have not been there).
    """

    paths: tuple[File, ...]
    temps: tuple[File, ...]
    rows: tuple[Row, ...]
    pc: str
    at: int
    next_pc: str
    next_at: int
    kept: frozenset[str]
    aside: frozenset[tuple[int, str]]
    flags: frozenset[int]
    held: int
    own_loss: frozenset[str]
    word: tuple[str | None, ...]
    history: frozenset[str]
    left: Limits
    versions: int


Step = tuple[str, State]


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
        for name, after in _steps(state, breaking):
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
        if word != "" and _older(None if file is None else file[1], word, late=state.held == _WROTE_LATE):
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


def _steps(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    yield from _outside(state)
    if state.pc not in ("done", "refused", "dead"):
        if state.left.crashes:
            yield "crash", state._replace(pc="dead", flags=frozenset(), left=_less(state, "crashes"))
        yield from _work(state, breaking)
    free = state.pc in ("done", "refused", "dead") or "lock" in breaking
    if state.next_pc == "idle" and free:
        yield "the next takes the lock", state._replace(next_pc="recover", next_at=0)
    elif state.next_pc not in ("idle", "over"):
        if state.left.crashes and state.next_pc != "own":
            yield "crash of the next", state._replace(next_pc="idle", flags=frozenset(), left=_less(state, "crashes"))
        yield from _next(state, breaking)


def _less(state: State, what: str) -> Limits:
    return state.left._replace(**{what: getattr(state.left, what) - 1})


def _outside(state: State) -> Iterator[Step]:
    left, number = state.left, state.versions + 1
    name = f"W{number}"
    for file, standing in enumerate(state.paths):
        if left.renames:
            yield f"{name} is renamed over {file}", _displace(state, file, (100 + number, name), "renames")
        if left.deletes and standing is not None:
            yield f"{file} is deleted", _displace(state, file, None, "deletes")
        if left.in_place and standing is not None:
            after = _put(state._replace(versions=number, left=_less(state, "in_place")), "paths", file, (standing[0], name))
            yield f"{name} is written into {file}", _word(after._replace(own_loss=state.own_loss | {standing[1]}), file, name)
        if left.late and standing is not None and not state.held:
            yield f"{file} is opened", state._replace(held=standing[0], left=_less(state, "late"))
    if state.held > 0:
        yield from _late(state, name)


def _displace(state: State, file: int, by: File, budget: str) -> State:
    standing = state.paths[file]
    lost = state.own_loss if standing is None else state.own_loss | {standing[1]}
    held = _FORSAKEN if standing is not None and standing[0] == state.held else state.held  # what goes into it now is their own loss
    after = _put(state._replace(own_loss=lost, held=held, left=_less(state, budget)), "paths", file, by)
    if by is not None:
        after = after._replace(versions=state.versions + 1)
    return _word(after, file, None if by is None else by[1])


def _late(state: State, name: str) -> Iterator[Step]:
    """The late writer writes, wherever its file stands by now, and closes it."""
    after = state._replace(held=_WROTE_LATE, versions=state.versions + 1)
    for file, standing in enumerate(state.paths):
        if standing is not None and standing[0] == state.held:
            changed = _put(after, "paths", file, (state.held, name))
            yield f"{name} late at {file}", _word(changed._replace(own_loss=state.own_loss | {standing[1]}), file, name)
            return
    for file, standing in enumerate(state.temps):
        if standing is not None and standing[0] == state.held:
            yield (
                f"{name} late into what came out",
                _put(after._replace(own_loss=state.own_loss | {standing[1]}), "temps", file, (state.held, name)),
            )
            return
    for inode, content in state.aside:
        if inode == state.held:
            yield f"{name} late into what was put aside", after._replace(aside=state.aside - {(inode, content)} | {(inode, name)})
            return
    yield f"{name} late into what was removed", after


def _word(state: State, file: int, word: str | None) -> State:
    return state._replace(word=(*state.word[:file], word, *state.word[file + 1 :]))


def _put(state: State, what: str, file: int, value: object) -> State:
    old = getattr(state, what)
    change: dict[str, Any] = {what: (*old[:file], value, *old[file + 1 :])}
    return state._replace(**change)


def _work(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    """The writer's own steps."""
    at, last = state.at, len(state.paths) - 1
    if state.pc == "check":
        fresh = all(file is not None and file[1] == "E" for file in state.paths)
        yield ("fresh", state._replace(pc="half")) if fresh else ("stale", state._replace(pc="refused", kept=state.kept | {"N"}))
    elif state.pc == "half":
        yield "half of the temporary files", state._replace(pc="whole", temps=tuple((10 + file, "half") for file in range(last + 1)))
    elif state.pc == "whole":
        pc = "exchange" if "record" in breaking else "record"
        yield "temporary files whole", state._replace(pc=pc, temps=tuple((10 + file, "N") for file in range(last + 1)))
    elif state.pc == "record":
        rows = tuple(("intended", "N", "E", 10 + file) for file in range(last + 1))
        yield "on record", state._replace(pc="exchange", rows=rows, kept=state.kept | {"N"})
    elif state.pc == "exchange":
        yield f"exchange {at}", _exchange(state, at, then="compare", gone="undo")
    elif state.pc == "compare":
        settled = state._replace(pc="exchange", at=at + 1) if at < last else state._replace(pc="settle")
        yield _compare(state, at, breaking, settled=settled, overtaken=state._replace(pc="undo"), again="exchange")
    elif state.pc == "settle" and "outcome first" in breaking:
        yield "temporary file away, no outcome yet", _tidied(state, at, breaking)._replace(pc="outcome")
    elif state.pc in ("settle", "outcome"):
        yield "outcome on record", _committed(state)._replace(pc="tidy", at=0, history=state.history | {"N"})
    elif state.pc == "undo":
        yield from _undo(state, breaking)
    elif state.pc == "close":
        yield "rows closed", _committed(state)._replace(pc="tidy", at=0)
    elif state.pc == "tidy":
        tidied = _put(state, "rows", at, None) if "row last" in breaking else _tidied(state, at, breaking)
        yield "temporary file away", tidied._replace(pc="forget")
    elif state.pc == "forget":
        over = "done" if "N" in state.history else "refused"
        after = state._replace(pc="tidy", at=at + 1) if at < last else state._replace(pc=over)
        yield "row away", _put(_tidied(after, at, breaking), "rows", at, None)


def _undo(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    """File ``at`` was overtaken: those before it are taken back, the last first."""
    back = state.at - 1
    if back < 0 or "undo together" in breaking:
        yield "all taken back", state._replace(pc="close")
        return
    row, temp = state.rows[back], state.temps[back]
    if row is not None and row[1] == "N" and temp is not None and temp[0] != row[3]:
        yield f"undo {back} announced", _put(state, "rows", back, ("intended", temp[1], "N", temp[0]))
    elif row is not None and temp is not None and temp[0] == row[3]:
        yield f"undo {back}", _exchange(state, back, then="undo", gone="undone")
    else:
        done = state._replace(at=back)
        yield _compare(state, back, breaking, settled=done, overtaken=done, again="undo")


def _exchange(state: State, file: int, *, then: str, gone: str) -> State:
    path, temp = state.paths[file], state.temps[file]
    if path is None:  # deleted by an outsider: that is the newest word
        kept = state.kept if temp is None else state.kept | {temp[1]}
        if gone == "undone":
            return state._replace(pc="undo", at=file, kept=kept)
        return state._replace(pc=gone, kept=kept)
    return _put(_put(state, "paths", file, temp), "temps", file, path)._replace(pc=then)


def _compare(state: State, file: int, breaking: frozenset[str], *, settled: State, overtaken: State, again: str) -> Step:
    row, temp = state.rows[file], state.temps[file]
    assert temp is not None
    placing, expecting = (row[1], row[2]) if row is not None else ("N", "E")
    if temp[1] == expecting or "compare" in breaking:
        after = settled if placing == "N" or again == "undo" else overtaken
        flags = state.flags | {temp[0]} if temp[0] == state.held and "late check" not in breaking else state.flags
        return f"{temp[1]} came out of {file} as expected", after._replace(flags=flags)
    kept = state.kept if "keep" in breaking else state.kept | {temp[1]}
    if "put back" in breaking:
        return f"{temp[1]} came out of {file} and is left out", overtaken._replace(kept=kept)
    after = state._replace(kept=kept, pc=again)
    if "announce" not in breaking:
        after = _put(after, "rows", file, ("intended", temp[1], placing, temp[0]))
    return f"{temp[1]} came out of {file}: goes back", after


def _committed(state: State) -> State:
    rows = tuple(None if row is None else ("committed", *row[1:]) for row in state.rows)
    return state._replace(rows=rows)


def _tidied(state: State, file: int, breaking: frozenset[str]) -> State:
    temp = state.temps[file]
    aside = state.aside
    if temp is not None and temp[0] in state.flags:
        aside = aside | {temp}
    return _put(state._replace(aside=aside), "temps", file, None)


def _next(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    """The next holder of the lock: recovers what it finds, takes in what nobody claims, then makes a guarded write of its own."""
    at, last = state.next_at, len(state.paths) - 1
    onward = state._replace(next_pc="recover", next_at=at + 1) if at < last else state._replace(next_pc="own")
    row = state.rows[at]
    if state.next_pc == "recover":
        yield from _recover(state, at, row, onward, breaking)
    elif state.next_pc == "put back":
        after = _exchange(state, at, then=state.pc, gone="gone")
        gone = after.pc == "gone"
        yield f"recovery exchanges {at}", after._replace(pc=state.pc, next_pc="closed" if gone else "compared")
    elif state.next_pc == "compared":
        yield from _recover_compare(_flag(state, at, "late check" not in breaking), at, row)
    elif state.next_pc == "closed":
        assert row is not None
        yield "recovery closes the row", _put(state, "rows", at, ("committed", *row[1:]))._replace(next_pc="tidied")
    elif state.next_pc == "tidied":
        yield "recovery tidies", _tidied(state, at, breaking)._replace(next_pc="forgotten")
    elif state.next_pc == "forgotten":
        yield "recovery forgets the row", _put(onward, "rows", at, None)
    elif state.next_pc == "own":
        yield _own(state)


def _recover(state: State, at: int, row: Row, onward: State, breaking: frozenset[str]) -> Iterator[Step]:
    temp = state.temps[at]
    if row is None:
        kept = state.kept if temp is None or temp[1] == "half" else state.kept | {temp[1]}
        yield "recovery takes in what nobody claims", _put(onward._replace(kept=kept), "temps", at, None)
    elif row[0] == "committed":
        yield "recovery finds the outcome", _flag(state, at, "late again" not in breaking, row)._replace(next_pc="tidied")
    elif temp is None:
        yield "recovery finds nothing", state._replace(next_pc="closed")
    else:
        yield from _resume(state, at, row, temp, breaking)


def _resume(state: State, at: int, row: tuple[str, str, str, int], temp: tuple[int, str], breaking: frozenset[str]) -> Iterator[Step]:
    _, placing, expecting, inode = row
    state = _flag(state, at, "late check" not in breaking)
    several = len(state.paths) > 1
    unexchanged = temp[1] == placing if "inode" in breaking else temp[0] == inode
    path = state.paths[at]
    if unexchanged and placing == "N":
        yield "recovery: never exchanged", state._replace(next_pc="closed")
    elif unexchanged and path is not None and path[1] == expecting:
        announced = _put(state._replace(kept=state.kept | {temp[1]}), "rows", at, ("intended", temp[1], expecting, temp[0]))
        yield "recovery goes on putting back", announced._replace(next_pc="put back")
    elif unexchanged:
        yield "recovery: overtaken", state._replace(kept=state.kept | {temp[1]}, next_pc="closed")
    elif temp[1] == expecting and placing == "N" and not several:
        yield (
            "recovery: had settled",
            _put(state, "rows", at, ("committed", *row[1:]))._replace(history=state.history | {"N"}, next_pc="tidied"),
        )
    elif temp[1] == expecting and placing == "N":
        yield "recovery takes back", _put(state, "rows", at, ("intended", temp[1], "N", temp[0]))._replace(next_pc="put back")
    elif temp[1] == expecting:
        yield "recovery: had been put back", state._replace(next_pc="closed")
    else:
        announced = _put(state._replace(kept=state.kept | {temp[1]}), "rows", at, ("intended", temp[1], placing, temp[0]))
        yield "recovery: newer came out", announced._replace(next_pc="put back")


def _recover_compare(state: State, at: int, row: Row) -> Iterator[Step]:
    temp = state.temps[at]
    assert row is not None
    assert temp is not None
    if temp[1] == row[2]:
        yield "recovery: as expected", state._replace(next_pc="closed")
    else:
        announced = _put(state._replace(kept=state.kept | {temp[1]}), "rows", at, ("intended", temp[1], row[1], temp[0]))
        yield "recovery: newer came out again", announced._replace(next_pc="put back")


def _flag(state: State, at: int, look: bool, row: Row = None) -> State:
    """Look whether the displaced file has a writer, or has been written into since its outcome went on record."""
    temp = state.temps[at]
    if temp is None or not look:
        return state
    changed = row is not None and temp[1] not in ("N", "E", row[1], row[2])
    return state._replace(flags=state.flags | {temp[0]}) if temp[0] == state.held or changed else state


def _own(state: State) -> Step:
    """The next writer knows what it has read after recovery; its own races are those of the first."""
    path = state.paths[0]
    on_record = "N" if "N" in state.history else "E"
    if len(state.paths) == 1 and path is not None and path[1] == on_record:
        aside = state.aside | {path} if path[0] == state.held else state.aside
        after = _put(state._replace(aside=aside), "paths", 0, (50, "B"))
        return "the next writes", after._replace(kept=state.kept | {path[1]}, history=state.history | {"B"}, next_pc="over")
    return "the next is refused", state._replace(kept=state.kept | {"B"}, next_pc="over")
