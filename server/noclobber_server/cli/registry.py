"""The table of commands: name, where it is, and one line about it.

Only the module of the command that was asked for is imported. To add a command: write a module whose
``COMMANDS`` maps its name to a ``Command``, and give it a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from .call import Call

__all__ = ["ROWS", "Command", "Row", "find", "load"]


class Command(NamedTuple):
    """One command. ``configure`` adds its arguments to a parser that has the common ones; ``run`` gives the exit status.

    ``options``: ``writer`` (``--agent``, ``--turn``, ``--intent`` say who is calling), ``own`` (the command defines them
    itself, as filters), each with ``--workspace`` and ``--json``; ``raw``: no parser, ``run_raw`` gets the arguments as they are.
    ``texts``: options whose value is any text, also one that looks like an option.
    """

    run: Callable[[Call], int] | None = None
    configure: Callable[[ArgumentParser], None] | None = None
    examples: str = ""
    options: Literal["writer", "own", "raw"] = "writer"
    run_raw: Callable[[list[str]], int] | None = None
    texts: tuple[str, ...] = ()


class Row(NamedTuple):
    """One line of ``noclobber --help``."""

    name: str
    module: str
    summary: str
    group: str


ROWS = (
    Row("read", "files", "a file's bytes to stdout, and on record as read", "Files"),
    Row("write", "files", "replace a file by the bytes from stdin, if it is still what you read", "Files"),
    Row("edit", "files", "replace one text by another; a change elsewhere in the file does not matter", "Files"),
    Row("delete", "files", "delete a file, if it is still what you read", "Files"),
    Row("move", "files", "move a file, never over another one", "Files"),
    Row("restore", "versions", "put a kept version back in place", "History"),
    Row("revert", "versions", "undo what a turn did to all its files, keeping what came later", "History"),
    Row("show", "versions", "the bytes of a kept version", "History"),
    Row("status", "status", "what every writer knows, against what is on disk", "History"),
    Row("log", "log", "the history: who did what, when and with what outcome", "History"),
    Row("blame", "authorship", "who last wrote each line, in which turn", "History"),
    Row("why", "authorship", "why a write was refused, in words", "History"),
    Row("timeline", "timeline", "who read and wrote what, as one page", "History"),
    Row("verify", "verify", "run a check; what fails is drafted as a lesson, what mends it as its resolution", "Lessons"),
    Row("lesson", "lesson", "what failed checks taught: add, list, search, show, accept, edit, remove, prune", "Lessons"),
    Row("init", "init", "set up the agents' clients that a project uses, or take that back", "Workspace"),
    Row("pause", "switch", "let every writer through for a while", "Workspace"),
    Row("resume", "switch", "end a pause", "Workspace"),
    Row("purge", "purge", "drop kept contents now", "Workspace"),
    Row("doctor", "doctor", "is everything as it should be, and what to do where it is not", "Workspace"),
    Row("demo", "demo", "two agents, a shell command and a person race on real files", "Workspace"),
    Row("lsp", "fronts", "the language server", "Fronts"),
    Row("mcp", "fronts", "the MCP server", "Fronts"),
    Row("hook", "fronts", "what an agent's client runs before and after its tools", "Fronts"),
)


def find(name: str) -> Row | None:
    """The row of a command."""
    return next((row for row in ROWS if row.name == name), None)


def load(row: Row) -> Command:
    """Import the command's module, and no other."""
    module: Any = import_module(f".{row.module}", __package__)
    commands: Mapping[str, Command] = module.COMMANDS
    return commands[row.name]
