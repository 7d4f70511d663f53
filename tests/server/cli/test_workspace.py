from __future__ import annotations

import os
from typing import Any

import pytest

QUESTIONS = [
    ("status",),
    ("log",),
    ("show", "abcd"),
    ("blame", "a.txt"),
    ("why", "1"),
    ("purge", "--yes"),
    ("resume",),
    ("revert", "--turn", "t"),
]


def test_status_holds_every_snapshot_against_the_disk(cli: Any) -> None:
    for name in ("fresh", "stale", "gone"):
        cli.file(name, b"one\n")
        cli("read", name, "--turn", "t1", "--intent", "I1")
    (cli.root / "stale").write_bytes(b"two\n")
    (cli.root / "gone").unlink()
    answer = cli("status", "--json").json
    assert answer["root"] == str(cli.root)
    assert {one["file_path"]: one["state"] for one in answer["snapshots"]} == {"fresh": "fresh", "stale": "stale", "gone": "deleted"}
    assert set(answer["snapshots"][0]) == {"file_path", "agent_id", "turn_id", "intent_id", "state", "timestamp"}
    lines = [line.split(b"\t")[:3] for line in cli("status").out.splitlines()]
    assert [b"stale", b"stale", b"alice"] in lines


@pytest.mark.parametrize("command", QUESTIONS, ids=lambda command: command[0])
def test_a_question_begins_no_workspace(cli: Any, command: tuple[str, ...]) -> None:
    answer = cli(*command)
    assert answer.status == 1
    assert "nothing has been guarded" in answer.err
    assert not (cli.root / ".noclobber").exists()


def test_a_pause_lets_everybody_through_until_it_is_ended(cli: Any) -> None:
    target = cli.file("a.txt", b"one\n")
    assert cli("write", "a.txt", stdin=b"x").status == 3
    until = cli("pause", "20m", "--json").json["paused_until"]
    assert cli("status", "--json").json["paused_until"] == until
    assert cli("write", "a.txt", stdin=b"two\n").out.startswith(b"observed\ta.txt")
    assert target.read_bytes() == b"two\n"
    assert cli("resume", "--json").json == {"paused_until": None, "was_paused_until": until}
    assert cli("status", "--json").json["paused_until"] is None
    target.write_bytes(b"three\n")
    assert cli("write", "a.txt", stdin=b"x").status == 3
    assert cli("resume").out == b"it was not paused\n"


@pytest.mark.parametrize("length", ["", "soon", "1", "-1h", "0s", "9999d", "1h 30m", "1x"])
def test_a_duration_that_is_none_is_wrong_usage(cli: Any, length: str) -> None:
    answer = cli("pause", "--", length)
    assert answer.status == 2
    assert "30m" in answer.err
    assert not (cli.root / ".noclobber" / "paused").exists()


def test_observing_lets_a_write_through_and_says_what_it_would_have_refused(cli: Any) -> None:
    (cli.root / "noclobber.toml").write_text('mode = "observe"\n', encoding="utf-8")
    cli.file("a.txt", b"one\n")
    assert cli("write", "a.txt", "--json", stdin=b"two\n").json["outcome"] == "observed"
    assert (cli.root / "a.txt").read_bytes() == b"two\n"
    assert cli("log", "--outcome", "observed", "--json").events[0]["refusal"] == "UNREAD_FILE"


def test_a_purged_file_has_no_version_left_and_keeps_its_history(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"secret\n")
    cli("write", "b.txt", stdin=b"other\n")
    old = cli("read", "a.txt", "--json").json["read_hash"]
    cli("write", "a.txt", stdin=b"new\n")
    assert cli("purge", "a.txt", "--json").json == {"file_path": "a.txt", "purged": 2}
    assert cli("show", old).status == 1
    assert cli("log", "--file", "a.txt", "--json").events[0]["after_hash"] == old
    assert cli("show", cli("read", "b.txt", "--json").json["read_hash"]).out == b"other\n"
    assert (cli.root / "a.txt").read_bytes() == b"new\n"


def test_everything_is_purged_only_when_that_is_said(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    answer = cli("purge")
    assert answer.status == 2
    assert "--yes" in answer.err
    assert cli("purge", "--yes", "--json").json["purged"] == 1


def test_the_doctor_finds_a_sound_workspace_sound(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    answer = cli("doctor", "--json")
    assert answer.status == 0, answer.out
    assert answer.json["sound"] is True
    subjects = {finding["subject"] for finding in answer.json["findings"]}
    assert {"noclobber", "workspace", "database", "exchanges", "exchange", "leases", "git", "mode", "space"} <= subjects
    assert not list((cli.root / ".noclobber" / "tmp").iterdir())


def test_the_doctor_makes_nothing_where_there_is_nothing(cli: Any) -> None:
    answer = cli("doctor")
    assert answer.status == 0, answer.out
    assert b"none here yet" in answer.out
    assert not (cli.root / ".noclobber").exists()


def test_the_doctor_names_what_is_switched_off(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    cli("pause")
    os.chmod(cli.root / ".noclobber", 0o755)
    states = {finding["subject"]: finding["state"] for finding in cli("doctor", "--json", NOCLOBBER="off").json["findings"]}
    assert (states["pause"], states["switch"], states["privacy"]) == ("warning", "warning", "warning")


def test_the_doctor_says_when_a_damaged_database_was_set_aside(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    database = cli.root / ".noclobber" / "state.db"
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    database.write_bytes(b"this is no database at all" * 1000)
    findings = {finding["subject"]: finding for finding in cli("doctor", "--json").json["findings"]}
    assert findings["damage"]["state"] == "warning"
    assert findings["database"]["state"] == "fine"
    assert cli("log", "--json").events[0]["file_path"] == "a.txt"


def test_a_setting_that_is_wrong_is_named_by_every_command(cli: Any) -> None:
    (cli.root / "noclobber.toml").write_text('mode = "loud"\n', encoding="utf-8")
    cli.file("a.txt", b"one\n")
    answer = cli("read", "a.txt")
    assert answer.status == 1
    assert "mode" in answer.err
    assert "noclobber.toml" in answer.err
    (cli.root / ".noclobber").mkdir(exist_ok=True)
    assert cli("doctor").status == 1
