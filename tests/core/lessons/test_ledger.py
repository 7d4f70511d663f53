"""What the files say counts, whoever wrote them, and at whatever moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard, append_lesson_to_claude
from noclobber.lessons.archive import ARCHIVE_FILE
from noclobber.lessons.filing import Filing
from noclobber.lessons.ledger import Ledger


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[ConcurrencyGuard]:
    with ConcurrencyGuard(tmp_path, "alice") as opened:
        yield opened


def told(ledger: Ledger) -> tuple[list[str], list[str]]:
    return [one.lesson for one in ledger.filed()], [one.lesson for one in ledger.drafts()]


def test_a_lesson_that_a_save_took_away_just_before_another_was_added_is_noticed(
    guard: ConcurrencyGuard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_text("# Mine\n", "utf-8")
    opened_early = file.read_bytes()
    append_lesson_to_claude(guard, "first")
    add = Filing.add

    def save_and_add(filing: Filing, entry: Any) -> Any:
        file.write_bytes(opened_early)  # between the look at the file and the change of it
        return add(filing, entry)

    monkeypatch.setattr(Filing, "add", save_and_add)
    append_lesson_to_claude(guard, "second")
    assert told(Ledger(guard)) == (["second"], ["first"])


def test_a_lesson_that_stands_in_the_archive_is_not_lost_with_a_copy_that_an_old_save_brought_back(tmp_path: Path) -> None:
    (tmp_path / "noclobber.toml").write_text("[lessons]\nlimit = 30\n", "utf-8")
    file, archive = tmp_path / "CLAUDE.md", tmp_path / ARCHIVE_FILE
    with ConcurrencyGuard(tmp_path, "alice") as guard:
        append_lesson_to_claude(guard, "the oldest")
        opened_early = file.read_bytes()
        number = 0
        while not archive.exists():
            number += 1
            append_lesson_to_claude(guard, f"lesson {number}")
        without = file.read_bytes()
        ledger = Ledger(guard)
        file.write_bytes(opened_early)
        ledger.synchronise()
        file.write_bytes(without)
        live, _ = told(ledger)
    assert "the oldest" in live
