"""The language server's figures, each against its limit; where there is a floor to compare with, measured in the same run.

Run it: ``python tests/benchmarks/bench_lsp.py [NAME…]``; exit status 1 where a limit is missed.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

OURS = "from noclobber_server.lsp.server import main; raise SystemExit(main([]))"
BARE = """
from lsprotocol import types
from pygls.lsp.server import LanguageServer
server = LanguageServer("bare", "1")
@server.feature(types.TEXT_DOCUMENT_DID_SAVE)
def saved(ls, params): pass
server.start_io()
"""


class Figure(NamedTuple):
    """``measured`` in ``unit``, at most ``limit``; ``note`` says against what."""

    name: str
    measured: float
    limit: float
    unit: str
    note: str = ""


class Wire:
    """A server process spoken to directly: no client library in the measured time."""

    def __init__(self, code: str) -> None:
        env = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")}
        self.process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def send(self, method: str, params: Any, request_id: Any = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if request_id is None else {"id": request_id})
        body = json.dumps(message).encode()
        self.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.stdin.flush()

    def receive(self) -> Any:
        length = 0
        while (line := self.stdout.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.stdout.read(length))

    def answer(self, request_id: Any) -> Any:
        while (message := self.receive()).get("id") != request_id or "method" in message:
            continue
        return message

    def initialize(self, root: Path) -> None:
        folders = [{"uri": root.as_uri(), "name": "root"}]
        info = {"name": "Bench", "version": "1"}
        params = {"capabilities": {}, "processId": os.getpid(), "workspaceFolders": folders, "clientInfo": info}
        self.send("initialize", params, "init")
        self.answer("init")

    def open(self, path: Path, text: str) -> None:
        item = {"uri": path.as_uri(), "languageId": "plaintext", "version": 1, "text": text}
        self.send("textDocument/didOpen", {"textDocument": item})

    def type_first(self, path: Path) -> None:
        place = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}}
        document = {"uri": path.as_uri(), "version": 2}
        self.send("textDocument/didChange", {"textDocument": document, "contentChanges": [{"range": place, "text": "typed "}]})

    def settled(self) -> None:
        self.send("workspace/executeCommand", {"command": "noclobber.activity", "arguments": [{"limit": 1}]}, "settled")
        self.answer("settled")

    def published(self, wanted: set[str]) -> None:
        """Wait until each of these URIs has a diagnostic."""
        missing = set(wanted)
        while missing:
            message = self.receive()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["diagnostics"]:
                missing.discard(message["params"]["uri"])

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """The most it ever held, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def end(self) -> None:
        self.stdin.close()
        self.process.wait(30)
        self.stdout.close()


def _text(lines: int, number: int = 0) -> str:
    return "".join(f"line {n} of document {number}: some words of an ordinary length\n" for n in range(lines))


def keystroke(_: Path) -> list[Figure]:
    """Our handler and document, per change, in a session that is really running (its worker looks along)."""
    figures = {lines: _keystrokes(lines) for lines in (100, 100_000)}
    small, large = figures[100], figures[100_000]
    return [
        Figure("keystroke in 100,000 lines", large, 0.05, "ms", "median of 5,000"),
        Figure("keystroke in 100,000 lines against 100", large / small, 1.5, "x", f"{small:.4f} ms in 100 lines"),
    ]


