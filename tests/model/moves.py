"""What may happen next in the model: outsiders, the writer itself, the next holder of its lock."""

from __future__ import annotations

from collections.abc import Iterator

from machine import FORSAKEN, WROTE_LATE, File, State, Step, closed, committed, exchanged, less, put, tidied, with_word
from recovering import next_holder


def steps(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    yield from outside(state)
    if state.pc not in ("done", "refused", "dead"):
        if state.left.crashes:
            yield "crash", state._replace(pc="dead", flags=frozenset(), left=less(state, "crashes"))
        yield from work(state, breaking)
    free = state.pc in ("done", "refused", "dead") or "lock" in breaking
    if state.next_pc == "idle" and free:
        yield "the next takes the lock", state._replace(next_pc="recover", next_at=0)
    elif state.next_pc not in ("idle", "over"):
        if state.left.crashes and state.next_pc != "own":
            yield "crash of the next", state._replace(next_pc="idle", flags=frozenset(), left=less(state, "crashes"))
        yield from next_holder(state, breaking)


def outside(state: State) -> Iterator[Step]:
    left, number = state.left, state.versions + 1
    name = f"W{number}"
    for file, standing in enumerate(state.paths):
        if left.renames:
            yield f"{name} is renamed over {file}", _displace(state, file, (100 + number, name), "renames")
        if left.deletes and standing is not None:
            yield f"{file} is deleted", _displace(state, file, None, "deletes")
        if left.in_place and standing is not None:
            after = put(state._replace(versions=number, left=less(state, "in_place")), "paths", file, (standing[0], name))
            yield f"{name} is written into {file}", with_word(after._replace(own_loss=state.own_loss | {standing[1]}), file, name)
        if left.late and standing is not None and not state.held:
            yield f"{file} is opened", state._replace(held=standing[0], left=less(state, "late"))
    if state.held > 0:
        yield from _late(state, name)


def _displace(state: State, file: int, by: File, budget: str) -> State:
    standing = state.paths[file]
    lost = state.own_loss if standing is None else state.own_loss | {standing[1]}
    held = FORSAKEN if standing is not None and standing[0] == state.held else state.held  # what goes into it now is their own loss
    after = put(state._replace(own_loss=lost, held=held, left=less(state, budget)), "paths", file, by)
    if by is not None:
        after = after._replace(versions=state.versions + 1)
    return with_word(after, file, None if by is None else by[1])


def _late(state: State, name: str) -> Iterator[Step]:
    """The late writer writes, wherever its file stands by now, and closes it."""
    after = state._replace(held=WROTE_LATE, versions=state.versions + 1)
    for file, standing in enumerate(state.paths):
        if standing is not None and standing[0] == state.held:
            changed = put(after, "paths", file, (state.held, name))
            yield f"{name} late at {file}", with_word(changed._replace(own_loss=state.own_loss | {standing[1]}), file, name)
            return
    for file, standing in enumerate(state.temps):
        if standing is not None and standing[0] == state.held:
            yield (
                f"{name} late into what came out",
                put(after._replace(own_loss=state.own_loss | {standing[1]}), "temps", file, (state.held, name)),
            )
            return
    for inode, content in state.aside:
        if inode == state.held:
            yield f"{name} late into what was put aside", after._replace(aside=state.aside - {(inode, content)} | {(inode, name)})
            return
    yield f"{name} late into what was removed", after


def work(state: State, breaking: frozenset[str]) -> Iterator[Step]:
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
        yield f"exchange {at}", exchanged(state, at, then="compare", gone="undo")
    elif state.pc == "compare":
        settled = state._replace(pc="exchange", at=at + 1) if at < last else state._replace(pc="settle")
        yield _compare(state, at, breaking, settled=settled, overtaken=state._replace(pc="undo"), again="exchange")
    elif state.pc == "settle" and "outcome first" in breaking:
        yield "temporary file away, no outcome yet", tidied(state, at, breaking)._replace(pc="outcome")
    elif state.pc in ("settle", "outcome"):
        yield "outcome on record", closed(state, breaking)._replace(pc="tidy", at=0, history=state.history | {"N"})
    elif state.pc == "undo":
        yield from _undo(state, breaking)
    elif state.pc == "close":
        yield "rows closed", committed(state)._replace(pc="tidy", at=0)
    elif state.pc == "tidy":
        away = put(state, "rows", at, None) if "row last" in breaking else tidied(state, at, breaking)
        yield "temporary file away", away._replace(pc="forget")
    elif state.pc == "forget":
        over = "done" if "N" in state.history else "refused"
        after = state._replace(pc="tidy", at=at + 1) if at < last else state._replace(pc=over)
        yield "row away", put(tidied(after, at, breaking), "rows", at, None)


def _undo(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    """File ``at`` was overtaken: those before it are taken back, the last first."""
    back = state.at - 1
    if back < 0 or "undo together" in breaking:
        yield "all taken back", state._replace(pc="close")
        return
    row, temp = state.rows[back], state.temps[back]
    if row is not None and row[1] == "N" and temp is not None and temp[0] != row[3]:
        yield f"undo {back} announced", put(state, "rows", back, ("intended", temp[1], "N", temp[0]))
    elif row is not None and temp is not None and temp[0] == row[3]:
        yield f"undo {back}", exchanged(state, back, then="undo", gone="undone")
    else:
        done = state._replace(at=back)
        yield _compare(state, back, breaking, settled=done, overtaken=done, again="undo")


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
        after = put(after, "rows", file, ("intended", temp[1], placing, temp[0]))
    return f"{temp[1]} came out of {file}: goes back", after
