"""The agent of VS Code: ``.github/hooks/*.json``. It ignores matchers, so most of its calls are none of our business."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, Output
from .answers import both_answers, print_json
from .claude_code import EVENTS
from .fields import arguments_of, call_from, last_status, mapping, text, text_or_none

__all__ = ["ADAPTER"]


def _read(payload: dict[str, Any]) -> HookCall:
    event = EVENTS.get(text(payload, "hook_event_name", "hookEventName"), "other")
    call = call_from(
        "vscode", event, payload, session=text(payload, "session_id", "sessionId"), tool=text(payload, "tool_name", "toolName"),
        arguments=arguments_of(payload, "tool_input", "toolInput"),
    )  # fmt: skip
    output = text(payload, "tool_response", "error") or text(mapping(payload, "tool_result"), "text_result_for_llm")
    return call._replace(
        subagent=text_or_none(payload, "agent_id"),
        output=output,
        succeeded=_succeeded(output),
        can_update=True,
        can_ask=True,
        can_tell_before=True,
    )


def _succeeded(output: str) -> bool | None:
    """The terminal tool (VS Code 1.139) says at the end how a command failed; of one that succeeded, or goes on, it says nothing."""
    if output.startswith("Note: The user manually edited the command"):  # what ran is not what the payload says
        return None
    return last_status(output, r"(?:\A|\n)Command exited with code (\d+)")


def _write(call: HookCall, answer: Answer) -> Output:
    # Copilot reads the same files and may be what is really calling: its flat answer stands beside the nested one
    return print_json(both_answers(call, answer))


ADAPTER = Adapter("vscode", _read, _write)
