"""Patches of a client whose readings no hook sees: hunks are looked for as it looks for them, and it is never refused for ever."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber_server.hooks.forms import exact_edits, made_from
from noclobber_server.hooks.hunks import is_certain
from noclobber_server.hooks.patch import parse_patch

BODY = "class A:\n    def f(self):\n        return 1\n\nclass B:\n    def f(self):\n        return 1\n\nlast = 1\n"
IN_B = "@@ class B:\n     def f(self):\n-        return 1\n+        return 2\n"
CODEX = "codex:S"


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.py"
    path.write_text(BODY, encoding="utf-8")
    return path


@pytest.fixture
def known(file: Path, guard: ConcurrencyGuard) -> None:
    guard.as_writer(CODEX).read("a.py")
    guard.read("a.py")


def patched(content: str, body: str) -> str | None:
    (change,) = parse_patch(f"*** Begin Patch\n*** Update File: a.py\n{body}*** End Patch\n")
    made = made_from(change, content.encode())
    return None if made is None else made.decode()


@pytest.mark.parametrize(
    ("content", "body", "wanted"),
    [
        (BODY, IN_B, BODY.replace("return 1\n\nlast", "return 2\n\nlast")),
        ("x\na\ny\na\n", "@@ y\n-a\n+b\n", "x\na\ny\nb\n"),
        ("a\na\n", "@@\n-a\n+b\n@@\n-a\n+c\n", "b\nc\n"),
        ("a\nb\na\n", "@@\n-a\n+z\n*** End of File\n", "a\nb\nz\n"),
        ("xa\na\n", "@@\n-a\n+b\n", "xa\nb\n"),
        ("class A\n f\n 1\nclass B\n f\n 1\n", "@@ class B\n@@ f\n- 1\n+ 2\n", "class A\n f\n 1\nclass B\n f\n 2\n"),
        ("a\r\na\r\n", "@@ a\n-a\n+b\n", "a\r\nb\r\n"),
        ("a\nb", "@@\n-b\n+c\n", "a\nc"),
        ("a\n", "@@ nowhere\n-a\n+b\n", "b\n"),
        ("a\n", "@@\n-b\n+c\n", None),
        ("a\n" * 300, "@@\n-a\n+b\n", "b\n" + "a\n" * 299),
    ],
)
def test_a_hunk_belongs_after_its_headers_and_the_hunks_before_it(content: str, body: str, wanted: str | None) -> None:
    assert patched(content, body) == wanted


def test_what_a_patch_makes_is_not_certain_where_clients_differ() -> None:
    (change,) = parse_patch("*** Begin Patch\n*** Update File: a.py\n@@ a\n+b\n*** End Patch\n")
    assert exact_edits(change, b"a\n") == ()
    assert not is_certain(b"a\n", change.hunks)
    (change,) = parse_patch("*** Begin Patch\n*** Update File: a.py\n@@\n-a\n+b\n*** End Patch\n")
    assert is_certain(b"a\n", change.hunks)
    assert not is_certain(b"a", change.hunks)


@pytest.fixture
def decisions(project: Path, sent: Callable[..., dict[str, Any]]) -> Callable[..., list[str | None]]:
    """What the hook decides on the same patch, time after time, the file looked at with ``cat`` in between."""
    numbers = count(1)

    def decided(body: str, times: int) -> list[str | None]:
        found = []
        for _ in range(times):
            base = {"session_id": "S", "cwd": str(project), "turn_id": "T", "model": "m", "permission_mode": "default"}
            patch = f"*** Begin Patch\n*** Update File: a.py\n{body}*** End Patch\n"
            call = {**base, "tool_name": "apply_patch", "tool_input": {"command": patch}, "tool_use_id": f"call_{next(numbers)}"}
            answered = sent("codex", {**call, "hook_event_name": "PreToolUse"})
            found.append(answered.get("hookSpecificOutput", {}).get("permissionDecision"))
            shell = {**base, "tool_name": "Bash", "tool_input": {"command": "cat a.py"}, "tool_use_id": f"call_{next(numbers)}"}
            sent("codex", {**shell, "hook_event_name": "PostToolUse", "tool_response": "Exit code: 0\n"})
        return found

    return decided


def test_a_hunk_that_its_header_makes_unique_passes_whatever_changed_elsewhere(
    known: None, guard: ConcurrencyGuard, decisions: Callable[..., list[str | None]]
) -> None:
    guard.edit("a.py", [("last = 1\n", "last = 2\n")])
    assert decisions(IN_B, 1) == [None]
    assert guard.events(outcome="refused") == []


def test_a_hunk_that_only_inserts_passes_whatever_changed(
    known: None, guard: ConcurrencyGuard, decisions: Callable[..., list[str | None]]
) -> None:
    guard.edit("a.py", [("last = 1\n", "last = 2\n")])
    assert decisions("@@\n+more = 1\n", 1) == [None]


def test_a_hunk_that_never_was_in_the_file_is_for_its_client_to_refuse(
    known: None, guard: ConcurrencyGuard, decisions: Callable[..., list[str | None]]
) -> None:
    guard.edit("a.py", [("last = 1\n", "last = 2\n")])
    assert decisions("@@\n-nowhere\n+here\n", 2) == [None, None]
    assert guard.events(outcome="refused") == []


def test_a_hunk_whose_lines_others_changed_is_refused_and_let_pass_at_the_third_time(
    known: None, guard: ConcurrencyGuard, decisions: Callable[..., list[str | None]]
) -> None:
    guard.edit("a.py", [("class B:\n    def f(self):\n        return 1\n", "class B:\n    def f(self):\n        return 3\n")])
    assert decisions(IN_B, 4) == ["deny", "deny", None, "deny"]


def test_a_text_that_others_made_ambiguous_is_refused_and_counted(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.py")
    b.read("a.py")
    b.edit("a.py", "last = 1\n", "last = 1\nalast = 1\n")
    given = {"file_path": str(file), "old_string": "last = 1", "new_string": "last = 2"}
    decided = [a.check("Edit", given, f"toolu_ambiguous{number}") for number in range(3)]
    assert [one["permissionDecision"] for one in decided] == ["deny", "deny", "ask"]
    assert decided[0]["permissionDecisionReason"].startswith("EDIT_AMBIGUOUS")


def test_a_text_that_was_ambiguous_before_is_for_the_client_to_refuse(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.py")
    b.read("a.py")
    b.edit("a.py", "last = 1\n", "last = 2\n")
    given = {"file_path": str(file), "old_string": "return 1", "new_string": "return 2"}
    assert a.check("Edit", given, "toolu_ambiguous") == {}
    assert guard.events(outcome="refused") == []
