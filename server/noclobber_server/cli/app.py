"""Runs one command: finds it in the table, reads its arguments, and turns every error into words and an exit status.

Knows nothing of what a command does. A traceback never reaches the user.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from noclobber.errors import NoclobberError

from . import registry
from .call import Call, Usage
from .output import output_for
from .report import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .output import Output

__all__ = ["run"]

DONE, FAILED, WRONG_USAGE, REFUSED = 0, 1, 2, 3
INTERRUPTED, READER_GONE = 130, 141  # what a shell makes of SIGINT and SIGPIPE


def run(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; the exit status."""
    try:
        return _dispatch(list(arguments))
    except BrokenPipeError:
        _drop_stdout()
        return READER_GONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as problem:  # core turns its own into errors of the tree; what is left is this process's streams
        return _unwritable(problem)


def _dispatch(arguments: list[str]) -> int:
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help", "help"):
        return _help(arguments[1:])
    if name in ("-V", "--version", "version"):
        return _version()
    row = registry.find(name)
    if row is None:
        return _unknown(name, as_json=_asks_for_json(arguments))
    return _run_row(row, arguments[1:])


def _run_row(row: registry.Row, arguments: list[str]) -> int:
    command = registry.load(row)
    if command.run_raw is not None:
        return command.run_raw(arguments)
    arguments = _joined(arguments, command.texts)
    as_json = _asks_for_json(arguments)
    try:
        parsed = _parser(row, command, as_json).parse_args(arguments)
    except Usage as problem:
        with output_for(as_json) as out:
            return _misused(problem, out)
    except SystemExit as stop:  # argparse has said what it had to say
        return stop.code if isinstance(stop.code, int) else WRONG_USAGE
    with output_for(parsed.json) as out:
        return _answer(command, Call(parsed, out, options_name_caller=command.options == "writer"))


def _joined(arguments: list[str], texts: tuple[str, ...]) -> list[str]:
    """``--old TEXT`` as ``--old=TEXT``: argparse would take a text that begins with a dash for an option.

    Two dashes alone it drops from there too: they stay, and it says that a text is missing.
    """
    joined: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        following = [argument, *itertools.islice(rest, 1 if argument in texts else 0)]
        joined += following if "--" in following or len(following) < 2 else ["=".join(following)]
        if "--" in following:
            joined += rest
    return joined


def _answer(command: registry.Command, call: Call) -> int:
    assert command.run is not None, "a command without a parser was run above"
    try:
        return command.run(call)
    except Usage as problem:
        return _misused(problem, call.out)
    except NoclobberError as problem:
        return report(problem, call)


def _misused(problem: Usage, out: Output) -> int:
    if out.as_json:
        out.json({"error": "Usage", "message": str(problem)})
    else:
        out.note(f"{problem}")
    return WRONG_USAGE


def _asks_for_json(arguments: list[str]) -> bool:
    """Asked of arguments that may not be readable: whoever wants JSON gets that in JSON too."""
    return "--json" in itertools.takewhile("--".__ne__, arguments)


class _Parser(argparse.ArgumentParser):
    as_json = False

    def error(self, message: str) -> NoReturn:
        if self.as_json:
            raise Usage(message)
        super().error(message)


def _parser(row: registry.Row, command: registry.Command, as_json: bool) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"noclobber {row.name}",
        description=f"{row.summary[0].upper()}{row.summary[1:]}.",
        epilog=f"examples:\n{command.examples}" if command.examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.as_json = as_json
    if command.configure is not None:
        command.configure(parser)
    common = parser.add_argument_group("common options")
    common.add_argument("--json", action="store_true", help="answer in JSON on stdout, refusals and errors included")
    common.add_argument("--workspace", metavar="DIR", help="the workspace; else found from the path or the current folder")
    if command.options == "writer":
        common.add_argument("--agent", metavar="A", help="who is calling (else NOCLOBBER_AGENT, else this terminal session)")
        common.add_argument("--turn", metavar="T", help="the turn this belongs to (else NOCLOBBER_TURN)")
        common.add_argument("--intent", metavar="I", help="the intent it serves (else NOCLOBBER_INTENT)")
    return parser


def _help(arguments: list[str]) -> int:
    if arguments:
        row = registry.find(arguments[0])
        return _unknown(arguments[0]) if row is None else _run_row(row, ["--help"])
    with output_for(False) as out:
        out.line("usage: noclobber COMMAND [options]   (noclobber COMMAND --help says more)\n")
        out.line("Keeps agents, editors and shell tools from overwriting one another's work in one working tree.")
        for group in dict.fromkeys(row.group for row in registry.ROWS):
            out.line(f"\n{out.paint('bold', group)}")
            for row in registry.ROWS:
                if row.group == group:
                    out.line(f"  {row.name:<9} {row.summary}")
        out.line("\nexit status: 0 done, 1 failed, 2 wrong usage, 3 refused (nothing was changed)")
        out.line("NOCLOBBER=off turns the guard off for one command; noclobber pause does for an hour")
    return DONE


def _version() -> int:
    from importlib.metadata import version

    with output_for(False) as out:
        out.line(f"noclobber {version('noclobber')}")
    return DONE


def _unknown(name: str, *, as_json: bool = False) -> int:
    from difflib import get_close_matches

    near = get_close_matches(name, [row.name for row in registry.ROWS], n=1)
    hint = f"did you mean '{near[0]}'?" if near else "noclobber --help lists the commands"
    with output_for(as_json) as out:
        return _misused(Usage(f"there is no command '{name}'; {hint}"), out)


def _unwritable(problem: OSError) -> int:
    _drop_stdout()
    sys.stderr.write(f"noclobber: the answer could not be written: {problem.strerror or problem}\n")
    return FAILED


def _drop_stdout() -> None:
    """The reader of stdout is gone: let nothing be flushed into it at exit, and say nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
