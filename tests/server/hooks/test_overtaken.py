"""A save on top of an agent's edit that is on record before the hook that reports the edit as finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard

BASE = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"
EDITED = BASE.replace("two", "agent's two")
SAVED = EDITED.replace("seven", "saved seven")
AGAIN = SAVED.replace("five", "saved five")


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text(BASE, encoding="utf-8")
    return path


@pytest.fixture
def save(project: Path, file: Path) -> Iterator[Callable[[str, str], None]]:
    """An editor's save of one text over another, put on record."""
    with ConcurrencyGuard(project, "editor:Person:1") as person:

        def saved(over: str, text: str) -> None:
            file.write_text(text, encoding="utf-8")
            person.record_change("a.txt", kind="save", before=over.encode())

        yield saved


def edit(claude: Any, file: Path, before_the_hook: Callable[[], None] = lambda: None) -> Any:
    agent = claude("A")
    agent.read("a.txt")
    given = {"file_path": str(file), "old_string": "two", "new_string": "agent's two", "replace_all": False}
    agent.check("Edit", given, "toolu_overtaken")
    file.write_text(EDITED, encoding="utf-8")
    before_the_hook()
    agent.finish("Edit", given, BASE, "toolu_overtaken")
    return agent


def authors(guard: ConcurrencyGuard) -> dict[str, str]:
    return {line.text.decode().strip(): line.event.agent_id for line in guard.blame("a.txt") if line.event is not None}


def test_each_line_is_its_own_writers_whichever_came_on_record_first(claude: Any, file: Path, guard: ConcurrencyGuard, save: Any) -> None:
    agent = edit(claude, file, lambda: save(EDITED, SAVED))
    assert authors(guard) == {"agent's two": agent.agent_id, "saved seven": "editor:Person:1"}


def test_each_line_is_its_own_writers_in_the_ordinary_order(claude: Any, file: Path, guard: ConcurrencyGuard, save: Any) -> None:
    agent = edit(claude, file)
    save(EDITED, SAVED)
    assert authors(guard) == {"agent's two": agent.agent_id, "saved seven": "editor:Person:1"}
    (event,) = guard.events(agent_id=agent.agent_id, kind="edit")
    assert "made" not in (event.detail or {})
    assert (event.before_hash, event.after_hash) == (guard.hash_content(BASE.encode()), guard.hash_content(EDITED.encode()))


def test_two_saves_on_top_of_it_leave_the_edit_its_own(claude: Any, file: Path, guard: ConcurrencyGuard, save: Any) -> None:
    def twice() -> None:
        save(EDITED, SAVED)
        save(SAVED, AGAIN)

    agent = edit(claude, file, twice)
    persons = {"saved seven": "editor:Person:1", "saved five": "editor:Person:1"}
    assert authors(guard) == {"agent's two": agent.agent_id, **persons}


def test_an_edit_onto_a_file_that_others_changed_elsewhere_stays_its_own_too(
    claude: Any, file: Path, guard: ConcurrencyGuard, save: Any
) -> None:
    agent = claude("A")
    agent.read("a.txt")
    guard.edit("a.txt", [("four", "observer's four")])
    standing = file.read_text(encoding="utf-8")
    given = {"file_path": str(file), "old_string": "two", "new_string": "agent's two", "replace_all": False}
    agent.check("Edit", given, "toolu_elsewhere")
    edited = standing.replace("two", "agent's two")
    save(edited, edited.replace("seven", "saved seven"))
    agent.finish("Edit", given, standing, "toolu_elsewhere")
    assert authors(guard) == {"agent's two": agent.agent_id, "observer's four": "observer", "saved seven": "editor:Person:1"}
    guard.revert(turn_id="turn-1", agent_id=agent.agent_id)
    assert file.read_text(encoding="utf-8") == standing.replace("seven", "saved seven")


@pytest.mark.parametrize("overtaken", [True, False])
def test_the_agents_turn_is_taken_back_and_the_save_is_kept(
    claude: Any, file: Path, guard: ConcurrencyGuard, save: Any, overtaken: bool
) -> None:
    agent = edit(claude, file, (lambda: save(EDITED, SAVED)) if overtaken else (lambda: None))
    if not overtaken:
        save(EDITED, SAVED)
    done = guard.revert(turn_id="turn-1", agent_id=agent.agent_id)
    assert [row.action for row in done.files] == ["kept later changes"]
    assert file.read_text(encoding="utf-8") == BASE.replace("seven", "saved seven")


def test_the_agent_knows_its_own_version_and_not_the_save(
    claude: Any, project: Path, file: Path, guard: ConcurrencyGuard, save: Any
) -> None:
    agent = edit(claude, file, lambda: save(EDITED, SAVED))
    with ConcurrencyGuard(project, agent.agent_id) as itself:
        snapshot, refusal = itself.get_snapshot("a.txt"), itself.verify_before_write("a.txt")
    assert snapshot is not None
    assert snapshot.read_hash == guard.hash_content(EDITED.encode())
    assert refusal is not None
    assert [change["agent_id"] for change in refusal.changed_by] == ["editor:Person:1"]
    assert guard.events(kind="outside") == []


def test_the_late_event_says_what_it_changed_and_what_had_followed(claude: Any, file: Path, guard: ConcurrencyGuard, save: Any) -> None:
    agent = edit(claude, file, lambda: save(EDITED, SAVED))
    (event,) = guard.events(agent_id=agent.agent_id, kind="edit")
    (saved,) = guard.events(kind="save")
    said = guard.why(event.seq)
    assert f"event {saved.seq} had already followed it" in said
    assert f"noclobber restore a.txt {guard.hash_content(BASE.encode())[:12]}" in said
    assert event.after_hash == saved.after_hash == guard.hash_content(SAVED.encode())


def test_a_save_that_did_not_go_on_from_the_edit_is_not_taken_for_one(claude: Any, file: Path, guard: ConcurrencyGuard, save: Any) -> None:
    agent = edit(claude, file, lambda: save(BASE, BASE.replace("seven", "saved seven")))
    (event,) = guard.events(agent_id=agent.agent_id, kind="edit")
    assert "made" not in (event.detail or {})
