"""``purge``: kept contents go now, of one file or of all; the history keeps only their hashes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .call import Usage
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from .call import Call

__all__ = ["COMMANDS"]


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH", nargs="?", help="this file's versions only; it need not exist any more")
    parser.add_argument("--yes", action="store_true", help="do not ask, where all files' versions are dropped")


def _purge(call: Call) -> int:
    from noclobber.purging import purge

    if call.path is None and not call.yes:
        _ask()
    with call.existing_guard(call.path) as guard:
        file_path = None if call.path is None else call.relative(guard, call.path)
        count = purge(guard.workspace.store, file_path)
    if call.out.as_json:
        call.out.json({"file_path": file_path, "purged": count})
    else:
        call.out.line(f"{count} kept version{'' if count == 1 else 's'} dropped; what was written stays on record by its hash")
    return 0


def _ask() -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise Usage("this drops every kept version in the workspace, which nothing brings back; say --yes, or name one file")
    sys.stderr.write("Drop every kept version in this workspace? Nothing brings them back. [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Usage("nothing was dropped")


COMMANDS = {"purge": Command(_purge, _configure, "  noclobber purge config/secrets.yml\n  noclobber purge --yes")}
