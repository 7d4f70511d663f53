"""``pause`` and ``resume``: the guard out of the way for a while, for everybody in the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .registry import Command
from .times import duration

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from .call import Call

__all__ = ["COMMANDS"]


def _configure_pause(parser: ArgumentParser) -> None:
    parser.add_argument("duration", metavar="DURATION", nargs="?", default="1h", help="90s, 30m, 1h (the default), 2h30m, 1d")


def _pause(call: Call) -> int:
    from datetime import UTC, datetime

    from noclobber.pausing import pause

    from .times import since

    length = duration(call.duration)
    until = since((datetime.now(UTC) + length).isoformat())
    with call.guard() as guard:
        pause(guard.workspace.state, until)
    if call.out.as_json:
        call.out.json({"paused_until": until})
    else:
        call.out.line(f"paused until {until}; noclobber resume ends it")
    return 0


def _resume(call: Call) -> int:
    from noclobber.pausing import resume

    with call.existing_guard() as guard:
        was = resume(guard.workspace.state)
    if call.out.as_json:
        call.out.json({"paused_until": None, "was_paused_until": was})
    else:
        call.out.line("not paused any more" if was else "it was not paused")
    return 0


COMMANDS = {
    "pause": Command(_pause, _configure_pause, "  noclobber pause\n  noclobber pause 20m"),
    "resume": Command(_resume),
}
