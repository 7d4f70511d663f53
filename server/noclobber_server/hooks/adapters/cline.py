"""Cline: one executable file per event in ``.clinerules/hooks/``. A status other than 0 refuses the tool, so it never is."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, HookEvent, Output
from .answers import print_json
from .fields import arguments_of, call_from, mapping, text, text_or_none

__all__ = ["ADAPTER"]

_EVENTS: dict[str, HookEvent] = {
    "TaskStart": "session_start",
    "TaskResume": "session_start",
    "TaskCancel": "session_end",
    "TaskComplete": "session_end",
    "PreToolUse": "before",
    "PostToolUse": "after",
}


def _read(payload: dict[str, Any]) -> HookCall:
    name = text(payload, "hookName")
    use = mapping(payload, "preToolUse", "postToolUse")
    call = call_from(
        "cline", _EVENTS.get(name, "other"), payload, session=text(payload, "taskId"), tool=text(use, "toolName", "tool"),
        arguments=arguments_of(use, "parameters"),
    )  # fmt: skip
    roots = payload.get("workspaceRoots")
    first_root = roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else ""
    failed = call.event == "after" and use.get("success") is False
    return call._replace(
        event="failed" if failed else call.event,
        cwd=call.cwd or first_root,
        subagent=text_or_none(payload, "parent_agent_id", "agent_id"),
        output=text(use, "result"),
        succeeded=False if failed else None,  # its success is the tool's, not the command's
        source="resume" if name == "TaskResume" else "startup",
        can_tell_before=True,
    )


def _write(call: HookCall, answer: Answer) -> Output:
    del call
    written: dict[str, Any] = {}
    if answer.decision != "pass":
        written = {"cancel": True, "errorMessage": answer.reason}
    elif answer.context:
        written = {"cancel": False, "contextModification": answer.context}
    return Output(print_json(written).stdout, answer.warning and answer.warning + "\n")


ADAPTER = Adapter("cline", _read, _write)
