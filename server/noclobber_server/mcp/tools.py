"""The tools, one row each: name, words, shape of the arguments and of the answer, and the function elsewhere that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Required

from mcp.types import CallToolResult, ToolAnnotations
from typing_extensions import TypedDict

from noclobber import ConcurrencyGuard

from .answers import ChangeAnswer, CheckAnswer, LessonAnswer, LessonsAnswer, ReadAnswer, SnapshotsAnswer
from .asking import append_lesson, check_files, query_snapshots, search_lessons
from .changing import edit_file, write_to_file
from .identity import LABELS, Caller
from .notices import Notices
from .reading import read_file

__all__ = ["FILE_TOOLS", "OTHER_TOOLS", "ToolCall", "ToolRow"]


class ToolCall(NamedTuple):
    """What a tool has to work with. ``progress`` is told how many of how many are done, from the tool's thread."""

    guard: ConcurrencyGuard
    caller: Caller
    notices: Notices
    progress: Callable[[int, int], None]


class ToolRow(NamedTuple):
    """One tool. ``labels``: which arguments name the writer; ``quick``: needs no thread where there is one client only."""

    name: str
    description: str
    annotations: ToolAnnotations
    arguments: type
    answer: type
    run: Callable[[ToolCall, Mapping[str, Any]], CallToolResult]
    labels: tuple[str, ...] = LABELS
    quick: bool = False


class _Labels(TypedDict, total=False):
    agent_id: str | None
    turn_id: str | None
    intent_id: str | None


class ReadArguments(_Labels, total=False):
    """A file, and what of it: all, some lines, or the changes since the last read."""

    path: Required[str]
    start_line: int | None
    end_line: int | None
    changes_only: bool


class WriteArguments(_Labels, total=False):
    """A whole file; ``read_hash``: the version it is based on, where that is not the last one read."""

    path: Required[str]
    content: Required[str]
    read_hash: str | None
    on_stale: Literal["reject", "merge"]


class Edit(TypedDict):
    """One exact replacement."""

    old: str
    new: str


class EditArguments(_Labels, total=False):
    """Exact replacements in one file."""

    path: Required[str]
    edits: Required[list[Edit]]
    replace_all: bool


class LessonArguments(_Labels, total=False):
    """A lesson in one sentence, or in its three parts."""

    lesson: str
    context: str | None
    failure: str | None
    resolution: str | None
    files: list[str] | None


class CheckArguments(_Labels, total=False):
    """Files to check; all that were read where none is named."""

    paths: list[str] | None


class SnapshotArguments(_Labels, total=False):
    """What snapshots are wanted: here ``turn_id`` and ``intent_id`` are looked for, and name nobody."""

    file_path: str | None
    limit: int


class SearchArguments(_Labels, total=False):
    """Words to look for in lessons, or a file they are for."""

    words: str | None
    file_path: str | None
    limit: int


_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False)
_APPENDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


def _read(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    return read_file(
        call.guard, call.caller, call.notices, given["path"],
        start=given.get("start_line"), end=given.get("end_line"), changes_only=given.get("changes_only", False),
    )  # fmt: skip


def _write(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    return write_to_file(
        call.guard, call.caller, call.notices, given["path"], given["content"],
        read_hash=given.get("read_hash"), on_stale=given.get("on_stale", "reject"),
    )  # fmt: skip


def _edit(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    pairs = [(edit["old"], edit["new"]) for edit in given["edits"]]
    return edit_file(call.guard, call.caller, call.notices, given["path"], pairs, replace_all=given.get("replace_all", False))


def _append(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    parts = {name: given.get(name) for name in ("context", "failure", "resolution")}
    return append_lesson(call.guard, given.get("lesson", ""), **parts, files=given.get("files") or ())


def _check(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    return check_files(call.guard, given.get("paths"), call.progress)


def _snapshots(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    wanted = {name: given.get(name) for name in ("file_path", "turn_id", "intent_id")}
    return query_snapshots(call.guard, **wanted, limit=given.get("limit", 50))


def _search(call: ToolCall, given: Mapping[str, Any]) -> CallToolResult:
    return search_lessons(call.guard, given.get("words"), given.get("file_path"), given.get("limit", 5))


FILE_TOOLS = (
    ToolRow(
        "read_file", "Read a text file, whole or by lines, or only its changes since your last read.",
        _READS, ReadArguments, ReadAnswer, _read, quick=True,
    ),
    ToolRow(
        "write_to_file", "Replace a whole file you have read, or create one. Refused if it changed since.",
        _WRITES, WriteArguments, ChangeAnswer, _write,
    ),
    ToolRow(
        "edit_file", "Replace exact texts in a file; changes elsewhere in it do not matter.",
        _WRITES, EditArguments, ChangeAnswer, _edit,
    ),
)  # fmt: skip

OTHER_TOOLS = (
    ToolRow(
        "append_lesson_to_claude", "Record a lesson in CLAUDE.md: what failed, when, and what to do.",
        _APPENDS, LessonArguments, LessonAnswer, _append,
    ),
    ToolRow(
        "check_files", "Which of these files (default: all you have read) changed since you read them, by whom.",
        _READS, CheckArguments, CheckAnswer, _check,
    ),
    ToolRow(
        "query_snapshots", "Who was shown which version of a file; by file_path, turn_id or intent_id.",
        _READS, SnapshotArguments, SnapshotsAnswer, _snapshots, labels=("agent_id",),
    ),
    ToolRow(
        "search_lessons", "Find recorded lessons by words, or those for a file.",
        _READS, SearchArguments, LessonsAnswer, _search,
    ),
)  # fmt: skip
