# ruff: noqa: E501 - a shape reads best on one line
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber_server.clients.commands import LauncherError, find_launcher
from noclobber_server.clients.jsontext import parse, plain
from noclobber_server.clients.records import Places, Planned
from noclobber_server.clients.registry import CLIENTS, detect, targets
from noclobber_server.clients.setup import apply_plan, plan, plan_removal

SETTINGS = {
    "permissions": {"allow": ["Bash(ls)"]},
    "hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "x"}]}]},
}
SERVERS = {"mcpServers": {"other": {"command": "node", "args": ["x.js"], "env": {"KEY": "v"}}}}
ALL_JSON = (
    ".claude/settings.json", ".claude/settings.local.json", ".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json", ".cursor/hooks.json",
    ".gemini/settings.json", "opencode.json", ".agents/mcp_config.json", ".roo/mcp.json", ".github/hooks/noclobber.json", ".codex/hooks.json",
)  # fmt: skip


def everywhere(text: str) -> dict[str, str]:
    return dict.fromkeys(ALL_JSON, text)


def written(value: Any, indent: Any = 2, newline: str = "\n") -> str:
    return (json.dumps(value, indent=indent, ensure_ascii=False) + "\n").replace("\n", newline)


SHAPES: dict[str, dict[str, str]] = {
    "no configuration at all": {},
    "claude code": {".claude/settings.json": written(SETTINGS), "CLAUDE.md": "# Notes\n"},
    "claude code, personal": {".claude/settings.local.json": written(SETTINGS)},
    "servers for claude code": {".mcp.json": written(SERVERS)},
    "codex": {".codex/config.toml": 'model = "x"\n\n[mcp_servers.other]\ncommand = "node"\n', ".codex/hooks.json": written({"hooks": {}})},
    "codex, comments in the table": {".codex/config.toml": "# mine\n[mcp_servers.other] # here\ncommand = 'node'\n# end"},
    "codex, CRLF": {".codex/config.toml": 'model = "x"\r\n[a]\r\nb = 1\r\n'},
    "vs code": {".vscode/mcp.json": written({"servers": {}, "inputs": []}), ".vscode/settings.json": "{}"},
    "vs code, comments": {".vscode/mcp.json": '// servers\n{\n\t"servers": {\n\t\t// mine\n\t\t"a": { "command": "x" }, // one\n\t},\n\t"inputs": []\n}\n'},
    "copilot": {".github/copilot-instructions.md": "Be kind.\n"},
    "cursor": {".cursor/mcp.json": written(SERVERS), ".cursor/hooks.json": written({"version": 1, "hooks": {"stop": [{"command": "y"}]}})},
    "cursor, another version": {".cursor/hooks.json": written({"hooks": {}, "version": 1})},
    "gemini": {".gemini/settings.json": written({**SERVERS, "theme": "GitHub", "hooks": {"BeforeTool": []}})},
    "opencode": {"opencode.json": written({"$schema": "https://opencode.ai/config.json", "mcp": {}})},
    "opencode with comments": {"opencode.jsonc": '{\n  // which model\n  "model": "a/b",\n}\n'},
    "cline": {".clinerules/style.md": "Short names.\n"},
    "antigravity": {".agents/mcp_config.json": written(SERVERS)},
    "zoo": {".roo/mcp.json": written({"mcpServers": {"o": {"command": "x", "alwaysAllow": ["y"]}}})},
    "all of them": {**everywhere(written({**SERVERS, **SETTINGS})), ".codex/config.toml": "a = 1\n", "CLAUDE.md": "", ".clinerules/a.md": ""},
    "empty objects": everywhere("{}"),
    "empty files": everywhere(""),
    "empty object over lines": everywhere("{\n}\n"),
    "tabs": everywhere(written({**SERVERS, **SETTINGS}, "\t")),
    "four blanks": everywhere(written({**SERVERS, **SETTINGS}, 4)),
    "CRLF": everywhere(written({**SERVERS, **SETTINGS}, 2, "\r\n")),
    "BOM": everywhere("\ufeff" + written(SETTINGS)),
    "no final line break": everywhere(written(SERVERS).rstrip("\n")),
    "one line": everywhere(json.dumps({**SERVERS, **SETTINGS})),
    "comments everywhere": everywhere('// a\n{ // b\n  /* c */ "mcpServers": { /* d */ }, // e\n  "hooks": {\n    // f\n  }\n  // g\n}\n// h\n'),
    "trailing commas": everywhere('{\n  "mcpServers": {\n    "a": {"command": "x",},\n  },\n  "hooks": {"PreToolUse": [{"hooks": [],},],},\n}\n'),
    "other scripts": everywhere('{"päth": "日本語", "mcpServers": {"ü": {"command": "ß"}}}'),
    "a project of git exclusions": {"../home/.gitconfig": "", ".git/info/exclude": "# mine\n*.log"},
}  # fmt: skip


