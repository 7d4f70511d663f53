"""An agent of the OpenAI Agents SDK whose file tools are guarded. Needs ``pip install noclobber openai-agents``."""

from __future__ import annotations

from agents import Agent, FunctionTool, function_tool
from guarded_tools import guarded_tools

from noclobber import ConcurrencyGuard


def file_tools(project: str, agent_id: str, turn_id: str | None = None) -> list[FunctionTool]:
    """The guarded tools of one agent; give each agent a name of its own."""
    guard = ConcurrencyGuard(project, agent_id, turn_id=turn_id)
    return [function_tool(tool) for tool in guarded_tools(guard)]


def writer(project: str, name: str) -> Agent[None]:
    """An agent that may read and write files: ``Runner.run_sync(writer(".", "writer"), "…")``."""
    return Agent(name=name, instructions="Change the project's files as asked.", tools=list(file_tools(project, name)))
