"""Cursor: ``.cursor/hooks.json``. ``ask`` is accepted and not acted on, so it is not used."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, HookEvent, Output, Shown
from .answers import print_json, updated_arguments
from .fields import arguments_of, call_from, is_success, object_of, text, text_or_none

__all__ = ["ADAPTER"]

_EVENTS: dict[str, HookEvent] = {
    "sessionStart": "session_start",
    "sessionEnd": "session_end",
    "subagentStop": "subagent_stop",
    "stop": "turn_end",
    "preToolUse": "before",
    "postToolUse": "after",
    "postToolUseFailure": "failed",
    "afterFileEdit": "after",
    "afterShellExecution": "after",
    "beforeReadFile": "after",
}


def _read(payload: dict[str, Any]) -> HookCall:
    name = text(payload, "hook_event_name")
    tool, arguments = _tool(name, payload)
    call = call_from(
        "cursor", _EVENTS.get(name, "other"), payload, session=text(payload, "conversation_id", "session_id"), tool=tool,
        arguments=arguments,
    )  # fmt: skip
    if name == "beforeReadFile":
        call = call._replace(shown=tuple(Shown(entry.path, None, text_or_none(payload, "content")) for entry in call.shown))
    output, succeeded = _ended(name, payload)
    roots = payload.get("workspace_roots")
    first_root = roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else ""
    return call._replace(
        cwd=call.cwd or first_root,
        turn=text_or_none(payload, "generation_id"),
        subagent=text_or_none(payload, "subagent_id"),
        output=output,
        succeeded=succeeded,
        can_update=True,
    )


def _ended(name: str, payload: dict[str, Any]) -> tuple[str, bool | None]:
    """What a tool printed and whether it went well. A tool's result is an object, sent as JSON."""
    result = object_of(payload.get("tool_output"))
    if result is not None:
        printed = "\n".join(result[key] for key in ("output", "stdout", "stderr") if isinstance(result.get(key), str) and result[key])
        return printed, is_success(result.get("exitCode"))
    failed = name == "postToolUseFailure" and text(payload, "failure_type") in ("", "error")
    return text(payload, "tool_output", "output", "error_message", "error"), False if failed else None


def _tool(name: str, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if name == "afterFileEdit":
        return "edit", payload
    if name == "beforeReadFile":
        return "Read", payload
    if name == "afterShellExecution":
        return "Shell", payload
    return text(payload, "tool_name"), arguments_of(payload, "tool_input")


def _write(call: HookCall, answer: Answer) -> Output:
    written: dict[str, Any] = {}
    if answer.decision != "pass":
        written = {"permission": "deny", "user_message": answer.reason, "agent_message": answer.reason}
    elif answer.content is not None:
        written = {"permission": "allow", "updated_input": updated_arguments(call, answer.content)}
    if answer.context and call.event != "before":
        written["additional_context"] = answer.context
    return Output(print_json(written).stdout, answer.warning and answer.warning + "\n")


ADAPTER = Adapter("cursor", _read, _write)
