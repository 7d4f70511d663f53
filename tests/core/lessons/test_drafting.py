"""From failing checks to lessons: what is drafted, what resolves it, what comes back, and what is only flaky."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard
from noclobber.lessons.document import read_entries
from noclobber.lessons.entry import Entry
from noclobber.lessons.ledger import Ledger
from noclobber.lessons.runs import UNKNOWN
from noclobber.lessons.verifying import Verified, verify

# A check of our own: it fails on every line of code.txt that says "bad WORD", and on the whim of a coin, which is no file of the project.
CHECK = """
import os, sys
bad = [(n, line) for n, line in enumerate(open("code.txt"), 1) if line.startswith("bad")]
CASE = '<testcase classname="c" name="{}"><failure message="{}">code.txt:{}: bad</failure></testcase>'
cases = "".join(CASE.format(line.split()[1], line.strip(), n) for n, line in bad)
if os.path.exists(".cache/coin"):
    cases += '<testcase classname="c" name="coin"><failure message="coin fell badly"/></testcase>'
open(".cache/report.xml", "w").write(f"<testsuite>{cases}</testsuite>")
sys.exit(1 if cases else 0)
"""


class Bench:
    """A project, its check, and the agents who work on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.coin = folder / ".cache" / "coin"
        self.coin.parent.mkdir()
        self.code("good line\n")

    def code(self, text: str, agent: str | None = None, turn: str | None = None) -> None:
        """Change the code, under the guard where an agent is named."""
        if agent is None:
            (self.folder / "code.txt").write_text(text, "utf-8")
            return
        with ConcurrencyGuard(self.folder, agent, turn_id=turn) as guard:
            guard.read("code.txt")
            guard.write("code.txt", text.encode())

    def check(self, agent: str = "alice", turn: str | None = "t1", environ: dict[str, str] | None = None, **options: object) -> Verified:
        argv = [sys.executable, "-c", CHECK, ".cache/report.xml"]
        with ConcurrencyGuard(self.folder, agent, turn_id=turn) as guard:
            root = str(self.folder)
            return verify(argv, lambda: guard, root=root, folder=root, name="code", environ=environ or {}, **options)  # type: ignore[arg-type]

    def actions(self, **options: object) -> list[str]:
        return [outcome.action for outcome in self.check(**options).outcomes]  # type: ignore[arg-type]

    def entries(self) -> list[Entry]:
        path = self.folder / "CLAUDE.md"
        return [placed.entry for placed in read_entries(path.read_bytes())] if path.exists() else []

    def drafts(self) -> list[str]:
        with ConcurrencyGuard(self.folder, "reader") as guard:
            return [draft.state for draft in Ledger(guard).drafts()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    assert made.check().checked.status == 0
    return made


def test_a_mistake_made_twice_becomes_a_lesson_with_what_resolved_it_the_first_time(bench: Bench) -> None:
    bench.code("good line\nbad apple\n", "alice", "t1")
    assert bench.actions() == ["drafted"]
    bench.code("good line\ngood apple\n", "alice", "t1")
    assert bench.actions() == ["resolved"]
    assert bench.entries() == []

    bench.code("good line\nmore\nbad apple\n", "bob", "t2")
    assert bench.actions(agent="bob", turn="t2") == ["filed"]
    (entry,) = bench.entries()
    assert entry.context == "`code` failed after alice changed code.txt."
    assert entry.failure == "code.txt:2 in c::apple: bad apple"
    assert entry.resolution == "code.txt:2: `bad apple` became `good apple`."
    assert entry.files == ("code.txt",)
    assert bench.drafts() == []
    assert bench.actions(agent="bob", turn="t2") == ["known"]


def test_the_same_failure_again_in_the_same_turn_is_the_same_piece_of_work(bench: Bench) -> None:
    for _ in range(3):
        bench.code("bad apple\n", "alice", "t1")
        assert bench.actions() in (["drafted"], ["again"])
        bench.code("good\n", "alice", "t1")
        assert bench.actions() == ["resolved"]
    assert bench.entries() == []
    assert bench.drafts() == ["resolved"]


def test_without_turns_the_same_agent_within_half_an_hour_is_the_same_turn(bench: Bench) -> None:
    for _ in range(2):
        bench.code("bad apple\n")
        bench.check(turn=None)
        bench.code("good\n")
        bench.check(turn=None)
    assert bench.entries() == []
    bench.code("bad apple\n")
    assert bench.actions(agent="bob", turn=None) == ["filed"]


def test_a_change_that_came_from_outside_is_found_and_told_too(bench: Bench) -> None:
    bench.code("one\nbad apple\n")
    bench.check()
    bench.code("one\ngood apple\n")
    (outcome,) = bench.check().outcomes
    assert outcome.lesson.resolution == "code.txt:2: `bad apple` became `good apple`."


def test_a_concurrent_change_by_another_agent_stands_in_the_context(bench: Bench) -> None:
    bench.code("mine\n", "alice", "t1")
    bench.code("mine\nbad apple\n", "bob", "t7")
    (outcome,) = bench.check().outcomes
    assert outcome.lesson.context == "`code` failed after alice changed code.txt; meanwhile bob changed code.txt."


def test_what_comes_and_goes_without_a_change_is_flaky_and_never_a_lesson(bench: Bench) -> None:
    coin = bench.coin
    for turn in ("t1", "t2", "t3"):
        coin.touch()
        assert bench.actions(turn=turn) == ["flaky"]
        coin.unlink()
        assert bench.actions(turn=turn) == []
    assert bench.drafts() == ["flaky"]
    assert bench.entries() == []


def test_what_comes_with_a_change_and_goes_without_one_is_flaky_too(bench: Bench) -> None:
    bench.code("something else\n")
    bench.coin.touch()
    assert bench.actions() == ["drafted"]
    bench.coin.unlink()
    assert bench.actions() == ["flaky"]


def test_what_comes_back_after_changes_that_have_nothing_to_do_with_it_is_not_filed(bench: Bench) -> None:
    coin = bench.coin
    for number in range(3):
        (bench.folder / f"new{number}.txt").write_text("x", "utf-8")
        coin.touch()
        assert bench.actions(turn=f"t{number}") in (["drafted"], ["again"])
        (bench.folder / f"other{number}.txt").write_text("x", "utf-8")
        coin.unlink()
        assert bench.actions(turn=f"t{number}") == ["resolved"]
    assert bench.entries() == []


def test_in_a_git_repository_what_git_ignores_is_no_change(bench: Bench) -> None:
    subprocess.run(["git", "init", "-q"], cwd=bench.folder, check=True)
    (bench.folder / ".gitignore").write_text("*.log\n.cache\n", "utf-8")
    bench.coin.touch()
    assert bench.actions() == ["drafted"]  # the .gitignore is new
    (bench.folder / "run.log").write_text("x", "utf-8")
    bench.coin.unlink()
    assert bench.actions() == ["flaky"]


def test_several_failures_are_drafted_each_and_resolved_together(bench: Bench) -> None:
    bench.code("bad apple\nbad pear\nbad apple\n")
    assert bench.actions() == ["drafted", "drafted"]
    bench.code("good\n")
    assert bench.actions() == ["resolved", "resolved"]


def test_a_failure_that_stays_is_drafted_once(bench: Bench) -> None:
    bench.code("bad apple\n")
    assert [bench.actions(turn=turn) for turn in ("t1", "t2", "t3")] == [["drafted"], ["again"], ["again"]]
    assert bench.drafts() == ["draft"]


def test_in_ci_nothing_is_drafted(bench: Bench) -> None:
    bench.code("bad apple\n")
    verified = bench.check(environ={"CI": "true"})
    assert (verified.checked.status, verified.drafting, verified.outcomes) == (1, False, ())
    assert bench.check(lessons="none").outcomes == ()
    assert bench.drafts() == []


def test_asked_for_at_once_the_lesson_is_filed_and_gets_its_resolution_when_it_passes(bench: Bench) -> None:
    bench.code("bad apple\n")
    assert bench.actions(lessons="at_once") == ["filed"]
    assert [entry.resolution for entry in bench.entries()] == [UNKNOWN]
    bench.code("good apple\n")
    assert bench.actions() == ["filed"]
    assert [entry.resolution for entry in bench.entries()] == ["code.txt:1: `bad apple` became `good apple`."]


def test_a_resolution_in_words_is_taken_as_it_is(bench: Bench) -> None:
    bench.code("bad apple\n")
    bench.check()
    bench.code("good\n")
    (outcome,) = bench.check(resolution="Never write bad apples.", lessons="at_once").outcomes
    assert outcome.action == "filed"
    assert [entry.resolution for entry in bench.entries()] == ["Never write bad apples."]


@pytest.mark.parametrize(("auto", "filed"), [("never", [0, 0, 0]), ("second", [0, 0, 1]), ("always", [0, 1, 1])])
def test_what_is_filed_by_itself_is_a_setting(tmp_path: Path, auto: str, filed: list[int]) -> None:
    (tmp_path / "noclobber.toml").write_text(f'[lessons]\nauto = "{auto}"\n', "utf-8")
    bench = Bench(tmp_path)
    counts = []
    for turn, text in (("t1", "bad apple\n"), ("t1", "good\n"), ("t2", "bad apple\n")):
        bench.code(text)
        bench.check(turn=turn)
        counts.append(len(bench.entries()))
    assert counts == filed


def test_a_lesson_removed_by_a_person_does_not_come_back_by_itself(bench: Bench) -> None:
    bench.code("bad apple\n")
    (outcome,) = bench.check().outcomes
    with ConcurrencyGuard(bench.folder, "person") as guard:
        Ledger(guard).remove(outcome.lesson.id)
    bench.code("good\n")
    bench.check()
    bench.code("bad apple\n")
    assert bench.actions(turn="t2") == ["left"]
    assert bench.entries() == []


def test_a_draft_survives_the_file_it_is_about(bench: Bench) -> None:
    bench.code("bad apple\n")
    bench.check()
    (bench.folder / "other.txt").write_text("x", "utf-8")
    (bench.folder / "code.txt").unlink()
    (bench.folder / "code.txt").mkdir()
    assert bench.check().checked.status == 1
    shutil.rmtree(bench.folder / "code.txt")
    bench.code("good\n")
    assert "resolved" in bench.actions()


def test_secrets_in_a_checks_message_are_never_written(bench: Bench) -> None:
    bench.code("bad apple password=hunter2hunter2\n")
    bench.check(lessons="at_once")
    assert "hunter2" not in (bench.folder / "CLAUDE.md").read_text("utf-8")


def test_every_run_is_an_event(bench: Bench) -> None:
    bench.code("bad apple\n")
    bench.check()
    with ConcurrencyGuard(bench.folder, "reader") as guard:
        event = guard.events(kind="check")[-1]
    assert event.detail is not None
    assert (event.agent_id, event.detail["check"], event.detail["status"], event.detail["failures"]) == ("alice", "code", 1, 1)
