"""Short input schemas: they stand in every context of every agent, so what a model does not need is left out."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer

__all__ = ["slim", "slimmed"]

_TOLD_ELSEWHERE = ("title", "default", "description")


def slim(server: MCPServer[Any]) -> None:
    """Take titles, defaults and alternatives with null out of the schemas that are shown; what is accepted stays the same."""
    for tool in server._tool_manager.list_tools():
        tool.parameters = slimmed(tool.parameters)


def slimmed(schema: Any) -> Any:
    """A schema without what says nothing to a model."""
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
