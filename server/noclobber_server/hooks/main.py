"""Where ``noclobber hook CLIENT`` begins: a payload on stdin, an answer on stdout, never a traceback.

Decides only whether there is anything to do at all; most calls of most tools end here, before the library is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn

    from .records import Adapter, HookCall, Output

__all__ = ["answer", "run"]

USAGE = "usage: noclobber hook {claude-code|codex|vscode|copilot|cursor|gemini|opencode|cline} [--set-up-only]   (a payload on stdin)\n"


def run(arguments: list[str]) -> int:
    """Answer one hook; the process's exit status, 0 whatever was decided (some clients take any other for a refusal)."""
    names = [argument for argument in arguments if not argument.startswith("--")]
    unknown = [argument for argument in arguments if argument.startswith("--") and argument != "--set-up-only"]
    if len(names) != 1 or unknown:
        sys.stderr.write(USAGE)
        return 0 if "--help" in arguments else 2
    if _is_off(os.environ):
        return 0
    output, finish = begin(names[0], sys.stdin.buffer.read(), os.environ, set_up_only="--set-up-only" in arguments)
    return _leave(output, finish)


def answer(client: str, payload: bytes, environ: Mapping[str, str], *, set_up_only: bool = False) -> Output:
    """The answer to one payload. ``set_up_only``: make no state where there is none yet."""
    output, finish = begin(client, payload, environ, set_up_only=set_up_only)
    finish(True)
    return output


def begin(client: str, payload: bytes, environ: Mapping[str, str], *, set_up_only: bool) -> tuple[Output, Callable[[bool], None]]:
    """The answer, and what is still to be done once it is given (True: also let go of everything)."""
    from .records import HookInputError, Output

    try:
        adapter, call = _understood(client, payload)
    except HookInputError as problem:
        return _unreadable(client, payload, problem), _nothing
    if not _concerns_us(call):
        return Output(), _nothing
    from .course import follow

    decided, finish = follow(call, environ, set_up_only=set_up_only)
    return adapter.write(call, decided), finish


def _unreadable(client: str, payload: bytes, problem: Exception) -> Output:
    """A payload that cannot be read is said to be so and let go on; a check's is held back where the setting says so."""
    import re

    from .adapters import NAMES, load
    from .records import HookCall, Output

    if client in NAMES and re.search(_CHECK, payload):
        from .course import failed

        named = re.search(rb'"cwd"\s*:\s*"([^"\\]+)"', payload)
        call = HookCall(client, "before", "", "" if named is None else os.fsdecode(named[1]))
        decided = failed(call, [], problem)
        if decided.decision == "deny":
            return load(client).write(call, decided)
    return Output(stderr=f"noclobber: {problem}; the tool was let go on unchecked\n")


_CHECK = (
    rb'"(?:hook_event_name|hookEventName|hookName|event)"\s*:\s*"(?:PreToolUse|preToolUse|BeforeTool|tool\.execute\.before)"'
    rb'|"toolArgs"(?!.*"toolResult")'
)
"""What names the event before a tool in the text of a payload. Copilot's names none: its arguments stand there without a result."""


def _nothing(_let_go: bool) -> None:
    """Nothing was opened."""


def _leave(output: Output, finish: Callable[[bool], None]) -> NoReturn:
    """Answer first, then write the journal; the process ends without tearing down the interpreter and the database (5 ms)."""
    if output.stderr:
        sys.stderr.write(output.stderr)
        sys.stderr.flush()
    if output.stdout:
        sys.stdout.write(output.stdout)
        sys.stdout.flush()
    finish(False)
    os._exit(output.status)


def _is_off(environ: Mapping[str, str]) -> bool:
    """Turned off, or on a machine of a build farm, where hooks keep no state."""
    off = environ.get("NOCLOBBER", "").strip().lower() in ("off", "0", "false", "no")
    return off or environ.get("CI", "").strip().lower() in ("true", "1", "yes")


def _understood(client: str, payload: bytes) -> tuple[Adapter, HookCall]:
    import json

    from .adapters import NAMES, load
    from .recognise import recognise
    from .records import HookInputError

    if client not in NAMES:
        raise HookInputError(f"there is no client by the name of {client!r}; there are {', '.join(NAMES)}")
    try:
        fields = json.loads(payload)
    except (ValueError, RecursionError) as problem:
        raise HookInputError(f"the payload on stdin is not JSON ({problem})") from problem
    if not isinstance(fields, dict):
        raise HookInputError("the payload on stdin is not a JSON object")
    adapter = load(recognise(fields, client))
    return adapter, adapter.read(fields)


def _concerns_us(call: HookCall) -> bool:
    """Whether this event of this tool is one we act on."""
    if call.event in ("session_start", "session_end", "subagent_stop", "turn_end", "permission", "denied"):
        return True
    if call.event == "before":
        return bool(call.changes) or (call.tool.startswith("mcp__noclobber__") and call.call_id is not None)
    if call.event in ("after", "failed"):
        return bool(call.changes or call.shown or call.kind == "shell")
    return False
