"""Runs the protocol's own conformance suite against our HTTP server, both revisions: ``make conformance``.

``conformance-REVISION.yml`` names the checks that do not apply, in the suite's own form; any other that fails is a failure, and so is
one of them that passes. What the suite and Node are is pinned in ``tests/tools/mcp`` and ``tests/editors/setup-vscode.sh``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
NODE = ROOT / ".tools/bin/node"
SUITE = ROOT / "tests/tools/mcp/node_modules/@modelcontextprotocol/conformance/dist/index.js"
REVISIONS = ("2025-11-25", "2026-07-28")


def main(revisions: Sequence[str]) -> int:
    """0 where every check that applies passes."""
    if not (NODE.exists() and SUITE.exists()):
        print("the conformance suite is not installed: make conformance does that", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder, "project")) as port:
        return max([_run(port, revision, Path(folder, revision)) for revision in revisions])


def _run(port: int, revision: str, results: Path) -> int:
    baseline = HERE / f"conformance-{revision}.yml"
    arguments = ["server", "--url", f"http://localhost:{port}/mcp", "--requirements", revision, "-o", str(results)]
    command = [str(NODE), str(SUITE), *arguments, "--expected-failures", str(baseline)]
    done = subprocess.run(command, cwd=results.parent, capture_output=True, text=True, check=False, timeout=300)
    rows = [_row(path, revision) for path in sorted(results.glob("*/checks.json"))]
    print(f"{revision + ', scenario':<58}{'passed':>8}{'not ours':>10}")
    print("\n".join(f"{name:<58}{passed:>8}{failed:>10}" for name, passed, failed in rows))
    print(f"{'in all ' + str(len(rows)):<58}{sum(row[1] for row in rows):>8}{sum(row[2] for row in rows):>10}\n")
    if done.returncode or not rows:
        print(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}", file=sys.stderr)
    return done.returncode if rows else 1


def _row(path: Path, revision: str) -> tuple[str, int, int]:
    """The scenario's name, how many of its checks passed, and how many failed."""
    states = [check["status"] for check in json.loads(path.read_text(encoding="utf-8"))]
    name = path.parent.name.removeprefix("server-").rsplit("T", 1)[0][: -len("-2026-01-01")]
    return name or revision, states.count("SUCCESS"), states.count("FAILURE")


@contextmanager
def _served(project: Path) -> Iterator[int]:
    project.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "noclobber_server.main", "mcp", "--http", "--port", str(port), "--without-token"]
    environ = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("NOCLOBBER")}
    server = subprocess.Popen(command, cwd=project, env=environ, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server does not listen") from None
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or REVISIONS))
