from __future__ import annotations

from pathlib import Path
from typing import Any

from noclobber import ConcurrencyGuard, append_lesson_to_claude
from noclobber.lessons.catalogue import Catalogue
from noclobber.lessons.records import DRAFT_STATES
from noclobber_server.hooks.lessons import _check_words

FAILED = """F                                                                        [100%]
=================================== FAILURES ===================================
____________________________________ test_x ____________________________________

    def test_x():
>       assert 1 == 2
E       assert 1 == 2

test_a.py:2: AssertionError
=========================== short test summary info ============================
FAILED test_a.py::test_x - assert 1 == 2
1 failed in 0.01s
"""


def test_the_lessons_for_a_file_are_given_when_it_is_first_read_and_once(claude: Any, project: Path, guard: ConcurrencyGuard) -> None:
    for name in ("db.py", "other.py"):
        (project / name).write_text("x = 1\n", encoding="utf-8")
    append_lesson_to_claude(guard, failure="The pool was closed twice", resolution="Close it in one place", files=["db.py"])
    a = claude("A")
    a.read("other.py")
    assert a.said == []
    a.read("db.py")
    a.read("db.py")
    assert a.said == ["Lesson for db.py: The pool was closed twice -> Close it in one place"]


def test_a_check_that_fails_in_the_shell_is_drafted_and_resolved_when_it_passes(
    claude: Any, project: Path, guard: ConcurrencyGuard
) -> None:
    (project / "test_a.py").write_text("def test_x():\n    assert 1 == 2\n", encoding="utf-8")
    a = claude("A")
    a.ran("cd . && python -m pytest -q", failed=True, stdout=FAILED)
    drafts = Catalogue(guard.workspace.store).all(DRAFT_STATES)
    assert [(draft.state, "test_x" in draft.failure + draft.title) for draft in drafts] == [("draft", True)]
    assert a.warned == []


def test_which_commands_are_checks() -> None:
    assert _check_words("cd x && uv run pytest -q tests") == ["uv", "run", "pytest", "-q", "tests"]
    assert _check_words("ruff check . | tail -5") == ["ruff", "check", "."]
    assert _check_words("npx tsc --noEmit; echo done") == []
    assert _check_words("ls -la") == []
    assert _check_words("echo 'unclosed pytest") == []
