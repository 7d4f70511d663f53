"""Calls every tool with the MCP inspector over stdio, good and bad: ``python tests/server/mcp/inspector.py NPM_FOLDER``.

``NPM_FOLDER`` has ``@modelcontextprotocol/inspector`` in its ``node_modules``. The inspector ends with 5 where a tool answered an error.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

DONE, TOOL_ERROR = 0, 5
CALLS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (DONE, "write_to_file", ("path=a.txt", "content=one")),
    (TOOL_ERROR, "write_to_file", ("path=.git/config", "content=x")),
    (DONE, "read_file", ("path=a.txt",)),
    (TOOL_ERROR, "read_file", ("path=absent.txt",)),
    (TOOL_ERROR, "read_file", ("path=../outside.txt",)),
    (DONE, "edit_file", ("path=a.txt", 'edits=[{"old":"one","new":"two"}]')),
    (TOOL_ERROR, "edit_file", ("path=a.txt", 'edits=[{"old":"absent","new":"x"}]')),
    (DONE, "check_files", ()),
    (TOOL_ERROR, "check_files", ('paths=["../x"]',)),
    (DONE, "query_snapshots", ("file_path=a.txt",)),
    (DONE, "append_lesson_to_claude", ("failure=It broke", "resolution=Mend it")),
    (TOOL_ERROR, "append_lesson_to_claude", ()),
    (DONE, "search_lessons", ("words=broke",)),
)


def main(npm: Path) -> int:
    """0 where every call ended as it should."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, ".git").mkdir()
        wrong += _run(npm, folder, ["--method", "tools/list"], DONE)
        for expected, tool, arguments in CALLS:
            given = [part for argument in arguments for part in ("--tool-arg", argument)]
            wrong += _run(npm, folder, ["--method", "tools/call", "--tool-name", tool, *given], expected)
    print(f"{len(CALLS) + 1 - wrong} of {len(CALLS) + 1} ended as they should")
    return 1 if wrong else 0


def _run(npm: Path, folder: str, arguments: list[str], expected: int) -> int:
    environ = os.environ | {"PATH": f"{npm / 'node_modules/node/bin'}:{os.environ['PATH']}"}
    server = [sys.executable, "-m", "noclobber_server.main", "mcp", "--workspace", folder]
    command = ["node", str(npm / "node_modules/.bin/mcp-inspector"), "--cli", *server, *arguments]
    done = subprocess.run(command, cwd=npm, env=environ, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == expected:
        return 0
    print(f"{' '.join(arguments)}: ended with {done.returncode} instead of {expected}\n{done.stdout[-500:]}{done.stderr[-500:]}")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
