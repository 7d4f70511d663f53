"""Real formatters beside agents: after each edit in a parallel hook, on the editor's save, and watching all the time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from noclobber import ConcurrencyGuard

HERE = Path(__file__).parent
FORMAT = [sys.executable, "-m", "ruff", "format", "--quiet", "--no-cache"]
PATIENCE_S = 60.0
WHOLE_EVERY = 10
ROUNDS = [12, pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]


def begun(count: int) -> str:
    """Lines to be changed one by one, with others around them that nobody changes."""
    return "".join(f"# the {number}th\nv{number} = 0\n# end\n\n" for number in range(count))


def edited(number: int) -> tuple[str, str]:
    """An edit in a form that no formatter leaves alone."""
    return f"v{number} = 0\n", f"v{number}   =  [ {number},'a' ]\n"


def formatted(text: str) -> str:
    done = subprocess.run([*FORMAT, "-"], input=text, capture_output=True, text=True, check=True)
    return done.stdout


class Agent:
    """Claude Code with real hook processes: edits, and now and then writes the whole file as it knows it."""

    def __init__(self, claude: Any, path: Path) -> None:
        self.claude, self.path = claude, path
        self.mine: str = claude.read(path.name)
        self.decisions: list[Any] = []

    def change(self, number: int, finishing: Callable[[Callable[[], None]], None]) -> None:
        """One edit. ``finishing`` is given the hook of the finished edit, to run it beside the formatter."""
        old, new = edited(number)
        assert self.mine.count(old) == 1
        self.mine = self.mine.replace(old, new)
        whole = number % WHOLE_EVERY == WHOLE_EVERY - 1
        tool = "Write" if whole else "Edit"
        given = {"file_path": str(self.path)}
        given |= {"content": self.mine} if whole else {"old_string": old, "new_string": new, "replace_all": False}  # type: ignore[dict-item]
        call = f"toolu_{self.claude.session}_{number}"
        decided = self.claude.check(tool, given, call)
        self.decisions.append(decided.get("permissionDecision"))
        before = self.path.read_text(encoding="utf-8")
        after = decided.get("updatedInput", given)["content"] if whole else before.replace(old, new)
        self.path.write_text(after, encoding="utf-8")
        finishing(lambda: self.claude.finish(tool, given, before, call))


def check(agent: Agent, path: Path, guard: ConcurrencyGuard, count: int) -> None:
    """Every edit stands there as the formatter put it, and nobody was held up or told of a loss."""
    text = path.read_text(encoding="utf-8")
    assert [f'v{number} = [{number}, "a"]' in text for number in range(count)] == [True] * count
    assert text == formatted(text)
    assert text.count("# end") == count
    assert set(agent.decisions) <= {None, "allow"}
    assert guard.events(outcome="refused") == []
    assert guard.events(outcome="overridden") == []
    assert guard.events(kind="late") == []
    assert [line for line in agent.claude.said if "replaced a version" in line or "under way" in line] == []


@pytest.fixture
def project_file(project: Path) -> Callable[[int], Path]:
    def made(count: int) -> Path:
        path = project / "app.py"
        path.write_text(begun(count), encoding="utf-8")
        return path

    return made


@pytest.mark.parametrize("count", ROUNDS)
def test_a_formatter_in_a_parallel_hook_refuses_and_loses_nothing(
    claude: Any, project_file: Callable[[int], Path], guard: ConcurrencyGuard, count: int
) -> None:
    path = project_file(count)
    agent = Agent(claude("A", process=True), path)

    def beside_the_formatter(finish: Callable[[], None]) -> None:
        with subprocess.Popen([*FORMAT, str(path)]) as formatter:
            finish()
        assert formatter.returncode == 0

    for number in range(count):
        agent.change(number, beside_the_formatter)
    check(agent, path, guard, count)


@pytest.mark.parametrize("count", ROUNDS)
async def test_a_formatter_on_the_editors_save_refuses_and_loses_nothing(
    claude: Any, person_at: Any, project_file: Callable[[int], Path], guard: ConcurrencyGuard, count: int
) -> None:
    path = project_file(count)
    person = await person_at(path)
    agent = Agent(claude("A", process=True), path)
    loop = asyncio.get_running_loop()

    def beside_the_editor(finish: Callable[[], None]) -> None:
        saving: Awaitable[None] = asyncio.run_coroutine_threadsafe(person.reload_format_and_save(formatted), loop)  # type: ignore[assignment]
        finish()
        saving.result(PATIENCE_S)  # type: ignore[attr-defined]

    for number in range(count):
        await asyncio.to_thread(agent.change, number, beside_the_editor)
    check(agent, path, guard, count)
    saved = [event for event in guard.events(kind="save") if event.agent_id.startswith("editor:Person:")]
    assert len(saved) >= count // 2


@pytest.fixture
def watching(project: Path) -> Iterator[Callable[[str], None]]:
    """A formatter that watches the project; a function that waits for what it says."""
    command = [sys.executable, str(HERE / "watching_formatter.py"), str(project)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
        said: list[str] = []

        def until(word: str) -> None:
            assert watcher.stdout is not None
            for line in watcher.stdout:
                said.append(line.strip())
                if said[-1] == word:
                    return
            raise AssertionError(f"the watching formatter ended after {said[-5:]}")

        until("watching")
        yield until
        watcher.kill()


@pytest.mark.parametrize("count", [10, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
async def test_a_watching_formatter_and_two_busy_agents_end_without_a_loop_and_nobody_is_stuck(
    claude: Any, project_file: Callable[[int], Path], guard: ConcurrencyGuard, watching: Callable[[str], None], count: int
) -> None:
    """The formatter is not bound by anything: what it overwrites between its read and its write is kept, and found in the history."""
    path = project_file(2 * count)
    a = claude("A", process=True)
    a.read(path.name)
    environ = dict(os.environ) | {"NOCLOBBER_AGENT": "B"}
    server = StdioServerParameters(command=sys.executable, args=["-m", "noclobber_server.main", "mcp"], cwd=str(path.parent), env=environ)
    tries: list[int] = []

    def by_hooks() -> None:
        for number in range(count):
            old, new = edited(number)
            for attempt in range(1, 6):
                given = {"file_path": str(path), "old_string": old, "new_string": new, "replace_all": False}
                call = f"toolu_w{number}_{attempt}"
                if a.check("Edit", given, call).get("permissionDecision") is None:
                    before = path.read_text(encoding="utf-8")
                    path.write_text(before.replace(old, new), encoding="utf-8")
                    a.finish("Edit", given, before, call)
                    tries.append(attempt)
                    break
                a.read(path.name)

    async def by_mcp(b: Client) -> None:
        for number in range(count, 2 * count):
            old, new = edited(number)
            for attempt in range(1, 6):
                done = await b.call_tool("edit_file", {"path": "app.py", "edits": [{"old": old, "new": new}]})
                if not done.is_error:
                    tries.append(attempt)
                    break
                await b.call_tool("read_file", {"path": "app.py"})

    async with Client(server) as b, asyncio.timeout(1500):
        await b.call_tool("read_file", {"path": "app.py"})
        await asyncio.gather(asyncio.to_thread(by_hooks), by_mcp(b))
    await asyncio.wait_for(asyncio.to_thread(watching, "idle"), PATIENCE_S)
    assert len(tries) == 2 * count
    assert guard.events(outcome="overridden") == []
    text = path.read_text(encoding="utf-8")
    assert text == formatted(text)
    missing = [number for number in range(count, 2 * count) if f'v{number} = [{number}, "a"]' not in text]
    for number in missing:
        _, new = edited(number)
        (event,) = [event for event in guard.events(agent_id="B", kind="edit") if new.encode() in guard.content(event.after_hash or "")][:1]
        assert event.outcome in ("done", "merged", "formatted")
