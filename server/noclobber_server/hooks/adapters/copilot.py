"""Copilot CLI: ``.github/hooks/*.json``; two payload formats, by the case of the event's name in the configuration.

A hook of its that ends with a status other than 0 refuses the tool, so it never does.
"""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, HookEvent, Output
from .answers import both_answers, print_json
from .claude_code import EVENTS
from .fields import arguments_of, call_from, last_status, mapping, text, text_or_none

__all__ = ["ADAPTER"]

_CAMEL_EVENTS: dict[str, HookEvent] = {
    "sessionStart": "session_start",
    "sessionEnd": "session_end",
    "subagentStop": "subagent_stop",
    "agentStop": "turn_end",
    "preToolUse": "before",
    "postToolUse": "after",
    "postToolUseFailure": "failed",
    "permissionRequest": "permission",
}


def _read(payload: dict[str, Any]) -> HookCall:
    arguments = arguments_of(payload, "toolArgs", "tool_input")
    call = call_from(
        "copilot", _event(payload), payload, session=text(payload, "sessionId", "session_id"),
        tool=text(payload, "toolName", "tool_name"), arguments=arguments,
    )  # fmt: skip
    result = mapping(payload, "toolResult", "tool_result")
    output = text(payload, "error") or text(result, "textResultForLlm", "text_result_for_llm")
    return call._replace(
        subagent=text_or_none(payload, "agentName", "agent_name"),
        output=output,
        succeeded=last_status(output, r"<exited with exit code (\d+)>"),
        can_update=True,
        can_ask=True,
        approves=False,
    )


def _event(payload: dict[str, Any]) -> HookEvent:
    """The camelCase payload does not name its event: what else it carries does."""
    name = text(payload, "hook_event_name", "hookEventName")
    if name:
        return EVENTS.get(name) or _CAMEL_EVENTS.get(name, "other")
    if "toolName" in payload:
        if "toolResult" in payload:
            return "after"
        return "failed" if "error" in payload else "before"
    if "source" in payload:
        return "session_start"
    if "agentName" in payload and "stopReason" in payload:
        return "subagent_stop"
    if "stopReason" in payload:
        return "turn_end"
    return "session_end" if "reason" in payload else "other"


def _write(call: HookCall, answer: Answer) -> Output:
    return Output(print_json(both_answers(call, answer._replace(warning=""))).stdout, answer.warning and answer.warning + "\n")


ADAPTER = Adapter("copilot", _read, _write)
