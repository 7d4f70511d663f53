"""``timeline``: who read and wrote what, as one page that can be opened, kept and sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from noclobber.errors import FileAccessError

from .numbers import whole_number
from .registry import Command
from .times import since

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from noclobber import ConcurrencyGuard

    from .call import Call

__all__ = ["COMMANDS"]


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--html", metavar="FILE", required=True, help="where to write the page; - for stdout")
    parser.add_argument("--agent", metavar="A", help="only this writer; with --turn: whose turn")
    parser.add_argument("--turn", metavar="T", help="one turn, and what others did to its files meanwhile")
    parser.add_argument("--since", metavar="TIME", help="2h, 1d, 2026-01-31, or an ISO 8601 time")
    parser.add_argument("--limit", metavar="N", type=whole_number, default=20_000, help="the newest N events (20000)")


def _timeline(call: Call) -> int:
    from ..timeline.page import page

    moment = None if call.since is None else since(call.since)
    with call.existing_guard() as guard:
        data = _data(call, guard, moment)
    content = page(data).encode()
    events = len(data["events"]["seq"])
    if call.html == "-":
        call.out.raw(content)
        return 0
    target = os.path.join(call.base, call.html)
    _save(target, content)
    if call.out.as_json:
        call.out.json({"path": target, "events": events, "bytes": len(content)})
    else:
        call.out.line(f"{target}: {events} events, {len(content) / 1024:.0f} kB")
    return 0


def _data(call: Call, guard: ConcurrencyGuard, moment: str | None) -> dict[str, Any]:
    from ..timeline.picture import recent, turn

    limit = max(1, call.limit)
    agent_id, turn_id = call.selected("agent"), call.selected("turn")
    if turn_id is not None:
        return turn(guard.workspace, turn_id, agent_id=agent_id, limit=limit)
    return recent(guard.workspace, since=moment, agent_id=agent_id, limit=limit)


def _save(target: str, content: bytes) -> None:
    try:
        with open(target, "wb") as file:
            file.write(content)
    except OSError as error:
        raise FileAccessError(target, error.errno or 0, f"Cannot write {target}: {error.strerror}.") from error


COMMANDS = {
    "timeline": Command(
        _timeline,
        _configure,
        "  noclobber timeline --html timeline.html\n  noclobber timeline --html turn.html --turn turn-12 --agent claude",
        options="own",
    ),
}
