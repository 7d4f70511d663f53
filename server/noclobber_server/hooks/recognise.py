"""Which client really sent a payload: files of one client are read by others, so the configured name is only a hint."""

from __future__ import annotations

from typing import Any

__all__ = ["recognise"]

_VSCODE_TOOLS = ("create_file", "replace_string_in_file", "multi_replace_string_in_file", "insert_edit_into_file", "run_in_terminal")
_GEMINI_EVENTS = ("BeforeTool", "AfterTool", "BeforeAgent", "AfterAgent")


def recognise(payload: dict[str, Any], told: str) -> str:
    """The client's name by what only it sends; where a payload could be several clients', the one it was said to be."""
    event = payload.get("hook_event_name")
    if "hookName" in payload and "taskId" in payload:
        return "cline"
    if "conversation_id" in payload or "cursor_version" in payload:
        return "cursor"
    if "sessionID" in payload and "event" in payload:
        return "opencode"
    if event in _GEMINI_EVENTS:
        return "gemini"
    if "toolArgs" in payload or ("sessionId" in payload and "hookEventName" not in payload and event is None):
        return "copilot"
    if "hookEventName" in payload or payload.get("tool_name") in _VSCODE_TOOLS or _names_file_as_vscode(payload):
        return "vscode"
    if "tool_result" in payload:
        return "copilot"
    if "turn_id" in payload and "model" in payload:
        return "codex"
    if told == "claude-code" and "timestamp" in payload:
        told = "vscode"  # Claude Code sends none; VS Code reads its files, and uses tools whose names are others' too
    if told in ("vscode", "copilot") and event in ("PreToolUse", "PostToolUse"):
        if "tool_use_id" not in payload:
            return "copilot"
        if "timestamp" in payload:
            return "vscode"
    if isinstance(event, str) and ("prompt_id" in payload or "effort" in payload):
        return "claude-code"
    return told


def _names_file_as_vscode(payload: dict[str, Any]) -> bool:
    given = payload.get("tool_input")
    return isinstance(given, dict) and "filePath" in given
