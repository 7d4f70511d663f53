"""``restore``, ``revert`` and ``show``: going back to what stood there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .files import content_to_json, told
from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from .call import Call

__all__ = ["COMMANDS"]


def _configure_restore(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("hash", metavar="HASH", help="the version, or the beginning of its hash")


def _restore(call: Call) -> int:
    with call.existing_guard(call.path) as guard:
        return told(call, guard.restore(call.locate(call.path), call.hash))


def _configure_revert(parser: ArgumentParser) -> None:
    parser.add_argument("--turn", metavar="T", required=True, help="the turn whose changes are taken back")
    parser.add_argument("--agent", metavar="A", help="of this agent only, where several used the same label")
    parser.add_argument("--file", metavar="P", action="append", help="in this file only; as often as needed")
    parser.add_argument("--dry-run", action="store_true", help="show what would happen, change nothing")


def _revert(call: Call) -> int:
    turn, agent = call.selected("turn") or "", call.selected("agent")
    with call.existing_guard() as guard:
        files = None if call.file is None else [call.relative(guard, path) for path in call.file]
        done = guard.revert(turn_id=turn, agent_id=agent, dry_run=call.dry_run, files=files)
    if call.out.as_json:
        call.out.json({**done._asdict(), "files": [one._asdict() for one in done.files]})
        return 0
    if not done.files:
        call.out.note(f"there is nothing of turn {turn} to take back; noclobber log --turn {turn} lists what it did")
    for one in done.files:
        call.out.line("\t".join((one.action, printable(one.file_path), one.after_hash or "-")))
        if call.dry_run:
            call.out.diff(one.diff)
    if call.dry_run and done.files:
        call.out.note("nothing was changed (--dry-run)")
    return 0


def _configure_show(parser: ArgumentParser) -> None:
    parser.add_argument("hash", metavar="HASH", help="the version, or the beginning of its hash")


def _show(call: Call) -> int:
    from noclobber.content import hash_content

    with call.existing_guard() as guard:
        content = guard.content(call.hash)
    if call.out.as_json:
        call.out.json({"hash": hash_content(content), "size": len(content), **content_to_json(content)})
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
