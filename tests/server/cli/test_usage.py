from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from noclobber_server.cli import registry

WRONG = {
    "unknown command": ("stauts",),
    "unknown option": ("status", "--loud"),
    "abbreviated option": ("log", "--lim", "3"),
    "missing path": ("read",),
    "too many paths": ("read", "a", "b"),
    "empty path": ("read", ""),
    "old without new": ("edit", "a", "--old", "x"),
    "olds and news that do not pair": ("edit", "a", "--old", "x", "--old", "y", "--new", "z"),
    "no number": ("log", "--limit", "many"),
    "unknown kind": ("log", "--kind", "dance"),
    "unknown outcome": ("log", "--outcome", "great"),
    "no time": ("log", "--since", "yesterday-ish"),
    "revert of nothing": ("revert",),
    "agent with a line break": ("read", "a", "--agent", "a\nb"),
    "turn too long": ("read", "a", "--turn", "t" * 201),
    "why without a number": ("why", "first"),
    "why with a number too large": ("why", "9" * 23),
    "limit too large": ("log", "--limit", "9" * 23),
    "limit below nothing": ("log", "--limit", "-1"),
    "limit of the timeline too large": ("timeline", "--html", "-", "--limit", "9" * 26),
    "lines of more digits than a number may have": ("blame", "a", "--lines", f"1-{'9' * 5000}"),
    "pause of more digits than a number may have": ("pause", f"{'0' * 5000}1h"),
    "time of more digits than a number may have": ("log", "--since", f"{'9' * 5000}d"),
    "selected agent that is no text": ("log", "--agent", b"\xff"),
    "selected turn that is no text": ("log", "--turn", b"\xff"),
    "timeline of an agent that is no text": ("timeline", "--html", "-", "--agent", b"\xff"),
    "revert of a turn that is no text": ("revert", "--turn", b"\xff"),
    "revert of a turn without a name": ("revert", "--turn", ""),
    "selected turn without a name": ("log", "--turn", ""),
    "demo of no length": ("demo", "--seconds", "0"),
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_is_status_2_with_a_word_on_stderr_and_nothing_done(cli: Any, arguments: tuple[str | bytes, ...]) -> None:
    cli.file("a", b"one\n")
    (cli.root / ".noclobber").mkdir()
    answer = cli(*arguments)
    assert (answer.status, answer.out) == (2, b"")
    assert answer.err


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG.keys())
def test_wrong_usage_under_json_is_one_object(cli: Any, arguments: tuple[str | bytes, ...]) -> None:
    cli.file("a", b"one\n")
    (cli.root / ".noclobber").mkdir()
    answer = cli(*arguments, "--json")
    assert (answer.status, answer.err, answer.json["error"]) == (2, "", "Usage")
    assert answer.json["message"]


@pytest.mark.parametrize("row", registry.ROWS, ids=lambda row: row.name)
def test_every_command_has_help_with_examples(cli: Any, row: registry.Row) -> None:
    command = registry.load(row)
    if command.run_raw is not None:
        return
    answer = cli(row.name, "--help")
    assert answer.status == 0
    for part in (f"usage: noclobber {row.name}", "--json", "--workspace"):
        assert part in answer.out.decode()
    if command.configure is not None:
        assert b"examples:" in answer.out
    assert cli("help", row.name).out == answer.out


def test_the_overview_names_every_command_and_a_misspelling_finds_its_neighbour(cli: Any) -> None:
    overview = cli("--help").out.decode()
    assert all(f"  {row.name} " in overview for row in registry.ROWS)
    assert cli().out.decode() == overview
    assert "did you mean 'status'?" in cli("stauts").err
    assert cli("--version").out.startswith(b"noclobber ")


def _named(cli: Any, kind: str) -> str | bytes:
    """A path of one bad kind."""
    if kind == "folder":
        (cli.root / "folder").mkdir()
        return "folder"
    if kind == "fifo":
        os.mkfifo(cli.root / "fifo")
        return "fifo"
    if kind == "link out":
        (cli.root / "link").symlink_to("/etc/passwd")
        return "link"
    if kind == "undecodable":
        return b"a\xff.txt"
    return {
        "parent": "../a.txt",
        "absolute": "/etc/passwd",
        "line break": "a\nb",
        "escape": "a\x1b[2J",
        "git": ".git/config",
        "own state": ".noclobber/state.db",
        "too long": "x" * 300,
        "below a file": "file/below",
    }[kind]


KINDS = {
    "folder": 1, "fifo": 1, "link out": 3, "undecodable": 1, "parent": 3, "absolute": 3, "line break": 1, "escape": 1,
    "git": 3, "own state": 3, "too long": 1, "below a file": 1,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), KINDS.items(), ids=KINDS.keys())
def test_a_path_that_cannot_be_guarded_says_why_and_changes_nothing(cli: Any, kind: str, status: int) -> None:
    cli.file("file", b"one\n")
    path = _named(cli, kind)
    before = _listing(cli.root)
    for command in (("read", path), ("delete", path), ("edit", path, "--old", "x", "--new", "y")):
        answer = cli(*command)
        assert (answer.status, answer.out) == (status, b""), command
        assert answer.err.startswith("noclobber: ")
    assert _listing(cli.root) == before


def _listing(root: Path) -> list[str]:
    done = subprocess.run(["find", ".", "-path", "./.noclobber", "-prune", "-o", "-print"], cwd=root, capture_output=True, check=True)
    return sorted(done.stdout.decode(errors="backslashreplace").splitlines())


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("restore", "a.txt"), ("write", "a.txt", "--read-hash"), ("delete", "a.txt", "--read-hash"), ("lesson", "show")],
    ids=lambda arguments: " ".join(arguments),
)
def test_bytes_that_are_no_text_name_nothing_and_that_is_said(cli: Any, arguments: tuple[str, ...]) -> None:
    path = cli.file("a.txt", b"one\n")
    cli("read", "a.txt")
    answer = cli(*arguments, b"\xff", stdin=b"new\n")
    assert (answer.status, answer.out) == (1, b"")
    assert answer.err.startswith("noclobber: ")
    assert path.read_bytes() == b"one\n"


def test_a_read_only_folder_is_said_to_be_one(cli: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is read-only to root")
    cli.file("sub/a.txt", b"one\n")
    (cli.root / "sub").chmod(0o500)
    answer = cli("write", "sub/b.txt", stdin=b"x")
    assert answer.status == 1
    assert "ermission" in answer.err


def test_a_workspace_that_is_not_there_is_named(cli: Any, tmp_path: Path) -> None:
    answer = cli("status", "--workspace", str(tmp_path / "missing"))
    assert answer.status == 1
    assert "no such folder" in answer.err


def test_a_current_folder_that_was_deleted_is_no_traceback(cli: Any, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = 'rmdir "$1"; "$0" status'
    noclobber = cli.noclobber
    done = subprocess.run(["sh", "-c", command, noclobber, str(gone)], cwd=gone, env=cli.environment(), capture_output=True, check=False)
    assert done.returncode == 1
    assert b"has been deleted" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_error_under_json_is_one_object(cli: Any) -> None:
    answer = cli("read", "missing.txt", "--json")
    assert (answer.status, answer.err) == (1, "")
    assert set(answer.json) == {"error", "message"}
