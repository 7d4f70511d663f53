"""Planning and doing: what would become of each file, and the writing of it, one file at a time and each of them whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .commands import is_ours
from .files import content_of, write_file
from .records import FileProblem, Places, Planned, Target
from .registrations import Steps
from .remembered import Remembered, digest, missing_folders
from .texts import cut_back, put_in, take_out

__all__ = ["Writer", "apply_plan", "plan", "plan_removal"]

Writer = Callable[[Path, bytes | None, bytes | None], None]
"""Puts ``after`` (None: nothing) where ``before`` stands; raises OSError or NoclobberError where it cannot."""


def plan(targets: Sequence[Target], places: Places) -> tuple[Planned, ...]:
    """What setting up would do to each file; no file is touched."""
    record = Remembered(places)
    return tuple(_plan_one(target, record.of(target.path)) for target in targets)


def plan_removal(targets: Sequence[Target], places: Places) -> tuple[Planned, ...]:
    """What taking back would do to each file; no file is touched."""
    record = Remembered(places)
    return tuple(_plan_back(target, record.of(target.path)) for target in targets)


def apply_plan(planned: Sequence[Planned], places: Places, writer: Writer | None = None) -> tuple[Planned, ...]:
    """Do it. A file that cannot be written is given back as a ``problem``, and the others are done all the same.

    WorkspaceError where what is done could not be put down for ``--remove``: before anything is done, if that can be told then.
    """
    put = writer or write_file
    record = Remembered(places)
    if any(one.state in ("add", "update", "remove") for one in planned):
        record.check_room()
    done: list[Planned] = []
    for one in planned:
        made = missing_folders(one.target.path)
        try:
            if one.state in ("add", "update", "remove"):
                put(one.target.path, one.before, one.after)
                if one.after is not None and one.target.executable:
                    one.target.path.chmod(0o755)
        except OSError as error:
            done.append(one._replace(state="problem", note=f"cannot be written: {error.strerror or error}"))
            continue
        if one.state != "problem":
            record.keep(one, made)
        done.append(one)
    record.save()
    return tuple(done)


def _plan_one(target: Target, record: dict[str, Any] | None) -> Planned:
    try:
        before = content_of(target.path)
        if target.format == "own":
            return _plan_own(target, before, record)
        text = _text(before)
        after, steps, replaced = put_in(target, text)
        _check_writable(target.path, changes=after != text)
    except FileProblem as problem:
        return Planned(target, "problem", None, None, str(problem))
    except OSError as error:
        return Planned(target, "problem", None, None, f"cannot be read: {error.strerror or error}")
    if after == text:
        return Planned(target, "present", before, before)
    return Planned(target, "update" if replaced else "add", before, after.encode(), steps=() if replaced else tuple(steps))


def _plan_own(target: Target, before: bytes | None, record: dict[str, Any] | None) -> Planned:
    after = target.text.encode()
    if before == after:
        return Planned(target, "present", before, before)
    if before is not None and not _is_own(target, before, record):
        if is_ours(_text(before)):
            return Planned(target, "present", before, before, "a script of your own, which calls noclobber")
        raise FileProblem("is there already and not ours; call noclobber from it by hand")
    return Planned(target, "add" if before is None else "update", before, after)


def _is_own(target: Target, content: bytes, record: dict[str, Any] | None) -> bool:
    """Whether a file is as we wrote it: what a person made of it, or put in its place, is theirs."""
    return content in (form.encode() for form in target.forms) or (record is not None and record["after"] == digest(content))


def _plan_back(target: Target, record: dict[str, Any] | None) -> Planned:
    try:
        before = content_of(target.path)
        if before is None:
            return Planned(target, "absent", None, None)
        if target.format == "own":
            return _plan_own_back(target, before, record)
        text = _text(before)
        exact = record is not None and record["after"] == digest(before)
        if exact and record is not None:
            steps: Steps = [(start, length) for start, length in record["steps"]]
            after = cut_back(text, steps).encode()
            gone = record["created"]
        else:
            left = take_out(target, text)
            after = left.encode()
            gone = left != text and record is not None and record["created"] and _says_nothing(left)
        _check_writable(target.path, changes=after != before)
    except FileProblem as problem:
        return Planned(target, "problem", None, None, str(problem))
    except OSError as error:
        return Planned(target, "problem", None, None, f"cannot be read: {error.strerror or error}")
    if after == before:
        return Planned(target, "absent", before, before)
    return Planned(target, "remove", before, None if gone else after)


def _plan_own_back(target: Target, before: bytes, record: dict[str, Any] | None) -> Planned:
    if _is_own(target, before, record):
        return Planned(target, "remove", before, None)
    if is_ours(_text(before)):
        raise FileProblem("is a script of your own; take the call of noclobber out by hand")
    return Planned(target, "absent", before, before)


def _says_nothing(text: str) -> bool:
    """Whether a file that we made holds nothing but what we began it with."""
    return "".join(text.split()) in ("", "{}", '{"version":1}')


def _text(content: bytes | None) -> str:
    try:
        return (content or b"").decode()
    except UnicodeDecodeError as error:
        raise FileProblem("is not UTF-8 text; it was left alone") from error


def _check_writable(path: Path, *, changes: bool) -> None:
    if changes and path.exists() and not os.stat(path).st_mode & 0o200:
        raise FileProblem("is read-only; make it writable, or add noclobber by hand")
