"""What agents with hooks can observe of each other: Claude Code's tools on real files, the real store in between."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, LeasedError
from noclobber.clock import parse_utc

BASE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text(BASE, encoding="utf-8")
    return path


def outcomes(guard: ConcurrencyGuard, agent_id: str) -> list[tuple[str, str, str | None]]:
    return [(event.kind, event.outcome, event.refusal) for event in guard.events(agent_id=agent_id)]


def test_a_stale_edit_is_refused_with_name_and_diff_and_passes_after_one_reading(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    assert a.edit("a.txt", "two", "TWO (A)") == {}
    refused = b.edit("a.txt", "two", "TWO (B)")
    assert refused["permissionDecision"] == "deny"
    reason = refused["permissionDecisionReason"]
    assert reason.startswith("STALE_FILE: a.txt was modified since you read it")
    assert "claude-code:A (turn-1)" in reason
    assert "-two\n+TWO (A)" in reason
    b.read("a.txt")
    b.edit("a.txt", "TWO (A)", "TWO (A, B)")
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO (A, B)")
    assert outcomes(guard, "claude-code:B") == [
        ("read", "done", None),
        ("edit", "refused", "STALE_FILE"),
        ("read", "done", None),
        ("edit", "done", None),
    ]


def test_an_edit_elsewhere_in_a_changed_file_passes_without_a_word(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    assert b.edit("a.txt", "seven", "SEVEN") == {}
    assert b.said == []
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO").replace("seven", "SEVEN")
    # B was never shown A's line: its snapshot has its own change only
    snapshot = guard.as_writer(b.agent_id).get_snapshot("a.txt")
    assert snapshot is not None
    assert guard.content(snapshot.read_hash).decode() == BASE.replace("seven", "SEVEN")


def test_a_stale_whole_write_goes_on_merged_and_says_so(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    decided = b.write("a.txt", BASE.replace("seven", "SEVEN"))
    assert decided["permissionDecision"] == "allow"
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "TWO").replace("seven", "SEVEN")
    assert "claude-code:A" in b.said[0]
    assert "+TWO" in b.said[0]
    # the diff was complete, so B knows what stands there: its next whole write is fresh
    assert b.write("a.txt", "all new\n") == {}


def test_a_merged_write_asks_the_person_where_the_person_is_asked_for_writes(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B", mode="default")
    a.read("a.txt")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    decided = b.check("Write", {"file_path": str(file), "content": BASE.replace("seven", "SEVEN")}, "toolu_ask")
    assert decided["permissionDecision"] == "ask"
    assert decided["updatedInput"]["content"] == BASE.replace("two", "TWO").replace("seven", "SEVEN")


def test_a_whole_write_that_does_not_merge_is_refused(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    decided = b.write("a.txt", BASE.replace("two", "zwei"))
    assert decided["permissionDecision"] == "deny"
    assert "MERGE_CONFLICT" in decided["permissionDecisionReason"]


def test_a_whole_write_of_a_file_read_in_part_is_refused(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    a.read("a.txt", offset=2, limit=2)
    snapshot = guard.as_writer(a.agent_id).get_snapshot("a.txt")
    assert snapshot is not None
    assert snapshot.lines == ((2, 3),)
    assert "You have read only lines 2-3" in a.write("a.txt", "x\n")["permissionDecisionReason"]
    a.read("a.txt", offset=1, limit=1)
    a.read("a.txt", offset=4, limit=10)
    assert a.write("a.txt", "x\n") == {}


def test_an_edit_of_a_file_read_in_part_leaves_the_rest_unread(claude: Any, file: Path) -> None:
    a = claude("A")
    a.read("a.txt", offset=2, limit=2)
    a.edit("a.txt", "two", "TWO")
    assert a.write("a.txt", "x\n")["permissionDecision"] == "deny"


def test_replacing_a_word_of_a_line_never_shown_does_not_show_the_line(claude: Any, project: Path, guard: ConcurrencyGuard) -> None:
    (project / "min.js").write_text("alpha beta gamma", encoding="utf-8")
    (project / "b.txt").write_text(BASE, encoding="utf-8")
    a = claude("A")
    assert a.edit("min.js", "beta", "BETA") == {}
    assert "UNREAD_FILE" in a.write("min.js", "x\n")["permissionDecisionReason"]
    a.read("b.txt", offset=2, limit=2)
    a.edit("b.txt", "two\nthree\n", "2\nnew\n3\n")
    a.edit("b.txt", "even", "EVEN")
    snapshot = guard.as_writer(a.agent_id).get_snapshot("b.txt")
    assert snapshot is not None
    assert snapshot.lines == ((2, 4),)


def test_a_whole_write_of_a_file_never_read_is_refused_and_a_new_file_is_not(claude: Any, file: Path) -> None:
    a = claude("A")
    assert "UNREAD_FILE" in a.write("a.txt", "x\n")["permissionDecisionReason"]
    assert a.write("new/b.txt", "x\n") == {}
    assert a.write("new/b.txt", "y\n") == {}


def test_subagents_of_one_session_are_writers_of_their_own(claude: Any, file: Path) -> None:
    a, sub = claude("A"), claude("A", subagent="s1")
    a.read("a.txt")
    sub.read("a.txt")
    sub.edit("a.txt", "two", "TWO")
    assert "claude-code:A/s1" in a.edit("a.txt", "two", "2")["permissionDecisionReason"]


def test_a_command_that_changes_known_files_is_told_and_on_record(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    file.write_text(BASE.replace("three", "THREE"), encoding="utf-8")
    a.ran("sed -i s/three/THREE/ a.txt; false", failed=True)
    assert a.said == ["This command changed files you know: a.txt. Re-read what you still need of them."]
    assert "claude-code:A" in b.edit("a.txt", "three", "drei")["permissionDecisionReason"]
    # neither lost nor a riddle: an edit elsewhere passes, a whole write keeps what the command did
    assert a.edit("a.txt", "one", "ONE") == {}
    a.write("a.txt", BASE.replace("one", "ONE").replace("eight", "EIGHT"))
    assert file.read_text(encoding="utf-8") == BASE.replace("one", "ONE").replace("three", "THREE").replace("eight", "EIGHT")


def test_two_hundred_tool_calls_on_a_quiet_tree_cost_no_token(claude: Any, file: Path) -> None:
    """Every hook of a whole session prints nothing at all; one of its own edits, reads and commands included."""
    a, sub = claude("A"), claude("A", subagent="s1")
    a.hook("SessionStart", source="startup")
    for number in range(40):
        a.read("a.txt")
        a.ran("ls")
        a.edit("a.txt", "two", "deux")
        a.edit("a.txt", "deux", "two")
        a.write(f"new{number}.txt", "x\n")
    sub.read("new0.txt")
    sub.hook("SubagentStop")
    for event in ("PermissionRequest", "PermissionDenied"):
        a.hook(event, tool_name="Write", tool_input={"file_path": str(file), "content": "x"})
    a.hook("Stop")
    a.hook("SessionEnd", reason="other")
    assert a.calls >= 200 * 1.5  # a check and a finish for each change
    assert (a.printed, sub.printed) == ([], [])


def test_the_next_session_hears_in_few_words_what_changed_since(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    a.hook("SessionEnd", reason="other")
    b.read("a.txt")
    b.edit("a.txt", "two", "TWO")
    c = claude("C")
    c.hook("SessionStart", source="startup")
    assert c.said == ["Changed since your last session here: a.txt (claude-code:B)."]


def test_a_resumed_session_hears_which_files_it_knows_are_stale(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    b.edit("a.txt", "two", "TWO")
    a.hook("SessionStart", source="compact")
    assert a.said == ["Changed since you read them: a.txt."]


def test_the_end_of_a_session_forgets(claude: Any, file: Path, guard: ConcurrencyGuard, project: Path) -> None:
    a = claude("A")
    sub = claude("A", subagent="s1")
    a.read("a.txt")
    sub.read("a.txt")
    a.hook("SessionEnd", reason="other")
    assert guard.status() == []
    assert [path.name for path in (project / ".noclobber/hooks").iterdir() if "-" in path.name] == []


def test_the_end_of_a_session_or_a_subagent_lets_go_of_its_leases(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, sub = claude("A"), claude("A", subagent="s1")
    given = {"file_path": str(file), "old_string": "two", "new_string": "TWO"}
    for agent, event in ((sub, "SubagentStop"), (a, "SessionEnd")):
        agent.check("Edit", given, f"toolu_{event}")
        with pytest.raises(LeasedError):
            guard.lease("a.txt")
        agent.hook(event)
        guard.release(guard.lease("a.txt"))


def test_what_sessions_left_that_never_ended_is_swept_after_a_week(claude: Any, file: Path, project: Path) -> None:
    hooks = project / ".noclobber" / "hooks"
    for session in ("old", "new"):
        claude(session).check("Edit", {"file_path": str(file), "old_string": "two", "new_string": "TWO"}, f"toolu_{session}")
        claude(session).hook("PreToolUse", tool_name="mcp__noclobber__read_file", tool_input={}, tool_use_id=f"toolu_mcp_{session}")
        if session == "old":
            aged = [path for path in (*hooks.iterdir(), *(hooks / "calls").iterdir()) if path.name != "calls"]
            for path in aged:
                os.utime(path, (time.time() - 8 * 86400,) * 2)
    claude("C").hook("SessionStart", source="startup")
    assert not [path for path in aged if path.exists() and path.name != "durations"]
    assert len([path for path in hooks.iterdir() if "-" in path.name]) == 1
    assert len(list((hooks / "calls").iterdir())) == 1


def test_two_registrations_of_one_call_do_it_once(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    given = {"file_path": str(file)}
    for _ in range(2):
        a.hook("PostToolUse", tool_name="Read", tool_input=given, tool_response={}, tool_use_id="toolu_same")
    assert outcomes(guard, a.agent_id) == [("read", "done", None)]


def test_the_third_refusal_asks_and_where_nobody_is_asked_the_fourth_passes(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    decisions = [b.write("a.txt", BASE.replace("two", "zwei")).get("permissionDecision") for _ in range(4)]
    assert decisions == ["deny", "deny", "ask", None]
    assert file.read_text(encoding="utf-8") == BASE.replace("two", "zwei")
    assert ("write", "overridden", None) in outcomes(guard, b.agent_id)
    assert "noclobber restore a.txt" in b.said[-1]
    displaced = b.said[-1].rsplit(" ", 1)[-1].rstrip(".")
    assert guard.content(displaced).decode() == BASE.replace("two", "TWO")


def test_a_person_who_is_asked_is_asked_again(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    given = {"file_path": str(file), "content": "x\n"}
    for _ in range(2):
        b.write("a.txt", BASE.replace("two", "zwei"))
    for _ in range(2):
        assert b.write("a.txt", BASE.replace("two", "zwei"))["permissionDecision"] == "ask"
        b.hook("PermissionRequest", tool_name="Write", tool_input=given)
        b.hook("PermissionDenied", tool_name="Write", tool_input=given)


def test_a_lease_holds_others_off_and_a_permission_prompt_drops_it(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    given = {"file_path": str(file), "old_string": "two", "new_string": "TWO"}
    a.check("Edit", given, "toolu_a")
    begun = time.monotonic()
    b.edit("a.txt", "seven", "SEVEN")
    assert 1.9 <= time.monotonic() - begun < 9  # as the lease ends
    assert b.said == ["claude-code:A is changing a.txt at this moment; re-read it before you change it again."]
    a.check("Edit", given, "toolu_a2")
    a.hook("PermissionRequest", tool_name="Edit", tool_input=given)
    b.edit("a.txt", "eight", "EIGHT")
    assert len(b.said) == 1, b.said


def test_a_failed_edit_lets_go_of_its_lease(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    given = {"file_path": str(file), "old_string": "two", "new_string": "TWO"}
    a.check("Edit", given, "toolu_f")
    a.hook("PostToolUseFailure", tool_name="Edit", tool_input=given, tool_use_id="toolu_f", error="no")
    b.edit("a.txt", "two", "2")
    assert b.said == []


def test_a_version_written_between_check_and_write_is_kept_and_reported(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    a.read("a.txt")
    a.write("a.txt", "mine\n", before_writing=lambda: file.write_text("theirs\n", encoding="utf-8"))
    assert "replaced a version that another writer had put there just before" in a.said[0]
    shown = a.said[0].rsplit(" ", 1)[-1]
    assert guard.content(shown) == b"theirs\n"


def test_a_formatter_after_each_of_200_edits_is_never_another_writer(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    """Half of the time before our own hook of the finished edit, half of the time after it."""
    a = claude("A")
    file.write_text("".join(f"x{number}   =   {number}\n" for number in range(200)), encoding="utf-8")
    a.read("a.txt")

    def formatter() -> None:
        file.write_text(file.read_text(encoding="utf-8").replace("   =   ", "   =    ").replace("    \n", "\n") + "#\n", encoding="utf-8")

    for number in range(200):
        path, call = str(file), f"toolu_fmt{number}"
        given = {"file_path": path, "old_string": f"x{number} ", "new_string": f"y{number} "}
        assert a.check("Edit", given, call).get("permissionDecision") is None
        before = file.read_text(encoding="utf-8")
        file.write_text(before.replace(f"x{number} ", f"y{number} "), encoding="utf-8")
        if number % 2:
            formatter()
        a.finish("Edit", given, before, call)
        if not number % 2:
            formatter()
    text = file.read_text(encoding="utf-8")
    assert all(f"y{number} " in text for number in range(200))
    assert guard.events(outcome="refused") == []
    assert a.said == []


def test_a_whole_write_after_a_formatter_keeps_both(claude: Any, file: Path) -> None:
    a = claude("A")
    a.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    file.write_text(BASE.replace("two", "TWO").replace("eight", "eight  # formatted"), encoding="utf-8")
    a.write("a.txt", BASE.replace("two", "TWO").replace("one", "ONE"))
    assert file.read_text(encoding="utf-8") == "ONE\nTWO\nthree\nfour\nfive\nsix\nseven\neight  # formatted\n"


def test_line_endings_and_bom_are_no_difference(claude: Any, project: Path, guard: ConcurrencyGuard) -> None:
    path = project / "crlf.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    a = claude("A")
    response = {"type": "text", "file": {"filePath": str(path), "content": "one\ntwo\n", "startLine": 1, "numLines": 3, "totalLines": 3}}
    a.hook("PostToolUse", tool_name="Read", tool_input={"file_path": str(path)}, tool_response=response, tool_use_id="toolu_crlf")
    snapshot = guard.as_writer(a.agent_id).get_snapshot("crlf.txt")
    assert snapshot is not None
    assert guard.content(snapshot.read_hash) == path.read_bytes()
    assert a.check("Edit", {"file_path": str(path), "old_string": "one\ntwo", "new_string": "1\n2"}, "toolu_crlf2") == {}


def test_paths_outside_are_none_of_our_business(claude: Any, project: Path, tmp_path: Path) -> None:
    a = claude("A")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.txt").write_text("x", encoding="utf-8")
    for name in (str(elsewhere / "x.txt"), str(project / ".git" / "config"), "../elsewhere/x.txt"):
        assert a.hook("PreToolUse", tool_name="Write", tool_input={"file_path": name, "content": "y"}, tool_use_id=f"toolu_{name}") == {}
    assert list(elsewhere.iterdir()) == [elsewhere / "x.txt"]
    assert a.warned == []


def test_watching_only_refuses_nothing_and_puts_on_record_what_would_have_been(
    claude: Any, file: Path, project: Path, guard: ConcurrencyGuard
) -> None:
    (project / "noclobber.toml").write_text('mode = "observe"\n', encoding="utf-8")
    a, b = claude("A"), claude("B")
    b.read("a.txt")
    a.edit("a.txt", "two", "TWO")
    assert b.write("a.txt", "x\n") == {}
    assert [event.outcome for event in guard.events(agent_id=b.agent_id)][1] == "observed"


def test_a_hook_that_fails_says_so_and_follows_the_setting(claude: Any, file: Path, project: Path) -> None:
    a = claude("A")
    a.read("a.txt")
    settings = project / "noclobber.toml"
    settings.write_text("mode = 7\n", encoding="utf-8")
    assert a.edit("a.txt", "two", "TWO") == {}
    assert "could not check this Edit (WorkspaceError" in a.warned[0]
    settings.write_text('[hooks]\non_error = "stop"\n', encoding="utf-8")
    database = project / ".noclobber" / "state.db"
    database.chmod(0o600)
    a.edit("a.txt", "TWO", "two")


def test_a_folder_not_set_up_is_left_alone_by_a_registration_for_all_projects(tmp_path: Path) -> None:
    import json

    from noclobber_server.hooks.main import answer

    (tmp_path / "a.txt").write_text("x\n", encoding="utf-8")
    payload = {
        "session_id": "S", "cwd": str(tmp_path), "hook_event_name": "PostToolUse", "tool_name": "Read",
        "tool_input": {"file_path": str(tmp_path / "a.txt")}, "tool_response": {}, "tool_use_id": "1",
    }  # fmt: skip
    assert answer("claude-code", json.dumps(payload).encode(), {}, set_up_only=True).stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_command_leaves_a_file_that_was_read_in_part_read_in_part(claude: Any, file: Path) -> None:
    a = claude("A")
    a.read("a.txt", offset=2, limit=2)
    file.write_text(BASE.replace("two", "TWO"), encoding="utf-8")
    a.ran("sed -i s/two/TWO/ a.txt")
    assert "You have read only lines 2-3" in a.write("a.txt", "x\n")["permissionDecisionReason"]


def test_a_command_makes_no_file_known_to_one_who_never_read_it(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a, b = claude("A"), claude("B")
    b.read("a.txt")
    file.write_text(BASE.replace("two", "TWO"), encoding="utf-8")
    a.ran("sed -i s/two/TWO/ a.txt")
    assert a.said == []
    assert guard.as_writer(a.agent_id).get_snapshot("a.txt") is None
    assert "UNREAD_FILE" in a.write("a.txt", "x\n")["permissionDecisionReason"]
    assert "by claude-code:A" in b.edit("a.txt", "two", "2")["permissionDecisionReason"]


def test_a_command_that_deletes_a_known_file_lets_its_agent_make_it_anew(claude: Any, file: Path) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    file.unlink()
    a.ran("rm a.txt")
    assert "deleted" in b.write("a.txt", "x\n")["permissionDecisionReason"]
    assert a.write("a.txt", "anew\n") == {}


def test_a_command_that_changes_a_hundred_known_files_is_on_record_for_each_and_told_once(
    claude: Any, project: Path, guard: ConcurrencyGuard
) -> None:
    a, b = claude("A"), claude("B")
    names = [f"f{number}.txt" for number in range(100)]
    for name in names:
        (project / name).write_text("one\n", encoding="utf-8")
        a.read(name)
        b.read(name)
    for name in names:
        (project / name).write_text("two\n", encoding="utf-8")
    a.ran("git checkout other")
    assert a.said == [
        f"This command changed files you know: {', '.join(sorted(names)[:8])} and 92 more. Re-read what you still need of them."
    ]
    changed = [event for event in guard.events(kind="write") if event.agent_id == a.agent_id]
    assert {event.file_path for event in changed} == set(names)
    assert len({(event.detail or {})["group"] for event in changed}) == 1
    b.ran("ls")
    a.ran("ls")
    assert len(a.said) == 1
    assert [event for event in guard.events(kind="write") if event.agent_id == b.agent_id] == []
    assert "by claude-code:A" in b.edit("f50.txt", "one", "1")["permissionDecisionReason"]


def test_a_change_that_an_editors_server_put_on_record_during_a_command_is_the_commands(
    claude: Any, file: Path, guard: ConcurrencyGuard
) -> None:
    a, b = claude("A"), claude("B")
    a.read("a.txt")
    b.read("a.txt")
    file.write_text(BASE.replace("three", "THREE"), encoding="utf-8")
    guard.read("a.txt")  # whoever looks first says "outside"
    assert [event.agent_id for event in guard.events(kind="outside")] == ["outside"]
    a.ran("sed -i s/three/THREE/ a.txt; sleep 1")
    assert a.said == ["This command changed files you know: a.txt. Re-read what you still need of them."]
    assert "claude-code:A" in b.edit("a.txt", "three", "drei")["permissionDecisionReason"]
    a.ran("ls")
    assert len(a.said) == 1


def test_a_change_from_outside_before_a_command_began_is_not_the_commands(claude: Any, file: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    a.read("a.txt")
    file.write_text(BASE.replace("three", "THREE"), encoding="utf-8")
    guard.read("a.txt")
    (event,) = guard.events(kind="outside")
    while time.time() < parse_utc(event.timestamp) + 0.6:
        a.hook("Stop")
    a.ran("ls", duration_ms=5)
    assert a.said == ["a.txt was changed meanwhile by outside."]


@pytest.mark.parametrize("gone", ["gone", "gone/deeper"])
def test_a_folder_that_is_gone_begins_no_workspace_in_the_one_above_it(claude: Any, tmp_path: Path, gone: str) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    a = claude("A")
    a.root = parent / gone
    given = {"file_path": "a.txt", "content": "x\n"}
    assert a.hook("PreToolUse", tool_name="Write", tool_input=given, tool_use_id="toolu_gone") == {}
    a.hook("PostToolUse", tool_name="Write", tool_input=given, tool_response={}, tool_use_id="toolu_gone")
    a.ran("ls")
    assert list(parent.iterdir()) == []
    assert a.warned == []


@pytest.mark.parametrize("client", ["vscode", "opencode"])
def test_a_stale_whole_write_in_a_patch_is_refused_since_nothing_merged_can_be_put_into_a_patch(
    project: Path, file: Path, guard: ConcurrencyGuard, sent: Callable[..., dict[str, Any]], client: str
) -> None:
    guard.as_writer(f"{client}:S").read("a.txt")
    file.write_text(BASE.replace("two", "two, by a person"), encoding="utf-8")
    lines = BASE.replace("seven", "SEVEN").splitlines()
    patch = "\n".join(["*** Begin Patch", "*** Add File: a.txt", *(f"+{line}" for line in lines), "*** End Patch", ""])
    if client == "vscode":
        base = {"session_id": "S", "timestamp": "2026-11-22T00:00:00Z", "hook_event_name": "PreToolUse", "tool_use_id": "1"}
        answered = sent(client, {**base, "cwd": str(project), "tool_name": "apply_patch", "tool_input": {"input": patch}})
        assert answered["permissionDecision"] == "deny"
    else:
        base = {"sessionID": "S", "callID": "1", "event": "tool.execute.before", "tool": "apply_patch"}
        answered = sent(client, {**base, "cwd": str(project), "args": {"patchText": patch}})
        assert answered["deny"].startswith("STALE_FILE")


def test_a_write_over_a_formatters_work_by_a_client_that_takes_no_other_input_is_its_own(
    project: Path, file: Path, guard: ConcurrencyGuard, sent: Callable[..., dict[str, Any]]
) -> None:
    base = {"session_id": "S", "cwd": str(project), "turn_id": "T", "model": "m", "tool_name": "apply_patch"}

    def write(text: str, number: int) -> None:
        patch = "*** Begin Patch\n*** Add File: new.txt\n" + "".join(f"+{line}\n" for line in text.splitlines()) + "*** End Patch\n"
        call = {**base, "tool_input": {"command": patch}, "tool_use_id": f"call_{number}"}
        assert sent("codex", {**call, "hook_event_name": "PreToolUse"}) == {}
        (project / "new.txt").write_text(text, encoding="utf-8")
        assert sent("codex", {**call, "hook_event_name": "PostToolUse", "tool_response": "Exit code: 0\n"}) == {}

    write("x   = 1\n2\n3\n4\ny\n", 1)
    (project / "new.txt").write_text("x = 1\n2\n3\n4\ny\n", encoding="utf-8")
    write("x   = 1\n2\n3\n4\nz\n", 2)
    assert [row.state for row in guard.status() if row.file_path == "new.txt"] == ["fresh"]


def test_a_new_file_that_another_writes_at_this_moment_passes_with_a_notice(claude: Any, project: Path, guard: ConcurrencyGuard) -> None:
    a = claude("A")
    guard.lease("new.txt")
    a.write("new.txt", "x\n")
    assert a.said == ["observer is changing new.txt at this moment; re-read it before you change it again."]
    assert [event.outcome for event in guard.events(file_path="new.txt", kind="write")] == ["done"]
