"""Lessons in a real workspace: added, counted, corrected, archived, and what people and git do to them in between."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from noclobber import Buffer, ConcurrencyGuard, append_lesson_to_claude
from noclobber.clock import utc_now
from noclobber.lessons.archive import ARCHIVE_FILE
from noclobber.lessons.compose import compose
from noclobber.lessons.document import read_entries
from noclobber.lessons.errors import LessonError, NoSuchLessonError
from noclobber.lessons.ledger import Ledger
from noclobber.store.protocol import Batch


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[ConcurrencyGuard]:
    with ConcurrencyGuard(tmp_path, "alice", turn_id="t1", intent_id="INT-1") as opened:
        yield opened


def lessons_in(path: Path) -> list[str]:
    return [placed.entry.lesson for placed in read_entries(path.read_bytes())]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_lesson_makes_the_file_with_its_header_heading_and_origin(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    done = append_lesson_to_claude(guard, context="in CI", failure="it broke", resolution="mend it")
    text = (tmp_path / "CLAUDE.md").read_text("utf-8")
    assert done["success"]
    assert done["path"] == "CLAUDE.md"
    assert text.startswith("# Lessons Learned\n\n## Lesson Learned (2")
    assert " UTC)\n<!-- noclobber id=l" in text
    assert "agent=alice turn=t1 intent=INT-1 -->\n**Context**: in CI\n**Failure**: it broke\n**Resolution**: mend it\n" in text


def test_where_only_agents_md_exists_the_new_file_imports_it(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").write_text("# Rules\n", "utf-8")
    append_lesson_to_claude(guard, "a")
    assert (tmp_path / "CLAUDE.md").read_text("utf-8").startswith("@AGENTS.md\n\n# Lessons Learned\n")


def test_the_lessons_file_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "noclobber.toml").write_text('[lessons]\nfile = "docs/AGENTS.md"\n', "utf-8")
    with ConcurrencyGuard(tmp_path, "alice") as guard:
        assert append_lesson_to_claude(guard, "a")["path"] == "docs/AGENTS.md"
    assert lessons_in(tmp_path / "docs" / "AGENTS.md") == ["a"]


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", "x" * 2001])
def test_a_lesson_that_may_not_be_written_is_refused_in_words_and_nothing_is_written(
    guard: ConcurrencyGuard, tmp_path: Path, text: str
) -> None:
    done = append_lesson_to_claude(guard, text)
    assert not done["success"]
    assert done["message"].startswith("The lesson ")
    assert not (tmp_path / "CLAUDE.md").exists()


def test_a_lessons_file_that_cannot_be_written_is_said_in_words(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    (tmp_path / "CLAUDE.md").write_bytes("# Text\n".encode("utf-16"))
    done = append_lesson_to_claude(guard, "a")
    assert not done["success"]
    assert "UTF-8" in done["message"]
    (tmp_path / "CLAUDE.md").unlink()
    (tmp_path / "CLAUDE.md").mkdir()
    assert not append_lesson_to_claude(guard, "a")["success"]


def test_a_lesson_that_would_land_in_a_persons_unsaved_edits_waits_among_the_drafts(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_bytes(b"# Mine\n")
    base = guard.keep("CLAUDE.md", b"# Mine\n")
    text = guard.keep("CLAUDE.md", b"# Mine\nbeing written")
    live_id = guard.workspace.live().id
    buffer = Buffer("CLAUDE.md", "editor:x:1", base, text, True, ((1, 2),), utc_now(), live_id)
    guard.workspace.store.apply(Batch(buffers=[buffer]))
    done = append_lesson_to_claude(guard, "wait for me")
    assert not done["success"]
    assert "UNSAVED_EDITS" in done["message"]
    assert file.read_bytes() == b"# Mine\n"
    (draft,) = Ledger(guard).drafts()
    assert draft.lesson == "wait for me"
    guard.workspace.store.apply(Batch(closed=[("editor:x:1", "CLAUDE.md")]))
    Ledger(guard).accept(draft.id)
    assert lessons_in(file) == ["wait for me"]


def test_a_lesson_waits_for_a_lease_to_end(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    guard.as_writer("bob").lease("CLAUDE.md", 0.5)
    assert append_lesson_to_claude(guard, "patient")["success"]
    assert lessons_in(tmp_path / "CLAUDE.md") == ["patient"]


def test_the_same_lesson_again_is_counted_and_the_file_stays(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    append_lesson_to_claude(guard, failure="src/a.py:12: timed out after 3.5s", resolution="wait")
    before = (tmp_path / "CLAUDE.md").read_bytes()
    again = append_lesson_to_claude(guard, failure="src/a.py:99: timed out after 12s", resolution="wait")
    assert again["success"]
    assert "seen 2 times" in again["message"]
    assert (tmp_path / "CLAUDE.md").read_bytes() == before
    other = append_lesson_to_claude(guard, failure="src/a.py:12: error E2 after 3.5s", resolution="wait")
    assert "added" in other["message"]


def test_a_correction_replaces_the_earlier_lesson_and_says_so(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    append_lesson_to_claude(guard, failure="boom", resolution="first idea")
    append_lesson_to_claude(guard, failure="bang", resolution="other")
    done = append_lesson_to_claude(guard, failure="boom", resolution="better idea")
    assert "replaces" in done["message"]
    assert "first idea" in done["message"]
    entries = [placed.entry for placed in read_entries((tmp_path / "CLAUDE.md").read_bytes())]
    assert [(entry.failure, entry.resolution) for entry in entries] == [("boom", "better idea"), ("bang", "other")]
    assert entries[0].origin is not None
    assert entries[0].origin.corrects
    (replaced,) = Ledger(guard).catalogue.all(("replaced",))
    assert replaced.resolution == "first idea"


def test_what_a_person_wrote_round_the_entries_stays_byte_for_byte(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    mine = b"\xef\xbb\xbf# Mine\r\n\r\ntext\r\n"
    file.write_bytes(mine)
    append_lesson_to_claude(guard, "a")
    file.write_bytes(file.read_bytes() + b"\r\n# After\r\n\r\nmore\r\n")
    append_lesson_to_claude(guard, "b")
    content = file.read_bytes()
    assert content.startswith(mine)
    assert content.endswith(b"\r\n# After\r\n\r\nmore\r\n")
    assert lessons_in(file) == ["a", "b"]


def test_the_section_stays_within_its_limit_and_nothing_is_lost(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    for number in range(30):
        append_lesson_to_claude(guard, f"lesson {number}", files=["src/**/*.py"] if number % 3 == 0 else [])
    file = tmp_path / "CLAUDE.md"
    live = lessons_in(file)
    archived = lessons_in(tmp_path / ARCHIVE_FILE)
    (rule,) = (tmp_path / ".claude" / "rules").glob("lessons-*.md")
    assert len(file.read_text("utf-8").splitlines()) <= 42
    assert live[-5:] == [f"lesson {number}" for number in range(25, 30)]
    assert sorted(live + archived + lessons_in(rule)) == sorted(f"lesson {number}" for number in range(30))
    assert rule.read_text("utf-8").startswith('---\npaths:\n  - "src/**/*.py"\n---\n')
    assert "lesson 0" in lessons_in(rule)
    assert {lesson.state for lesson in Ledger(guard).filed()} == {"live", "archived"}


def test_a_lesson_often_seen_stays_when_older_ones_go(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    for _ in range(4):
        append_lesson_to_claude(guard, "important")
    for number in range(20):
        append_lesson_to_claude(guard, f"lesson {number}")
    assert lessons_in(tmp_path / "CLAUDE.md")[0] == "important"
    assert "lesson 0" in lessons_in(tmp_path / ARCHIVE_FILE)


def test_a_lesson_already_archived_is_counted_not_added_again(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    for number in range(20):
        append_lesson_to_claude(guard, f"lesson {number}")
    done = append_lesson_to_claude(guard, "lesson 0")
    assert done["path"] == ARCHIVE_FILE
    assert "lesson 0" not in lessons_in(tmp_path / "CLAUDE.md")


def test_an_entry_edited_by_hand_is_known_as_it_stands(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    append_lesson_to_claude(guard, "first words")
    file = tmp_path / "CLAUDE.md"
    file.write_text(file.read_text("utf-8").replace("first words", "my own words"), "utf-8")
    (lesson,) = Ledger(guard).filed()
    assert (lesson.lesson, lesson.agent_id) == ("my own words", "alice")
    assert [found.lesson for found in Ledger(guard).search("own words")] == ["my own words"]


def test_an_entry_deleted_by_hand_is_noted_among_the_drafts_and_not_put_back(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    append_lesson_to_claude(guard, "one")
    file = tmp_path / "CLAUDE.md"
    file.write_text("# Mine alone\n", "utf-8")
    append_lesson_to_claude(guard, "two")
    assert lessons_in(file) == ["two"]
    (draft,) = Ledger(guard).drafts()
    assert draft.lesson == "one"
    assert "outside save removed it" in str(draft.note)
    Ledger(guard).accept(draft.id)
    assert lessons_in(file) == ["two", "one"]
    assert Ledger(guard).drafts() == []


def test_git_takes_lessons_away_and_brings_them_back_and_nobody_interferes(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    git(tmp_path, "init", "-q")
    append_lesson_to_claude(guard, "committed")
    git(tmp_path, "add", "CLAUDE.md")
    git(tmp_path, "commit", "-qm", "one")
    append_lesson_to_claude(guard, "uncommitted")

    git(tmp_path, "stash")
    assert lessons_in(file) == ["committed"]
    assert [draft.lesson for draft in Ledger(guard).drafts()] == ["uncommitted"]
    git(tmp_path, "stash", "pop")
    assert Ledger(guard).drafts() == []
    assert [lesson.lesson for lesson in Ledger(guard).filed()] == ["committed", "uncommitted"]

    git(tmp_path, "checkout", "--", "CLAUDE.md")
    assert [draft.lesson for draft in Ledger(guard).drafts()] == ["uncommitted"]
    append_lesson_to_claude(guard, "later")
    assert lessons_in(file) == ["committed", "later"]
    git(tmp_path, "reset", "-q", "--hard")
    assert lessons_in(file) == ["committed"]
    assert sorted(draft.lesson for draft in Ledger(guard).drafts()) == ["later", "uncommitted"]

    (commit,) = {lesson.commit for lesson in Ledger(guard).drafts()}
    assert commit
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert head.startswith(commit)


def test_what_pre_commit_does_with_unstaged_changes_loses_no_lesson(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    """It saves the unstaged diff, checks the index out over it, runs the hooks, and applies the diff again."""
    file = tmp_path / "CLAUDE.md"
    git(tmp_path, "init", "-q")
    file.write_text("# Mine\n\nline\n", "utf-8")
    git(tmp_path, "add", "CLAUDE.md")
    git(tmp_path, "commit", "-qm", "one")
    append_lesson_to_claude(guard, "unstaged")
    patch = subprocess.run(["git", "diff", "--binary"], cwd=tmp_path, capture_output=True, check=True).stdout
    git(tmp_path, "checkout", "--", ".")
    assert [draft.lesson for draft in Ledger(guard).drafts()] == ["unstaged"]
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=patch, check=True)
    assert Ledger(guard).drafts() == []
    assert lessons_in(file) == ["unstaged"]


def test_a_persons_own_entry_is_searched_and_never_moved(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    own = "## Lesson Learned (2020-01-01 00:00:00 UTC)\n**Failure**: by hand\n"
    (tmp_path / "CLAUDE.md").write_text("# Mine\n\n" + own, "utf-8")
    for number in range(12):
        append_lesson_to_claude(guard, f"lesson {number}")
    assert own in (tmp_path / "CLAUDE.md").read_text("utf-8")
    assert [lesson.failure for lesson in Ledger(guard).search("hand")] == ["by hand"]


def test_a_lesson_can_be_edited_and_removed_where_it_stands(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    append_lesson_to_claude(guard, "keep")
    append_lesson_to_claude(guard, failure="old", resolution="r")
    ledger = Ledger(guard)
    kept, edited = ledger.filed()
    ledger.edit(edited.id, compose(failure="new", resolution="r"))
    assert "**Failure**: new" in (tmp_path / "CLAUDE.md").read_text("utf-8")
    ledger.remove(edited.id)
    assert lessons_in(tmp_path / "CLAUDE.md") == ["keep"]
    assert ledger.drafts() == []
    assert [lesson.id for lesson in ledger.filed()] == [kept.id]
    with pytest.raises(NoSuchLessonError):
        ledger.remove("nope")
    with pytest.raises(LessonError, match="no draft"):
        ledger.accept(kept.id)


def test_the_search_ranks_and_takes_no_operators_from_the_words(guard: ConcurrencyGuard) -> None:
    append_lesson_to_claude(guard, context="zone", failure="TypeError in parse_date", resolution="give it a zone")
    append_lesson_to_claude(guard, context="date", failure="other thing", resolution="x")
    ledger = Ledger(guard)
    assert ledger.search("parse_date zone")[0].failure == "TypeError in parse_date"
    assert len(ledger.search('"date" OR NEAR( * -')) == 1
    assert ledger.search("") == ledger.search('"*"') == []


def test_before_a_file_is_edited_its_lessons_are_found(guard: ConcurrencyGuard) -> None:
    append_lesson_to_claude(guard, "about all sources", files=["src/**/*.py"])
    append_lesson_to_claude(guard, failure="src/a.py:3: boom", resolution="x")
    append_lesson_to_claude(guard, failure="lib/b.py:3: boom", resolution="x")
    ledger = Ledger(guard)
    assert [lesson.lesson or lesson.failure for lesson in ledger.for_file("src/a.py")] == ["about all sources", "src/a.py:3: boom"]
    assert [lesson.lesson or lesson.failure for lesson in ledger.for_file("src/deep/c.py")] == ["about all sources"]
    assert ledger.for_file("README.md") == []


def test_after_the_state_was_deleted_the_file_is_still_the_truth(guard: ConcurrencyGuard, tmp_path: Path) -> None:
    append_lesson_to_claude(guard, failure="boom", resolution="x")
    guard.close()
    subprocess.run(["rm", "-rf", str(tmp_path / ".noclobber")], check=True)
    with ConcurrencyGuard(tmp_path, "bob") as fresh:
        assert "already" in append_lesson_to_claude(fresh, failure="boom", resolution="x")["message"]
        (lesson,) = Ledger(fresh).filed()
        assert (lesson.agent_id, lesson.seen) == ("alice", 2)


def test_every_lesson_is_an_event_of_its_agent(guard: ConcurrencyGuard) -> None:
    append_lesson_to_claude(guard, "a", agent_id="bob", turn_id="t9", intent_id="INT-9")
    (event,) = guard.events(kind="lesson")
    assert (event.agent_id, event.turn_id, event.intent_id, event.file_path) == ("bob", "t9", "INT-9", "CLAUDE.md")
    assert [change.agent_id for change in guard.events(kind="write")] == ["noclobber:lessons"]


def test_a_symlinked_lessons_file_that_leads_out_is_refused(
    guard: ConcurrencyGuard, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.md"
    outside.write_text("theirs\n", "utf-8")
    os.symlink(outside, tmp_path / "CLAUDE.md")
    assert not append_lesson_to_claude(guard, "a")["success"]
    assert outside.read_text("utf-8") == "theirs\n"
