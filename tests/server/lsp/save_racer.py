"""One side of the race between a save and a guarded write: does, at a given moment, what each line asks for, and says what came of it."""

from __future__ import annotations

import json
import os
import sys
import time

from noclobber import ConcurrencyGuard, NoclobberError


def save(path: str, text: str, pauses: list[float]) -> str:
    """As VS Code saves: the file itself, emptied and written anew, each step a task of its own."""
    fd = os.open(path, os.O_WRONLY)
    try:
        time.sleep(pauses[0])
        os.ftruncate(fd, 0)
        time.sleep(pauses[1])
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    return "saved"


def main(role: str, root: str) -> None:
    with ConcurrencyGuard(root, "claude/1", turn_id="turn-12") as guard:
        print("ready", flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            while time.monotonic() < asked["at"]:
                pass
            if role == "saver":
                print(save(f"{root}/a.txt", asked["text"], asked["pauses"]), flush=True)
                continue
            try:
                print(guard.edit("a.txt", [(asked["old"], asked["new"])]).before_hash, flush=True)
            except NoclobberError as error:
                print(type(error).__name__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
