"""A file's text put in and taken out, format by format: pure functions from text to text.

Each addition is a list of insertions, recorded so that taking them back gives the very bytes of before; where the file has been
changed since, what is ours is found again by what it says.
"""

from __future__ import annotations

from .jsontext import JsonError
from .records import FileProblem, Target
from .registrations import Steps, put_entries, take_entries
from .tomltable import put_table, take_table

__all__ = ["cut_back", "put_in", "take_out"]


def put_in(target: Target, text: str) -> tuple[str, Steps, bool]:
    """The text with our entries, the insertions made, and whether something of ours was replaced by a newer form."""
    if target.format == "lines":
        return (*_put_lines(target, text), False)
    if target.format == "toml":
        return put_table(target.text, text)
    try:
        return put_entries(target.entries, text)
    except JsonError as error:
        raise FileProblem(f"is not valid JSON ({error}); mend it and run this again") from error
    except ValueError as error:
        raise FileProblem(f"cannot be extended: {error}") from error


def take_out(target: Target, text: str) -> str:
    """The text without what is ours, wherever it now stands."""
    if target.format == "lines":
        ours = set(target.text.splitlines())
        return "".join(line for line in text.splitlines(keepends=True) if line.rstrip("\r\n") not in ours)
    if target.format == "toml":
        return take_table(text)
    try:
        return take_entries(target.entries, text)
    except JsonError as error:
        raise FileProblem(f"is not valid JSON ({error}); take the noclobber entries out by hand") from error


def cut_back(text: str, steps: Steps) -> str:
    """The text before these insertions were made."""
    for start, length in reversed(steps):
        text = text[:start] + text[start + length :]
    return text


def _put_lines(target: Target, text: str) -> tuple[str, Steps]:
    there = set(text.splitlines())
    missing = [line for line in target.text.splitlines() if line not in there]
    if not missing:
        return text, []
    added = ("\n" if text and not text.endswith("\n") else "") + "".join(f"{line}\n" for line in missing)
    return text + added, [(len(text), len(added))]