def _keystrokes(lines: int) -> float:
    from lsprotocol import types

    from noclobber_server.lsp.server import create_server

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.txt"
        path.write_text(_text(lines), encoding="utf-8")
        server = create_server({})
        server.protocol._workspace = _workspace()
        folders = [types.WorkspaceFolder(Path(folder).as_uri(), "root")]
        server.introduce(types.InitializeParams(capabilities=types.ClientCapabilities(), workspace_folders=folders))
        session = server.session
        uri = path.as_uri()
        session.opened(types.TextDocumentItem(uri, "plaintext", 1, path.read_text(encoding="utf-8")))
        session.worker.call(lambda: None).result()
        handler = server.protocol.fm.features[types.TEXT_DOCUMENT_DID_CHANGE]
        took = [_one_keystroke(handler, types, uri, lines // 2, number) for number in range(5_000)]
        session.end()
        return statistics.median(took)


def _one_keystroke(handler: Callable[[Any], None], types: Any, uri: str, line: int, number: int) -> float:
    place = types.Position(line, 3)
    change = types.TextDocumentContentChangePartial(types.Range(place, place), "\n" if number % 40 == 39 else "x")
    params = types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(uri=uri, version=number + 2), [change])
    began = time.perf_counter()
    handler(params)
    return (time.perf_counter() - began) * 1000


def _workspace() -> Any:
    from pygls.workspace import Workspace

    return Workspace(None)


def latency(folder: Path) -> list[Figure]:
    """100 documents with unsaved edits; one file changes at a time."""
    wire, paths = _opened(folder, 100, 200)
    for path in paths:
        wire.type_first(path)
    wire.settled()
    took = []
    for number in range(100):
        path = paths[number]
        content = path.read_text(encoding="utf-8").replace("line 150", "changed 150")
        began = time.perf_counter()
        path.write_text(content, encoding="utf-8")
        wire.published({path.as_uri()})
        took.append((time.perf_counter() - began) * 1000)
    wire.end()
    return [
        Figure("disk change to diagnostic, p95", statistics.quantiles(took, n=20)[18], 30, "ms", f"median {statistics.median(took):.1f} ms")
    ]


def many(folder: Path) -> list[Figure]:
    """1,000 documents with unsaved edits, all changed on disk at once."""
    wire, paths = _opened(folder, 1_000, 100)
    for path in paths:
        wire.type_first(path)
    wire.settled()
    changed = [(path, path.read_text(encoding="utf-8").replace("line 80", "changed 80")) for path in paths]
    began = time.perf_counter()
    for path, content in changed:
        path.write_text(content, encoding="utf-8")
    wire.published({path.as_uri() for path in paths})
    took = time.perf_counter() - began
    memory = wire.memory_mb()
    wire.end()
    return [Figure("1,000 changed at once: last diagnostic", took, 3, "s"), Figure("memory with 1,000 documents", memory, 150, "MiB")]


def idle(folder: Path) -> list[Figure]:
    """1,000 documents open, nothing happening."""
    wire, _ = _opened(folder, 1_000, 100)
    time.sleep(2)
    before = wire.cpu_seconds()
    time.sleep(5)
    used = wire.cpu_seconds() - before
    wire.end()
    return [Figure("CPU in 5 idle seconds with 1,000 documents", used * 1000, 10, "ms", "one clock tick is 10 ms")]


def checkout(folder: Path) -> list[Figure]:
    """``git checkout`` over 100 open clean documents in an editor that reloads each within 0.2 s."""
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    wire, paths = _opened(folder, 100, 100, start=False)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    for number, path in enumerate(paths):
        path.write_text(_text(110, number), encoding="utf-8")
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    wire.initialize(folder)
    wire.send("initialized", {})
    for path in paths:
        wire.open(path, path.read_text(encoding="utf-8"))
    wire.settled()
    subprocess.run([*git, "checkout", "-q", "HEAD~1"], check=True)
    time.sleep(0.2)
    for path in paths:
        whole = {"text": path.read_text(encoding="utf-8")}
        wire.send("textDocument/didChange", {"textDocument": {"uri": path.as_uri(), "version": 2}, "contentChanges": [whole]})
    time.sleep(2)
    wire.send("workspace/executeCommand", {"command": "noclobber.activity", "arguments": [{"limit": 1000}]}, "end")
    seen = []
    while (message := wire.receive()).get("id") != "end":
        seen.append(message["method"])
    events = [event for event in message["result"]["events"] if event["kind"] in ("git", "outside")]
    wire.end()
    return [
        Figure("diagnostics published by a checkout", seen.count("textDocument/publishDiagnostics"), 0, ""),
        Figure("events of a checkout", len(events), 1, "", "all of kind git" if {e["kind"] for e in events} == {"git"} else "NOT git"),
        Figure("messages of a checkout", seen.count("window/logMessage") + seen.count("window/showMessage"), 1, ""),
    ]


def start(folder: Path) -> list[Figure]:
    """From the start of the process to the answer of ``initialize``, ours and a bare pygls server by turns."""
    took: dict[str, list[float]] = {OURS: [], BARE: []}
    for _ in range(9):
        for code, measured in took.items():
            began = time.perf_counter()
            wire = Wire(code)
            wire.initialize(folder)
            measured.append(time.perf_counter() - began)
            wire.end()
    ours, bare = statistics.median(took[OURS]), statistics.median(took[BARE])
    return [Figure("start to the answer of initialize", ours / bare, 1.25, "x", f"{ours * 1000:.0f} ms, bare pygls {bare * 1000:.0f} ms")]


def follow(folder: Path) -> list[Figure]:
    """An event put on record by another process, to the notification about it."""
    from noclobber import ConcurrencyGuard

    path = folder / "a.txt"
    path.write_text(_text(50), encoding="utf-8")
    with ConcurrencyGuard(folder, "claude/1") as guard:
        guard.read("a.txt")
        wire = Wire(OURS)
        params = {
            "capabilities": {},
            "workspaceFolders": [{"uri": folder.as_uri(), "name": "r"}],
            "initializationOptions": {"activity": True},
        }
        wire.send("initialize", params, "init")
        wire.answer("init")
        wire.send("initialized", {})
        wire.settled()
        took = []
        for number in range(50):
            began = time.perf_counter()
            guard.record("check", detail={"number": number})
            while wire.receive().get("method") != "noclobber/activity":
                continue
            took.append((time.perf_counter() - began) * 1000)
        wire.end()
    return [Figure("another process's event to its notification, p95", statistics.quantiles(took, n=20)[18], 50, "ms")]


def _opened(folder: Path, count: int, lines: int, *, start: bool = True) -> tuple[Wire, list[Path]]:
    wire = Wire(OURS)
    paths = [folder / f"d{number // 50}" / f"{number}.txt" for number in range(count)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        path.write_text(_text(lines, number), encoding="utf-8")
    if start:
        wire.initialize(folder)
        wire.send("initialized", {})
        for number, path in enumerate(paths):
            wire.open(path, _text(lines, number))
        wire.settled()
    return wire, paths


BENCHES: dict[str, Callable[[Path], list[Figure]]] = {
    bench.__name__: bench for bench in (keystroke, latency, many, idle, checkout, start, follow)
}


def main(names: list[str]) -> int:
    """Run the named benches, all of them without names."""
    missed = 0
    for name in names or BENCHES:
        with tempfile.TemporaryDirectory() as folder:
            gc.collect()
            for figure in BENCHES[name](Path(folder).resolve()):
                good = figure.measured <= figure.limit
                missed += not good
                note = f"  ({figure.note})" if figure.note else ""
                print(f"{'ok  ' if good else 'MISS'} {figure.name}: {figure.measured:.3f} {figure.unit}, at most {figure.limit}{note}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
