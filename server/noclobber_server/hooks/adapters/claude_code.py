"""Claude Code: ``.claude/settings.json``, seen with 2.1.330."""

from __future__ import annotations

from typing import Any

from ..records import Adapter, Answer, HookCall, HookEvent, Output, Shown
from .answers import claude_answer, print_json
from .fields import arguments_of, call_from, mapping, text, text_or_none

__all__ = ["ADAPTER", "EVENTS"]

EVENTS: dict[str, HookEvent] = {
    "SessionStart": "session_start",
    "SessionEnd": "session_end",
    "SubagentStop": "subagent_stop",
    "Stop": "turn_end",
    "PreToolUse": "before",
    "PostToolUse": "after",
    "PostToolUseFailure": "failed",
    "PermissionRequest": "permission",
    "PermissionDenied": "denied",
}
_UPDATES_UNASKED = ("acceptEdits", "bypassPermissions")
_LONGEST_MS = 1e12


def _read(payload: dict[str, Any]) -> HookCall:
    event = EVENTS.get(text(payload, "hook_event_name"), "other")
    mode = text(payload, "permission_mode")
    call = call_from(
        "claude-code", event, payload, session=text(payload, "session_id"), tool=text(payload, "tool_name"),
        arguments=arguments_of(payload, "tool_input"),
    )  # fmt: skip
    response = mapping(payload, "tool_response")
    return call._replace(
        turn=text_or_none(payload, "prompt_id"),
        subagent=text_or_none(payload, "agent_id"),
        shown=_shown(call, response),
        output=_output(payload, response),
        original=text_or_none(response, "originalFile"),
        changed_by_person=response.get("userModified") is True,
        # in these modes nobody is asked: "ask" would be a plain no, so the answer must be a refusal that says more
        can_update=mode not in ("dontAsk", "plan"),
        can_ask=mode not in ("dontAsk", "bypassPermissions"),
        reports_prompts=True,
        can_tell_before=True,
        approves=mode in _UPDATES_UNASKED,
        took_s=_seconds(payload.get("duration_ms")),
        succeeded=_succeeded(event, payload, response),
    )


def _succeeded(event: HookEvent, payload: dict[str, Any], response: dict[str, Any]) -> bool | None:
    """Its events tell, but for commands that the person stopped, that were never run, or that go on in the background."""
    if event == "failed":
        return False if text(payload, "error").startswith("Exit code ") and payload.get("is_interrupt") is not True else None
    goes_on = mapping(payload, "tool_input").get("run_in_background") is True or "backgroundTaskId" in response
    return None if goes_on or response.get("interrupted") is True else True


def _seconds(milliseconds: object) -> float | None:
    """None for what is no time: JSON also has infinities, and whole numbers beyond all floats."""
    if not isinstance(milliseconds, (int, float)) or isinstance(milliseconds, bool):
        return None
    return milliseconds / 1000 if 0 <= milliseconds < _LONGEST_MS else None


def _shown(call: HookCall, response: dict[str, Any]) -> tuple[Shown, ...]:
    """The lines really shown. Its count has the empty line after the last line break in it."""
    shown = mapping(response, "file")
    content, start, count, total = shown.get("content"), shown.get("startLine"), shown.get("numLines"), shown.get("totalLines")
    if not call.shown or not (isinstance(start, int) and isinstance(count, int) and isinstance(total, int)):
        return call.shown
    path = text(shown, "filePath") or call.shown[0].path
    whole = start <= 1 and count >= total
    lines = None if whole else (start, max(start, start + count - 1))
    return (Shown(path, lines, content if isinstance(content, str) else None),)


def _output(payload: dict[str, Any], response: dict[str, Any]) -> str:
    if "error" in payload:
        return text(payload, "error")
    return f"{text(response, 'stdout')}\n{text(response, 'stderr')}".strip("\n")


def _write(call: HookCall, answer: Answer) -> Output:
    return print_json(claude_answer(call, answer))


ADAPTER = Adapter("claude-code", _read, _write)
