"""``demo``: the guard at work on a copy of real files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Usage
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from .call import Call

__all__ = ["COMMANDS"]


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", metavar="N", type=float, default=3.0, help="how long the race lasts (3)")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder for you to look around in")


def _demo(call: Call) -> int:
    from ..demo.play import play

    if not 0.5 <= call.seconds <= 600:
        raise Usage("--seconds: between 0.5 and 600")
    return 0 if play(call.out, call.seconds, keep=call.keep) else 1


COMMANDS = {"demo": Command(_demo, _configure, "  noclobber demo\n  noclobber demo --seconds 20 --keep")}
