"""``noclobber init`` and ``doctor`` as a person runs them: real processes, a home folder of their own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from noclobber.errors import WorkspaceError
from noclobber_server.cli.init import writer
from noclobber_server.clients.records import Places
from noclobber_server.clients.registry import targets
from noclobber_server.clients.setup import apply_plan, plan


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", ".noclobber"} & set(path.parts)
    }


def test_it_shows_what_it_would_do_and_does_nothing_unasked(run: Any, places: Places) -> None:
    (places.root / "CLAUDE.md").write_text("", encoding="utf-8")
    before = files(places.root)
    for arguments in (("init", "--dry-run"), ("init",)):
        done = run(*arguments, payload=b"")
        assert ".claude/settings.local.json (claude-code, yours)" in done.stdout
        assert files(places.root) == before
    assert "nobody to ask" in done.stderr


def test_set_up_and_taken_back_it_leaves_the_files_of_before(run: Any, places: Places) -> None:
    (places.root / ".mcp.json").write_text('{"mcpServers": {}}', encoding="utf-8")
    before = files(places.root) | files(places.home)
    assert run("init", "--clients", "claude-code,codex,cursor", "--shared", "--yes").returncode == 0
    assert json.loads((places.root / ".mcp.json").read_bytes())["mcpServers"]["noclobber"]["command"] == "sh"
    assert run("init", "--clients", "claude-code", "--shared", "--yes").stdout.count("already in") == 2
    assert run("init", "--remove", "--yes").returncode == 0
    assert files(places.root) | files(places.home) == before


def test_it_says_before_asking_what_other_projects_lose(run: Any, places: Places) -> None:
    said = "goes from your other projects too"
    assert run("init", "--clients", "codex,claude-code", "--yes").stdout.count("yours, for all projects") == 2
    assert said in run("init", "--clients", "codex", "--remove", payload=b"").stdout
    rows = json.loads(run("init", "--remove", "--dry-run", "--json").stdout)["files"]
    assert {row["path"] for row in rows if row["all_projects"] and row["state"] == "remove"} == {
        str(places.home / ".codex" / name) for name in ("hooks.json", "config.toml")
    }
    assert said not in run("init", "--clients", "claude-code", "--remove", payload=b"").stdout


@pytest.mark.parametrize("place", [".local", ".local/state/noclobber"])
def test_where_it_could_not_put_down_what_it_does_it_does_nothing_and_says_so(run: Any, places: Places, place: str) -> None:
    (places.home / place).parent.mkdir(parents=True, exist_ok=True)
    (places.home / place).write_text("in the way", encoding="utf-8")
    before = files(places.root) | files(places.home)
    done = run("init", "--clients", "claude-code", "--yes")
    assert done.returncode not in (0, -1)
    assert "nothing was done" in done.stderr
    assert "run this again" in done.stderr
    assert "Traceback" not in done.stderr
    assert files(places.root) | files(places.home) == before


def test_a_record_that_cannot_be_written_after_all_stays_as_it_was(places: Places) -> None:
    wanted = targets(("claude-code",), places, shared=False)
    apply_plan(plan(wanted, places), places)
    record = places.root / ".noclobber/init.json"
    before = record.read_bytes()
    planned = plan(wanted, places)
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, largest[1]))  # as a full disk: only some of it can be written
    try:
        with pytest.raises(WorkspaceError, match=r"could not be put down .* run this again"):
            apply_plan(planned, places)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, largest)
    assert record.read_bytes() == before
    assert [path.name for path in record.parent.iterdir() if path.name.startswith(".init")] == []


def test_a_file_of_ours_that_was_deleted_is_made_again(run: Any, places: Places) -> None:
    run("init", "--clients", "claude-code", "--yes")
    made = files(places.root)
    (places.root / ".claude/settings.local.json").unlink()
    (places.root / ".claude").rmdir()
    assert run("init", "--clients", "claude-code", "--yes").returncode == 0
    assert files(places.root) == made


def test_files_of_the_project_are_written_through_the_guard(run: Any, places: Places) -> None:
    run("init", "--clients", "claude-code", "--shared", "--yes")
    run("init", "--clients", "claude-code", "--remove", "--yes")
    events = [json.loads(line) for line in run("log", "--agent", "noclobber:init", "--json").stdout.splitlines()]
    assert {(event["kind"], event["file_path"]) for event in events} >= {
        (kind, path) for kind in ("write", "delete") for path in (".mcp.json", ".claude/settings.json")
    }


def test_a_file_changed_after_it_was_shown_is_left_as_it_is_now(places: Places) -> None:
    (places.root / ".mcp.json").write_text("{}", encoding="utf-8")
    planned = plan(targets(("claude-code",), places, shared=True), places)
    (places.root / ".mcp.json").write_text('{"theirs": 1}', encoding="utf-8")
    (places.root / ".claude").mkdir()
    (places.root / ".claude/settings.json").write_text('{"theirs": 2}', encoding="utf-8")
    before = files(places.root)
    done = apply_plan(planned, places, writer(places))
    assert {one.state for one in done} == {"problem"}
    assert files(places.root) == before


def test_what_it_wrote_is_what_the_client_then_runs(run: Any, places: Places) -> None:
    run("init", "--clients", "claude-code", "--yes")
    settings = json.loads((places.root / ".claude/settings.local.json").read_bytes())
    command = settings["hooks"]["PreToolUse"][0]["hooks"][0]["command"]
    (places.root / "a.txt").write_text("one\n", encoding="utf-8")
    payload = {
        "session_id": "S", "cwd": str(places.root), "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_use_id": "1",
        "tool_input": {"file_path": str(places.root / "a.txt"), "content": "x"}, "permission_mode": "acceptEdits", "prompt_id": "T",
    }  # fmt: skip
    path = f"{places.root.parent / 'bin'}:{os.environ['PATH']}"
    environ = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")} | {"PATH": path}
    done = subprocess.run(["sh", "-c", command], input=json.dumps(payload).encode(), capture_output=True, env=environ, check=False)
    assert b"UNREAD_FILE" in done.stdout


@pytest.mark.parametrize(("arguments", "says"), [(("--clients", "emacs"), "there is no client 'emacs'"), ((), "no client found here")])
def test_wrong_use_is_said(run: Any, arguments: tuple[str, ...], says: str) -> None:
    done = run("init", "--yes", *arguments)
    assert done.returncode in (1, 2)
    assert says in done.stderr
