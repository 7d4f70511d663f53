"""The examples of ``examples/``: the tools themselves, and each framework's with the framework itself."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard

EXAMPLES = Path(__file__).parents[3] / "examples"
BASE = "one\r\ntwo\r\nthree\r\nfour\r\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.txt").write_bytes(BASE.encode())
    return tmp_path


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(EXAMPLES))

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def check(alice: Any, bob: Any, project: Path) -> None:
    """Two agents, one of them stale: refused with the name, read again, written; and the file keeps its line endings."""
    read_a, write_a, _ = alice
    read_b, write_b, edit_b = bob
    assert read_a("a.txt") == "one\ntwo\nthree\nfour\n"
    read_b("a.txt")
    assert write_a("a.txt", "one\nTWO\nthree\nfour\n") == "a.txt: done"
    refused = write_b("a.txt", "x\n")
    assert refused.startswith("STALE_FILE: a.txt was modified since you read it by alice")
    assert "+TWO" in refused
    assert edit_b("a.txt", "four", "FOUR") == "a.txt: merged"
    assert "There is no file" in read_b("absent.txt")
    assert (project / "a.txt").read_bytes() == b"one\r\nTWO\r\nthree\r\nFOUR\r\n"


def test_the_plain_tools(example: Any, project: Path) -> None:
    tools = example("guarded_tools").guarded_tools
    with ConcurrencyGuard(project, "alice") as alice:
        check(tools(alice), tools(alice.as_writer("bob")), project)


def test_langgraph(example: Any, project: Path) -> None:
    example("guarded_tools")
    made = example("langgraph_agent").file_tools
    assert [tool.name for tool in made(str(project), "x")] == ["read_file", "write_file", "edit_file"]

    def called(name: str) -> list[Any]:
        keys = (("path",), ("path", "content"), ("path", "old", "new"))
        return [
            lambda *values, tool=tool, names=names: tool.invoke(dict(zip(names, values, strict=True)))
            for tool, names in zip(made(str(project), name), keys, strict=True)
        ]

    check(called("alice"), called("bob"), project)


def test_openai_agents(example: Any, project: Path) -> None:
    from agents.tool_context import ToolContext

    example("guarded_tools")
    made = example("openai_agents").file_tools

    def called(name: str) -> list[Any]:
        keys = (("path",), ("path", "content"), ("path", "old", "new"))

        def call(tool: Any, names: tuple[str, ...]) -> Any:
            def run(*values: str) -> str:
                given = json.dumps(dict(zip(names, values, strict=True)))
                context = ToolContext(context=None, tool_name=tool.name, tool_call_id="1", tool_arguments=given)
                answer: str = asyncio.run(tool.on_invoke_tool(context, given))
                return answer

            return run

        return [call(tool, names) for tool, names in zip(made(str(project), name), keys, strict=True)]

    check(called("alice"), called("bob"), project)
