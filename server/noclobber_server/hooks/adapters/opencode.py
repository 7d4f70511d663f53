"""OpenCode: a plugin of ours (``clients/opencode_plugin.js``) that hands each tool call on and does what the answer says.

Both formats are therefore our own: ``event``, ``tool``, ``sessionID``, ``callID``, ``args``, ``output``, ``exit`` (of a shell command
that ended by itself), ``cwd`` in; ``deny``, ``args``, ``context`` out.
"""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, HookEvent, Output
from .answers import print_json, updated_arguments
from .fields import arguments_of, call_from, text

__all__ = ["ADAPTER"]

_EVENTS: dict[str, HookEvent] = {
    "tool.execute.before": "before",
    "tool.execute.after": "after",
    "permission.asked": "permission",
    "session.created": "session_start",
    "session.deleted": "session_end",
    "session.idle": "turn_end",
}


def _read(payload: dict[str, Any]) -> HookCall:
    call = call_from(
        "opencode", _EVENTS.get(text(payload, "event"), "other"), payload, session=text(payload, "sessionID"), tool=text(payload, "tool"),
        arguments=arguments_of(payload, "args"),
    )  # fmt: skip
    status = payload.get("exit")
    return call._replace(output=text(payload, "output"), succeeded=status == 0 if type(status) is int else None, can_update=True)


def _write(call: HookCall, answer: Answer) -> Output:
    written: dict[str, Any] = {}
    if answer.decision != "pass":
        written["deny"] = answer.reason
    elif answer.content is not None:
        written["args"] = updated_arguments(call, answer.content)
    if answer.context and call.event != "before":
        written["context"] = answer.context
    return Output(print_json(written).stdout, answer.warning and answer.warning + "\n")


ADAPTER = Adapter("opencode", _read, _write)
