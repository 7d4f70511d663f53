"""The course of a hook that concerns us: whose workspace, which handler, and what a failure of ours means.

A hook must never stop an agent because noclobber is broken, unless the settings say so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from time import perf_counter_ns

from noclobber.errors import FileAccessError, NoclobberError, PathError, Refused

from .context import Context, contexts_of
from .records import Answer, HookCall

__all__ = ["failed", "follow"]

_OURS = (NoclobberError, OSError, ValueError, TypeError, LookupError, AttributeError, ImportError)


def follow(call: HookCall, environ: Mapping[str, str], *, set_up_only: bool) -> tuple[Answer, Callable[[bool], None]]:
    """What to answer, and what is left to do afterwards. Failures of ours are said, and end as the setting ``hooks.on_error`` has it."""
    begun = perf_counter_ns()
    opened: list[Context] = []
    try:
        opened = contexts_of(call, environ, set_up_only=set_up_only)
        decided = _joined([_handle(context) for context in opened])
    except _OURS as problem:
        decided = failed(call, opened, problem)

    def finish(let_go: bool) -> None:
        for context in opened:
            try:
                context.finish(perf_counter_ns() - begun, let_go=let_go)
            except _OURS:
                continue  # the answer is given; the journal mends itself

    return decided, finish


def _handle(context: Context) -> Answer:
    call = context.call
    if call.call_id is not None and not context.notes.claim(call.call_id, call.event):
        return Answer()
    if call.event in ("session_start", "session_end", "subagent_stop", "turn_end"):
        from .sessions import handle_session

        return handle_session(context)
    if call.kind == "read":
        from .reads import record_reads

        return record_reads(context)
    if call.event in ("before", "permission", "denied"):
        from .checking import handle_before

        return handle_before(context)
    if call.kind == "shell":
        from .shell import compare_after_shell

        return compare_after_shell(context)
    from .finishing import record_finished

    return record_finished(context)


def _joined(answers: list[Answer]) -> Answer:
    """One answer for all workspaces a call touches: the strictest decision, all that is to be said."""
    if len(answers) == 1:
        return answers[0]
    strictest = next((answer for kind in ("deny", "ask") for answer in answers if answer.decision == kind), Answer())
    context = "\n".join(answer.context for answer in answers if answer.context)
    warning = "\n".join(answer.warning for answer in answers if answer.warning)
    return strictest._replace(context=context, warning=warning)


def failed(call: HookCall, opened: list[Context], problem: Exception) -> Answer:
    """The answer to a call that could not be checked, as the setting ``hooks.on_error`` has it."""
    if isinstance(problem, (PathError, FileAccessError, Refused)):
        return Answer()  # the client's own tool meets the same obstacle, and says so itself
    said = f"noclobber could not check this {call.tool or 'call'} ({type(problem).__name__}: {problem})"
    stop = any(context.guard.workspace.settings.hooks_on_error == "stop" for context in opened) or _stops_by_file(call)
    if stop and call.event == "before":
        return Answer("deny", reason=f'{said}, and the setting hooks.on_error = "stop" holds it back. noclobber doctor says more.')
    return Answer(warning=f"{said}; it was let go on unchecked. noclobber doctor says more.")


def _stops_by_file(call: HookCall) -> bool:
    """The setting, where the workspace itself could not be opened."""
    from noclobber.roots import root_for
    from noclobber.settings import load_settings

    try:
        return load_settings(root_for(call.cwd or os.getcwd())).hooks_on_error == "stop"
    except (NoclobberError, OSError):
        return False
