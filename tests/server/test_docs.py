"""What the pages in docs/ state is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard
from noclobber.checks.tools import recognise
from noclobber.lessons.appending import append_lesson_to_claude
from noclobber.lessons.archive import NEWEST_KEPT
from noclobber.lessons.drafting import MOST_DRAFTS
from noclobber.lessons.safety import MAX_CHARACTERS, MAX_GLOBS, MAX_LINES
from noclobber.settings import Settings, load_settings
from noclobber_server.cli.lesson import _VERBS
from noclobber_server.lsp.actions import _TITLES
from noclobber_server.lsp.diagnosing import CODES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LESSONS = (DOCS / "lessons.md").read_text(encoding="utf-8")
EDITORS = (DOCS / "editors.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def test_the_settings_shown_for_lessons_are_the_defaults(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", LESSONS, re.DOTALL)
    (tmp_path / "noclobber.toml").write_text(block, encoding="utf-8")
    assert load_settings(tmp_path) == Settings()


def test_the_limits_stated_for_lessons_are_those_of_the_code() -> None:
    words = " ".join(LESSONS.split())
    assert f"at most {MAX_CHARACTERS:,} characters in {MAX_LINES} lines" in words
    assert f"at most {MAX_GLOBS} file patterns" in words
    assert f"At most {MOST_DRAFTS} failures" in words
    assert (NEWEST_KEPT, Settings().lessons_limit) == (5, 40)
    assert "at most 40 lines of the file" in words
    assert "the five newest stay" in words


def test_every_tool_that_lessons_name_is_read_by_its_own_reader() -> None:
    (named,) = re.findall(r"from the reports of (.*?), from any", " ".join(LESSONS.split()))
    tools = [word.strip("` ") for word in re.split(r",| and ", named)]
    assert len(tools) == 9
    assert "command" not in {recognise(tool.split())[0].name for tool in tools}


def test_every_verb_of_lesson_is_in_the_page_and_no_other() -> None:
    lines = re.findall(r"^noclobber lesson (.*)$", LESSONS, re.MULTILINE)
    assert {part.split()[0] for line in lines for part in line.split(" · ")} == set(_VERBS)


def test_the_shown_lesson_from_labelled_text_is_taken_apart(tmp_path: Path) -> None:
    (text,) = re.findall(r"lesson add '([^']*)'", LESSONS)
    with ConcurrencyGuard(tmp_path, "alice") as guard:
        assert append_lesson_to_claude(guard, text)["success"]
    assert b"**Failure**: dates differ on CI." in (tmp_path / "CLAUDE.md").read_bytes()


def test_every_diagnostic_and_quick_fix_of_the_server_is_in_the_page() -> None:
    for said in {*CODES.values(), *_TITLES.values()}:
        assert said in EDITORS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if "://" not in target and not (page.parent / target).exists()]
