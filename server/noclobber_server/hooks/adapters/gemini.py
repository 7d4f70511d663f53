"""Gemini CLI: ``hooks`` in ``.gemini/settings.json``. Its offsets count from 0, and it has no number for a tool's use."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, HookEvent, Output
from .answers import print_json, updated_arguments
from .fields import arguments_of, call_from, last_status, mapping, text

__all__ = ["ADAPTER"]

_EVENTS: dict[str, HookEvent] = {
    "SessionStart": "session_start",
    "SessionEnd": "session_end",
    "AfterAgent": "turn_end",
    "BeforeTool": "before",
    "AfterTool": "after",
}
_EVENT_NAMES = {"session_start": "SessionStart", "before": "BeforeTool", "after": "AfterTool", "failed": "AfterTool"}


def _read(payload: dict[str, Any]) -> HookCall:
    call = call_from(
        "gemini", _EVENTS.get(text(payload, "hook_event_name"), "other"), payload, session=text(payload, "session_id"),
        tool=text(payload, "tool_name"), arguments=arguments_of(payload, "tool_input"), first_line=0,
    )  # fmt: skip
    response = mapping(payload, "tool_response")
    failed = call.event == "after" and bool(response.get("error"))
    output = text(response, "llmContent")
    # further lines (signal, process group) may stand below the status
    succeeded = False if failed else last_status(output, r"(?:\A|\n)Exit Code: (\d+)(?:\n[A-Z][\w ]*: .*)*")
    return call._replace(event="failed" if failed else call.event, output=output, succeeded=succeeded, can_update=True)


def _write(call: HookCall, answer: Answer) -> Output:
    written: dict[str, Any] = {}
    specific: dict[str, Any] = {}
    if answer.decision != "pass":
        written = {"decision": "deny", "reason": answer.reason}
    elif answer.content is not None:
        specific["tool_input"] = updated_arguments(call, answer.content)
    if answer.context and call.event != "before":
        specific["additionalContext"] = answer.context
    if specific and call.event in _EVENT_NAMES:
        written["hookSpecificOutput"] = {"hookEventName": _EVENT_NAMES[call.event], **specific}
    if answer.warning:
        written["systemMessage"] = answer.warning
    return print_json(written)


ADAPTER = Adapter("gemini", _read, _write)
