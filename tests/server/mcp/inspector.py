"""Calls every tool with the MCP inspector over stdio, good and bad arguments: ``make conformance``.

The inspector ends with 5 where a tool answered an error; every call starts a server of its own, as the inspector does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NODE = ROOT / ".tools/bin/node"
INSPECTOR = ROOT / "tests/tools/mcp/node_modules/.bin/mcp-inspector"
DONE, TOOL_ERROR = 0, 5
CALLS: tuple[tuple[int, str, tuple[str, ...], str], ...] = (
    (DONE, "write_to_file", ("path=a.txt", "content=one"), "done"),
    (TOOL_ERROR, "write_to_file", ("path=.git/config", "content=x"), "OUTSIDE_WORKSPACE"),
    (TOOL_ERROR, "write_to_file", ("path=a.txt", "content=x", "agent_id=other"), "UNREAD_FILE"),
    (TOOL_ERROR, "write_to_file", ("path=a.txt", "content=x", "on_stale=perhaps"), "on_stale"),
    (DONE, "read_file", ("path=a.txt",), "one"),
    (TOOL_ERROR, "read_file", ("path=absent.txt",), "There is no file"),
    (TOOL_ERROR, "read_file", ("path=../outside.txt",), "OUTSIDE_WORKSPACE"),
    (TOOL_ERROR, "read_file", (), "path"),
    (DONE, "edit_file", ("path=a.txt", 'edits=[{"old":"one","new":"two"}]'), "done"),
    (TOOL_ERROR, "edit_file", ("path=a.txt", 'edits=[{"old":"absent","new":"x"}]'), "EDIT_NOT_FOUND"),
    (DONE, "check_files", ("agent_id=me",), "files"),
    (TOOL_ERROR, "check_files", ('paths=["../x"]',), "OUTSIDE_WORKSPACE"),
    (DONE, "query_snapshots", ("file_path=a.txt",), "a.txt"),
    (TOOL_ERROR, "query_snapshots", ("limit=many",), "limit"),
    (DONE, "append_lesson_to_claude", ("failure=It broke", "resolution=Mend it"), "CLAUDE.md"),
    (TOOL_ERROR, "append_lesson_to_claude", (), "lesson"),
    (DONE, "search_lessons", ("words=broke",), "Mend it"),
    (TOOL_ERROR, "search_lessons", ("limit=many",), "limit"),
)


def main() -> int:
    """0 where every call ended as it should."""
    if not (NODE.exists() and INSPECTOR.exists()):
        print("the inspector is not installed: make conformance does that", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, ".git").mkdir()
        listed = _run(folder, ["--method", "tools/list"], DONE, "")
        tools = {tool for _, tool, _, _ in CALLS}
        missing = [tool for tool in tools if f'"{tool}"' not in listed[1]]
        results = [listed[0] and not missing]
        for expected, tool, arguments, says in CALLS:
            given = [part for argument in arguments for part in ("--tool-arg", argument)]
            results.append(_run(folder, ["--method", "tools/call", "--tool-name", tool, *given], expected, says)[0])
    print(f"inspector: {len(tools)} tools listed and called, {sum(results)} of {len(results)} calls ended as they should")
    return 0 if all(results) else 1


def _run(folder: str, arguments: list[str], expected: int, says: str) -> tuple[bool, str]:
    """Whether it ended as it should and said so, and what it printed."""
    server = [sys.executable, "-m", "noclobber_server.main", "mcp", "--workspace", folder]
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("NOCLOBBER")}
    environ = kept | {"PATH": f"{NODE.parent}:{os.environ['PATH']}"}
    command = [str(NODE), str(INSPECTOR), "--cli", *server, *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)
    right = done.returncode == expected and says in done.stdout + done.stderr
    if not right:
        print(f"{' '.join(arguments)}: ended with {done.returncode} instead of {expected}\n{done.stdout[-800:]}{done.stderr[-800:]}")
    return right, done.stdout


if __name__ == "__main__":
    sys.exit(main())