def lay_out(places: Places, shape: dict[str, str]) -> None:
    for name, text in shape.items():
        path = places.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def tree(places: Places) -> dict[str, bytes]:
    top = places.root.parent
    return {
        str(path.relative_to(top)): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file() and ".noclobber" not in path.parts and (".git" not in path.parts or path.name == "exclude")
    }


def folders(places: Places) -> set[str]:
    return {str(path) for path in places.root.parent.rglob("*") if path.is_dir() and ".git" not in path.parts and path.name != ".noclobber"}


def states(planned: tuple[Planned, ...]) -> set[str]:
    return {one.state for one in planned}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "personal"])
@pytest.mark.parametrize("name", SHAPES)
def test_twice_is_once_and_removing_gives_the_bytes_of_before(places: Places, name: str, shared: bool) -> None:
    lay_out(places, SHAPES[name])
    before, folders_before = tree(places), folders(places)
    wanted = targets(CLIENTS, places, shared=shared)

    first = apply_plan(plan(wanted, places), places)
    assert states(first) <= {"add", "present"}, [(one.target.path, one.note) for one in first if one.state == "problem"]
    once = tree(places)
    assert once != before
    assert states(apply_plan(plan(wanted, places), places)) == {"present"}
    assert tree(places) == once

    apply_plan(plan_removal(wanted, places), places)
    assert tree(places) == before
    assert folders(places) == folders_before


@pytest.mark.parametrize("name", SHAPES)
def test_what_people_wrote_is_still_read_the_same(places: Places, name: str) -> None:
    lay_out(places, SHAPES[name])
    apply_plan(plan(targets(CLIENTS, places, shared=True), places), places)
    for path, text in SHAPES[name].items():
        if path.endswith((".json", ".jsonc")) and text.strip():
            after = plain(parse((places.root / path).read_bytes().decode()))
            assert_contains(after, plain(parse(text)))


def assert_contains(after: Any, before: Any) -> None:
    if isinstance(before, dict):
        for key, value in before.items():
            assert_contains(after[key], value)
    elif isinstance(before, list):
        assert after[: len(before)] == before
    else:
        assert after == before


@pytest.mark.parametrize("name", SHAPES)
def test_removing_after_a_person_edited_takes_only_ours(places: Places, name: str) -> None:
    lay_out(places, SHAPES[name])
    wanted = targets(CLIENTS, places, shared=True)
    apply_plan(plan(wanted, places), places)
    for path in ALL_JSON:
        file = places.root / path
        if file.exists():
            file.write_bytes(file.read_bytes() + b"\n")
    apply_plan(plan_removal(wanted, places), places)
    for path, content in tree(places).items():
        assert b"noclobber" not in content, path


@pytest.mark.parametrize(
    "broken", ['{"mcpServers": {', "{'single': 1}", '{"mcpServers": []}', '{"hooks": 7, "mcpServers": {}}', "\x00", "]"]
)
def test_a_broken_file_is_reported_and_left_alone(places: Places, broken: str) -> None:
    lay_out(places, everywhere(broken))
    before = tree(places)
    done = apply_plan(plan(targets(("claude-code", "cursor", "gemini"), places, shared=True), places), places)
    assert "problem" in states(done)
    for one in done:
        if one.state == "problem":
            assert one.note
            assert one.target.path.read_bytes() == before[str(one.target.path.relative_to(places.root.parent))]


def test_bytes_that_are_no_text_are_left_alone(places: Places) -> None:
    path = places.root / ".mcp.json"
    path.write_bytes(b'{"a": "\xff\xfe"}')
    (one,) = [one for one in plan(targets(("claude-code",), places, shared=True), places) if one.target.path == path]
    assert (one.state, one.note) == ("problem", "is not UTF-8 text; it was left alone")


