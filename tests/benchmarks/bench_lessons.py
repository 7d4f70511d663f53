"""What an appended lesson costs beside a guarded write of the same file, and what ``verify`` adds to a passing command."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from frame import Bench, Figure, by_turns

from noclobber import ConcurrencyGuard, append_lesson_to_claude

NOCLOBBER = Path(sys.executable).parent / "noclobber"


def _beside_a_write(folder: Path, *, lines: int, most: float) -> Iterable[Figure]:
    entries = 10
    (folder / "noclobber.toml").write_text("[lessons]\nlimit = 1000000\n", "utf-8")
    text = "# Mine\n\n" + "".join(f"Line {number} of what a person has written here.\n" for number in range(lines))
    with ConcurrencyGuard(folder, "alice") as guard:
        (folder / "CLAUDE.md").write_text(text, "utf-8")
        for number in range(entries):
            append_lesson_to_claude(guard, context="in CI", failure=f"failure {number}", resolution=f"do {number}")
        size = max((folder / "CLAUDE.md").stat().st_size, 10 * 1024)
        ours, floor = by_turns(_appending(guard), _writing(guard, size), rounds=40).medians
    what = f"append to a CLAUDE.md of {lines:,} lines" if lines else f"append to a CLAUDE.md of {entries} entries"
    yield Figure(what, ours, f"guarded write of {size // 1024} KB", floor, ours / floor, most_ratio=most)


def _appending(guard: ConcurrencyGuard) -> Callable[[], None]:
    numbers = itertools.count()

    def append() -> None:
        done = append_lesson_to_claude(guard, context="in CI", failure=f"another failure {next(numbers)}", resolution="mend it")
        assert done["success"], done["message"]

    return append


def _writing(guard: ConcurrencyGuard, size: int) -> Callable[[], None]:
    numbers = itertools.count()
    guard.write("other.md", b"")

    def write() -> None:
        line = f"Line of version {next(numbers):09} in a file that is as large.\n".encode()
        guard.write("other.md", (line * (size // len(line) + 1))[:size])

    return write


def _verify(folder: Path) -> Iterable[Figure]:
    environment = {**os.environ, "CI": ""}
    command = [sys.executable, "-c", "pass"]

    def run(*argv: str | Path) -> None:
        subprocess.run(argv, cwd=folder, env=environment, check=True, capture_output=True)

    run(NOCLOBBER, "verify", "--", *command)
    ours, bare = by_turns(lambda: run(NOCLOBBER, "verify", "--", *command), lambda: run(*command), rounds=20).medians
    yield Figure("verify of a passing command, over the command", ours - bare, "the command", bare, ours / bare, most_seconds=0.1)


BENCHES = (
    Bench("lesson in a short file", lambda folder: _beside_a_write(folder, lines=0, most=3)),
    Bench("lesson in a long file", lambda folder: _beside_a_write(folder, lines=5000, most=2)),
    Bench("verify", _verify),
)
