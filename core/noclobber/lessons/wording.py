"""The words of a draft: what a check's failure and its end say to the next agent. Records in, texts out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..checks.failure import Failure
from .changes import Hunk
from .safety import shorten

__all__ = ["context_text", "failure_text", "resolution_text"]

_MOST_HUNKS = 3
_MOST_CHARACTERS = 120
_MESSAGE = 500


def context_text(check: str, agent: str, writers: Mapping[str, Sequence[str]], named: Sequence[str] = ()) -> str:
    """Which check, on which change: what this agent wrote since it last passed, and what others did.

    Files that the failure names come first; of others' changes, where there are such, only those are told.
    """
    own = [f"{agent} changed {_names(_first(writers[agent], named))}"] if agent in writers else []
    changed = {other: files for other, files in writers.items() if other != agent}
    telling = {other: [file for file in files if file in named] for other, files in changed.items()}
    told = {other: files for other, files in telling.items() if files}
    others = [f"{_someone(other)} changed {_names(files)}" for other, files in list(told.items())[:3]]
    if changed and not told and not own:
        count = len({file for files in changed.values() for file in files})
        others = [f"others changed {count} other file{'s' if count > 1 else ''}"]
    changes = "; meanwhile ".join(filter(None, (*own, "; ".join(others))))
    return f"{_code(check)} failed" + (f" after {changes}." if changes else ".")


def failure_text(failure: Failure) -> str:
    """Where, what by its code and test, and the tool's message."""
    where = failure.place
    test = f" in {failure.test}" if failure.test and failure.test != where and failure.file else ""
    code = f" {failure.code}" if failure.code and failure.code not in failure.message else ""
    head = f"{where}{test}{code}".strip()
    message = shorten(failure.message, _MESSAGE)
    return f"{head}: {message}" if head else message


def resolution_text(failure: Failure, hunks: Sequence[Hunk], files: Sequence[str]) -> str:
    """The few changed lines that touch the failure, then the other files that were changed."""
    chosen = _nearest(failure, hunks)
    said = [_hunk(hunk) for hunk in chosen]
    rest = [file for file in files if file not in {hunk.file for hunk in chosen}]
    if rest:
        said.append(f"{'Also changed' if said else 'Changed'}: {_names(rest)}.")
    return " ".join(said)


def _nearest(failure: Failure, hunks: Sequence[Hunk]) -> list[Hunk]:
    """Hunks of the failing file near its line first, then of files the failure names, then the smallest."""

    def distance(hunk: Hunk) -> tuple[int, int, int]:
        size = len(hunk.before) + len(hunk.after)
        if hunk.file == failure.file:
            return 0, abs(hunk.line - (failure.line or 0)), size
        named = hunk.file in failure.trace or hunk.file.rsplit("/", 1)[-1] in failure.message
        return (1 if named else 2), size, hunk.line

    return sorted(sorted(hunks, key=distance)[:_MOST_HUNKS], key=lambda hunk: (hunk.file != failure.file, hunk.file, hunk.line))


def _hunk(hunk: Hunk) -> str:
    place = f"{hunk.file}:{hunk.line}"
    before, after = _lines(hunk.before), _lines(hunk.after)
    if before and after:
        return f"{place}: {before} became {after}."
    return f"{place}: added {after}." if after else f"{place}: removed {before}."


def _lines(lines: Sequence[str]) -> str:
    told = [line.strip() for line in lines if line.strip()]
    more = f" (and {len(told) - 2} more lines)" if len(told) > 2 else ""
    return " / ".join(_code(line) for line in told[:2]) + more


def _code(text: str) -> str:
    """As a code span; a text with backticks of its own stays plain."""
    text = shorten(" ".join(text.split()), _MOST_CHARACTERS)
    return text if "`" in text else f"`{text}`"


def _first(files: Sequence[str], named: Sequence[str]) -> list[str]:
    return sorted(files, key=lambda file: file not in named)


def _names(files: Sequence[str]) -> str:
    shown = ", ".join(files[:3])
    more = len(files) - 3
    return shown if more <= 0 else f"{shown} and {more} more file{'s' if more > 1 else ''}"


def _someone(agent: str) -> str:
    return "something outside" if agent == "outside" else agent
