"""Careful access to a payload's fields, and the call made from those that the Claude-shaped clients share."""

from __future__ import annotations

from typing import Any

from ..records import HookCall, HookEvent, HookInputError
from ..tools import changes_of, command_of, kind_of, shown_by

__all__ = ["arguments_of", "call_from", "is_success", "last_status", "mapping", "object_of", "text", "text_or_none"]


def text(payload: dict[str, Any], *keys: str) -> str:
    """The first of these fields that is a text, else an empty one."""
    return next((payload[key] for key in keys if isinstance(payload.get(key), str)), "")


def text_or_none(payload: dict[str, Any], *keys: str) -> str | None:
    """The first of these fields that is a text with something in it."""
    return text(payload, *keys) or None


def mapping(payload: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The first of these fields that is an object, else an empty one."""
    return next((payload[key] for key in keys if isinstance(payload.get(key), dict)), {})


def arguments_of(payload: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A tool's arguments; some clients send them as a JSON text, and a patch as a bare text."""
    value = next((payload[key] for key in keys if key in payload), None)
    found = object_of(value)
    return found if found is not None else {"input": value} if isinstance(value, str) else {}


def object_of(value: object) -> dict[str, Any] | None:
    """An object, also one sent as a JSON text; None where it is none."""
    if isinstance(value, str):
        import json

        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def is_success(status: object) -> bool | None:
    """What an exit status means; None where it is no number."""
    return status == 0 if isinstance(status, int) and not isinstance(status, bool) else None


def last_status(printed: str, mark: str) -> bool | None:
    """What the exit status means that a client puts at the end of a command's output; ``mark``: a pattern, the number its group."""
    import re

    found = re.search(mark + r"\s*\Z", printed)
    return None if found is None else int(found[1]) == 0


def call_from(
    client: str, event: HookEvent, payload: dict[str, Any], *, session: str, tool: str = "", arguments: dict[str, Any] | None = None,
    first_line: int = 1,
) -> HookCall:  # fmt: skip
    """A call with what follows from a tool's name and arguments filled in.

    Raises HookInputError where the payload does not say whose call it is.
    """
    if not session:
        raise HookInputError(f"the {client} payload names no session")
    given = arguments or {}
    kind = kind_of(tool, given)
    return HookCall(
        client, event, session, text(payload, "cwd"), tool=tool, kind=kind, tool_input=given,
        call_id=text_or_none(payload, "tool_use_id", "toolUseId", "callID", "tool_call_id"),
        changes=changes_of(tool, given), shown=shown_by(given, first_line=first_line) if kind == "read" else (),
        command=command_of(given) if kind == "shell" else "", source=text(payload, "source"),
    )  # fmt: skip
