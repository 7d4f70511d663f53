"""``lesson``: what failed checks taught; add, list, search, show, accept, edit, remove and prune them."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .call import Usage
from .numbers import whole_number
from .output import printable
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator

    from noclobber import ConcurrencyGuard
    from noclobber.lessons.ledger import Kept, Ledger
    from noclobber.lessons.records import Lesson

    from .call import Call

__all__ = ["COMMANDS"]

_LABELS = (("lesson", "Lesson"), ("context", "Context"), ("failure", "Failure"), ("resolution", "Resolution"))


def _configure(parser: ArgumentParser) -> None:
    parser.add_argument("--agent", metavar="A", help="who is calling; with list and search: lessons of this agent")
    parser.add_argument("--turn", metavar="T", help="the turn; with list and search: lessons of this turn")
    parser.add_argument("--intent", metavar="I", help="the intent; with list and search: lessons of this intent")
    parser.add_argument("--context", metavar="C", help="add, edit: in which circumstances it failed")
    parser.add_argument("--failure", metavar="F", help="add, edit: what failed")
    parser.add_argument("--resolution", metavar="R", help="add, edit, accept: what to do instead")
    parser.add_argument("--for", dest="globs", metavar="GLOB", action="append", default=[], help="add: files it is about (src/**/*.py)")
    parser.add_argument("--for-file", metavar="P", help="search: what to know before editing this file")
    parser.add_argument("--drafts", action="store_true", help="list: what waits to be accepted or removed")
    parser.add_argument("--limit", metavar="N", type=whole_number, default=20, help="search: at most so many (20)")
    parser.add_argument("verb", metavar="VERB", choices=sorted(_VERBS), help="add, list, search, show, accept, edit, remove or prune")
    parser.add_argument("words", metavar="TEXT", nargs="*", help="add: the lesson (- takes it from stdin); search: words; else an id")


def _lesson(call: Call) -> int:
    return _VERBS[call.verb](call)


def _add(call: Call) -> int:
    from noclobber.lessons.appending import append_lesson_to_claude

    text: str | bytes = call.stdin() if call.words == ["-"] else " ".join(call.words)
    with _guard(call) as guard:
        done = append_lesson_to_claude(
            guard, text, context=call.context, failure=call.failure, resolution=call.resolution, files=tuple(call.globs)
        )
    if call.out.as_json:
        call.out.json(done)
    elif done["success"]:
        call.out.line(done["message"])
    else:
        call.out.note(done["message"])
    return 0 if done["success"] else 1


def _list(call: Call) -> int:
    with _guard(call) as guard:
        ledger = _ledger(guard)
        found = ledger.drafts() if call.drafts else ledger.filed()
    return _tell(call, _chosen(call, found))


def _search(call: Call) -> int:
    if not call.words and call.for_file is None:
        raise Usage("search for what? give words, or --for-file PATH")
    with _guard(call) as guard:
        ledger = _ledger(guard)
        found = ledger.for_file(call.locate(call.for_file), limit=1000) if call.for_file is not None else []
        if call.words:
            words = ledger.search(" ".join(call.words), limit=1000)
            ids = {lesson.id for lesson in found}
            found = [lesson for lesson in words if call.for_file is None or lesson.id in ids]
    return _tell(call, _chosen(call, found)[: call.limit], texts=True)


def _show(call: Call) -> int:
    with _guard(call) as guard:
        ledger = _ledger(guard)
        ledger.synchronise()
        lesson = ledger.catalogue.get(_id(call))
    if call.out.as_json:
        call.out.json(lesson.to_json())
    else:
        _describe(call, lesson)
    return 0


def _accept(call: Call) -> int:
    from noclobber.lessons.compose import compose

    with _guard(call) as guard:
        ledger = _ledger(guard)
        ledger.synchronise()
        resolution = compose(resolution=call.resolution).resolution if call.resolution else ""
        kept = ledger.accept(ledger.catalogue.get(_id(call)).id, resolution)
    return _kept(call, kept)


def _edit(call: Call) -> int:
    from noclobber.lessons.compose import compose

    with _guard(call) as guard:
        ledger = _ledger(guard)
        ledger.synchronise()
        lesson = ledger.catalogue.get(_id(call))
        given = {name: getattr(call, name) for name in ("context", "failure", "resolution")}
        if all(value is None for value in given.values()):
            given = _edited_by_hand(lesson)
        texts = compose(**{"lesson_text": lesson.lesson, **{n: getattr(lesson, n) if v is None else v for n, v in given.items()}})
        lesson = ledger.edit(lesson.id, texts)
    if call.out.as_json:
        call.out.json(lesson.to_json())
    else:
        call.out.line(f"Lesson {lesson.id} changed.")
    return 0


def _remove(call: Call) -> int:
    with _guard(call) as guard:
        ledger = _ledger(guard)
        ledger.synchronise()
        lesson = ledger.remove(ledger.catalogue.get(_id(call)).id)
    if call.out.as_json:
        call.out.json(lesson.to_json())
    else:
        call.out.line(f"Lesson {lesson.id} removed.")
    return 0


def _prune(call: Call) -> int:
    """Each lesson, one by one, with what a person needs to judge it; nothing is removed without an answer."""
    if not sys.stdin.isatty():
        raise Usage("prune asks about each lesson and needs a terminal; in a script use: noclobber lesson remove ID")
    removed = 0
    with _guard(call) as guard:
        ledger = _ledger(guard)
        lessons = sorted(ledger.filed(), key=lambda lesson: (lesson.seen, lesson.when))
        for number, lesson in enumerate(lessons, start=1):
            call.out.line(call.out.paint("bold", f"\n{number} of {len(lessons)}"))
            _describe(call, lesson)
            answer = _ask(call, "keep, remove or quit? [K/r/q] ")
            if answer == "q":
                break
            if answer == "r":
                ledger.remove(lesson.id)
                removed += 1
    call.out.line(f"{removed} of {len(lessons)} removed.")
    return 0


def _ask(call: Call, question: str) -> str:
    call.out.raw(question.encode())
    call.out.flush()
    return sys.stdin.readline().strip().lower()[:1] or "k"


def _edited_by_hand(lesson: Lesson) -> dict[str, str]:
    """The texts after the person's editor had them."""
    import shlex
    import subprocess
    import tempfile

    from noclobber.lessons.entry import split_labels

    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        raise Usage("give --context, --failure or --resolution, or set EDITOR to edit the lesson in")
    with tempfile.NamedTemporaryFile("w+", suffix=".md", encoding="utf-8") as file:
        file.write("".join(f"{label}: {getattr(lesson, name)}\n" for name, label in _LABELS if getattr(lesson, name)))
        file.flush()
        try:
            status = subprocess.run([*shlex.split(editor), file.name], check=False).returncode
        except OSError as problem:
            raise Usage(f"the editor {editor!r} cannot be started: {problem.strerror}") from problem
        if status:
            raise Usage(f"the editor ended with exit status {status}; nothing was changed")
        with open(file.name, encoding="utf-8", errors="replace") as edited:
            parts = split_labels(edited.read())
    return {
        **{name: "" for name, _ in _LABELS[1:]},
        "lesson_text": "",
        **{("lesson_text" if n == "lesson" else n): t for n, t in parts.items()},
    }


