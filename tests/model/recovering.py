"""The next holder of the lock in the model: recovers what it finds, then makes a guarded write of its own."""

from __future__ import annotations

from collections.abc import Iterator

from machine import Row, State, Step, exchanged, put, tidied


def next_holder(state: State, breaking: frozenset[str]) -> Iterator[Step]:
    """The next holder of the lock: recovers what it finds, takes in what nobody claims, then makes a guarded write of its own."""
    at, last = state.next_at, len(state.paths) - 1
    onward = state._replace(next_pc="recover", next_at=at + 1) if at < last else state._replace(next_pc="own")
    row = state.rows[at]
    if state.next_pc == "recover":
        yield from _recover(state, at, row, onward, breaking)
    elif state.next_pc == "put back":
        after = exchanged(state, at, then=state.pc, gone="gone")
        gone = after.pc == "gone"
        yield f"recovery exchanges {at}", after._replace(pc=state.pc, next_pc="closed" if gone else "compared")
    elif state.next_pc == "compared":
        yield from _recover_compare(_flag(state, at, "late check" not in breaking), at, row)
    elif state.next_pc == "closed":
        assert row is not None
        yield "recovery closes the row", put(state, "rows", at, ("committed", *row[1:]))._replace(next_pc="tidied")
    elif state.next_pc == "tidied":
        yield "recovery tidies", tidied(state, at, breaking)._replace(next_pc="forgotten")
    elif state.next_pc == "forgotten":
        yield "recovery forgets the row", put(onward, "rows", at, None)
    elif state.next_pc == "own":
        yield _own(state)


def _recover(state: State, at: int, row: Row, onward: State, breaking: frozenset[str]) -> Iterator[Step]:
    temp = state.temps[at]
    if row is None:
        kept = state.kept if temp is None or temp[1] == "half" else state.kept | {temp[1]}
        yield "recovery takes in what nobody claims", put(onward._replace(kept=kept), "temps", at, None)
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
        announced = put(state._replace(kept=state.kept | {temp[1]}), "rows", at, ("intended", temp[1], expecting, temp[0]))
        yield "recovery goes on putting back", announced._replace(next_pc="put back")
    elif unexchanged:
        yield "recovery: overtaken", state._replace(kept=state.kept | {temp[1]}, next_pc="closed")
    elif temp[1] == expecting and placing == "N" and not several:
        yield (
            "recovery: had settled",
            put(state, "rows", at, ("committed", *row[1:]))._replace(history=state.history | {"N"}, next_pc="tidied"),
        )
    elif temp[1] == expecting and placing == "N":
        yield "recovery takes back", put(state, "rows", at, ("intended", temp[1], "N", temp[0]))._replace(next_pc="put back")
    elif temp[1] == expecting:
        yield "recovery: had been put back", state._replace(next_pc="closed")
    else:
        announced = put(state._replace(kept=state.kept | {temp[1]}), "rows", at, ("intended", temp[1], placing, temp[0]))
        yield "recovery: newer came out", announced._replace(next_pc="put back")


def _recover_compare(state: State, at: int, row: Row) -> Iterator[Step]:
    temp = state.temps[at]
    assert row is not None
    assert temp is not None
    if temp[1] == row[2]:
        yield "recovery: as expected", state._replace(next_pc="closed")
    else:
        announced = put(state._replace(kept=state.kept | {temp[1]}), "rows", at, ("intended", temp[1], row[1], temp[0]))
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
        after = put(state._replace(aside=aside), "paths", 0, (50, "B"))
        return "the next writes", after._replace(kept=state.kept | {path[1]}, history=state.history | {"B"}, next_pc="over")
    return "the next is refused", state._replace(kept=state.kept | {"B"}, next_pc="over")