def test_a_read_only_file_is_reported_and_the_others_are_done(places: Places) -> None:
    lay_out(places, {".mcp.json": written(SERVERS)})
    (places.root / ".mcp.json").chmod(0o444)
    done = apply_plan(plan(targets(("claude-code",), places, shared=True), places), places)
    assert {one.target.path.name: one.state for one in done} == {"settings.json": "add", ".mcp.json": "problem"}
    assert "read-only" in next(one.note for one in done if one.state == "problem")


def test_a_file_is_replaced_whole_and_a_reader_of_the_old_one_keeps_it(places: Places) -> None:
    lay_out(places, {".mcp.json": written(SERVERS)})
    (places.root / ".mcp.json").chmod(0o640)
    with (places.root / ".mcp.json").open(encoding="utf-8") as reader:
        apply_plan(plan(targets(("claude-code",), places, shared=True), places), places)
        assert reader.read() == written(SERVERS)
    assert (places.root / ".mcp.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("text", [written(SERVERS), None])
def test_a_file_changed_between_plan_and_writing_is_left_as_it_is_now(places: Places, text: str | None) -> None:
    lay_out(places, {} if text is None else {".mcp.json": text})
    planned = plan(targets(("claude-code",), places, shared=True), places)
    lay_out(places, {".mcp.json": "{}"})
    (done,) = [one for one in apply_plan(planned, places) if one.target.path.name == ".mcp.json"]
    assert done.state == "problem"
    assert (places.root / ".mcp.json").read_bytes() == b"{}"


def test_a_server_of_another_kind_by_our_name_is_left_alone(places: Places) -> None:
    lay_out(
        places,
        {
            ".mcp.json": written({"mcpServers": {"noclobber": {"command": "mine"}}}),
            ".codex/config.toml": "[mcp_servers.noclobber]\ncommand='x'\n",
        },
    )
    done = apply_plan(plan(targets(("claude-code", "codex"), places, shared=True), places), places)
    assert {one.target.path.name for one in done if one.state == "problem"} == {".mcp.json", "config.toml"}


def test_an_older_registration_of_ours_is_replaced_not_doubled(places: Places) -> None:
    old = {"hooks": {"PreToolUse": [{"matcher": "Write", "hooks": [{"type": "command", "command": "noclobber hook claude-code"}]}]}}
    lay_out(places, {".claude/settings.json": written(old)})
    wanted = targets(("claude-code",), places, shared=True)
    apply_plan(plan(wanted, places), places)
    settings = json.loads((places.root / ".claude/settings.json").read_bytes())
    matchers = [group["matcher"] for group in settings["hooks"]["PreToolUse"]]
    assert matchers == ["Edit|MultiEdit|Write|NotebookEdit", "mcp__noclobber__.*"]


def test_a_registration_without_the_hook_before_our_servers_calls_gets_it(places: Places) -> None:
    wanted = targets(("claude-code",), places, shared=True)
    apply_plan(plan(wanted, places), places)
    path = places.root / ".claude/settings.json"
    before = path.read_bytes()
    rewrite(path, lambda value: value["hooks"]["PreToolUse"].pop())
    assert states(apply_plan(plan(wanted, places), places)) == {"add", "present"}
    assert json.loads(path.read_bytes()) == json.loads(before)


def rewrite(path: Path, change: Any) -> None:
    value = json.loads(path.read_bytes())
    change(value)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


THEIRS = {"type": "command", "command": "ruff format"}


@pytest.mark.parametrize(("client", "file", "event"), [
    ("claude-code", ".claude/settings.json", "PostToolUse"), ("codex", ".codex/hooks.json", "Stop"), ("gemini", ".gemini/settings.json", "AfterTool"),
])  # fmt: skip
@pytest.mark.parametrize("older", [False, True], ids=["as it is", "an older form of ours"])
def test_a_handler_that_a_person_put_into_our_group_stays(places: Places, client: str, file: str, event: str, older: bool) -> None:
    path = places.root / file
    wanted = targets((client,), places, shared=True)
    apply_plan(plan(wanted, places), places)

    def add(settings: Any) -> None:
        (group,) = settings["hooks"][event]
        group["hooks"].append(THEIRS)
        if older:
            group["matcher"] = "Other"

    rewrite(path, add)
    assert ("update" in states(apply_plan(plan(wanted, places), places))) == older
    groups = json.loads(path.read_bytes())["hooks"][event]
    assert [handler for group in groups for handler in group["hooks"]].count(THEIRS) == 1
    assert sum("noclobber" in handler["command"] for group in groups for handler in group["hooks"]) == 1
    assert states(apply_plan(plan(wanted, places), places)) == {"present"}
    apply_plan(plan_removal(wanted, places), places)
    (group,) = json.loads(path.read_bytes())["hooks"].pop(event)
    assert group["hooks"] == [THEIRS]


def test_what_a_person_set_beside_our_command_stays_when_the_command_is_brought_up_to_date(places: Places) -> None:
    def set_up(launcher: str) -> tuple[Planned, ...]:
        elsewhere = places._replace(launcher=launcher)
        return apply_plan(plan(targets(("zoo", "claude-code", "codex", "opencode"), elsewhere, shared=True), elsewhere), elsewhere)

    set_up("/old/noclobber")
    rewrite(
        places.root / ".roo/mcp.json", lambda value: value["mcpServers"]["noclobber"].update(alwaysAllow=["check_files"], disabled=True)
    )
    rewrite(places.root / ".claude/settings.json", lambda value: value["hooks"]["PreToolUse"][0]["hooks"][0].update(onFailure="block"))
    rewrite(places.root / "opencode.json", lambda value: value["mcp"]["noclobber"].update(enabled=False))
    codex = places.root / ".codex/config.toml"
    codex.write_text(
        codex.read_text(encoding="utf-8") + "startup_timeout_sec = 20 # slow\n[mcp_servers.noclobber.env]\nA = '1'\n", encoding="utf-8"
    )
    assert states(set_up("noclobber")) <= {"update", "present"}
    assert states(set_up("noclobber")) == {"present"}
    server = json.loads((places.root / ".roo/mcp.json").read_bytes())["mcpServers"]["noclobber"]
    assert server == {"command": "sh", "args": WITH_FILES[1:], "alwaysAllow": ["check_files"], "disabled": True}
    handler = json.loads((places.root / ".claude/settings.json").read_bytes())["hooks"]["PreToolUse"][0]["hooks"][0]
    assert (handler["onFailure"], "/old" in handler["command"]) == ("block", False)
    assert json.loads((places.root / "opencode.json").read_bytes())["mcp"]["noclobber"] == {
        "type": "local",
        "command": SERVER,
        "enabled": False,
    }
    table = tomllib.loads(codex.read_text(encoding="utf-8"))["mcp_servers"]["noclobber"]
    assert table == {**PLAIN, "startup_timeout_sec": 20, "env": {"A": "1"}}
    assert "# slow" in codex.read_text(encoding="utf-8")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_comment_above_the_table_behind_ours_stays(places: Places, newline: str) -> None:
    path = places.root / ".codex/config.toml"
    lay_out(places, {".codex/config.toml": 'model = "x"\n'.replace("\n", newline)})
    wanted = targets(("codex",), places, shared=True)
    apply_plan(plan(wanted, places), places)
    theirs = "\n# my database, do not touch\n[mcp_servers.db]\ncommand = 'db'\n".replace("\n", newline)
    path.write_bytes(path.read_bytes() + theirs.encode())
    apply_plan(plan_removal(wanted, places), places)
    assert path.read_bytes().decode() == 'model = "x"\n'.replace("\n", newline) + theirs


@pytest.mark.parametrize("text", [
    "[mcp_servers]\nnoclobber = {command = 'noclobber', args = ['mcp']}\n",
    "[mcp_servers.'noclobber']\ncommand = 'noclobber'\nargs = ['mcp']\n",
    "[mcp_servers.noclobber]\ncommand = 'mine'\n",
])  # fmt: skip
def test_a_table_in_a_form_that_we_do_not_write_is_left_alone(places: Places, text: str) -> None:
    lay_out(places, {".codex/config.toml": text})
    wanted = targets(("codex",), places, shared=True)
    (done,) = [one for one in apply_plan(plan(wanted, places), places) if one.target.format == "toml"]
    assert (done.state, bool(done.note)) == ("problem", True)
    apply_plan(plan_removal(wanted, places), places)
    assert (places.root / ".codex/config.toml").read_text(encoding="utf-8") == text


MINE = "#!/bin/sh\n# my precious hook\n./lint.sh\n"
CALL = "exec noclobber hook cline\n"


@pytest.mark.parametrize(
    ("text", "state"), [(MINE, "problem"), (MINE + CALL, "present"), (f"#!/bin/sh\n# not noclobber\n{MINE}", "problem")]
)
def test_a_persons_own_script_is_neither_overwritten_nor_deleted(places: Places, text: str, state: str) -> None:
    lay_out(places, {".clinerules/hooks/PreToolUse": text})
    path = places.root / ".clinerules/hooks/PreToolUse"
    wanted = targets(("cline",), places, shared=False)
    for _ in range(2):
        (done,) = [one for one in apply_plan(plan(wanted, places), places) if one.target.path == path]
        assert done.state == state
    apply_plan(plan_removal(wanted, places), places)
    assert [file.name for file in path.parent.iterdir()] == ["PreToolUse"]
    assert path.read_text(encoding="utf-8") == text


def test_what_a_person_made_of_our_script_is_theirs(places: Places) -> None:
    wanted = targets(("cline", "opencode"), places, shared=True)
    apply_plan(plan(wanted, places), places)
    changed = {}
    for path in (places.root / ".clinerules/hooks/PreToolUse", places.root / ".opencode/plugins/noclobber.js"):
        changed[path] = path.read_bytes().replace(b"10000", b"20000").replace(b"\nexec", b"\n./lint.sh\nexec")
        path.write_bytes(changed[path])
    apply_plan(plan(wanted, places), places)
    done = apply_plan(plan_removal(wanted, places), places)
    assert {one.target.path for one in done if one.state == "problem"} == set(changed)
    assert {path: path.read_bytes() for path in changed} == changed


def test_our_script_is_known_again_however_noclobber_was_called_then(places: Places) -> None:
    path = places.root / ".clinerules/hooks/PreToolUse"
    elsewhere = places._replace(launcher="/opt/a b/noclobber")
    apply_plan(plan(targets(("cline",), elsewhere, shared=False), places), places)
    assert b"/opt/a b/noclobber" in path.read_bytes()
    wanted = targets(("cline",), places, shared=False)
    assert "update" in states(apply_plan(plan(wanted, places), places))
    assert states(apply_plan(plan_removal(wanted, places), places)) <= {"remove", "absent"}
    assert not path.exists()


@pytest.mark.parametrize("client", ["codex", "claude-code", "cursor", "opencode", "gemini"])
def test_whichever_project_takes_home_files_back_nothing_of_them_is_left(places: Places, tmp_path: Path, client: str) -> None:
    other = places._replace(root=tmp_path / "other")
    other.root.mkdir()
    before, folders_before = tree(places), folders(places)
    both = [(place, targets((client,), place, shared=False)) for place in (places, other)]
    for place, wanted in both:
        apply_plan(plan(wanted, place), place)
    for place, wanted in reversed(both):
        apply_plan(plan_removal(wanted, place), place)
    assert tree(places) == before
    assert folders(places) == folders_before
    assert not (places.root / ".noclobber").exists()


def test_each_project_set_up_with_home_files_is_one_where_their_hooks_act(places: Places, tmp_path: Path) -> None:
    other = places._replace(root=tmp_path / "other")
    subprocess.run(["git", "init", "-q", str(other.root)], check=True)
    for place in (places, other):
        for client in ("codex", "cursor"):
            assert "problem" not in states(apply_plan(plan(targets((client,), place, shared=False), place), place))
        assert (place.root / ".noclobber").is_dir()
        listed = subprocess.run(
            ["git", "status", "--porcelain", "-uall"], cwd=place.root, capture_output=True, text=True, check=True
        ).stdout
        assert listed == ""
    apply_plan(plan_removal(targets(("codex",), other, shared=False), other), other)
    assert (other.root / ".noclobber").is_dir()
    apply_plan(plan_removal(targets(("cursor",), other, shared=False), other), other)
    assert not (other.root / ".noclobber").exists()
    assert (places.root / ".noclobber").is_dir()


def test_a_home_record_kept_with_the_project_by_an_earlier_noclobber_still_counts(places: Places) -> None:
    wanted = targets(("codex",), places, shared=False)
    before, folders_before = tree(places), folders(places)
    apply_plan(plan(wanted, places), places)
    at_home = places.home / ".local/state/noclobber/init.json"
    record = json.loads(at_home.read_bytes())
    (places.root / ".noclobber").mkdir(exist_ok=True)
    (places.root / ".noclobber/init.json").write_text(json.dumps({name: one for name, one in record.items() if name}), encoding="utf-8")
    shutil.rmtree(places.home / ".local")
    apply_plan(plan_removal(wanted, places), places)
    assert tree(places) == before
    assert folders(places) == folders_before
    assert not (places.root / ".noclobber/init.json").exists()


def test_one_registration_a_client(places: Places) -> None:
    paths = [target.path for target in targets(CLIENTS, places, shared=True)]
    assert len(paths) == len(set(paths))
    assert places.root / ".vscode/mcp.json" not in paths
    assert places.root / ".vscode/mcp.json" in [target.path for target in targets(("vscode",), places, shared=True)]


SERVER = ["sh", "-c", "command -v noclobber >/dev/null 2>&1 || exit 0; exec noclobber mcp --no-files"]
WITH_FILES = [*SERVER[:2], SERVER[2].removesuffix(" --no-files")]
PLAIN = {"command": SERVER[0], "args": SERVER[1:]}
TYPED = {"type": "stdio", **PLAIN}


@pytest.mark.parametrize(
    ("client", "file", "where", "entry"),
    [
        ("claude-code", ".mcp.json", ("mcpServers", "noclobber"), TYPED),
        ("copilot", ".mcp.json", ("mcpServers", "noclobber"), TYPED),
        ("vscode", ".vscode/mcp.json", ("servers", "noclobber"), TYPED),
        ("cursor", ".cursor/mcp.json", ("mcpServers", "noclobber"), PLAIN),
        ("codex", ".codex/config.toml", ("mcp_servers", "noclobber"), PLAIN),
        ("opencode", "opencode.json", ("mcp", "noclobber"), {"type": "local", "command": SERVER, "enabled": True}),
        ("gemini", ".gemini/settings.json", ("mcpServers", "noclobber"), PLAIN),
        ("antigravity", ".agents/mcp_config.json", ("mcpServers", "noclobber"), {"command": "sh", "args": WITH_FILES[1:]}),
        ("zoo", ".roo/mcp.json", ("mcpServers", "noclobber"), {"command": "sh", "args": WITH_FILES[1:]}),
    ],
)
def test_each_project_file_has_the_shape_its_client_reads(
    places: Places, client: str, file: str, where: tuple[str, ...], entry: dict[str, Any]
) -> None:
    apply_plan(plan(targets((client,), places, shared=True), places), places)
    text = (places.root / file).read_text(encoding="utf-8")
    value = tomllib.loads(text) if file.endswith(".toml") else json.loads(text)
    for key in where:
        value = value[key]
    assert value == entry


@pytest.mark.parametrize(
    ("client", "file", "before", "handler"),
    [
        ("claude-code", ".claude/settings.json", "PreToolUse", ("hooks", 0)),
        ("codex", ".codex/hooks.json", "PreToolUse", ("hooks", 0)),
        ("gemini", ".gemini/settings.json", "BeforeTool", ("hooks", 0)),
        ("cursor", ".cursor/hooks.json", "preToolUse", ()),
        ("vscode", ".github/hooks/noclobber.json", "PreToolUse", ()),
        ("copilot", ".github/hooks/noclobber.json", "PreToolUse", ()),
    ],
)
def test_each_hook_file_has_the_shape_its_client_reads(
    places: Places, client: str, file: str, before: str, handler: tuple[Any, ...]
) -> None:
    apply_plan(plan(targets((client,), places, shared=True), places), places)
    group = json.loads((places.root / file).read_text(encoding="utf-8"))["hooks"][before][0]
    for key in handler:
        group = group[key]
    name = "vscode" if client == "copilot" else client
    assert group["command"] == f"sh -c 'command -v noclobber >/dev/null 2>&1 || exit 0; exec noclobber hook {name}'"
    assert group["timeout"] == (10_000 if client == "gemini" else 10)
    if file.startswith(".github"):
        assert (group["bash"], group["timeoutSec"]) == (group["command"], 10)


def test_vs_code_beside_copilot_is_registered_once_at_home_too(places: Places) -> None:
    at_home = [target.path for target in targets(("vscode", "copilot"), places, shared=False)]
    assert places.home / ".copilot/mcp-config.json" in at_home
    assert [path for path in at_home if path.name == "mcp.json"] == []
    alone = [target.path for target in targets(("vscode",), places, shared=False)]
    assert [path for path in alone if path.name == "mcp.json"] != []


def test_a_newer_clines_own_folder_is_used_where_it_is(places: Places) -> None:
    (older,) = [target.path for target in targets(("cline",), places, shared=True) if target.path.suffix == ".json"]
    assert "saoudrizwan.claude-dev" in older.parts
    (places.home / ".cline").mkdir()
    (newer,) = [target.path for target in targets(("cline",), places, shared=True) if target.path.suffix == ".json"]
    assert newer == places.home / ".cline/data/settings/cline_mcp_settings.json"
    assert detect(places) == ("cline",)


def test_personal_files_are_never_committed(places: Places) -> None:
    apply_plan(plan(targets(CLIENTS, places, shared=False), places), places)
    assert (places.root / ".noclobber/init.json").exists()
    listed = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=places.root, capture_output=True, text=True, check=True).stdout
    assert listed == ""


