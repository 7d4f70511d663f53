"""Codex: ``.codex/hooks.json``, seen with 0.169. No ``ask``, no reading tool; its edits are patches."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, Output
from .answers import claude_answer, print_json
from .claude_code import EVENTS
from .fields import arguments_of, call_from, text, text_or_none

__all__ = ["ADAPTER"]


def _read(payload: dict[str, Any]) -> HookCall:
    event = EVENTS.get(text(payload, "hook_event_name"), "other")
    response = text(payload, "tool_response")
    call = call_from(
        "codex", event, payload, session=text(payload, "session_id"), tool=text(payload, "tool_name"),
        arguments=arguments_of(payload, "tool_input"),
    )  # fmt: skip
    failed = event == "after" and response.startswith("Exit code: ") and not response.startswith("Exit code: 0\n")
    return call._replace(
        event="failed" if failed else event,
        turn=text_or_none(payload, "turn_id"),
        subagent=text_or_none(payload, "agent_id"),
        output=response,
        can_tell_before=True,
    )


def _write(call: HookCall, answer: Answer) -> Output:
    # a failed tool still answers as PostToolUse: Codex has no event of its own for it, and refuses names it does not know
    return print_json(claude_answer(call._replace(event="after") if call.event == "failed" else call, answer))


ADAPTER = Adapter("codex", _read, _write)
