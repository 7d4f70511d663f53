"""Codex: ``.codex/hooks.json``, seen with 0.169. No ``ask``, no reading tool; its edits are patches."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, Output
from .answers import claude_answer, print_json
from .claude_code import EVENTS
from .fields import arguments_of, call_from, is_success, mapping, object_of, text, text_or_none

__all__ = ["ADAPTER"]


def _read(payload: dict[str, Any]) -> HookCall:
    event = EVENTS.get(text(payload, "hook_event_name"), "other")
    output, succeeded = _ended(payload.get("tool_response"))
    call = call_from(
        "codex", event, payload, session=text(payload, "session_id"), tool=text(payload, "tool_name"),
        arguments=arguments_of(payload, "tool_input"),
    )  # fmt: skip
    return call._replace(
        event="failed" if event == "after" and succeeded is False else event,
        turn=text_or_none(payload, "turn_id"),
        subagent=text_or_none(payload, "agent_id"),
        output=output,
        can_tell_before=True,
        succeeded=succeeded,
    )


def _ended(response: object) -> tuple[str, bool | None]:
    """What a tool printed and whether it went well: a text that begins with the status, or an object, as it is or as JSON."""
    found = object_of(response)
    if found is not None:
        output = text(found, "output", "stdout")
        return output, is_success(mapping(found, "metadata").get("exit_code", found.get("exit_code")))
    if not isinstance(response, str):
        return "", None
    begins, _, _ = response.partition("\n")
    named, _, number = begins.partition(": ")
    return response, int(number) == 0 if named == "Exit code" and number.lstrip("-").isdecimal() else None


def _write(call: HookCall, answer: Answer) -> Output:
    # a failed tool still answers as PostToolUse: Codex has no event of its own for it, and refuses names it does not know
    return print_json(claude_answer(call._replace(event="after") if call.event == "failed" else call, answer))


ADAPTER = Adapter("codex", _read, _write)