def test_codex_reads_what_was_written(places: Places) -> None:
    lay_out(places, SHAPES["codex"])
    apply_plan(plan(targets(("codex",), places, shared=True), places), places)
    config = tomllib.loads((places.root / ".codex/config.toml").read_text(encoding="utf-8"))
    assert config["mcp_servers"]["noclobber"]["command"] == "sh"
    assert set(config["mcp_servers"]) == {"other", "noclobber"}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "personal"])
@pytest.mark.parametrize("name", SHAPES)
def test_a_machine_without_noclobber_runs_every_command_and_nothing_happens(
    places: Places, name: str, shared: bool, tmp_path: Path
) -> None:
    lay_out(places, SHAPES[name])
    wanted = targets(CLIENTS, places, shared=shared)
    apply_plan(plan(wanted, places), places)
    empty = tmp_path / "bin"
    empty.mkdir()
    (empty / "sh").symlink_to("/bin/sh")
    before = tree(places)
    commands = configured_commands(places)
    assert {client for client in CLIENTS if any(f"hook {client}" in " ".join(command) for command in commands)} >= {
        "claude-code", "codex", "vscode", "cursor", "gemini", "opencode"
    }  # fmt: skip
    assert sum("noclobber mcp" in " ".join(command) for command in commands) >= 8
    assert len(commands) > 40
    for command in {tuple(command) for command in commands}:
        done = subprocess.run(command, input=b"{}", capture_output=True, env={"PATH": str(empty)}, cwd=places.root, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), command
    assert tree(places) == before


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "personal"])
def test_a_build_machine_with_noclobber_runs_every_command_and_nothing_happens(places: Places, shared: bool, tmp_path: Path) -> None:
    apply_plan(plan(targets(CLIENTS, places, shared=shared), places), places)
    installed = tmp_path / "bin"
    installed.mkdir()
    (installed / "sh").symlink_to("/bin/sh")
    (installed / "noclobber").write_text(f'#!/bin/sh\nexec {sys.executable} -m noclobber_server.main "$@"\n', encoding="utf-8")
    (installed / "noclobber").chmod(0o755)
    before = tree(places)
    environ = {"PATH": str(installed), "CI": "true", "HOME": str(places.home)}
    payload = json.dumps({
        "session_id": "S", "cwd": str(places.root), "hook_event_name": "PreToolUse", "tool_name": "Write", "tool_use_id": "1",
        "tool_input": {"file_path": str(places.root / "a.txt"), "content": "x"},
    }).encode()  # fmt: skip
    for command in sorted({tuple(command) for command in configured_commands(places)}):
        given = b"" if "noclobber mcp" in " ".join(command) else payload
        done = subprocess.run(command, input=given, capture_output=True, env=environ, cwd=places.root, check=False, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), command
    assert tree(places) == before
    assert {name.name for name in (places.root / ".noclobber").iterdir()} == {".gitignore", "init.json"}


