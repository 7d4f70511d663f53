"""What the tools answer: the shapes (their output schemas), and how an answer or a refusal is put for a model to read.

No field is required by a schema: some clients hold refusals, which have fields of their own, against it too.
"""

from __future__ import annotations

from typing import Any

from mcp.types import CallToolResult, TextContent
from typing_extensions import TypedDict

from noclobber.errors import NoclobberError, Refused
from noclobber.records import Refusal

__all__ = ["ChangeAnswer", "CheckAnswer", "LessonAnswer", "LessonsAnswer", "ReadAnswer", "SnapshotsAnswer", "answered", "failed"]


class ReadAnswer(TypedDict, total=False):
    """A file, or the part of it that was asked for."""

    file_path: str
    agent_id: str
    read_hash: str
    content: str
    lines: list[int] | None
    total_lines: int
    unchanged: bool
    notices: list[str]


class ChangeAnswer(TypedDict, total=False):
    """A change that was made; ``read_hash`` is what this agent now knows, ``merged_diff`` what others had changed."""

    file_path: str
    agent_id: str
    outcome: str
    read_hash: str | None
    content_hash: str | None
    merged_diff: str
    notices: list[str]


class CheckedFile(TypedDict):
    """One file this agent has read: ``fresh``, ``stale``, ``deleted`` or ``unread``."""

    file_path: str
    state: str
    changed_by: list[dict[str, Any]]


class CheckAnswer(TypedDict, total=False):
    """The files asked for, or all that this agent has read."""

    agent_id: str
    files: list[CheckedFile]


class SnapshotRow(TypedDict):
    """Who was shown which version of a file, when."""

    file_path: str
    agent_id: str
    read_hash: str
    timestamp: str
    turn_id: str | None
    intent_id: str | None
    lines: list[list[int]] | None


class SnapshotsAnswer(TypedDict, total=False):
    """Snapshots, oldest first."""

    snapshots: list[SnapshotRow]


class LessonAnswer(TypedDict, total=False):
    """What became of a lesson."""

    success: bool
    path: str
    message: str


class LessonRow(TypedDict):
    """One lesson."""

    id: str
    when: str
    context: str
    failure: str
    resolution: str
    lesson: str
    files: list[str]


class LessonsAnswer(TypedDict, total=False):
    """Lessons, best matches first."""

    lessons: list[LessonRow]


def answered(structured: dict[str, Any], text: str) -> CallToolResult:
    """An answer: ``text`` is what a model reads, ``structured`` what a program does."""
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured)


def failed(problem: NoclobberError) -> CallToolResult:
    """A refusal or another error, with all a model needs to go on; the same words every time."""
    if isinstance(problem, Refused):
        return _result(problem.refusal.to_json(), _refusal_text(problem.refusal))
    return _result({"type": type(problem).__name__, "message": str(problem)}, str(problem))


def _result(structured: dict[str, Any], text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=structured, is_error=True)


def _refusal_text(refusal: Refusal) -> str:
    text = f"{refusal.type}: {refusal.message} {refusal.resolution}"
    return f"{text}\n{refusal.diff}" if refusal.diff else text
