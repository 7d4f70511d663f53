"""``status``: what every writer knows, against what is on disk now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from noclobber import ConcurrencyGuard
    from noclobber.records import FileStatus

    from .call import Call

__all__ = ["COMMANDS"]

_HEADER = ("STATE", "FILE", "WHO", "TURN", "INTENT", "READ AT")
_STYLE = {"stale": "yellow", "deleted": "red"}


def _status(call: Call) -> int:
    with call.existing_guard() as guard:
        known = guard.status()
        around = _around(guard)
    if call.out.as_json:
        call.out.json({**around, "snapshots": [one._asdict() for one in known]})
    else:
        _tell(call, known, around)
    return 0


def _around(guard: ConcurrencyGuard) -> dict[str, Any]:
    from noclobber.liveness import living
    from noclobber.pausing import paused_until

    workspace = guard.workspace
    return {
        "root": str(workspace.root),
        "mode": workspace.settings.mode,
        "paused_until": paused_until(workspace.state),
        "live_writers": [one._asdict() for one in living(workspace.state) if one.pid != os.getpid()],
    }


def _tell(call: Call, known: list[FileStatus], around: dict[str, Any]) -> None:
    rows = [(one.state, one.file_path, one.agent_id, one.turn_id or "-", one.intent_id or "-", one.timestamp) for one in known]
    call.out.table(_HEADER, rows, [_STYLE.get(one.state) for one in known])
    if not call.out.terminal:
        return
    stale = sum(one.state != "fresh" for one in known)
    call.out.line(call.out.paint("dim", f"\n{printable(around['root'])}: {len(known)} known, {stale} out of date"))
    if around["live_writers"]:
        alive = ", ".join(f"{one['agent_id'] or one['front'] or 'python'} ({one['pid']})" for one in around["live_writers"])
        call.out.line(call.out.paint("dim", f"alive: {printable(alive)}"))
    if around["paused_until"]:
        call.out.line(call.out.paint("yellow", f"paused until {around['paused_until']}; noclobber resume ends it"))
    if around["mode"] == "observe":
        call.out.line(call.out.paint("yellow", "only watching (mode = observe in noclobber.toml)"))


COMMANDS = {"status": Command(_status, examples="  noclobber status\n  noclobber status --json")}
