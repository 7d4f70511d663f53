"""One process that appends lessons: ``appender.py ROOT NAME COUNT [HOLD]``; says each one's number once it is in the file."""

from __future__ import annotations

import sys

from noclobber import ConcurrencyGuard, append_lesson_to_claude


def main(root: str, name: str, count: int, first: int = 0) -> None:
    with ConcurrencyGuard(root, name) as guard:
        sys.stdin.readline()  # all begin together
        for number in range(first, first + count):
            done = append_lesson_to_claude(guard, context=f"by {name}", failure=f"{name} lesson {number} failed", resolution=f"do {number}")
            if not done["success"]:
                sys.exit(f"{name} {number}: {done['message']}")
            print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *map(int, sys.argv[4:]))
