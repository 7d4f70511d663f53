"""What every client's hook comes down to: a call, and the answer to it.

Plain named tuples without behaviour. They know no client: ``adapters`` turn payloads into calls, and answers into each
client's own format. Annotations are real objects here: as text each would be compiled when the class is made, 2 ms in all.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

__all__ = ["Adapter", "Answer", "Change", "HookCall", "HookEvent", "HookInputError", "Hunk", "Output", "Shown", "ToolKind"]

HookEvent = Literal[
    "session_start", "session_end", "subagent_stop", "turn_end", "before", "after", "failed", "permission", "denied", "other"
]  # fmt: skip
ToolKind = Literal["read", "change", "shell", "other"]
Hunk = tuple[str, str, tuple[str, ...], bool]
"""One place of a patch: the lines expected, the lines left, the lines that come before it somewhere; whether it is the end of the file."""


class HookInputError(Exception):
    """What came on stdin cannot be a hook's payload; the message says why."""


class Change(NamedTuple):
    """One file that a tool is about to change, or has changed.

    ``kind``: ``write`` (``content`` is the whole file), ``edit`` (``edits`` are exact replacements), ``patch`` (``hunks``, each looked
    for after the one before it), ``delete``, ``arrival`` (a moved file takes this name), ``opaque`` (what will come of it cannot be
    known beforehand). ``moves``: nothing stays at this name. ``creates``: the file is expected to be absent.
    """

    path: str
    kind: Literal["write", "edit", "patch", "delete", "arrival", "opaque"]
    content: str | None = None
    edits: tuple[tuple[str, str], ...] = ()
    replace_all: bool = False
    moves: bool = False
    creates: bool = False
    hunks: tuple[Hunk, ...] = ()


class Shown(NamedTuple):
    """One file that the model was shown: which lines (None: all), and the text, where the client says it."""

    path: str
    lines: tuple[int, int] | None = None
    text: str | None = None


class HookCall(NamedTuple):
    """One hook of one client, as the shared course sees it.

    ``call_id`` names the use of a tool, ``cwd`` is where relative paths begin. ``original``: the text the client itself found in the
    file just before it changed it. ``changed_by_person``: the person altered the edit before letting it pass. What the client can do with
    an answer: take another input (``can_update``; ``approves``: without asking the person, who set it up so), ask the person
    (``can_ask``; ``reports_prompts``: a hook hears when the person is really asked), show the model something before the tool runs
    (``can_tell_before``). ``took_s``: how long the tool ran, where it is said. ``succeeded``: how a shell command ended; None where its
    client does not say so for sure.
    """

    client: str
    event: HookEvent
    session: str
    cwd: str
    turn: str | None = None
    subagent: str | None = None
    tool: str = ""
    kind: ToolKind = "other"
    call_id: str | None = None
    changes: tuple[Change, ...] = ()
    shown: tuple[Shown, ...] = ()
    command: str = ""
    output: str = ""
    original: str | None = None
    changed_by_person: bool = False
    source: str = ""
    tool_input: dict[str, Any] | None = None
    can_update: bool = False
    can_ask: bool = False
    reports_prompts: bool = False
    can_tell_before: bool = False
    approves: bool = True
    took_s: float | None = None
    succeeded: bool | None = None

    @property
    def agent_id(self) -> str:
        """The writer's name: the client and its session, and the subagent within it."""
        name = f"{self.client}:{self.session}"
        return f"{name}/{self.subagent}" if self.subagent else name


class Answer(NamedTuple):
    """What the course decided. ``context`` reaches the model, ``warning`` the person; ``content`` is the whole file to write instead."""

    decision: Literal["pass", "deny", "ask"] = "pass"
    reason: str = ""
    context: str = ""
    warning: str = ""
    content: str | None = None


class Output(NamedTuple):
    """What the process leaves behind for its client."""

    stdout: str = ""
    stderr: str = ""
    status: int = 0


class Adapter(NamedTuple):
    """One client: its payload read into a call, an answer written in its format. Neither looks at any file."""

    name: str
    read: Callable[[dict[str, Any]], HookCall]
    write: Callable[[HookCall, Answer], Output]
