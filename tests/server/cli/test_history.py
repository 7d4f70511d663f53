from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest


def test_the_log_has_one_event_a_line_and_every_filter_selects(cli: Any) -> None:
    cli("write", "a.txt", "--agent", "alice", "--turn", "t1", "--intent", "I1", stdin=b"one\n")
    cli("write", "b.txt", "--agent", "bob", "--turn", "t2", "--intent", "I1", stdin=b"two\n")
    cli("read", "a.txt", "--agent", "bob", "--turn", "t2")
    cli("write", "a.txt", "--agent", "carol", stdin=b"x")
    whole = cli("log", "--json").events
    assert [event["seq"] for event in whole] == [1, 2, 3, 4]
    selected = {
        ("--agent", "bob"): [2, 3],
        ("--turn", "t1"): [1],
        ("--intent", "I1"): [1, 2],
        ("--file", "a.txt"): [1, 3, 4],
        ("--kind", "read"): [3],
        ("--outcome", "refused"): [4],
        ("--limit", "2"): [3, 4],
        ("--limit", "0"): [1, 2, 3, 4],
        ("--since", "1h"): [1, 2, 3, 4],
        ("--since", whole[2]["timestamp"]): [event["seq"] for event in whole if event["timestamp"] >= whole[2]["timestamp"]],
        ("--since", "2099-01-01"): [],
        ("--agent", "bob", "--file", "a.txt"): [3],
    }
    for options, seqs in selected.items():
        assert [event["seq"] for event in cli("log", "--json", *options).events] == seqs, options


def test_the_log_selects_by_no_environment(cli: Any) -> None:
    cli("write", "a.txt", "--agent", "bob", stdin=b"one\n")
    assert len(cli("log", "--json", NOCLOBBER_AGENT="alice", NOCLOBBER_TURN="t9").events) == 1


