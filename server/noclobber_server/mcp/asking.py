"""The tools that change no file of the project's: checks, snapshots, lessons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mcp.types import CallToolResult

from noclobber import ConcurrencyGuard
from noclobber.records import Snapshot, lines_to_json

from .answers import answered

__all__ = ["append_lesson", "check_files", "query_snapshots", "search_lessons"]


def check_files(guard: ConcurrencyGuard, paths: Sequence[str] | None, progress: Callable[[int, int], None]) -> CallToolResult:
    """Which files this agent has read are still as it knows them. Raises the errors of core for a path that leads out."""
    wanted = list(paths) if paths else [snapshot.file_path for snapshot in guard.get_all_snapshots()]
    files = []
    for number, path in enumerate(wanted, 1):
        refusal = guard.verify_before_write(path)
        if refusal is not None:
            state = "deleted" if refusal.current_hash is None else "stale"
            files.append({"file_path": refusal.file_path, "state": state, "changed_by": list(refusal.changed_by)})
        else:
            snapshot = guard.get_snapshot(path)
            files.append(
                {
                    "file_path": path if snapshot is None else snapshot.file_path,
                    "state": "fresh" if snapshot else "unread",
                    "changed_by": [],
                }
            )
        if number % 50 == 0:
            progress(number, len(wanted))
    changed = "\n".join(_line(file) for file in files if file["state"] != "fresh")
    # an agent that is known by another name elsewhere must not take this for an all-clear
    text = changed or ("All as you know them." if files else "Nothing read under this name yet.")
    return answered({"agent_id": guard.agent_id, "files": files}, text)


def query_snapshots(
    guard: ConcurrencyGuard, *, file_path: str | None, turn_id: str | None, intent_id: str | None, limit: int
) -> CallToolResult:
    """Who was shown which version, by file, turn or intent; without any of them, what this agent knows now."""
    if file_path:
        found: list[Snapshot] = guard.get_snapshots_by_file(file_path)
    elif turn_id:
        found = guard.get_snapshots_by_turn(turn_id)
    elif intent_id:
        found = guard.get_snapshots_by_intent(intent_id)
    else:
        found = guard.get_all_snapshots()
    found = [one for one in found if (not turn_id or one.turn_id == turn_id) and (not intent_id or one.intent_id == intent_id)][
        -max(1, limit) :
    ]
    rows = [
        {"file_path": one.file_path, "agent_id": one.agent_id, "read_hash": one.read_hash, "timestamp": one.timestamp,
         "turn_id": one.turn_id, "intent_id": one.intent_id, "lines": lines_to_json(one.lines)}
        for one in found
    ]  # fmt: skip
    text = "\n".join(f"{one.timestamp} {one.agent_id} {one.file_path} {one.read_hash[:12]}" for one in found) or "None."
    return answered({"snapshots": rows}, text)


def append_lesson(
    guard: ConcurrencyGuard, lesson: str, *, context: str | None, failure: str | None, resolution: str | None, files: Sequence[str]
) -> CallToolResult:
    """Append a lesson to CLAUDE.md, or count one that is there."""
    from noclobber.lessons import append_lesson_to_claude

    done = append_lesson_to_claude(guard, lesson, context=context, failure=failure, resolution=resolution, files=files)
    result = answered({"success": done["success"], "path": done["path"], "message": done["message"]}, done["message"])
    result.is_error = not done["success"]
    return result


def search_lessons(guard: ConcurrencyGuard, words: str | None, file_path: str | None, limit: int) -> CallToolResult:
    """Lessons by words, or those for a file."""
    from noclobber.lessons.catalogue import Catalogue
    from noclobber.lessons.matching import names_file
    from noclobber.lessons.records import FILED_STATES

    catalogue = Catalogue(guard.workspace.store)
    found = catalogue.search(words, limit) if words else catalogue.all(FILED_STATES)
    if file_path:
        found = [lesson for lesson in found if names_file(lesson, file_path) is not None]
    rows = [
        {"id": one.id, "when": one.when, "context": one.context, "failure": one.failure, "resolution": one.resolution,
         "lesson": one.lesson, "files": list(one.files)}
        for one in found[:limit]
    ]  # fmt: skip
    text = "\n\n".join(_lesson_text(row) for row in rows) or "None."
    return answered({"lessons": rows}, text)


def _line(file: Mapping[str, object]) -> str:
    changed_by = file["changed_by"]
    names = ", ".join(str(change["agent_id"]) for change in changed_by) if isinstance(changed_by, list) else ""
    return f"{file['file_path']}: {file['state']}" + (f", by {names}" if names else "")


def _lesson_text(row: Mapping[str, object]) -> str:
    parts = [f"{name}: {row[name.lower()]}" for name in ("Context", "Failure", "Resolution", "Lesson") if row[name.lower()]]
    return f"{row['when']}\n" + "\n".join(parts)