def test_opencodes_plugin_asks_the_hook_and_does_what_it_answers(places: Places, tmp_path: Path) -> None:
    """The plugin itself, run by Node as OpenCode runs it."""
    node = next((path for path in (shutil.which("node"), ".tools/bin/node") if path and Path(path).exists()), None)
    if node is None:
        pytest.skip("there is no node here; make test installs it")
    apply_plan(plan(targets(("opencode",), places, shared=True), places), places)
    plugin = places.root / ".opencode/plugins/noclobber.js"
    installed = tmp_path / "bin"
    installed.mkdir()
    (installed / "noclobber").write_text(f'#!/bin/sh\nexec {sys.executable} -m noclobber_server.main "$@"\n', encoding="utf-8")
    (installed / "noclobber").chmod(0o755)
    (places.root / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    driver = tmp_path / "driver.mjs"
    driver.write_text(OPENCODE, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name != "CI"} | {"PATH": f"{installed}:{os.environ['PATH']}"}
    done = subprocess.run(
        [node, str(driver), str(plugin), str(places.root)], capture_output=True, text=True, env=environ, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    unread, after_reading = done.stdout.splitlines()
    assert unread.startswith("UNREAD_FILE: a.txt")
    assert after_reading == "passed"
    with ConcurrencyGuard(places.root, "judge") as judge:
        assert [event.detail for event in judge.events(kind="check")] == [{"check": "ruff check", "status": 1, "failures": 1}]


OPENCODE = """
import { readFileSync, writeFileSync } from "node:fs"
const [plugin, root] = process.argv.slice(2)
const source = readFileSync(plugin)
const { Noclobber } = await import(`data:text/javascript;base64,${source.toString("base64")}`)
const hooks = await Noclobber({ directory: root })
const path = `${root}/a.txt`
const write = async (callID) => {
  const output = { args: { filePath: path, content: "mine\\n" } }
  try {
    await hooks["tool.execute.before"]({ tool: "write", sessionID: "S", callID }, output)
    writeFileSync(path, output.args.content)
    await hooks["tool.execute.after"]({ tool: "write", sessionID: "S", callID, args: output.args }, { output: "ok" })
    return "passed"
  } catch (problem) {
    return problem.message
  }
}
console.log((await write("1")).split("\\n")[0])
await hooks["tool.execute.after"]({ tool: "read", sessionID: "S", callID: "2", args: { filePath: path } }, { output: "one" })
console.log(await write("3"))
const ended = { output: "a.txt:1:1: F401 unused", metadata: { exit: 1 } }
await hooks["tool.execute.after"]({ tool: "bash", sessionID: "S", callID: "4", args: { command: "ruff check" } }, ended)
"""


def configured_commands(places: Places) -> list[list[str]]:
    found: list[list[str]] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            command, arguments = value.get("command"), value.get("args")
            if isinstance(command, str) and "noclobber" in f"{command} {arguments}":
                found.append([command, *arguments] if arguments else ["/bin/sh", "-c", command])
            elif isinstance(command, list):
                found.append(command)
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    for path in [*places.root.rglob("*"), *places.home.rglob("*")]:
        if path.is_file() and ".git" not in path.parts and b"noclobber" in path.read_bytes():
            if path.suffix in (".json", ".jsonc"):
                walk(plain(parse(path.read_text(encoding="utf-8"))))
            elif path.suffix == ".toml":
                walk(tomllib.loads(path.read_text(encoding="utf-8")))
            elif path.suffix == ".js":
                command = re.search(r"^const COMMAND = (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
                assert command is not None
                found.append(["/bin/sh", "-c", json.loads(command.group(1))])
            elif os.access(path, os.X_OK):
                found.append([str(path)])
    return found


def test_clients_are_found_by_their_traces(places: Places) -> None:
    assert detect(places) == ()
    lay_out(places, {"CLAUDE.md": "", ".cursorrules": "", ".roo/rules/x.md": ""})
    (places.home / ".codex").mkdir()
    assert detect(places) == ("claude-code", "codex", "cursor", "zoo")


def test_the_launcher_is_lasting(tmp_path: Path) -> None:
    def program(folder: str) -> str:
        path = tmp_path / folder / "noclobber"
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    on_path = program("bin")
    assert find_launcher(str(Path(on_path).parent), "anything") == "noclobber"
    own = program("venv/bin")
    assert find_launcher("", own) == own
    with pytest.raises(LauncherError, match="next upgrade"):
        find_launcher("", program("versions/3.11.7/bin"))
    with pytest.raises(LauncherError, match="not on the PATH"):
        find_launcher("", str(tmp_path / "absent"))
