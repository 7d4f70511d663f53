"""What each kind of tool has to say about itself, and the pieces they share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..failure import Failure
from ..paths import Places

__all__ = ["Command", "Output", "Tool", "has_option", "without_options"]


class Command(NamedTuple):
    """A command line taken apart: ``before`` ends with the tool's own name, ``rest`` are its arguments."""

    before: tuple[str, ...]
    rest: tuple[str, ...]


class Output(NamedTuple):
    """What a failed run left: the report it wrote, what it printed, and what its repetition for the report printed."""

    report: bytes | None
    printed: str
    repeated: bytes | None
    places: Places


class Tool:
    """One kind of tool; as it stands here, one that is run as it was given and read from what it prints."""

    name = "command"

    def plan(self, command: Command, scratch: str) -> list[str]:
        """The command line to run, so that the terminal shows what it would without us; ``scratch``: a file it may let the tool write."""
        del scratch
        return [*command.before, *command.rest]

    def repeat(self, command: Command) -> list[str] | None:
        """The command line that prints a report of the failed run; None where none is needed or none would be safe."""
        del command
        return None

    def read(self, output: Output) -> list[Failure]:
        """The failures; empty where nothing of the report can be understood (then the last lines are taken)."""
        raise NotImplementedError


def has_option(arguments: Sequence[str], *names: str) -> bool:
    """Whether an option is among the arguments, as ``--name``, ``--name=value`` or ``-n``."""
    return any(argument == name or argument.startswith(f"{name}=") for argument in _options(arguments) for name in names)


def without_options(arguments: Sequence[str], *, flags: Sequence[str] = (), valued: Sequence[str] = ()) -> list[str]:
    """The arguments without these: ``flags`` stand alone, ``valued`` take the next argument unless it is joined by ``=``."""
    kept: list[str] = []
    skip = False
    ended = False
    for argument in arguments:
        ended = ended or argument == "--"
        if skip:
            skip = False
        elif not ended and argument in valued:
            skip = True
        elif ended or not (argument in flags or _joined(argument, valued)):
            kept.append(argument)
    return kept


def _joined(argument: str, valued: Sequence[str]) -> bool:
    return any(argument.startswith(f"{name}=") for name in valued)


def _options(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
