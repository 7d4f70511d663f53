"""Two runs of one failure have one key; two failures have two."""

from __future__ import annotations

import pytest

from noclobber.lessons.fingerprint import failure_key, normalise, text_key

SAME = [
    ("src/a.py:12:5: error: x", "src/a.py:913:1: error: x"),
    ("src/a.ts(3,14): error TS2322: no", "src/a.ts(99,1): error TS2322: no"),
    ('File "/app/a.py", line 12, in f', 'File "/app/a.py", line 480, in f'),
    ("<A object at 0x7f3a2b1c9d10>", "<A object at 0x7f9911c0aa50>"),
    ("goroutine 7 [running]: 0xc000123456", "goroutine 19 [running]: 0xc0009f3450"),
    ("panic at 0x1f", "panic at 0x2e0"),
    ("timed out after 1.52s", "timed out after 0.9s"),
    ("took 15 ms, limit 10 ms", "took 1902 ms, limit 10 ms"),
    ("finished in 1m30s", "finished in 2m1.5s"),
    ("2026-11-22T10:00:00.123Z failed", "2027-01-02 11:59:59 UTC failed"),
    ("at 10:22:33 it failed", "at 23:01:02.5 it failed"),
    ("no file /tmp/pytest-of-root/pytest-12/test_a0/x.txt", "no file /tmp/pytest-of-me/pytest-3/test_a1/x.txt"),
    ("open /tmp/tmpab12cd34: no", "open /tmp/tmpzz99xx88: no"),
    ("open /tmp/tmpab12cd34.json: no", "open /var/tmp/tmpzz99xx88.json: no"),
    (r"C:\Users\me\AppData\Local\Temp\tmp1\a.txt gone", r"C:\Users\you\AppData\Local\Temp\tmp22\a.txt gone"),
    ("/private/var/folders/zz/abc123/T/x9/out.txt gone", "/var/folders/aa/def456/T/q/out.txt gone"),
    ("id 3f2b8c1e-1111-4222-8333-abcdefabcdef", "id 99999999-1111-4222-8333-abcdefabcdef"),
    ("\x1b[31mred\x1b[0m", "red"),
    ("a\n   b", "a b"),
]
APART = [
    ("error TS2322: a", "error TS2345: a"),
    ("HRESULT 0x80070005", "HRESULT 0x80070002"),
    ("exit status 1", "exit status 2"),
    ("HTTP 404", "HTTP 500"),
    ("assert 3 == 4", "assert 3 == 5"),
    ("name 'foo' is not defined", "name 'bar' is not defined"),
    ("src/a.py:3: E501", "src/b.py:3: E501"),
    ("connect localhost:8080", "connect localhost:9090"),
    ("errno 13", "errno 2"),
    ("no file /tmp/x/a.txt", "no file /tmp/x/b.txt"),
    ("version 1.2.3", "version 1.2.4"),
    ("expected 2026-01-01", "expected 2026-01-02"),
    ("test_3s_timeout", "test_4s_timeout"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_changes_from_run_to_run_does_not_make_another_failure(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_codes_names_and_values_make_another_failure(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_normalising_twice_changes_nothing_more() -> None:
    for pair in (*SAME, *APART):
        for message in pair:
            assert normalise(normalise(message)) == normalise(message)


def test_a_failure_is_known_by_tool_code_file_test_and_message() -> None:
    base = {"tool": "mypy", "code": "arg-type", "file": "a.py", "test": None, "message": "x"}
    keys = {
        failure_key(**{**base, **change})
        for change in ({}, {"tool": "ruff"}, {"code": "E1"}, {"file": "b.py"}, {"test": "t"}, {"message": "y"})
    }  # type: ignore[arg-type]
    assert len(keys) == 6


def test_a_told_lesson_is_the_same_whatever_its_case_and_spacing() -> None:
    assert text_key(lesson="", context="In  CI", failure="Boom") == text_key(lesson="", context="in ci", failure="boom")
    assert text_key(lesson="", context="in ci", failure="boom") != text_key(lesson="in ci", context="", failure="boom")
