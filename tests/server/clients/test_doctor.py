"""``noclobber doctor``: what it finds fine is fine, and what is wrong it names."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from noclobber_server.clients import health
from noclobber_server.clients.records import Places
from noclobber_server.clients.registry import CLIENTS, targets
from noclobber_server.clients.setup import apply_plan, plan


@pytest.fixture
def doctor(run: Any) -> Any:
    """The findings by subject."""

    def ran(**environ: str) -> dict[str, dict[str, str]]:
        return {finding["subject"]: finding for finding in json.loads(run("doctor", "--json", **environ).stdout)["findings"]}

    return ran


def set_up(places: Places, *clients: str, shared: bool = False) -> None:
    done = apply_plan(plan(targets(clients, places, shared=shared), places), places)
    assert all(one.state != "problem" for one in done)


def program(path: Path, script: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_the_doctor_tries_everything_as_a_client_would(run: Any, places: Places) -> None:
    (places.root / ".cursor").mkdir()
    run("init", "--clients", "claude-code", "--yes")
    done = run("doctor", "--json")
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["hook"]["state"] == "fine"
    assert found["mcp"]["message"] == "starts, and offers 7 tools"
    assert found["claude-code"]["state"] == "fine"
    assert (found["cursor"]["state"], found["cursor"]["advice"]) == ("warning", "noclobber init --clients cursor")


def test_the_doctor_names_other_versions_on_the_path(run: Any, places: Places, tmp_path: Path) -> None:
    other = tmp_path / "old" / "noclobber"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho noclobber 0.0.1\n", encoding="utf-8")
    other.chmod(0o755)
    done = run("doctor", PATH=f"{tmp_path / 'bin'}:{other.parent}:{os.environ['PATH']}")
    assert f"{other} is noclobber 0.0.1" in done.stdout


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "personal"])
def test_every_client_as_init_sets_it_up_is_fine(doctor: Any, places: Places, shared: bool) -> None:
    set_up(places, *CLIENTS, shared=shared)
    for mark in (".vscode", ".github/copilot", ".roo", ".agent"):
        (places.root / mark).mkdir(parents=True, exist_ok=True)
    found = doctor()
    assert {client: found[client]["message"] for client in CLIENTS if found[client]["state"] != "fine"} == {}


def test_one_registration_beside_another_is_named(doctor: Any, places: Places) -> None:
    set_up(places, "claude-code", "cursor")
    set_up(places, "claude-code", shared=True)
    found = doctor()
    assert found["claude-code"]["state"] == "warning"
    assert found["claude-code"]["message"] == (
        "set up twice in .claude/settings.json, .mcp.json, .claude/settings.local.json, ~/.claude.json"
    )
    assert "init --remove" in found["claude-code"]["advice"]
    assert found["cursor"]["state"] == "fine"


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        (".claude/settings.local.json", "the hooks not set up; there is only ~/.claude.json"),
        ("../home/.claude.json", "the MCP server not set up"),
    ],
)
def test_what_is_missing_is_named(doctor: Any, places: Places, gone: str, says: str) -> None:
    set_up(places, "claude-code")
    (places.root / gone).unlink()
    (places.root / "CLAUDE.md").touch()
    found = doctor()["claude-code"]
    assert (found["state"], found["advice"]) == ("warning", "noclobber init --clients claude-code")
    assert found["message"].startswith(says)


@pytest.mark.parametrize(("client", "file", "part"), [
    ("claude-code", ".claude/settings.local.json", "mcp__noclobber__.*"), ("cline", ".clinerules/hooks/TaskStart", None),
])  # fmt: skip
def test_what_an_older_noclobber_set_up_is_named(doctor: Any, places: Places, client: str, file: str, part: str | None) -> None:
    set_up(places, client)
    path = places.root / file
    if part is None:
        path.unlink()
    else:
        path.write_text(path.read_text(encoding="utf-8").replace(part, "Other"), encoding="utf-8")
    found = doctor()[client]
    assert (found["state"], found["message"][:14]) == ("warning", "set up in part")


def test_noclobber_called_by_its_path_is_fine_and_named_once_it_is_gone(doctor: Any, run: Any, places: Places, tmp_path: Path) -> None:
    own = tmp_path / "a folder" / "noclobber"
    own.parent.mkdir()
    own.symlink_to(tmp_path / "bin" / "noclobber")
    set_up(places._replace(launcher=str(own)), "claude-code", "cline", "opencode")
    found = doctor(PATH=os.environ["PATH"])
    assert {client: found[client]["state"] for client in ("claude-code", "cline", "opencode")} == dict.fromkeys(
        ("claude-code", "cline", "opencode"), "fine"
    ), found
    own.unlink()
    found = doctor()
    assert found["claude-code"]["state"] == "warning"
    assert f"there is no {own}" in found["claude-code"]["message"]


@pytest.mark.parametrize(("script", "says"), [
    ("#!/nonexistent/python\n", "does not run"), ("#!/bin/sh\necho broken >&2\nexit 1\n", "does not run: broken"),
])  # fmt: skip
def test_a_broken_noclobber_first_on_the_path_is_a_problem(doctor: Any, places: Places, tmp_path: Path, script: str, says: str) -> None:
    set_up(places, "claude-code")
    broken = program(tmp_path / "broken" / "noclobber", script)
    found = doctor(PATH=f"{Path(broken).parent}:{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert (found["command"]["state"], says in found["command"]["message"]) == ("problem", True)
    if "broken" in script:  # a shell that meets a missing interpreter may go on to the next one on the PATH
        assert found["claude-code"]["state"] == "problem"
        assert "its hook did not refuse a sample: broken" in found["claude-code"]["message"]


def test_a_configured_server_that_does_not_answer_is_a_problem(doctor: Any, places: Places, tmp_path: Path) -> None:
    script = f'#!/bin/sh\n[ "$1" = hook ] || exit 1\nexec {sys.executable} -m noclobber_server.main "$@"\n'
    set_up(places._replace(launcher=program(tmp_path / "half" / "noclobber", script)), "claude-code", "zoo")
    found = doctor()
    for client in ("claude-code", "zoo"):
        assert found[client]["state"] == "problem"
        assert "its server does not answer" in found[client]["message"]


def test_a_persons_own_command_is_not_run(doctor: Any, places: Places) -> None:
    touched = places.root / "touched"
    own = f"touch '{touched}'; exec noclobber hook"
    cline = places.root / ".clinerules/hooks/PreToolUse"
    cline.parent.mkdir(parents=True)
    program(cline, f"#!/bin/sh\n{own} cline\n")
    set_up(places, "cline", "claude-code")
    settings = places.root / ".claude/settings.local.json"
    settings.write_text(
        json.dumps({"hooks": {"PreToolUse": [{"hooks": [{"type": "command", "command": f"{own} claude-code"}]}]}}), encoding="utf-8"
    )
    assert doctor()["cline"]["state"] == "fine"
    assert not touched.exists()


def test_the_sample_leaves_nothing_in_a_workspace_that_has_the_temporary_folder(doctor: Any, run: Any, places: Places) -> None:
    (places.root / "t").mkdir()
    set_up(places, "claude-code")
    assert (places.root / ".noclobber").is_dir()
    for _ in range(2):
        found = doctor(TMPDIR=str(places.root / "t"))
        assert (found["hook"]["state"], found["claude-code"]["state"]) == ("fine", "fine")
    assert run("log", "--json").stdout == ""
    assert list((places.root / "t").iterdir()) == []


@pytest.mark.parametrize(
    ("took", "state", "says"), [(2_000, "fine", "40 lately, 95 % within 2 ms"), (90_000, "warning", "95 % within 90 ms")]
)
def test_how_long_hooks_took_lately_is_told(doctor: Any, places: Places, took: int, state: str, says: str) -> None:
    folder = places.root / ".noclobber/hooks"
    folder.mkdir(parents=True)
    lines = [f"2026-11-29T00:00:00Z {took}"] * 38 + ["2026-11-29T00:00:00Z 900000"] * 2 + ["torn"]
    (folder / "durations").write_text("\n".join(lines), encoding="ascii")
    found = doctor()["hooks"]
    assert (found["state"], says in found["message"]) == (state, True), found


def test_an_installation_whose_hook_or_server_answers_something_else_is_a_problem(monkeypatch: pytest.MonkeyPatch, places: Places) -> None:
    monkeypatch.setenv("HOME", str(places.home))
    monkeypatch.chdir(places.root)
    monkeypatch.setattr(health, "_self", lambda: ["sh", "-c", "echo '{}'; echo why >&2"])
    found = {finding.subject: finding for finding in health.findings(None)}
    assert (found["hook"].state, found["hook"].message) == ("problem", "a sample was not refused as it should be: why")
    assert (found["mcp"].state, found["mcp"].message) == ("problem", "the server does not answer: why")
