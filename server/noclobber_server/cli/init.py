"""``init``: sets up the clients a project uses, after showing what it will do, and takes it back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from noclobber.errors import FileAccessError, NoclobberError
from noclobber.roots import root_for

from .call import Usage
from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from ..clients.records import Places, Planned
    from ..clients.setup import Writer
    from .call import Call

__all__ = ["COMMANDS", "writer"]

_SAID = {
    "add": "add to", "update": "bring up to date", "present": "already in",
    "remove": "take out of", "absent": "not in", "problem": "LEFT ALONE",
}  # fmt: skip


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--clients", metavar="A,B", help="these clients instead of those found")
    parser.add_argument("--shared", action="store_true", help="into the project's files, to be committed; else into your own only")
    parser.add_argument("--remove", action="store_true", help="take everything back")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be done")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _init(call: Call) -> int:
    from ..clients.commands import LauncherError, find_launcher
    from ..clients.records import Places
    from ..clients.registry import CLIENTS, detect, targets
    from ..clients.setup import apply_plan, plan, plan_removal

    try:
        launcher = "noclobber" if call.shared or call.remove else find_launcher()
    except LauncherError as problem:
        raise Usage(str(problem)) from problem
    places = Places(Path(root_for(call.base)), Path.home(), dict(os.environ), launcher)
    names = _wanted(call, CLIENTS) or (CLIENTS if call.remove else detect(places))
    if not names:
        call.out.note(f"no client found here; name those you use: noclobber init --clients {CLIENTS[0]},… (there are {', '.join(CLIENTS)})")
        return 1
    if call.remove:
        both = {target.path: target for shared in (True, False) for target in targets(names, places, shared=shared)}
        planned = plan_removal(tuple(both.values()), places)
    else:
        planned = plan(targets(names, places, shared=call.shared), places)
    if not call.json:
        _show(call, planned, places)
    if call.dry_run or not _agreed(call, planned):
        done = planned
    else:
        done = apply_plan(planned, places, writer(places))
        _show_problems(call, done, planned, places)
        if call.remove and (places.root / ".noclobber").is_dir():
            call.out.note("the history and the kept versions stay in .noclobber; delete that folder to be rid of them too")
    if call.json:
        call.out.json({"clients": list(names), "files": [_row(one, places) for one in done]})
    return 1 if any(one.state == "problem" for one in done) else 0


def _wanted(call: Call, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (call.clients or "").split(",") if name.strip())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Usage(f"there is no client {unknown[0]!r}; there are {', '.join(known)}")
    return names


def _agreed(call: Call, planned: tuple[Planned, ...]) -> bool:
    if call.yes or not any(one.state in ("add", "update", "remove") for one in planned):
        return True
    if not sys.stdin.isatty():
        call.out.note("nothing was done: there is nobody to ask; --yes does it")
        return False
    call.out.flush()
    sys.stderr.write("Do this? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def writer(places: Places) -> Writer:
    """Files of the project go through the guard, so that no agent's work on them is lost; a person's own are replaced whole."""
    from noclobber import ConcurrencyGuard

    from ..clients.files import write_file

    def put(path: Path, before: bytes | None, after: bytes | None) -> None:
        if not path.is_relative_to(places.root) or ".git" in path.relative_to(places.root).parts:
            write_file(path, before, after)
            return
        with ConcurrencyGuard(places.root, "noclobber:init") as guard:
            try:
                if before is None and guard.get_snapshot(path) is not None:
                    guard.clear_snapshot(path)  # a person deleted what an earlier run wrote; that it is gone is no news
                if before is not None and guard.read(path).content != before:
                    raise FileAccessError(str(path), 0, "it was changed meanwhile; run this again")
                if after is None:
                    guard.delete(path)
                else:
                    guard.write(path, after)
            except NoclobberError as problem:
                raise OSError(0, str(problem)) from problem

    return put


def _show(call: Call, planned: tuple[Planned, ...], places: Places) -> None:
    from ..clients.registry import holds_everywhere

    everywhere = [one for one in planned if holds_everywhere(one.target, places)]
    for one in planned:
        if one.state == "absent":
            continue
        whose = "shared" if not one.target.personal else "yours, for all projects" if one in everywhere else "yours"
        note = f": {one.note}" if one.note else ""
        call.out.line(f"{_SAID[one.state]:<16} {printable(_short(one, places))} ({one.target.client}, {whose}){printable(note)}")
    if not any(one.state != "absent" for one in planned):
        call.out.line("nothing to take back")
    if any(one.state == "remove" for one in everywhere):
        call.out.line("What is for all projects goes from your other projects too; noclobber init in one of them brings it back.")


def _show_problems(call: Call, done: tuple[Planned, ...], planned: tuple[Planned, ...], places: Places) -> None:
    for one, before in zip(done, planned, strict=True):
        if one.state == "problem" and before.state != "problem":
            call.out.note(f"{_short(one, places)} {one.note}")


def _short(one: Planned, places: Places) -> str:
    path = one.target.path
    if path.is_relative_to(places.root):
        return str(path.relative_to(places.root))
    return f"~/{path.relative_to(places.home)}" if path.is_relative_to(places.home) else str(path)


def _row(one: Planned, places: Places) -> dict[str, object]:
    from ..clients.registry import holds_everywhere

    return {
        "path": str(one.target.path),
        "client": one.target.client,
        "state": one.state,
        "personal": one.target.personal,
        "all_projects": holds_everywhere(one.target, places),
        "note": one.note,
    }


COMMANDS = {
    "init": Command(
        _init, _configure, "  noclobber init\n  noclobber init --clients claude-code,codex --shared\n  noclobber init --remove", "own"
    )
}
