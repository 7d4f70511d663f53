"""``blame`` and ``why``: who wrote this line, and why that write was not made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Usage
from .numbers import whole_number
from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from noclobber.records import AuthoredLine

    from .call import Call

__all__ = ["COMMANDS"]


def _configure_blame(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--lines", metavar="A-B", help="only these lines, for example 10-20")


def _blame(call: Call) -> int:
    wanted = slice(None) if call.lines is None else _span(call.lines)
    with call.existing_guard(call.path) as guard:
        lines = guard.blame(call.locate(call.path))[wanted]
    if call.out.as_json:
        call.out.json([_as_json(line) for line in lines])
        return 0
    whose = [_whose(line) for line in lines]
    widths = [max(len(cells[column]) for cells in whose) for column in range(3)] if whose else []
    for line, cells in zip(lines, whose, strict=True):
        margin = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        number = call.out.paint("dim", f"{margin}  {line.number:>5} ")
        call.out.raw(number.encode("utf-8", "backslashreplace") + line.text.rstrip(b"\r\n") + b"\n")
    return 0


def _span(text: str) -> slice:
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()) or len(text) > 40 or int(first) < 1 or (dash and not last):
        raise Usage(f"--lines: '{text:.40}' is no range of lines; write for example 10-20, or 10")
    return slice(int(first) - 1, int(last or first))


def _whose(line: AuthoredLine) -> tuple[str, str, str]:
    """Event, writer and turn of a line; dashes where it is older than the history."""
    if line.event is None:
        return ("-", "-", "-")
    return (str(line.event.seq), printable(line.event.agent_id), printable(line.event.turn_id or "-"))


def _as_json(line: AuthoredLine) -> dict[str, object]:
    return {
        "number": line.number,
        "text": line.text.decode("utf-8", "backslashreplace"),
        "event": None if line.event is None else line.event.to_json(),
    }


def _configure_why(parser: ArgumentParser) -> None:
    parser.add_argument("seq", metavar="SEQ", type=whole_number, help="the event's number, as noclobber log and every refusal show it")


def _why(call: Call) -> int:
    with call.existing_guard() as guard:
        text = guard.why(call.seq)
        event = guard.workspace.store.event(call.seq)
    if call.out.as_json:
        call.out.json({"seq": call.seq, "text": text, "event": None if event is None else event.to_json()})
    else:
        call.out.line("\n".join(printable(line) for line in text.splitlines()))
    return 0


COMMANDS = {
    "blame": Command(_blame, _configure_blame, "  noclobber blame src/a.py"),
    "why": Command(_why, _configure_why, "  noclobber why 42"),
}
