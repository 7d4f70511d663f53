"""``lesson`` and ``verify`` as a person or a script meets them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def failing(cli: Any) -> Callable[[str], tuple[str, ...]]:
    """A check that fails while code.txt holds the word."""

    def check(word: str) -> tuple[str, ...]:
        return ("verify", "--name", "words", "--", "sh", "-c", f"! grep -n {word} code.txt")

    return check


def test_a_lesson_is_added_listed_searched_shown_edited_and_removed(cli: Any) -> None:
    added = cli(
        "lesson", "add", "--context", "in CI", "--failure", "time zone differs", "--resolution", "set TZ", "--for", "tests/**", "--json"
    )
    assert added.status == 0
    assert added.json["success"]
    (lesson,) = cli("lesson", "list", "--json").json
    assert (lesson["state"], lesson["agent_id"], lesson["files"]) == ("live", "alice", ["tests/**"])
    assert [found["id"] for found in cli("lesson", "search", "zone", "--json").json] == [lesson["id"]]
    assert [found["id"] for found in cli("lesson", "search", "--for-file", "tests/test_a.py", "--json").json] == [lesson["id"]]
    assert cli("lesson", "search", "--for-file", "src/a.py", "--json").json == []
    assert b"set TZ" in cli("lesson", "show", lesson["id"][:5]).out
    assert cli("lesson", "edit", lesson["id"], "--resolution", "pin the zone").status == 0
    assert b"pin the zone" in (cli.root / "CLAUDE.md").read_bytes()
    assert cli("lesson", "remove", lesson["id"]).status == 0
    assert (cli.root / "CLAUDE.md").read_bytes() == b"# Lessons Learned\n"


def test_who_adds_is_said_by_the_options_and_list_selects_by_them(cli: Any) -> None:
    cli("lesson", "add", "one", "--agent", "bob", "--turn", "t1", "--intent", "INT-1")
    cli("lesson", "add", "two")
    assert [
        (one["lesson"], one["agent_id"], one["turn_id"], one["intent_id"]) for one in cli("lesson", "list", "--agent", "bob", "--json").json
    ] == [("one", "bob", "t1", "INT-1")]
    assert len(cli("lesson", "list", "--json").json) == 2


def test_a_lesson_comes_from_stdin_byte_for_byte_as_text(cli: Any) -> None:
    assert cli("lesson", "add", "-", stdin="Größe\nzählt\n".encode()).status == 0
    assert "**Lesson**: Größe\n  zählt\n" in (cli.root / "CLAUDE.md").read_text("utf-8")


@pytest.mark.parametrize(
    "arguments", [("add", ""), ("add", "x" * 3000), ("show", "nope"), ("accept", "nope"), ("add", "x", "--for", "../y")]
)
def test_what_cannot_be_done_is_said_in_words(cli: Any, arguments: tuple[str, ...]) -> None:
    answer = cli("lesson", *arguments)
    assert answer.status == 1
    assert answer.err.startswith("noclobber: ")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("show",), ("search",), ("prune",), ("remove", "a", "b")])
def test_wrong_usage_has_status_2(cli: Any, arguments: tuple[str, ...]) -> None:
    assert cli("lesson", *arguments).status == 2


def test_an_editor_edits_a_lesson(cli: Any, tmp_path: Path) -> None:
    cli("lesson", "add", "--failure", "old words", "--resolution", "r")
    (lesson,) = cli("lesson", "list", "--json").json
    editor = cli.file("ed.sh", b"sed -i 's/old words/new words/' \"$1\"\n")
    assert cli("lesson", "edit", lesson["id"], EDITOR=f"sh {editor}", VISUAL="").status == 0
    assert cli("lesson", "show", lesson["id"], "--json").json["failure"] == "new words"
    assert cli("lesson", "edit", lesson["id"], EDITOR="false", VISUAL="").status == 2


def test_prune_asks_about_each_and_removes_only_what_it_is_told_to(cli: Any) -> None:
    for text in ("first", "second", "third"):
        cli("lesson", "add", text)
    master, slave = pty.openpty()
    try:
        process = cli.start("lesson", "prune", stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.write(master, b"k\nr\nq\n")
        out, _ = process.communicate(timeout=30)
    finally:
        os.close(master)
        os.close(slave)
    assert process.returncode == 0
    assert b"1 of 3 removed." in out
    assert [one["lesson"] for one in cli("lesson", "list", "--json").json] == ["first", "third"]


def test_verify_has_the_commands_output_and_status_and_drafts(cli: Any, failing: Callable[[str], tuple[str, ...]]) -> None:
    cli.file("code.txt", b"bad\n")
    answer = cli(*failing("bad"))
    assert (answer.status, answer.out) == (1, b"1:bad\n")
    assert "words failed with exit status 1" in answer.err
    assert "drafted" in answer.err
    (draft,) = cli("lesson", "list", "--drafts", "--json").json
    assert (draft["state"], draft["check"]) == ("draft", "words")

    cli.file("code.txt", b"good\n")
    passed = cli(*failing("bad"))
    assert (passed.status, passed.out) == (0, b"")
    accepted = cli("lesson", "accept", draft["id"], "--resolution", "write good", "--json")
    assert accepted.json["success"]
    assert "**Resolution**: write good" in (cli.root / "CLAUDE.md").read_text("utf-8")
    assert cli("lesson", "list", "--drafts", "--json").json == []


def test_the_agent_that_meets_a_known_failure_is_told_what_the_lesson_says(cli: Any, failing: Callable[[str], tuple[str, ...]]) -> None:
    cli.file("code.txt", b"bad\n")
    verify = failing("bad")
    assert cli(verify[0], "--lesson", "--resolution", "write good", *verify[1:]).status == 1
    assert "says: write good" in cli(*verify).err


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 42", 42), ("kill -TERM $$", 143)])
def test_the_exit_status_is_the_commands_own(cli: Any, script: str, status: int) -> None:
    assert cli("verify", "--", "sh", "-c", script).status == status
    assert cli("verify", "--", "sh", "-c", script, NOCLOBBER="off").status == status


def test_a_command_that_does_not_exist_is_said_in_words(cli: Any) -> None:
    answer = cli("verify", "--", "no-such-command-here")
    assert answer.status == 127
    assert "no-such-command-here: No such file or directory" in answer.err
    assert cli("verify").status == 2


def test_in_ci_verify_drafts_nothing(cli: Any, failing: Callable[[str], tuple[str, ...]]) -> None:
    cli.file("code.txt", b"bad\n")
    assert cli(*failing("bad"), CI="true").status == 1
    assert cli("lesson", "list", "--drafts", "--json").json == []
    verify = failing("bad")
    assert cli(verify[0], "--no-lesson", *verify[1:]).status == 1
    assert cli("lesson", "list", "--drafts", "--json").json == []


def test_verify_in_json_says_what_failed_and_what_became_of_it(cli: Any) -> None:
    cli.file("code.txt", b"bad\n")
    answer = cli("verify", "--json", "--", "sh", "-c", "grep bad code.txt >&2; exit 3")
    told = json.loads(answer.out)
    assert (told["status"], told["tool"], told["outcomes"][0]["action"]) == (3, "command", "drafted")
    assert told["failures"][0]["message"] == "bad"


def test_the_parts_of_a_lesson_may_begin_with_a_dash(cli: Any) -> None:
    assert cli("lesson", "add", "--context", "-x was given", "--failure", "--strict", "--resolution", "-q").status == 0
    assert b"**Failure**: --strict" in (cli.root / "CLAUDE.md").read_bytes()
