from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EXACT = {
    "crlf": b"a\r\nb\r\n",
    "mixed endings": b"a\r\nb\nc\rd",
    "bom": b"\xef\xbb\xbfa\n",
    "utf-16": "\ufeffä\n".encode("utf-16-le"),
    "binary": bytes(range(256)) * 3,
    "empty": b"",
    "no final newline": b"a\nb",
    "only newlines": b"\n\n\n",
    "undecodable": b"\xff\xfe\xfa\n",
    "larger than a pipe": b"0123456789abcdef\n" * 20_000,
}


@pytest.mark.parametrize("content", EXACT.values(), ids=EXACT.keys())
def test_bytes_go_in_and_come_out_exactly(cli: Any, content: bytes) -> None:
    assert cli("write", "f", stdin=content).status == 0
    assert (cli.root / "f").read_bytes() == content
    answer = cli("read", "f")
    assert (answer.status, answer.out) == (0, content)


@pytest.mark.parametrize("content", EXACT.values(), ids=EXACT.keys())
def test_an_overwritten_version_comes_back_exactly(cli: Any, content: bytes) -> None:
    cli.file("f", content)
    read = cli("read", "f", "--json").json
    assert cli("write", "f", stdin=b"something else\n").status == 0
    assert cli("show", read["read_hash"]).out == content
    assert cli("restore", "f", read["read_hash"][:16]).status == 0
    assert (cli.root / "f").read_bytes() == content


def test_a_json_read_has_the_snapshot_and_the_text(cli: Any) -> None:
    cli.file("a.py", "täxt\r\n".encode())
    answer = cli("read", "a.py", "--json", "--turn", "t1", "--intent", "INT-1").json
    assert set(answer) == {"file_path", "read_hash", "turn_id", "intent_id", "timestamp", "agent_id", "notices", "content"}
    assert (answer["file_path"], answer["agent_id"], answer["turn_id"], answer["intent_id"]) == ("a.py", "alice", "t1", "INT-1")
    assert answer["content"] == "täxt\r\n"
    assert len(answer["read_hash"]) == 64


def test_a_json_read_of_bytes_that_are_no_text_is_in_base_64(cli: Any) -> None:
    cli.file("a.bin", b"\xff\x00")
    answer = cli("read", "a.bin", "--json").json
    assert "content" not in answer
    assert answer["content_base64"] == "/wA="


def test_a_write_answers_with_what_the_writer_now_knows(cli: Any) -> None:
    answer = cli("write", "a.txt", "--json", stdin=b"one\n").json
    assert answer["outcome"] == "done"
    assert answer["read_hash"] == answer["content_hash"]
    assert answer["before_hash"] is None
    assert cli("write", "a.txt", "--read-hash", answer["read_hash"], stdin=b"two\n").status == 0


def test_a_stale_write_is_refused_with_the_diff_and_exit_status_3(cli: Any) -> None:
    target = cli.file("a.txt", b"one\ntwo\n")
    cli("read", "a.txt")
    target.write_bytes(b"one\nTWO\n")
    answer = cli("write", "a.txt", stdin=b"mine\n")
    assert (answer.status, answer.out) == (3, b"")
    for part in ("STALE_FILE", "modified since you read it", "-two", "+TWO", "re-read the file", "noclobber why"):
        assert part in answer.err
    assert target.read_bytes() == b"one\nTWO\n"


def test_a_refusal_in_json_is_the_record_itself_and_nothing_else(cli: Any) -> None:
    target = cli.file("a.txt", b"one\ntwo\n")
    cli("read", "a.txt")
    target.write_bytes(b"one\nTWO\n")
    answer = cli("write", "a.txt", "--json", stdin=b"mine\n")
    assert (answer.status, answer.err) == (3, "")
    refusal = answer.json
    assert set(refusal) == {
        "type", "message", "file_path", "expected_hash", "current_hash", "resolution", "changed_by", "diff", "mergeable", "seq",
    }  # fmt: skip
    assert refusal["type"] == "STALE_FILE"
    assert refusal["changed_by"][0]["agent_id"] == "outside"


