"""``restore``, ``revert`` and ``show``: going back to what stood there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from noclobber.errors import VersionGoneError

from .call import Usage
from .files import content_to_json, told
from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from noclobber import ConcurrencyGuard

    from .call import Call

__all__ = ["COMMANDS", "whole_hash"]


def whole_hash(guard: ConcurrencyGuard, given: str) -> str:
    """The kept version that a hash, or the beginning of one, means."""
    wanted = given.strip().lower()
    if len(wanted) < 4 or len(wanted) > 64 or any(char not in "0123456789abcdef" for char in wanted):
        raise Usage(f"'{given}' is no hash; give 4 to 64 hex digits of it, as noclobber log shows them")
    if len(wanted) == 64:
        return wanted
    found = guard.workspace.store.find_hashes(wanted)
    if not found:
        raise VersionGoneError(wanted, f"no kept version begins with {wanted}; noclobber log --file PATH lists a file's versions")
    if len(found) > 1:
        raise Usage(f"{wanted} is the beginning of several versions: {', '.join(one[:16] for one in found)}; give more digits")
    return found[0]


def _configure_restore(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("hash", metavar="HASH", help="the version, or the beginning of its hash")


def _restore(call: Call) -> int:
    with call.existing_guard(call.path) as guard:
        return told(call, guard.restore(call.locate(call.path), whole_hash(guard, call.hash)))


def _configure_revert(parser: ArgumentParser) -> None:
    parser.add_argument("--turn", metavar="T", required=True, help="the turn whose changes are taken back")
    parser.add_argument("--agent", metavar="A", help="of this agent only, where several used the same label")
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, change nothing")


def _revert(call: Call) -> int:
    with call.existing_guard() as guard:
        done = guard.revert(turn_id=call.turn, agent_id=call.agent, dry_run=call.dry_run)
    if call.out.as_json:
        call.out.json({**done._asdict(), "files": [one._asdict() for one in done.files], "dry_run": call.dry_run})
        return 0
    would = "would be " if call.dry_run else ""
    for one in done.files:
        call.out.line("\t".join((f"{would}{one.outcome}", printable(one.file_path), one.content_hash or "-")))
    return 0


def _configure_show(parser: ArgumentParser) -> None:
    parser.add_argument("hash", metavar="HASH", help="the version, or the beginning of its hash")


def _show(call: Call) -> int:
    with call.existing_guard() as guard:
        wanted = whole_hash(guard, call.hash)
        content = guard.content(wanted)
    if call.out.as_json:
        call.out.json({"hash": wanted, "size": len(content), **content_to_json(content)})
    else:
        call.out.raw(content)
    return 0


COMMANDS = {
    "restore": Command(_restore, _configure_restore, "  noclobber log --file src/a.py\n  noclobber restore src/a.py 3f9a1c"),
    "revert": Command(
        _revert,
        _configure_revert,
        "  noclobber revert --turn turn-7 --dry-run\n  noclobber revert --turn turn-7 --agent bob",
        options="own",
    ),
    "show": Command(_show, _configure_show, "  noclobber show 3f9a1c | diff - src/a.py"),
}
