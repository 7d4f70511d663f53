"""The proof: every line that anybody wrote stands in a file, or in a version that can be brought back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from noclobber import ConcurrencyGuard
from noclobber.errors import VersionGoneError

from .race import FILES, Result
from .stage import Stage

__all__ = ["Count", "prove"]


class Count(NamedTuple):
    """One racer's lines: written, in a file now, restorable, lost."""

    name: str
    written: int
    standing: int
    restorable: int
    lost: list[bytes]


def prove(stage: Stage, guard: ConcurrencyGuard, result: Result) -> bool:
    """Count, show, and say whether nothing was lost."""
    standing = _lines_in(stage.read(path) for path in FILES)
    kept = _lines_in(_kept_versions(guard))
    counts = [_count(name, lines, standing, kept) for name, lines in result.ledgers.items()]
    rows = [(one.name, str(one.written), str(one.standing), str(one.restorable), str(len(one.lost))) for one in counts]
    header = ("writer", "lines written", "in the files", "overwritten by outsiders, kept", "lost")
    for row in (header, *rows):
        stage.say("  ".join(cell.ljust(len(title)) for cell, title in zip(row, header, strict=True)))
    told = [event.outcome for event in result.events if event.kind in ("write", "edit")]
    outside = sum(event.kind == "outside" for event in result.events)
    stage.say("")
    accepted = f"{told.count('done')} writes, {told.count('merged')} merged, {told.count('refused')} refused"
    stage.say(f"{accepted}, {outside} unguarded changes noticed")
    for one in counts:
        for line in one.lost:
            stage.say(f"lost: {line!r} of {one.name}", "red")
    return all(one.written and not one.lost for one in counts)


def _count(name: str, lines: list[bytes], standing: set[bytes], kept: set[bytes]) -> Count:
    gone = [line for line in lines if line not in standing]
    lost = [line for line in gone if line not in kept]
    return Count(name, len(lines), len(lines) - len(gone), len(gone) - len(lost), lost)


def _kept_versions(guard: ConcurrencyGuard) -> Iterable[bytes]:
    """Every version of the raced files that the history names, as restoring it would bring it back."""
    hashes = {one for path in FILES for event in guard.events(file_path=path) for one in (event.before_hash, event.after_hash) if one}
    for content_hash in sorted(hashes):
        try:
            yield guard.content(content_hash)
        except VersionGoneError:  # then its lines must stand somewhere else, or they are counted as lost
            continue


def _lines_in(contents: Iterable[bytes]) -> set[bytes]:
    return {line for content in contents for line in content.splitlines(keepends=True)}
