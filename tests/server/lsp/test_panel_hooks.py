from __future__ import annotations

import json
from pathlib import Path

import pytest

from noclobber_server.clients.records import Places
from noclobber_server.clients.registry import targets
from noclobber_server.clients.setup import apply_plan, plan, plan_removal
from noclobber_server.lsp.panel_hooks import HookCheck

HOOKED = ("claude-code", "codex", "vscode", "copilot", "cursor", "gemini", "opencode", "cline")


def set_up(root: Path, name: str) -> None:
    command = f"sh -c 'command -v {name} >/dev/null 2>&1 || exit 0; exec {name} hook claude-code'"
    settings = {"hooks": {"PreToolUse": [{"matcher": "Edit", "hooks": [{"type": "command", "command": command}]}]}}
    (root / ".claude").mkdir(exist_ok=True)
    (root / ".claude" / "settings.local.json").write_text(json.dumps(settings), encoding="utf-8")


def program(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "noclobber").write_text(f"#!/bin/sh\necho noclobber {version}\n", encoding="utf-8")
    (folder / "noclobber").chmod(0o755)


def check(tmp_path: Path) -> HookCheck:
    return HookCheck("0.1.0", tmp_path / "home", {"PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin"})


def test_a_project_without_hooks_has_no_problem(tmp_path: Path) -> None:
    assert check(tmp_path).problem(str(tmp_path)) == ""


def test_hooks_of_a_program_that_is_not_there_guard_nothing(tmp_path: Path) -> None:
    set_up(tmp_path, "noclobber")
    assert "not on the PATH" in check(tmp_path).problem(str(tmp_path))


def test_hooks_of_another_version_are_named(tmp_path: Path) -> None:
    set_up(tmp_path, "noclobber")
    program(tmp_path / "bin", "0.0.9")
    assert "run noclobber 0.0.9, this is 0.1.0" in check(tmp_path).problem(str(tmp_path))


def test_hooks_of_this_version_are_fine(tmp_path: Path) -> None:
    set_up(tmp_path, "noclobber")
    program(tmp_path / "bin", "0.1.0")
    assert check(tmp_path).problem(str(tmp_path)) == ""


@pytest.mark.parametrize("left", [None, "{}"], ids=["the file", "their entries"])
@pytest.mark.parametrize(("client", "shared"), [(client, shared) for client in HOOKED for shared in (True, False)])
def test_hooks_that_were_set_up_and_are_gone_are_missed(tmp_path: Path, client: str, shared: bool, left: str | None) -> None:
    program(tmp_path / "bin", "0.1.0")
    hooks = check(tmp_path)
    places = Places(tmp_path, tmp_path / "home", {"PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin"})
    wanted = targets((client,), places, shared=shared)
    apply_plan(plan(wanted, places), places)
    assert hooks.problem(str(tmp_path)) == ""
    gone = next(target.path for target in wanted if target.format == "own" or any(entry.element for entry in target.entries))
    if left is None:
        gone.unlink()
    else:
        gone.write_text(left, encoding="utf-8")
    problem = hooks.problem(str(tmp_path))
    assert f"{client}" in problem
    assert f"gone from {places.short(gone)}" in problem
    apply_plan(plan_removal(wanted, places), places)
    assert hooks.problem(str(tmp_path)) == ""


def test_hooks_at_home_that_another_project_set_up_are_not_missed_here(tmp_path: Path) -> None:
    other = Places(tmp_path / "other", tmp_path / "home", {})
    apply_plan(plan(targets(("codex",), other, shared=False), other), other)
    (tmp_path / "home" / ".codex" / "hooks.json").unlink()
    assert check(tmp_path).problem(str(tmp_path)) == ""


def test_a_program_that_an_untrusted_folder_names_is_not_run(tmp_path: Path) -> None:
    named, ran = tmp_path / "named" / "noclobber", tmp_path / "ran"
    named.parent.mkdir()
    named.write_text(f"#!/bin/sh\ntouch {ran}\necho noclobber 0.0.9\n", encoding="utf-8")
    named.chmod(0o755)
    set_up(tmp_path, str(named))
    untrusted = HookCheck("0.1.0", tmp_path / "home", {"PATH": "/bin:/usr/bin"}, trusted=False)
    assert untrusted.problem(str(tmp_path)) == ""
    assert not ran.exists()
    HookCheck("0.1.0", tmp_path / "home", {"PATH": "/bin:/usr/bin"}).problem(str(tmp_path))
    assert ran.exists()
