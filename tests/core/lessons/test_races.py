"""Many processes append at once, are killed, and a person saves the same file: every lesson is somewhere, once, whole."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard
from noclobber.lessons.archive import ARCHIVE_FILE
from noclobber.lessons.document import read_entries
from noclobber.lessons.ledger import Ledger

APPENDER = Path(__file__).with_name("appender.py")
SIZES = [pytest.param(4, 12, id="short"), pytest.param(16, 200, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(3000)])]
SAVES = [pytest.param(2, 20, 60, id="short"), pytest.param(4, 100, 500, id="long", marks=[pytest.mark.soak, pytest.mark.timeout(3000)])]


def start(root: Path, name: str, count: int, first: int = 0) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, str(APPENDER), str(root), name, str(count), str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    return process


def finish(process: subprocess.Popen[str]) -> list[int]:
    said, _ = process.communicate()
    return [int(line) for line in said.splitlines()]


def heard_until_killed(process: subprocess.Popen[str], end: int | None) -> list[int]:
    """What the process reported; killed once it has reported so many, while it is at the next one."""
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(int(line))
        if len(told) == end:
            process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
    process.stdout.close()
    return told


def filed(root: Path) -> list[str]:
    """The failures of all entries, which must be whole, in the file and the archive."""
    found = []
    for name in ("CLAUDE.md", ARCHIVE_FILE):
        path = root / name
        content = path.read_bytes() if path.exists() else b""
        entries = read_entries(content)
        assert content.count(b"## Lesson Learned") == len(entries)
        for placed in entries:
            name_and_number = re.fullmatch(r"(\w+) lesson (\d+) failed", placed.entry.failure)
            assert name_and_number
            assert placed.entry.context == f"by {name_and_number[1]}"
            assert placed.entry.resolution == f"do {name_and_number[2]}"
            found.append(placed.entry.failure)
    return found


@pytest.mark.parametrize(("processes", "lessons"), SIZES)
def test_lessons_of_many_processes_are_each_there_exactly_once(tmp_path: Path, processes: int, lessons: int) -> None:
    (tmp_path / "CLAUDE.md").write_text("# Mine\n\nA line.\n", "utf-8")
    running = [start(tmp_path, f"w{number}", lessons) for number in range(processes)]
    assert [finish(process) for process in running] == [list(range(lessons))] * processes
    assert [process.returncode for process in running] == [0] * processes

    wanted = Counter(f"w{writer} lesson {number} failed" for writer in range(processes) for number in range(lessons))
    assert Counter(filed(tmp_path)) == wanted
    assert (tmp_path / "CLAUDE.md").read_text("utf-8").startswith("# Mine\n\nA line.\n\n## Lesson")


@pytest.mark.parametrize(("processes", "lessons"), SIZES)
def test_a_process_killed_at_any_moment_leaves_whole_lessons_and_loses_none_it_reported(
    tmp_path: Path, processes: int, lessons: int
) -> None:
    dice = random.Random(3)
    running = [start(tmp_path, f"w{number}", lessons) for number in range(processes)]
    ends = [dice.randrange(1, lessons) if number % 2 else None for number in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        told = list(pool.map(heard_until_killed, running, ends))
    reported = [f"w{number} lesson {one} failed" for number, ones in enumerate(told) for one in ones]
    assert [process.returncode for process in running] == [-signal.SIGKILL if end else 0 for end in ends]

    with ConcurrencyGuard(tmp_path, "after") as guard:
        ledger = Ledger(guard)
        live = [lesson.failure for lesson in ledger.filed()]
        drafts = [lesson.failure for lesson in ledger.drafts()]
    there = filed(tmp_path)
    assert sorted(live) == sorted(there)
    assert max(Counter(there).values()) == 1
    assert not set(reported) - set(there)
    assert len(there) - len(set(reported)) <= processes // 2
    assert len(drafts) <= processes // 2
    assert list((tmp_path / ".noclobber" / "tmp").iterdir()) == []


class Person(threading.Thread):
    """Rewrites a paragraph the way editors save: reads, types for a moment, truncates the file and writes it anew."""

    def __init__(self, file: Path, saves: int) -> None:
        super().__init__()
        self.file = file
        self.saves = saves
        self.text = ""
        self.typing = threading.Event()  # never set: the time that a person takes

    def run(self) -> None:
        for number in range(self.saves):
            self.text = f"My paragraph, version {number}."
            content = self.file.read_bytes()
            self.typing.wait(0.002)
            new = re.sub(rb"My paragraph, version -?\d+\.", self.text.encode(), content)
            if self.text.encode() in new:
                with self.file.open("r+b") as out:
                    out.truncate(0)
                    out.write(new)


@pytest.mark.parametrize(("processes", "lessons", "saves"), SAVES)
def test_while_a_person_saves_in_place_no_lesson_and_no_last_save_is_lost(tmp_path: Path, processes: int, lessons: int, saves: int) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_text("# Mine\n\nMy paragraph, version -1.\n", "utf-8")
    person = Person(file, saves)
    running = [start(tmp_path, f"w{number}", lessons) for number in range(processes)]
    person.start()
    for process in running:
        assert finish(process) == list(range(lessons))
    person.join()

    assert person.text in file.read_text("utf-8")
    with ConcurrencyGuard(tmp_path, "after") as guard:
        ledger = Ledger(guard)
        live = [lesson.failure for lesson in ledger.filed()]
        drafts = ledger.drafts()
    assert all("outside save removed it" in str(draft.note) for draft in drafts)
    wanted = {f"w{writer} lesson {number} failed" for writer in range(processes) for number in range(lessons)}
    assert wanted == {*live, *(draft.failure for draft in drafts)}
    assert len(live) == len(set(live))
    assert set(live) == set(filed(tmp_path))