def test_a_merge_keeps_both_and_shows_what_others_had_changed(cli: Any) -> None:
    lines = [b"%d\n" % number for number in range(20)]
    target = cli.file("a.txt", b"".join(lines))
    cli("read", "a.txt")
    target.write_bytes(b"".join([b"theirs\n", *lines[1:]]))
    answer = cli("write", "a.txt", "--merge", stdin=b"".join([*lines[:-1], b"mine\n"]))
    assert answer.status == 0
    assert answer.out.startswith(b"merged\ta.txt\t")
    assert "+theirs" in answer.err
    assert target.read_bytes() == b"".join([b"theirs\n", *lines[1:-1], b"mine\n"])


def test_each_writer_is_judged_by_its_own_reading(cli: Any) -> None:
    target = cli.file("a.txt", b"one\n")
    cli("read", "a.txt", "--agent", "alice")
    target.write_bytes(b"two\n")
    cli("read", "a.txt", "--agent", "bob")
    assert cli("write", "a.txt", "--agent", "alice", stdin=b"x").status == 3
    assert cli("write", "a.txt", "--agent", "bob", stdin=b"y").status == 0


def test_the_environment_says_who_is_calling_and_an_option_says_it_louder(cli: Any) -> None:
    cli.file("a.txt", b"one\n")
    environment = {"NOCLOBBER_AGENT": "env", "NOCLOBBER_TURN": "env-turn", "NOCLOBBER_INTENT": "env-intent"}
    answer = cli("read", "a.txt", "--json", "--turn", "told", **environment).json
    assert (answer["agent_id"], answer["turn_id"], answer["intent_id"]) == ("env", "told", "env-intent")


def test_without_a_name_the_commands_of_one_session_are_one_writer(cli: Any) -> None:
    cli.file("a.txt", b"one\n")
    answer = cli("read", "a.txt", "--json", NOCLOBBER_AGENT="").json
    kind, user, session = answer["agent_id"].split(":")
    assert kind == "cli"
    assert user
    assert session
    assert cli("write", "a.txt", stdin=b"two\n", NOCLOBBER_AGENT="").status == 0


def test_an_unread_file_is_refused_and_an_unnamed_caller_learns_how_it_is_known(cli: Any) -> None:
    cli.file("a.txt", b"one\n")
    answer = cli("write", "a.txt", stdin=b"x", NOCLOBBER_AGENT="")
    assert answer.status == 3
    assert "UNREAD_FILE" in answer.err
    assert "NOCLOBBER_AGENT" in answer.err


