"""A LangGraph agent whose file tools are guarded. Needs ``pip install noclobber langgraph`` and a model of your choice."""

from __future__ import annotations

from typing import Any

from guarded_tools import guarded_tools
from langchain_core.tools import StructuredTool
from langgraph.prebuilt import ToolNode

from noclobber import ConcurrencyGuard


def file_tools(project: str, agent_id: str, turn_id: str | None = None) -> list[StructuredTool]:
    """The guarded tools of one agent; give each agent of a graph a name of its own."""
    guard = ConcurrencyGuard(project, agent_id, turn_id=turn_id)
    return [StructuredTool.from_function(tool) for tool in guarded_tools(guard)]


def tool_node(project: str, agent_id: str) -> ToolNode:
    """A node for a graph: ``graph.add_node("files", tool_node(".", "writer"))``; ``model.bind_tools(...)`` takes the same tools."""
    tools: list[Any] = file_tools(project, agent_id)
    return ToolNode(tools)
