"""What is shown of a tool's arguments and answers, and how arguments are taken.

Schemas are short: they stand in every context of every agent, so what a model does not need is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from noclobber.errors import NoclobberError

__all__ = ["Arguments", "flat", "slimmed"]

_TOLD_ELSEWHERE = ("title", "default", "description")


class Arguments:
    """The arguments of one tool. ``last``: the names that stand at the end of the schema; what all tools have in common."""

    def __init__(self, shape: type, last: tuple[str, ...] = ()) -> None:
        self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(shape)
        self.schema: dict[str, Any] = slimmed(self._adapter.json_schema())
        properties: dict[str, Any] = self.schema["properties"]
        self.schema["properties"] = dict(sorted(properties.items(), key=lambda item: item[0] in last))
        self._structured = {name for name, value in properties.items() if value.get("type") != "string"}

    def taken(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in their types. NoclobberError, naming each one that will not do."""
        try:
            return self._adapter.validate_python({name: self._parsed(name, value) for name, value in given.items()})
        except ValidationError as problem:
            wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in problem.errors(include_url=False))
            raise NoclobberError(f"Nothing was done, for the arguments will not do: {wrong}.") from problem

    def _parsed(self, name: str, value: Any) -> Any:
        """Some clients pass lists, numbers and null as text (Claude Desktop does)."""
        if not isinstance(value, str) or name not in self._structured:
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value


def slimmed(schema: Any) -> Any:
    """A schema without what says nothing to a model: titles, defaults, alternatives with null. What is accepted stays the same."""
    if isinstance(schema, list):
        return [slimmed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    options = schema.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options and len(options) == 2:
        return slimmed(next(option for option in options if option != {"type": "null"}))
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            kept[key] = {name: slimmed(inner) for name, inner in value.items()}
        elif key not in _TOLD_ELSEWHERE:
            kept[key] = slimmed(value)
    return kept


def flat(shape: type) -> dict[str, Any]:
    """An output schema of names and plain types: clients hold every answer against it, 0.1 ms for each nested type."""
    properties = TypeAdapter(shape).json_schema().get("properties", {})
    return {"type": "object", "properties": {name: _plain_type(value) for name, value in properties.items()}}


def _plain_type(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    return {"type": kind} if isinstance(kind, str) else {}