def test_a_piped_log_is_tab_separated_without_header_or_colour(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    (line,) = cli("log").out.splitlines()
    cells = line.split(b"\t")
    assert (cells[0], cells[2], cells[3], cells[4], cells[5]) == (b"1", b"alice", b"write", b"done", b"a.txt")
    assert b"\x1b" not in line


def test_the_log_of_a_deleted_file_is_still_found(cli: Any) -> None:
    cli("write", "sub/a.txt", stdin=b"one\n")
    cli("delete", "sub/a.txt")
    (cli.root / "sub").rmdir()
    assert [event["kind"] for event in cli("log", "--file", "sub/a.txt", "--json").events] == ["write", "delete"]


def test_a_file_that_is_a_folder_today_is_asked_for_by_its_old_name(cli: Any) -> None:
    cli("write", "thing", "--turn", "t1", stdin=b"one\n")
    cli("write", "other", "--turn", "t1", stdin=b"one more\n")
    (cli.root / "thing").unlink()
    (cli.root / "thing").mkdir()
    assert [event["file_path"] for event in cli("log", "--file", "thing", "--json").events] == ["thing"]
    answer = cli("revert", "--turn", "t1", "--file", "thing", "--json")
    assert (answer.status, answer.json["error"]) == (1, "RevertConflictError")
    assert "'thing' is a folder" in answer.json["conflicts"]["thing"]
    assert cli("revert", "--turn", "t1", "--file", "other").status == 0
    assert cli("purge", "thing").status == 0


def test_a_followed_log_shows_what_happens_and_ends_quietly_at_an_interrupt(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    following = cli.start("log", "--follow", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b'"seq": 1' in following.stdout.readline()
    cli("write", "b.txt", stdin=b"two\n")
    assert b'"b.txt"' in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=30)
    assert (out, err, following.returncode) == (b"", b"", 130)


def test_a_followed_log_goes_on_when_the_state_is_made_anew(cli: Any, tmp_path: Path) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    cli("write", "a.txt", stdin=b"two\n")
    following = cli.start("log", "--follow", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    following.stdout.readline()
    following.stdout.readline()
    (cli.root / ".noclobber").rename(tmp_path / "removed")  # in one step: the follower itself may be making it anew
    cli("write", "b.txt", stdin=b"after\n")
    assert b'"b.txt"' in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    following.communicate(timeout=30)


def test_blame_names_who_wrote_each_line(cli: Any) -> None:
    cli.file("a.txt", b"old\n")
    cli("edit", "a.txt", "--old", "old\n", "--new", "old\nby bob\n", "--agent", "bob", "--turn", "t2")
    first, second = cli("blame", "a.txt", "--json").json
    assert (first["text"], first["event"]) == ("old\n", None)
    assert (second["number"], second["text"], second["event"]["agent_id"], second["event"]["turn_id"]) == (2, "by bob\n", "bob", "t2")
    (line,) = cli("blame", "a.txt", "--lines", "2").out.splitlines()
    assert line.split() == [b"1", b"bob", b"t2", b"2", b"by", b"bob"]
    assert cli("blame", "a.txt", "--lines", "2-x").status == 2


def test_why_says_in_words_what_was_refused_and_what_to_do(cli: Any) -> None:
    cli.file("a.txt", b"one\n")
    cli("write", "a.txt", stdin=b"x")
    (refused,) = cli("log", "--outcome", "refused", "--json").events
    text = cli("why", str(refused["seq"])).out.decode()
    assert "UNREAD_FILE" in text
    assert "alice" in text
    answer = cli("why", str(refused["seq"]), "--json").json
    assert answer["event"] == refused
    assert answer["text"].strip() == text.strip()


def test_an_event_that_is_not_there_is_a_failure(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    answer = cli("why", "99")
    assert answer.status == 1
    assert "no event 99" in answer.err


def test_a_turn_is_taken_back_over_all_its_files_and_later_work_stays(cli: Any) -> None:
    lines = [b"%d\n" % number for number in range(20)]
    for name in ("a.txt", "b.txt"):
        cli.file(name, b"".join(lines))
        cli("edit", name, "--old", "4\n5\n", "--new", "4\nfive\n", "--agent", "bob", "--turn", "t7")
    cli("edit", "a.txt", "--old", "15\n", "--new", "fifteen\n", "--agent", "alice", "--turn", "t8")
    plan = cli("revert", "--turn", "t7", "--dry-run", "--json").json
    assert plan["dry_run"] is True
    assert sorted(one["file_path"] for one in plan["files"]) == ["a.txt", "b.txt"]
    assert b"five" in (cli.root / "b.txt").read_bytes()
    assert cli("revert", "--turn", "t7", "--agent", "carol").err.startswith("noclobber: there is nothing")
    assert cli("revert", "--turn", "t7", "--agent", "bob").status == 0
    assert (cli.root / "b.txt").read_bytes() == b"".join(lines)
    assert (cli.root / "a.txt").read_bytes() == b"".join(lines).replace(b"15\n", b"fifteen\n")


def test_a_revert_can_be_of_one_file_only(cli: Any) -> None:
    for name in ("a.txt", "b.txt"):
        cli("write", name, "--turn", "t7", stdin=b"one\n")
        cli("write", name, "--turn", "t8", stdin=b"two\n")
    assert cli("revert", "--turn", "t8", "--file", "a.txt").status == 0
    assert (cli.root / "a.txt").read_bytes() == b"one\n"
    assert (cli.root / "b.txt").read_bytes() == b"two\n"


def test_a_revert_that_later_lines_stand_in_the_way_of_changes_nothing_and_names_them(cli: Any) -> None:
    cli("write", "a.txt", "--turn", "t1", stdin=b"one\n")
    cli("write", "a.txt", "--turn", "t2", stdin=b"two\n")
    cli("write", "a.txt", "--turn", "t3", stdin=b"three\n")
    answer = cli("revert", "--turn", "t2", "--json")
    assert answer.status == 1
    assert answer.json["error"] == "RevertConflictError"
    assert list(answer.json["conflicts"]) == ["a.txt"]
    assert "a.txt" in cli("revert", "--turn", "t2").err
    assert (cli.root / "a.txt").read_bytes() == b"three\n"


@pytest.mark.parametrize("wanted", ["zz", "", "0" * 64, "' OR 1=1 --", "%", "____"])
def test_a_version_that_is_not_kept_is_a_failure_that_says_so(cli: Any, wanted: str) -> None:
    cli("write", "a.txt", stdin=b"one\n")
    for command in (("show", wanted), ("restore", "a.txt", wanted)):
        answer = cli(*command)
        assert (answer.status, answer.out) == (1, b"")
        assert answer.err.startswith("noclobber: ")
    assert (cli.root / "a.txt").read_bytes() == b"one\n"
