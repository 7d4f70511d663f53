"""Everybody at once: an editor that types and saves, three agents under the guard, ``sed -i`` and ``git checkout``; nothing is lost."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber_server.lsp.state import assess

GAP_S = 0.03  # at most between two looks at a file that is watched
AGENT = Path(__file__).with_name("torture_agent.py")
SHELL = """
while [ -e go ]; do
  sed -i "s/^line 1[0-9].*/line 1$RANDOM by sed/" f$((RANDOM % 3)).txt; sleep 0.15
  git checkout -q -- f$((RANDOM % 3)).txt; sleep 0.2
done
"""
TEXT = "".join(f"line {n}\n" for n in range(1, 41))


class Watcher:
    """Looks at the files every few milliseconds and notes which versions stood for 100 ms, watched without a gap."""

    def __init__(self, paths: list[Path]) -> None:
        self._since: dict[Path, tuple[tuple[int, ...], float, float]] = {}
        self._paths = paths
        self.stood: dict[str, str] = {}

    async def watch(self) -> None:
        while True:
            for path in self._paths:
                self._look(path)
            await asyncio.sleep(0.005)

    def _look(self, path: Path) -> None:
        """The same text again is the same version only where it is still the same file, unwritten and never away."""
        try:
            with path.open("rb") as file:
                content = file.read()
                stat = os.stat(file.fileno())
        except OSError:
            return
        now = time.monotonic()
        mark = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        seen, since, last = self._since.get(path, (None, now, now))
        if seen != mark or now - last > GAP_S or len(content) != stat.st_size:
            since = now
        elif now - since > 0.1 and content:
            self.stood[sha256(content).hexdigest()] = path.name
        self._since[path] = mark, since, now


class Cost:
    """What a process has cost so far, measured again and again: seconds of CPU, and megabytes of memory, beside the events on record.

    By the event, since how many there are in a second is up to the machine and to what else it has to do.
    """

    def __init__(self, pid: int, events: Callable[[], int]) -> None:
        self._process = Path(f"/proc/{pid}")
        self._events = events
        self._measured: list[tuple[int, float, float]] = []

    def measure(self) -> None:
        fields = (self._process / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        self._measured.append((self._events(), cpu, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6))

    def is_flat(self) -> None:
        """The last third of the events has cost hardly more than the first, though the history has tripled."""
        begin, end = self._measured[0][0], self._measured[-1][0]
        first = [one for one in self._measured if one[0] <= begin + (end - begin) / 3]
        last = [one for one in self._measured if one[0] >= end - (end - begin) / 3]
        (each, memory), (each_later, memory_later) = _shares(first), _shares(last)
        print(f"server: CPU {each:.1f} ms an event then {each_later:.1f}, memory {memory:.0f} MB then {memory_later:.0f} MB, {end} events")
        assert each_later < 1.3 * each + 1
        assert memory_later < 1.1 * memory + 10


def _shares(measured: list[tuple[int, float, float]]) -> tuple[float, float]:
    """The CPU that each event cost, in milliseconds, and the most memory."""
    (began, before, _), (ended, after, _) = measured[0], measured[-1]
    return 1000 * (after - before) / max(ended - began, 1), max(memory for _, _, memory in measured)


async def _torture(editor: Any, root: Path, seconds: float, seed: int) -> None:
    rng = random.Random(seed)
    names = [f"f{n}.txt" for n in range(3)]
    for name in names:
        (root / name).write_text(TEXT, encoding="utf-8")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(root)]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *arguments], check=True)
    (root / "go").touch()
    await editor.start()
    uris = [editor.open(name) for name in names]
    await editor.settled()
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")}
    agents = []
    for n in range(3):
        command = [sys.executable, str(AGENT), str(root), f"agent-{n}", str(seconds), str(seed + n)]
        with open(root.parent / f"agent-{n}", "wb") as made_by:  # no pipe: it would be full long before anybody reads it
            agents.append(subprocess.Popen(command, stdout=made_by, env=env))
    shell = subprocess.Popen(["bash", "-c", SHELL], cwd=root, stderr=subprocess.DEVNULL)
    watcher = Watcher([root / name for name in names])
    watching = asyncio.ensure_future(watcher.watch())
    with ConcurrencyGuard(root, "judge") as judge:
        until, saved, cost = time.monotonic() + seconds, set(), Cost(editor.client._server.pid, judge.workspace.store.last_seq)
        while time.monotonic() < until:
            saved |= await _one_step(editor, rng, uris)
            cost.measure()
    for agent in agents:
        await asyncio.to_thread(agent.wait)
    (root / "go").unlink()
    await asyncio.to_thread(shell.wait)
    watching.cancel()
    await editor.heard_out()
    assert all(agent.returncode == 0 for agent in agents)
    made = {line.split()[1] for n in range(3) for line in (root.parent / f"agent-{n}").read_text(encoding="ascii").splitlines()}
    assert made
    assert saved
    assert watcher.stood
    _nothing_is_lost(root, {"made": made, "saved": saved, "stood": set(watcher.stood)})
    given_up = time.monotonic() + 10
    while _disagreements(editor, root, uris) and time.monotonic() < given_up:
        await asyncio.sleep(0.1)
    assert _disagreements(editor, root, uris) == []
    assert editor.client._server.returncode is None
    cost.is_flat()
    await editor.stop()


async def _one_step(editor: Any, rng: random.Random, uris: list[str]) -> set[str]:
    uri = rng.choice(uris)
    what = rng.random()
    if what < 0.7:
        lines = editor.texts[uri].split("\n")
        old = rng.choice([line for line in lines if line] or [""])
        editor.type(uri, old, f"person {rng.randrange(1_000_000)}")
    elif what < 0.85:
        await editor.save(uri, by_hand=rng.random() < 0.6)
        return {sha256(editor.texts[uri].encode()).hexdigest()}
    elif what < 0.95:
        name = rng.choice(("merge", "takeDisk", "keepMine"))
        await editor.command(f"buffer.{name}", {"uri": uri})
    else:
        path = Path(uri.removeprefix("file://"))
        editor.close(uri)
        editor.open(path.name, _there(path))
    await asyncio.sleep(rng.random() * 0.04)
    return set()


def _there(path: Path) -> str:
    """The file's text; git removes a file before it makes it anew."""
    while True:
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue


def _nothing_is_lost(root: Path, versions: dict[str, set[str]]) -> None:
    with ConcurrencyGuard(root, "judge") as judge:
        on_disk = {sha256(path.read_bytes()).hexdigest() for path in root.glob("f*.txt")}
        lost = {
            how: [one for one in hashes if one not in on_disk and judge.workspace.store.content(one) is None]
            for how, hashes in versions.items()
        }
    assert not any(lost.values()), lost


def _disagreements(editor: Any, root: Path, uris: list[str]) -> list[tuple[str, str, list[str]]]:
    """The files of which something else is shown than a fresh computation says: the state they are in, and what is shown."""
    codes = {"fresh": [], "behind": ["stale-buffer"], "mergeable": ["stale-buffer"], "conflict": ["stale-conflict"]}
    found = []
    with ConcurrencyGuard(root, "judge") as judge:
        for uri in uris:
            path = Path(uri.removeprefix("file://"))
            (row,) = judge.workspace.store.buffers(path.name)
            base = judge.workspace.store.content(row.base_hash) if row.base_hash else None
            state = assess(None if base is None else base.decode(), editor.texts[uri], path.read_text(encoding="utf-8")).state
            shown = sorted({diagnostic.code for diagnostic in editor.diagnostics.get(uri, [])})
            if shown != codes[state]:
                found.append((path.name, state, shown))
    return found


async def test_a_few_seconds_of_everybody_at_once_lose_nothing(new_editor: Callable[[], Any], root: Path) -> None:
    await _torture(new_editor(), root, seconds=8, seed=random.randrange(10**6))


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_two_minutes_of_everybody_at_once_lose_nothing(new_editor: Callable[[], Any], root: Path) -> None:
    await _torture(new_editor(), root, seconds=120, seed=random.randrange(10**6))