def test_an_edit_needs_no_read_and_leaves_the_rest_as_it_is(cli: Any) -> None:
    target = cli.file("a.txt", b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert cli("edit", "a.txt", "--old", "one\n", "--new", "1\n").status == 0
    assert target.read_bytes() == b"\xef\xbb\xbf1\r\ntwo\r\n"


def test_several_replacements_are_made_in_order_or_not_at_all(cli: Any) -> None:
    target = cli.file("a.txt", b"a b c\n")
    assert cli("edit", "a.txt", "--old", "a", "--new", "A", "--old", "c", "--new", "C").status == 0
    assert target.read_bytes() == b"A b C\n"
    answer = cli("edit", "a.txt", "--old", "A", "--new", "x", "--old", "missing", "--new", "y", "--json")
    assert (answer.status, answer.json["type"]) == (3, "EDIT_NOT_FOUND")
    assert target.read_bytes() == b"A b C\n"


def test_an_ambiguous_edit_is_refused_unless_all_are_meant(cli: Any) -> None:
    target = cli.file("a.txt", b"x x\n")
    assert cli("edit", "a.txt", "--old", "x", "--new", "y", "--json").json["type"] == "EDIT_AMBIGUOUS"
    assert cli("edit", "a.txt", "--old", "x", "--new", "y", "--all").status == 0
    assert target.read_bytes() == b"y y\n"


def test_an_argument_that_is_no_text_is_matched_byte_for_byte(cli: Any) -> None:
    target = cli.file("a.bin", b"a\xffb")
    assert cli(b"edit", b"a.bin", b"--old", b"\xff", b"--new", b"\xfe").status == 0
    assert target.read_bytes() == b"a\xfeb"


def test_a_deleted_file_can_be_brought_back(cli: Any) -> None:
    target = cli.file("a.txt", b"one\n")
    assert cli("delete", "a.txt").status == 3
    read_hash = cli("read", "a.txt", "--json").json["read_hash"]
    answer = cli("delete", "a.txt", "--json")
    assert (answer.status, answer.json["read_hash"]) == (0, None)
    assert not target.exists()
    assert cli("restore", "a.txt", read_hash).status == 0
    assert target.read_bytes() == b"one\n"


def test_a_file_is_moved_into_a_folder_but_never_over_another_file(cli: Any) -> None:
    cli.file("a.txt", b"a\n")
    cli.file("b.txt", b"b\n")
    (cli.root / "folder").mkdir()
    answer = cli("move", "a.txt", "b.txt", "--json")
    assert (answer.status, answer.json["type"]) == (3, "EXISTS")
    assert cli("move", "a.txt", "folder").status == 0
    assert (cli.root / "folder" / "a.txt").read_bytes() == b"a\n"
    assert (cli.root / "b.txt").read_bytes() == b"b\n"


def test_a_path_is_taken_from_the_current_folder_and_recorded_from_the_root(cli: Any) -> None:
    cli.file("sub/a.txt", b"one\n")
    assert cli("read", "a.txt", "--json", cwd=cli.root / "sub").json["file_path"] == "sub/a.txt"


def test_with_a_workspace_named_paths_are_taken_from_there(cli: Any, tmp_path: Path) -> None:
    cli.file("a.txt", b"one\n")
    assert cli("read", "a.txt", "--workspace", str(cli.root), cwd=tmp_path).out == b"one\n"


def test_an_absolute_path_finds_its_own_workspace(cli: Any, tmp_path: Path) -> None:
    path = cli.file("a.txt", b"one\n")
    assert cli("read", str(path), "--json", cwd=tmp_path).json["file_path"] == "a.txt"
    assert not (tmp_path / ".noclobber").exists()


def test_a_file_of_no_workspace_is_refused_and_begins_none(cli: Any, tmp_path: Path) -> None:
    stray = tmp_path / "elsewhere" / "a.txt"
    stray.parent.mkdir()
    stray.write_bytes(b"secret\n")
    for path in (str(stray), "../elsewhere/a.txt"):
        answer = cli("read", path, "--json")
        assert (answer.status, answer.json["type"]) == (3, "OUTSIDE_WORKSPACE")
    assert not (stray.parent / ".noclobber").exists()


@pytest.mark.parametrize("off", ["off", "0", "False"])
def test_switched_off_every_file_command_does_the_plain_thing_and_records_nothing(cli: Any, off: str) -> None:
    target = cli.file("a.txt", b"one\n")
    assert cli("read", "a.txt", NOCLOBBER=off).out == b"one\n"
    assert cli("write", "a.txt", stdin=b"two two\n", NOCLOBBER=off).status == 0
    assert cli("edit", "a.txt", "--old", "two", "--new", "2", "--all", NOCLOBBER=off).status == 0
    assert target.read_bytes() == b"2 2\n"
    assert cli("move", "a.txt", "b.txt", NOCLOBBER=off).status == 0
    assert cli("delete", "b.txt", NOCLOBBER=off).status == 0
    answer = cli("delete", "b.txt", "--json", NOCLOBBER=off)
    assert (answer.status, json.loads(answer.out)["error"]) == (1, "FileAccessError")
    assert not (cli.root / ".noclobber").exists()


def test_switched_off_a_program_gets_the_same_shape_of_answer(cli: Any) -> None:
    cli.file("a.txt", b"one\n")
    guarded, off = (cli("read", "a.txt", "--json", NOCLOBBER=switch).json for switch in ("", "off"))
    assert (off.keys(), off["content"], off["read_hash"]) == (guarded.keys(), "one\n", None)
    guarded, off = (cli("write", "a.txt", "--json", stdin=b"two\n", NOCLOBBER=switch).json for switch in ("", "off"))
    assert (off.keys(), off["outcome"], off["content_hash"]) == (guarded.keys(), "done", None)
    assert "off" in off["notices"][0]


def test_a_text_that_looks_like_an_option_is_replaced(cli: Any) -> None:
    path = cli.file("a.sh", b"run --verbose\n")
    assert cli("edit", "a.sh", "--old", "--verbose", "--new", "--json").status == 0
    assert path.read_bytes() == b"run --json\n"
    assert cli("edit", "--old", "--json", "--new", "-q", "--", "a.sh").status == 0
    assert path.read_bytes() == b"run -q\n"
    assert cli("edit", "a.sh", "--old", "run", "--new", "--").status == 2
    assert cli("edit", "a.sh", "--old=-q", "--new=--").status == 0
    assert path.read_bytes() == b"run --\n"
    assert cli("edit", "a.sh", "--old=run", "--new").status == 2
