"""The hook registrations: which events of each client, for which of its tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .commands import hook_command
from .records import Entry

__all__ = ["CLINE_EVENTS", "hook_entries"]

CLINE_EVENTS = ("PreToolUse", "PostToolUse", "TaskStart", "TaskResume", "TaskCancel", "TaskComplete")
_SECONDS = 10
_CLAUDE_EDITS = "Edit|MultiEdit|Write|NotebookEdit"

_CLAUDE: tuple[tuple[str, str | None], ...] = (
    ("PreToolUse", _CLAUDE_EDITS),
    ("PreToolUse", "mcp__noclobber__.*"),  # leaves word of whose call it is: the MCP server gets nothing but its number
    ("PostToolUse", f"Read|{_CLAUDE_EDITS}|Bash"),
    ("PostToolUseFailure", f"{_CLAUDE_EDITS}|Bash"),
    ("PermissionRequest", _CLAUDE_EDITS),
    ("PermissionDenied", _CLAUDE_EDITS),
    ("SessionStart", None),
    ("SessionEnd", None),
    ("SubagentStop", None),
)
_CODEX: dict[str, str | None] = {
    "PreToolUse": "apply_patch|Bash",
    "PostToolUse": "apply_patch|Bash",
    "PermissionRequest": "apply_patch|Bash",
    "SessionStart": None,
    "SessionEnd": None,
    "SubagentStop": None,
    "Stop": None,
}
_GEMINI: dict[str, str | None] = {
    "BeforeTool": "write_file|replace",
    "AfterTool": "read_file|write_file|replace|run_shell_command",
    "SessionStart": None,
    "SessionEnd": None,
}
_CURSOR: dict[str, str | None] = {
    "preToolUse": "Write|Delete|StrReplace|Edit",
    "postToolUse": "Read|Write|Delete|StrReplace|Edit|Shell",
    "postToolUseFailure": "Write|Delete|StrReplace|Edit|Shell",
    "sessionStart": None,
    "sessionEnd": None,
    "subagentStop": None,
}
_VSCODE = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "SessionStart", "SessionEnd", "SubagentStop", "Stop")


def hook_entries(client: str, launcher: str, *, everywhere: bool) -> tuple[Entry, ...]:
    """What belongs into a client's hook file; ``everywhere`` where that file is for all projects."""
    command = hook_command(launcher, client, everywhere=everywhere)
    if client == "claude-code":
        return _grouped(_CLAUDE, {"type": "command", "command": command, "timeout": _SECONDS})
    if client == "codex":
        return _grouped(_CODEX.items(), {"type": "command", "command": command, "timeout": _SECONDS})
    if client == "gemini":
        return _grouped(_GEMINI.items(), {"name": "noclobber", "type": "command", "command": command, "timeout": _SECONDS * 1000})
    if client == "cursor":
        entries = [
            Entry(("hooks", event), _matched(matcher, {"command": command, "timeout": _SECONDS}), True)
            for event, matcher in _CURSOR.items()
        ]
        return (Entry(("version",), 1), *entries)
    assert client in ("vscode", "copilot")
    # VS Code takes command and timeout, Copilot CLI bash and timeoutSec (newer ones both); neither runs an entry twice
    flat = {"type": "command", "command": command, "bash": command, "timeout": _SECONDS, "timeoutSec": _SECONDS}
    return (Entry(("version",), 1), *(Entry(("hooks", event), flat, True) for event in _VSCODE))


def _grouped(events: Iterable[tuple[str, str | None]], handler: dict[str, Any]) -> tuple[Entry, ...]:
    return tuple(Entry(("hooks", event), _matched(matcher, {"hooks": [handler]}), True) for event, matcher in events)


def _matched(matcher: str | None, value: dict[str, Any]) -> dict[str, Any]:
    return value if matcher is None else {"matcher": matcher, **value}
