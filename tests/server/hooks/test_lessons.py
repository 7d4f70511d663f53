from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, append_lesson_to_claude
from noclobber.lessons.catalogue import Catalogue
from noclobber.lessons.records import DRAFT_STATES
from noclobber_server.hooks.lessons import _check_words

FAILED = """F                                                                        [100%]
=================================== FAILURES ===================================
____________________________________ test_x ____________________________________

    def test_x():
>       assert 1 == 2
E       assert 1 == 2

test_a.py:2: AssertionError
=========================== short test summary info ============================
FAILED test_a.py::test_x - assert 1 == 2
1 failed in 0.01s
"""


def test_the_lessons_for_a_file_are_given_when_it_is_first_read_and_once(claude: Any, project: Path, guard: ConcurrencyGuard) -> None:
    for name in ("db.py", "other.py"):
        (project / name).write_text("x = 1\n", encoding="utf-8")
    append_lesson_to_claude(guard, failure="The pool was closed twice", resolution="Close it in one place", files=["db.py"])
    a = claude("A")
    a.read("other.py")
    assert a.said == []
    a.read("db.py")
    a.read("db.py")
    assert a.said == ["Lesson for db.py: The pool was closed twice -> Close it in one place"]


def test_a_check_that_fails_in_the_shell_is_drafted_and_resolved_when_it_passes(
    claude: Any, project: Path, guard: ConcurrencyGuard
) -> None:
    (project / "test_a.py").write_text("def test_x():\n    assert 1 == 2\n", encoding="utf-8")
    a = claude("A")
    a.ran("cd . && python -m pytest -q", failed=True, stdout=FAILED)
    drafts = Catalogue(guard.workspace.store).all(DRAFT_STATES)
    assert [(draft.state, "test_x" in draft.failure + draft.title) for draft in drafts] == [("draft", True)]
    assert a.warned == []


def test_which_commands_are_checks() -> None:
    assert _check_words("cd x && uv run pytest -q tests") == ["uv", "run", "pytest", "-q", "tests"]
    assert _check_words("ruff check . | tail -5") == []
    assert _check_words("ruff check . |& tail -5") == []
    assert _check_words("set -o pipefail; ruff check . | tail -5") == ["ruff", "check", "."]
    assert _check_words("npx tsc --noEmit; echo done") == []
    assert _check_words("ls -la") == []
    assert _check_words("echo 'unclosed pytest") == []


CLAUDE = {"session_id": "S", "prompt_id": "T", "tool_name": "Bash"}
CODEX = {"session_id": "S", "turn_id": "T", "model": "m", "hook_event_name": "PostToolUse", "tool_name": "Bash"}
CURSOR = {"conversation_id": "S", "generation_id": "T", "tool_name": "Shell"}
COPILOT = {"sessionId": "S", "timestamp": 1, "toolName": "bash", "toolArgs": {"command": "pytest"}}
GEMINI = {"session_id": "S", "hook_event_name": "AfterTool", "tool_name": "run_shell_command"}
VSCODE = {"session_id": "S", "hook_event_name": "PostToolUse", "tool_name": "run_in_terminal"}
OPENCODE = {"sessionID": "S", "event": "tool.execute.after", "tool": "bash", "args": {"command": "pytest"}}
GOOD = "1 passed in 0.01s\n"


def copilots(printed: str, kind: str = "success") -> dict[str, Any]:
    return {**COPILOT, "toolResult": {"resultType": kind, "textResultForLlm": printed}}


