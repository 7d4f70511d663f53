"""The answer format that Claude Code began and others took over: ``hookSpecificOutput`` beside ``systemMessage``."""

from __future__ import annotations

import json
from typing import Any

from ..records import Answer, HookCall, Output
from ..tools import CONTENT_KEYS

__all__ = ["both_answers", "claude_answer", "print_json", "updated_arguments"]

_EVENT_NAMES = {"before": "PreToolUse", "after": "PostToolUse", "failed": "PostToolUseFailure", "session_start": "SessionStart"}


def print_json(answer: dict[str, Any]) -> Output:
    """An object on stdout, or nothing at all where there is nothing to say."""
    return Output(json.dumps(answer) if answer else "")


def updated_arguments(call: HookCall, content: str) -> dict[str, Any]:
    """The tool's own arguments with another whole content in them."""
    arguments = dict(call.tool_input or {})
    for key in CONTENT_KEYS:
        if isinstance(arguments.get(key), str):
            arguments[key] = content
            break
    return arguments


def claude_answer(call: HookCall, answer: Answer) -> dict[str, Any]:
    """The answer as Claude Code, Codex and VS Code understand it; empty where all is well."""
    specific: dict[str, Any] = {}
    if answer.decision != "pass":
        specific = {"permissionDecision": answer.decision, "permissionDecisionReason": answer.reason}
    elif answer.content is not None:
        specific = {
            "permissionDecision": "allow" if call.approves else "ask",
            "permissionDecisionReason": answer.context,
            "updatedInput": updated_arguments(call, answer.content),
        }
    if answer.context:
        specific["additionalContext"] = answer.context
    written: dict[str, Any] = {}
    if specific and call.event in _EVENT_NAMES:
        written["hookSpecificOutput"] = {"hookEventName": _EVENT_NAMES[call.event], **specific}
    if answer.warning:
        written["systemMessage"] = answer.warning
    return written


def both_answers(call: HookCall, answer: Answer) -> dict[str, Any]:
    """VS Code's nested answer and Copilot's flat one in one object: each reads its own part and passes over the other."""
    written = claude_answer(call, answer)
    if answer.decision != "pass":
        written |= {"permissionDecision": answer.decision, "permissionDecisionReason": answer.reason}
    elif answer.content is not None:
        # no flat decision beside it: the person's own permission rules stay in force
        written["modifiedArgs"] = updated_arguments(call, answer.content)
    if answer.context:
        written["additionalContext"] = answer.context
    return written
