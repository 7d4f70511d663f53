"""``verify``: runs a check as if nothing stood between it and the terminal, then says what failed and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .call import Usage
from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from noclobber.lessons.drafting import Outcome
    from noclobber.lessons.verifying import Verified

    from .call import Call

__all__ = ["COMMANDS"]

_MOST = 20
_STYLE = {"known": "yellow", "filed": "yellow", "flaky": "magenta", "resolved": "green"}
_SAID = {
    "drafted": "drafted", "again": "drafted before", "known": "known", "filed": "came back: now in the file", "flaky": "flaky",
    "resolved": "resolved", "left": "removed by somebody",
}  # fmt: skip


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--name", metavar="N", help="the check's name, for runs that differ in their arguments")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--lesson", action="store_true", help="put what is learned into the lessons file at once")
    how.add_argument("--no-lesson", action="store_true", help="draft nothing")
    parser.add_argument("--resolution", metavar="R", default="", help="what resolves the failure, in your words")
    parser.add_argument("command", metavar="COMMAND", nargs="...", help="the check, behind --")


def _verify(call: Call) -> int:
    command = call.command[1:] if call.command[:1] == ["--"] else call.command
    if not command:
        raise Usage("no command was given; write it behind --, as in: noclobber verify -- pytest -q")
    folder = call.base
    if call.off:
        from noclobber.checks.runner import run_command

        return run_command(command, folder=folder).status
    from noclobber.lessons.verifying import verify
    from noclobber.roots import root_for

    call.out.flush()
    verified = verify(
        command, call.guard, root=root_for(folder), folder=folder, name=call.name,
        lessons="at_once" if call.lesson else "none" if call.no_lesson else "draft", resolution=call.resolution,
    )  # fmt: skip
    _tell(call, verified)
    return verified.checked.status


def _tell(call: Call, verified: Verified) -> None:
    checked = verified.checked
    if checked.error:
        call.out.note(printable(checked.error))
    if call.out.as_json:
        call.out.json(_to_json(verified))
    elif not checked.passed or verified.outcomes:
        _summary(call, verified)


def _to_json(verified: Verified) -> dict[str, object]:
    checked = verified.checked
    told = [{"action": one.action, "lesson": one.lesson.id, "failure": one.failure and one.failure.to_json()} for one in verified.outcomes]
    return {
        "check": verified.name, "tool": checked.tool, "status": checked.status, "seconds": round(checked.seconds, 3),
        "failures": [failure.to_json() for failure in checked.failures], "outcomes": told, "drafting": verified.drafting,
    }  # fmt: skip


def _summary(call: Call, verified: Verified) -> None:
    """On stderr, below what the command printed, so that a pipe gets the command's own output and nothing else."""
    out, checked = call.out, verified.checked
    word = "passed" if checked.passed else f"failed with exit status {checked.status}"
    count = f", {len(checked.failures)} distinct failure{'s' if len(checked.failures) != 1 else ''}" if checked.failures else ""
    out.note(f"{printable(verified.name)} {word} in {checked.seconds:.1f} s{count}")
    told = {id(one.failure) for one in verified.outcomes}
    for one in verified.outcomes[:_MOST]:
        out.plain_note(_line(call, one))
    for failure in [failure for failure in checked.failures if id(failure) not in told][:_MOST]:
        out.plain_note(f"  {printable(failure.place or '-')}  {_cut(failure.message)}")
    if len(verified.outcomes) > _MOST:
        out.plain_note(f"  and {len(verified.outcomes) - _MOST} more: noclobber lesson list --drafts")
    for one in verified.outcomes:
        if one.action == "known" and one.lesson.resolution:
            out.plain_note(f"  a lesson about this ({one.lesson.id}) says: {printable(one.lesson.resolution)[:300]}")
    if any(one.action in ("drafted", "again", "resolved") for one in verified.outcomes):
        out.plain_note("  noclobber lesson list --drafts shows the drafts, noclobber lesson accept ID files one")


def _line(call: Call, one: Outcome) -> str:
    failure = one.failure
    where = failure.place if failure else ""
    what = _cut(failure.message if failure else one.lesson.title)
    said = f"{_SAID[one.action]:<14}"
    return (
        f"  {call.out.paint(_STYLE[one.action], said) if one.action in _STYLE else said} {one.lesson.id}  {printable(where or '-')}  {what}"
    )


def _cut(text: str) -> str:
    first = printable(text.split("\n", 1)[0])
    return first if len(first) <= 90 else first[:89] + "…"


COMMANDS = {
    "verify": Command(
        _verify,
        _configure,
        "  noclobber verify -- pytest -q\n  noclobber verify --name types -- mypy src\n"
        "  noclobber verify --lesson --resolution 'pin the time zone in tests' -- npx vitest run",
    ),
}
