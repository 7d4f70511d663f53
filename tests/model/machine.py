"""The states of the model, and what all its steps are made of: exchanging, putting away, whose word stands."""

from __future__ import annotations

from typing import Any, NamedTuple

File = tuple[int, str] | None
Row = tuple[str, str, str, int] | None
"""State (``intended``, ``committed``), placing, expecting, inode of what goes in."""

RULES = frozenset({"record", "announce", "keep", "compare", "put back", "late check", "late again", "inode", "outcome first", "row last",
                   "lock", "undo together",
                   "quiet"})  # fmt: skip
"""What may be left out, each for a violation to be found."""


FORSAKEN, WROTE_LATE = -1, -2


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


def less(state: State, what: str) -> Limits:
    return state.left._replace(**{what: getattr(state.left, what) - 1})


def with_word(state: State, file: int, word: str | None) -> State:
    return state._replace(word=(*state.word[:file], word, *state.word[file + 1 :]))


def put(state: State, what: str, file: int, value: object) -> State:
    old = getattr(state, what)
    change: dict[str, Any] = {what: (*old[:file], value, *old[file + 1 :])}
    return state._replace(**change)


def exchanged(state: State, file: int, *, then: str, gone: str) -> State:
    path, temp = state.paths[file], state.temps[file]
    if path is None:  # deleted by an outsider: that is the newest word
        kept = state.kept if temp is None else state.kept | {temp[1]}
        if gone == "undone":
            return state._replace(pc="undo", at=file, kept=kept)
        return state._replace(pc=gone, kept=kept)
    return put(put(state, "paths", file, temp), "temps", file, path)._replace(pc=then)


def committed(state: State) -> State:
    rows = tuple(None if row is None else ("committed", *row[1:]) for row in state.rows)
    return state._replace(rows=rows)


def closed(state: State, breaking: frozenset[str]) -> State:
    """The outcome on record: a row stays only where what came out may still be written into."""
    after = committed(state)
    for file, temp in enumerate(state.temps):
        if temp is None or temp[0] not in state.flags or "quiet" in breaking:
            after = put(after, "rows", file, None)
    return after


def tidied(state: State, file: int, breaking: frozenset[str]) -> State:
    temp = state.temps[file]
    aside = state.aside
    if temp is not None and temp[0] in state.flags:
        aside = aside | {temp}
    return put(state._replace(aside=aside), "temps", file, None)