@contextmanager
def _guard(call: Call) -> Iterator[ConcurrencyGuard]:
    """Whoever lists or searches selects by agent, turn and intent; whoever changes something is named by them."""
    with call.guard() as guard:
        if call.verb in ("list", "search"):
            yield guard
        else:
            turn, intent = call.turn or guard.turn_id, call.intent or guard.intent_id
            yield guard.as_writer(call.agent or guard.agent_id, turn_id=turn, intent_id=intent)


def _ledger(guard: ConcurrencyGuard) -> Ledger:
    from noclobber.lessons.ledger import Ledger

    return Ledger(guard)


def _id(call: Call) -> str:
    if len(call.words) != 1:
        raise Usage(f"{call.verb} takes one id; noclobber lesson list shows them")
    word: str = call.words[0]
    return word


def _chosen(call: Call, lessons: list[Lesson]) -> list[Lesson]:
    wanted = {"agent_id": call.agent, "turn_id": call.turn, "intent_id": call.intent}
    return [lesson for lesson in lessons if all(value is None or getattr(lesson, name) == value for name, value in wanted.items())]


def _kept(call: Call, kept: Kept) -> int:
    from noclobber.lessons.appending import told

    if call.out.as_json:
        call.out.json({"success": True, "path": kept.lesson.place, "message": told(kept), "id": kept.lesson.id})
    else:
        call.out.line(told(kept))
    return 0


def _tell(call: Call, lessons: list[Lesson], *, texts: bool = False) -> int:
    if call.out.as_json:
        call.out.json([lesson.to_json() for lesson in lessons])
    elif texts and call.out.terminal:
        for lesson in lessons:
            _describe(call, lesson)
            call.out.line()
    else:
        rows = [(one.id, one.state, one.when, str(one.seen), one.place or one.check or "-", _cut(one.title)) for one in lessons]
        call.out.table(("ID", "STATE", "WHEN (UTC)", "SEEN", "WHERE", "WHAT"), rows)
    if not lessons and call.out.terminal:
        call.out.line("No lessons." if not call.drafts else "No drafts.")
    return 0


def _describe(call: Call, lesson: Lesson) -> None:
    out = call.out
    where = f" in {lesson.place}" if lesson.place else ""
    out.line(out.paint("bold", f"{lesson.id}") + f"  {lesson.state}{where}, {lesson.when} UTC, seen {lesson.seen} times")
    for name, label in _LABELS:
        for number, line in enumerate(getattr(lesson, name).split("\n")):
            if line:
                out.line(f"  {label if number == 0 else '':<11} {printable(line)}")
    origin = [f"{name} {value}" for name, value in _origin(lesson) if value]
    if origin:
        out.line(out.paint("dim", f"  {printable(', '.join(origin))}"))
    if lesson.note:
        out.line(out.paint("yellow", f"  {printable(lesson.note)}"))


def _origin(lesson: Lesson) -> list[tuple[str, str | None]]:
    return [
        ("by", lesson.agent_id), ("turn", lesson.turn_id), ("intent", lesson.intent_id), ("check", lesson.check), ("commit", lesson.commit),
        ("for", ", ".join(lesson.files)), ("corrects the one of", lesson.corrects),
    ]  # fmt: skip


def _cut(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"


_VERBS: dict[str, Callable[[Call], int]] = {
    "accept": _accept, "add": _add, "edit": _edit, "list": _list, "prune": _prune, "remove": _remove, "search": _search, "show": _show,
}  # fmt: skip

COMMANDS = {
    "lesson": Command(
        _lesson,
        _configure,
        "  noclobber lesson add --context 'tests on CI' --failure 'time zone differs' --resolution 'set TZ=UTC' --for 'tests/**'\n"
        "  noclobber lesson list --drafts\n  noclobber lesson search --for-file src/a.py\n  noclobber lesson accept l1a2b3c4",
        options="own",
        texts=("--context", "--failure", "--resolution"),
    ),
}
