"""What one agent's hooks leave for each other: small files under ``.noclobber/hooks/``, one folder an agent.

Every hook is a process of its own, and two may run at once for one call; so each fact is one file, made or taken away in
one step. Nothing here decides anything.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import NamedTuple

from noclobber.content import hash_content

__all__ = ["EditNote", "SessionNotes", "note_call", "take_call"]

_TWICE_WITHIN_S = 15.0
_UNDER_WAY_S = 10.0
_OLD_S = 7 * 86400.0


class EditNote(NamedTuple):
    """What a check left for the finished edit of one file. Hashes are of kept contents (None: absent, or the same as ``expected``).

    ``seq``: the newest event at the check. ``token``: the lease held, 0 for none. ``outcome``: that of the check.
    """

    file_path: str
    kind: str
    call_id: str
    before: str | None
    expected: str | None
    knows: str | None
    outcome: str
    seq: int
    token: int


class SessionNotes:
    """The notes of one agent: its session, or one subagent in it."""

    def __init__(self, state: str, session: str, subagent: str | None) -> None:
        self._all = os.path.join(state, "hooks")
        self._prefix = _short(session)
        self._folder = os.path.join(self._all, f"{self._prefix}-{_short(subagent) if subagent else 'main'}")

    def claim(self, call_id: str, event: str) -> bool:
        """Whether this is the first hook for this event of this call: false where another registration has it already."""
        path = self._path("claim", f"{call_id}\0{event}")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if time.time() - os.stat(path).st_mtime < _TWICE_WITHIN_S:
                return False
            os.utime(path)
        return True

    def put_edit(self, note: EditNote) -> None:
        """Leave a note for the finished edit."""
        self._write(self._path(f"edit-{_short(note.file_path)}", note.call_id), json.dumps(note))

    def take_edit(self, file_path: str, call_id: str | None) -> EditNote | None:
        """The note this call left on this file, taken away so that nobody acts on it twice; without the call's number, the latest one."""
        path = self._path(f"edit-{_short(file_path)}", call_id) if call_id else self._latest_edit(file_path)
        return None if path is None else _taken(path)

    def is_under_way(self, file_path: str) -> bool:
        """Whether a call of this agent may be at work on this file: its note is no older than a lease."""
        path = self._latest_edit(file_path)
        return path is not None and time.time() - os.stat(path).st_mtime < _UNDER_WAY_S

    def edits(self) -> list[EditNote]:
        """All notes that are open."""
        return [
            note for name in self._names() if name.startswith("edit-") and (note := _read(os.path.join(self._folder, name))) is not None
        ]

    def say_later(self, line: str) -> None:
        """Keep a line for the next answer that can reach the model."""
        self._append("later", line.replace("\n", "\0"))

    def take_said(self) -> list[str]:
        """The lines kept so far, each given once."""
        path = os.path.join(self._folder, "later")
        mine = f"{path}.{os.getpid()}"
        try:
            os.rename(path, mine)
        except FileNotFoundError:
            return []
        with open(mine, encoding="utf-8") as file:
            lines = [line.rstrip("\n").replace("\0", "\n") for line in file]
        os.unlink(mine)
        return lines

    def once(self, name: str, subject: str) -> bool:
        """True the first time for this subject in this session."""
        try:
            os.close(os.open(self._path(name, subject), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return False
        return True

    def mark(self, name: str, subject: str) -> None:
        """Set a mark on a subject."""
        self._write(self._path(name, subject), "")

    def unmark(self, name: str, subject: str) -> bool:
        """Take a mark away; whether it was set."""
        try:
            os.unlink(self._path(name, subject))
        except FileNotFoundError:
            return False
        return True

    def is_marked(self, name: str, subject: str) -> bool:
        """Whether a mark is set."""
        return os.path.exists(self._path(name, subject))

    def forget(self, *, with_subagents: bool) -> None:
        """Drop all notes of this agent, and of its subagents where its whole session ends."""
        for folder in _folders(self._all):
            if os.path.join(self._all, folder) == self._folder or (with_subagents and folder.startswith(f"{self._prefix}-")):
                _drop(os.path.join(self._all, folder))

    def sweep(self) -> None:
        """Drop what sessions left that ended without saying so, and word of calls that nobody took."""
        for folder in _folders(self._all):
            path = os.path.join(self._all, folder)
            if _is_old(path):
                _drop(path)
        calls = os.path.join(self._all, "calls")
        for name in os.listdir(calls) if os.path.isdir(calls) else ():
            if _is_old(path := os.path.join(calls, name)):
                os.unlink(path)

    def _latest_edit(self, file_path: str) -> str | None:
        begins = f"edit-{_short(file_path)}-"
        paths = [os.path.join(self._folder, name) for name in self._names() if name.startswith(begins)]
        return max(paths, key=lambda path: os.stat(path).st_mtime_ns, default=None)

    def _path(self, name: str, subject: str) -> str:
        self._make()
        return os.path.join(self._folder, f"{name}-{_short(subject)}")

    def _make(self) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return []

    def _append(self, name: str, line: str) -> None:
        self._make()
        with open(os.path.join(self._folder, name), "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line + "\n")

    def _write(self, path: str, text: str) -> None:
        self._make()
        temporary = f"{path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)


def note_call(state: str, call_id: str, agent_id: str, turn_id: str | None) -> None:
    """Leave word of whose call this is: an MCP server that gets the same number then knows the agent."""
    folder = os.path.join(state, "hooks", "calls")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(os.path.join(folder, _short(call_id)), "w", encoding="utf-8") as file:
        json.dump([agent_id, turn_id], file)


def take_call(state: str, call_id: str) -> tuple[str, str | None] | None:
    """Whose call it is, if a hook left word."""
    path = os.path.join(state, "hooks", "calls", _short(call_id))
    try:
        with open(path, encoding="utf-8") as file:
            agent_id, turn_id = json.load(file)
        os.unlink(path)
    except (OSError, ValueError):
        return None
    return agent_id, turn_id


def _short(text: str) -> str:
    return hash_content(text.encode("utf-8", "surrogatepass"))[:20]


def _read(path: str) -> EditNote | None:
    try:
        with open(path, encoding="utf-8") as file:
            return EditNote(*json.load(file))
    except (OSError, ValueError, TypeError):
        return None


def _taken(path: str) -> EditNote | None:
    mine = f"{path}.{os.getpid()}"
    try:
        os.rename(path, mine)
    except FileNotFoundError:
        return None
    note = _read(mine)
    os.unlink(mine)
    return note


def _folders(path: str) -> Iterator[str]:
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return
    yield from (name for name in names if "-" in name)


def _is_old(path: str) -> bool:
    try:
        return time.time() - os.stat(path).st_mtime > _OLD_S
    except FileNotFoundError:  # another session's start sweeps at the same time
        return False


def _drop(folder: str) -> None:
    try:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        return  # a hook of the same session is at work there; the next sweep gets it
