"""The race: four processes on the same three files, told live from the history as it grows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from noclobber import ConcurrencyGuard
from noclobber.errors import NoclobberError
from noclobber.history import refusal_diff
from noclobber.records import Event
from noclobber.store.protocol import EventQuery

from .actors import anchor
from .stage import Stage

__all__ = ["FILES", "Racer", "Result", "race"]

FILES = ("core/noclobber/records.py", "core/noclobber/errors.py", "server/noclobber_server/cli/output.py")
_TOLD_AT_MOST = 24
_STYLES = {"refused": "red", "merged": "cyan", "outside": "magenta", "late": "yellow"}


class Racer(NamedTuple):
    """Who takes part, in which role, on which of the files."""

    name: str
    role: str
    files: tuple[str, ...]
    about: str


# The person and the shell overwrite whatever stands there; that they keep off each other's files is the one thing that no guard
# of the agents could do for them.
RACERS = (
    Racer("alice", "careful-agent", FILES, "an agent: writes whole files from memory, reads again when refused"),
    Racer("bob", "merging-agent", FILES, "an agent: asks for a merge, or for an exact replacement"),
    Racer("person", "person", FILES[:1], "an editor that knows nothing of the guard, saving in place"),
    Racer("shell", "shell", FILES[1:2], "a shell command: awk … > new && mv new file"),
)


class Result(NamedTuple):
    """What came of it: each racer's ledger (the lines it wrote), all events, and one refusal to look at."""

    ledgers: dict[str, list[bytes]]
    events: list[Event]
    refusal: Event | None


def race(stage: Stage, guard: ConcurrencyGuard, seconds: float) -> Result:
    """Let them race; tell the most telling moments."""
    _set_up(stage)
    for racer in RACERS:
        stage.say(f"{racer.name:<7} {racer.about}")
    stage.say("")
    with tempfile.TemporaryDirectory(prefix="noclobber-ledgers-") as folder:
        ledgers = {racer.name: Path(folder, racer.name) for racer in RACERS}
        events = _told_live(stage, guard, [_start(stage, racer, ledgers[racer.name], seconds) for racer in RACERS])
        written = {name: _lines(ledger) for name, ledger in ledgers.items()}
    shown = (event for event in reversed(events) if event.refusal == "STALE_FILE" and refusal_diff(guard, event))
    return Result(written, events, next(shown, None))


def _set_up(stage: Stage) -> None:
    """Give each racer a place of its own in each file, far from the others'."""
    for path in FILES:
        lines = stage.read(path).splitlines(keepends=True)
        for place, racer in reversed(list(enumerate(RACERS, start=1))):
            lines.insert(len(lines) * place // (len(RACERS) + 1), anchor(racer.name))
        (stage.root / path).write_bytes(b"".join(lines))


def _start(stage: Stage, racer: Racer, ledger: Path, seconds: float) -> subprocess.Popen[bytes]:
    ledger.touch()
    command = [sys.executable, "-m", "noclobber_server.demo.actors", racer.role, racer.name, str(stage.root), str(ledger), str(seconds)]
    return subprocess.Popen([*command, *racer.files], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _told_live(stage: Stage, guard: ConcurrencyGuard, racing: list[subprocess.Popen[bytes]]) -> list[Event]:
    store = guard.workspace.store
    begun, told = time.monotonic(), Counter[str]()
    events: list[Event] = []
    seen = store.last_seq()
    running = True
    while running:
        running = any(process.poll() is None for process in racing)  # asked first: what it still wrote is read below
        fresh = store.events(EventQuery(after_seq=seen))
        for event in fresh:
            _tell(stage, event, time.monotonic() - begun, told)
        seen = fresh[-1].seq if fresh else seen
        events.extend(fresh)
        time.sleep(0.02)
    if any(process.returncode for process in racing):
        raise NoclobberError("One of the racing processes failed; what it said stands above.")
    return events


def _tell(stage: Stage, event: Event, at: float, told: Counter[str]) -> None:
    """Refusals, merges and outside changes, a few of each kind; plain writes only to begin with."""
    what = event.kind if event.kind in ("outside", "late") else event.outcome
    if event.kind == "read" or told[what] >= (3 if what == "done" else 8) or told.total() >= _TOLD_AT_MOST:
        return
    told[what] += 1
    stage.say(f"{at:5.2f} s  {event.agent_id:<8} {_deed(event):<18} {event.file_path}{_because(event)}", _STYLES.get(what))


def _deed(event: Event) -> str:
    if event.kind == "outside":
        return "changed unguarded"
    return f"{event.outcome} {event.refusal or event.kind}" if event.outcome != "done" else f"{event.kind} done"


def _because(event: Event) -> str:
    others = dict.fromkeys(str(change.get("agent_id")) for change in (event.detail or {}).get("changed_by", ()))
    return f"  (meanwhile changed by {', '.join(others)})" if others else ""


def _lines(ledger: Path) -> list[bytes]:
    return ledger.read_bytes().splitlines(keepends=True)
