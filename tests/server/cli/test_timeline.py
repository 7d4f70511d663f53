from __future__ import annotations

from pathlib import Path
from typing import Any


def test_the_page_is_written_and_counted(cli: Any, tmp_path: Path) -> None:
    cli("write", "a.txt", stdin=b"1\n")
    target = tmp_path / "t.html"
    answer = cli("timeline", "--html", str(target), "--json")
    assert answer.status == 0
    assert answer.json["path"] == str(target)
    assert answer.json["events"] >= 1
    assert target.read_bytes().startswith(b"<!doctype html>")
    assert target.stat().st_size == answer.json["bytes"]


def test_a_dash_is_stdout(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"1\n")
    assert cli("timeline", "--html", "-").out.startswith(b"<!doctype html>")


def test_one_turn_is_named_in_the_title(cli: Any) -> None:
    cli("write", "a.txt", "--turn", "t-1", stdin=b"1\n")
    assert b"<title>t-1 in " in cli("timeline", "--html", "-", "--turn", "t-1").out


def test_a_place_that_cannot_be_written_is_named(cli: Any) -> None:
    cli("write", "a.txt", stdin=b"1\n")
    answer = cli("timeline", "--html", "no/such/folder.html")
    assert answer.status == 1
    assert "no/such/folder.html" in answer.err


def test_without_a_workspace_it_says_how_to_begin_one(cli: Any) -> None:
    answer = cli("timeline", "--html", "-")
    assert answer.status == 1
    assert "nothing has been guarded" in answer.err
