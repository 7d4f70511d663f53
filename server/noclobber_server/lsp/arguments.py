"""The arguments of the commands: one object each, camelCase on the wire, checked field by field."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override
from cattrs.v import format_exception
from pygls.exceptions import JsonRpcInvalidParams

__all__ = ["ActivityQuery", "LessonText", "OfDocument", "RestoreVersion", "RevertTurn", "SnapshotQuery", "read_arguments"]


@attrs.frozen
class OfDocument:
    """An open document."""

    uri: str


@attrs.frozen
class LessonText:
    """A lesson in one text, or in its parts, or from a diagnostic; ``uri`` is the file it was learned in."""

    lesson: str | None = None
    context: str | None = None
    failure: str | None = None
    resolution: str | None = None
    uri: str | None = None
    diagnostic: dict[str, Any] | None = None


@attrs.frozen
class SnapshotQuery:
    """Which live snapshots; all of them where nothing is said."""

    file_path: str | None = None
    agent_id: str | None = None
    turn_id: str | None = None
    intent_id: str | None = None
    root: str | None = None


@attrs.frozen
class ActivityQuery:
    """Which events; the newest ``limit`` of them."""

    file_path: str | None = None
    agent_id: str | None = None
    turn_id: str | None = None
    intent_id: str | None = None
    after_seq: int | None = None
    limit: int = 100
    root: str | None = None


@attrs.frozen
class RestoreVersion:
    """A kept version of a file, by its hash or the beginning of it."""

    uri: str
    hash: str


@attrs.frozen
class RevertTurn:
    """A turn whose changes are taken back."""

    turn_id: str
    agent_id: str | None = None
    dry_run: bool = False
    root: str | None = None


Arguments = TypeVar("Arguments")


def read_arguments(kind: type[Arguments], given: tuple[Any, ...]) -> Arguments:
    """The one object a command takes; ``JsonRpcInvalidParams`` names every field that is wrong."""
    if len(given) > 1 or (given and not isinstance(given[0], dict)):
        raise JsonRpcInvalidParams("Invalid Params: expected one object as the only argument")
    try:
        return _converter(kind).structure(given[0] if given else {}, kind)
    except cattrs.BaseValidationError as error:
        faults = [_on_the_wire(fault) for fault in cattrs.transform_error(error, "arguments[0]", _in_words)]
        raise JsonRpcInvalidParams("Invalid Params: " + "; ".join(faults), data={"faults": faults}) from None


def _converter(kind: type[Any]) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for plain in (str, int, bool):
        converter.register_structure_hook(plain, _exactly(plain))
    names = {field.name: override(rename=_camel(field.name)) for field in attrs.fields(kind)}
    converter.register_structure_hook(kind, make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **names))  # type: ignore[arg-type]
    return converter


class _WrongKindError(ValueError):
    """A value of another kind than expected; the message says which."""


def _in_words(error: BaseException, kind: type[Any] | None) -> str:
    return str(error) if isinstance(error, _WrongKindError) else format_exception(error, kind)


def _on_the_wire(fault: str) -> str:
    """The fault with its path as the client wrote it."""
    text, at, path = fault.rpartition(" @ ")
    return text + at + _camel(path) if at else fault


def _exactly(plain: type[Any]) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not plain:
            raise _WrongKindError(f"expected {_WORDS[plain]}")
        return value

    return structure


_WORDS = {str: "a string", int: "a whole number", bool: "true or false"}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