ENDS: list[tuple[str, dict[str, Any], int | None]] = [
    ("claude-code", {**CLAUDE, "hook_event_name": "PostToolUseFailure", "error": f"Exit code 1\n{FAILED}", "is_interrupt": False}, 1),
    ("claude-code", {**CLAUDE, "hook_event_name": "PostToolUseFailure", "error": f"Exit code 137\n{FAILED}", "is_interrupt": True}, None),
    ("claude-code", {**CLAUDE, "hook_event_name": "PostToolUseFailure", "error": "The user doesn't want to run this"}, None),
    ("claude-code", {**CLAUDE, "hook_event_name": "PostToolUse", "tool_response": {"stdout": GOOD}}, 0),
    ("claude-code", {**CLAUDE, "hook_event_name": "PostToolUse", "tool_response": {"stdout": GOOD, "interrupted": True}}, None),
    ("claude-code", {**CLAUDE, "hook_event_name": "PostToolUse", "tool_response": {"stdout": GOOD, "backgroundTaskId": "b1"}}, None),
    ("codex", {**CODEX, "tool_response": f"Exit code: 1\nWall time: 0 seconds\nOutput:\n{FAILED}"}, 1),
    ("codex", {**CODEX, "tool_response": f"Exit code: 0\nOutput:\n{GOOD}"}, 0),
    ("codex", {**CODEX, "tool_response": {"output": FAILED, "metadata": {"exit_code": 1}}}, 1),
    ("codex", {**CODEX, "tool_response": json.dumps({"output": GOOD, "metadata": {"exit_code": 0}})}, 0),
    ("codex", {**CODEX, "tool_response": FAILED}, None),
    ("codex", {**CODEX, "tool_response": [FAILED]}, None),
    ("cursor", {**CURSOR, "hook_event_name": "postToolUse", "tool_output": json.dumps({"exitCode": 1, "stdout": FAILED})}, 1),
    ("cursor", {**CURSOR, "hook_event_name": "postToolUse", "tool_output": json.dumps({"output": GOOD, "exitCode": 0})}, 0),
    ("cursor", {**CURSOR, "hook_event_name": "postToolUse", "tool_output": FAILED}, None),
    ("cursor", {**CURSOR, "hook_event_name": "postToolUseFailure", "error_message": FAILED, "failure_type": "error"}, 1),
    ("cursor", {**CURSOR, "hook_event_name": "postToolUseFailure", "error_message": FAILED, "failure_type": "timeout"}, None),
    ("cursor", {**CURSOR, "hook_event_name": "afterShellExecution", "command": "pytest", "output": FAILED}, None),
    ("copilot", copilots(f"{FAILED}<exited with exit code 1>"), 1),
    ("copilot", copilots(f"{GOOD}<exited with exit code 0>"), 0),
    ("copilot", copilots(f"{FAILED}<exited with exit code 0>\nmore"), None),
    ("copilot", copilots(FAILED), None),
    ("copilot", copilots(FAILED, "failure"), None),
    ("gemini", {**GEMINI, "tool_response": {"llmContent": f"Output: {FAILED}\nExit Code: 1\nProcess Group PGID: 7"}}, 1),
    ("gemini", {**GEMINI, "tool_response": {"llmContent": f"Output: {GOOD}\nExit Code: 0\nSignal: (none)"}}, 0),
    ("gemini", {**GEMINI, "tool_response": {"llmContent": f"Output: {FAILED}"}}, None),
    ("vscode", {**VSCODE, "tool_response": f"{FAILED}\n\nCommand exited with code 1"}, 1),
    ("vscode", {**VSCODE, "tool_response": f"Note: The user manually edited the command\n{FAILED}\n\nCommand exited with code 1"}, None),
    ("vscode", {**VSCODE, "tool_response": FAILED}, None),
    ("opencode", {**OPENCODE, "output": FAILED, "exit": 1}, 1),
    ("opencode", {**OPENCODE, "output": GOOD, "exit": 0}, 0),
    ("opencode", {**OPENCODE, "output": FAILED, "exit": None}, None),
    ("opencode", {**OPENCODE, "output": FAILED}, None),
]  # fmt: skip


@pytest.mark.parametrize(("client", "payload", "status"), ENDS)
def test_a_check_is_drafted_or_resolved_only_where_its_end_is_known(
    project: Path, guard: ConcurrencyGuard, sent: Callable[..., dict[str, Any]], client: str, payload: dict[str, Any], status: int | None
) -> None:
    opened = {**CLAUDE, "hook_event_name": "PostToolUseFailure", "error": f"Exit code 1\n{FAILED}", "session_id": "earlier"}
    whole = {"cwd": str(project), "tool_input": {"command": "pytest"}}
    sent("claude-code", {**whole, **opened, "tool_use_id": "1"})
    (before,) = Catalogue(guard.workspace.store).all(DRAFT_STATES)
    sent(client, {**whole, **payload, "tool_use_id": "2"})
    checks = [(event.detail or {})["status"] for event in guard.events(kind="check")]
    assert checks == ([1] if status is None else [1, status])
    if status is None:
        assert Catalogue(guard.workspace.store).all(DRAFT_STATES) == [before]
