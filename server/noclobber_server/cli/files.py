"""``read``, ``write``, ``edit``, ``delete``, ``move``: a shell script's way to files under the guard."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from . import passthrough
from .call import Usage
from .registry import Command

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from noclobber.records import Read, Write

    from .call import Call

__all__ = ["COMMANDS", "content_to_json", "told"]

_OFF = "NOCLOBBER=off: this was neither guarded nor put on record."


def told(call: Call, done: Write) -> int:
    """Answer with what a change did: one object, or one line and on stderr what others had changed."""
    if call.out.as_json:
        call.out.json(done._asdict())
        return 0
    call.out.line("\t".join((done.outcome, done.file_path, done.content_hash or "-")))
    call.notices(done.notices)
    if done.merged_diff:
        call.out.note("merged with what others had changed meanwhile:")
        call.out.diff(done.merged_diff)
    return 0


def _unguarded(call: Call, path: str) -> int:
    """Answer with what was done under ``NOCLOBBER=off``: a shell has no word of it, a program gets the object it expects."""
    from noclobber.records import Write

    if call.out.as_json:
        call.out.json(Write(path, "done", None, None, None, 0, (_OFF,))._asdict())
    return 0


def _configure_read(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")


def _read(call: Call) -> int:
    if call.off:
        return _read_unguarded(call, call.locate(call.path))
    with call.guard(call.path) as guard:
        read = guard.read(call.locate(call.path))
    if call.out.as_json:
        call.out.json(_read_to_json(read))
    else:
        call.out.raw(read.content)
        call.notices(read.notices)
    return 0


def _read_unguarded(call: Call, path: str) -> int:
    content = passthrough.read(path)
    if call.out.as_json:
        unknown = dict.fromkeys(("read_hash", "turn_id", "intent_id", "timestamp", "agent_id"))
        call.out.json({"file_path": path, **unknown, "notices": [_OFF], **content_to_json(content)})
    else:
        call.out.raw(content)
    return 0


def _read_to_json(read: Read) -> dict[str, Any]:
    """The snapshot and the content: as text where it is UTF-8, else in base 64."""
    known = read.snapshot
    told: dict[str, Any] = {
        "file_path": known.file_path,
        "read_hash": known.read_hash,
        "turn_id": known.turn_id,
        "intent_id": known.intent_id,
        "timestamp": known.timestamp,
        "agent_id": known.agent_id,
        "notices": list(read.notices),
    }
    return {**told, **content_to_json(read.content)}


def content_to_json(content: bytes) -> dict[str, str]:
    """``content`` where it is UTF-8, else ``content_base64``."""
    try:
        return {"content": content.decode("utf-8")}
    except UnicodeDecodeError:
        return {"content_base64": b64encode(content).decode("ascii")}


def _configure_write(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--read-hash", metavar="H", help="the version these bytes were made from, if it is not the one you read last")
    parser.add_argument("--merge", action="store_true", help="if others changed other lines meanwhile, keep both")


def _write(call: Call) -> int:
    path = call.locate(call.path)
    content = call.stdin()
    if call.off:
        passthrough.write(path, content)
        return _unguarded(call, path)
    with call.guard(call.path) as guard:
        done = guard.write(path, content, read_hash=call.read_hash, on_stale="merge" if call.merge else "reject")
    return told(call, done)


def _configure_edit(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--old", metavar="TEXT", action="append", required=True, help="the text to replace; with --new, as often as needed")
    parser.add_argument("--new", metavar="TEXT", action="append", required=True, help="what takes its place")
    parser.add_argument("--all", action="store_true", help="every occurrence; else there must be exactly one")


def _edit(call: Call) -> int:
    if len(call.old) != len(call.new):
        raise Usage(f"each --old needs its --new: {len(call.old)} and {len(call.new)} were given")
    path = call.locate(call.path)
    edits = [(_argument(old), _argument(new)) for old, new in zip(call.old, call.new, strict=True)]
    if call.off:
        passthrough.edit(path, edits, replace_all=call.all)
        return _unguarded(call, path)
    with call.guard(call.path) as guard:
        done = guard.edit(path, edits, replace_all=call.all)
    return told(call, done)


def _argument(text: str | list[str]) -> str | bytes:
    """An argument as text, whose line endings follow the file's; as the very bytes where it is no text."""
    if isinstance(text, list):  # argparse before Python 3.13 takes the dashes out of --new=-- and leaves an empty list
        return "--"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def _configure_delete(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--read-hash", metavar="H", help="the version you mean, if it is not the one you read last")


def _delete(call: Call) -> int:
    path = call.locate(call.path)
    if call.off:
        passthrough.delete(path)
        return _unguarded(call, path)
    with call.guard(call.path) as guard:
        done = guard.delete(path, read_hash=call.read_hash)
    return told(call, done)


def _configure_move(parser: ArgumentParser) -> None:
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("to", metavar="TO", help="the new name; a folder's name moves the file into it")


def _move(call: Call) -> int:
    path, to = call.locate(call.path), call.locate(call.to)
    if os.path.isdir(to):
        to = os.path.join(to, os.path.basename(path))
    if call.off:
        passthrough.move(path, to)
        return _unguarded(call, to)
    with call.guard(call.path) as guard:
        done = guard.move(path, to)
    return told(call, done)


COMMANDS = {
    "read": Command(
        _read,
        _configure_read,
        "  noclobber read src/a.py > copy.py\n  noclobber read src/a.py --json        read_hash and the content in one object",
    ),
    "write": Command(
        _write,
        _configure_write,
        "  noclobber read a.txt | tr a-z A-Z | noclobber write a.txt\n"
        "  noclobber write a.txt --merge < mine.txt        keep what others changed on other lines\n"
        "  noclobber write a.txt --agent alice --turn t7 --intent INT-1 < new.txt",
    ),
    "edit": Command(
        _edit,
        _configure_edit,
        "  noclobber edit setup.cfg --old 'version = 1' --new 'version = 2'\n  noclobber edit a.py --old foo --new bar --all",
        texts=("--old", "--new"),
    ),
    "delete": Command(_delete, _configure_delete, "  noclobber read old.py >/dev/null && noclobber delete old.py"),
    "move": Command(_move, _configure_move, "  noclobber move src/a.py src/b.py"),
}
