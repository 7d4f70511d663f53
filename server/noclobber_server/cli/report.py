"""How a refusal and every other error is told: to a person in words, to a program as one JSON object on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from noclobber.errors import NoclobberError, Refused, RevertConflictError, StoreDamagedError

from .output import printable

if TYPE_CHECKING:
    from noclobber.records import Refusal

    from .call import Call
    from .output import Output

__all__ = ["report"]

FAILED, REFUSED = 1, 3


def report(problem: NoclobberError, call: Call) -> int:
    """Say what went wrong and what to do next; the exit status."""
    if isinstance(problem, Refused):
        return _refused(problem.refusal, call)
    if call.out.as_json:
        call.out.json(_as_json(problem))
    else:
        call.out.note(printable(str(problem)))
        for path, reason in getattr(problem, "conflicts", {}).items():
            call.out.plain_note(f"  {printable(path)}: {printable(reason)}")
    return FAILED


def _as_json(problem: NoclobberError) -> dict[str, Any]:
    told: dict[str, Any] = {"error": type(problem).__name__, "message": str(problem)}
    if isinstance(problem, RevertConflictError):
        told["conflicts"] = problem.conflicts
    if isinstance(problem, StoreDamagedError):
        told["set_aside"] = problem.set_aside
    return told


def _refused(refusal: Refusal, call: Call) -> int:
    if call.out.as_json:
        call.out.json(refusal.to_json())
    else:
        _tell(refusal, call.out)
        if refusal.type == "UNREAD_FILE" and call.writer.startswith("cli:"):
            call.out.plain_note(f"You are known as {call.writer}; if each command runs in a session of its own, set NOCLOBBER_AGENT.")
    return REFUSED


def _tell(refusal: Refusal, out: Output) -> None:
    out.note(f"refused, {refusal.type}: {printable(refusal.message)}")
    for change in refusal.changed_by:
        out.plain_note(f"  changed by {printable(_who(change))}")
    if refusal.diff:
        out.diff(refusal.diff)
    out.plain_note(printable(refusal.resolution))
    if refusal.mergeable:
        out.plain_note("Nothing overlaps: the same command with --merge keeps both.")
    if refusal.seq:
        out.plain_note(f"More: noclobber why {refusal.seq}")


def _who(change: dict[str, Any]) -> str:
    labels = [f"{name} {change[key]}" for name, key in (("turn", "turn_id"), ("intent", "intent_id")) if change.get(key)]
    told = f" ({', '.join(labels)})" if labels else ""
    return f"{change.get('agent_id')}{told}: {change.get('kind')} at {change.get('timestamp')}"
