"""One agent of the torture: reads and edits files under the guard until told to stop; prints the hash of each version it made."""

from __future__ import annotations

import random
import sys
import time

from noclobber import ConcurrencyGuard, NoclobberError


def main(root: str, name: str, seconds: str, seed: str) -> None:
    rng = random.Random(int(seed))
    until = time.monotonic() + float(seconds)
    count = 0
    with ConcurrencyGuard(root, name, turn_id=f"{name}-turn") as guard:
        while time.monotonic() < until:
            path = f"f{rng.randrange(3)}.txt"
            count += 1
            try:
                lines = guard.read(path).content.decode().split("\n")
                number = rng.randrange(max(len(lines) - 1, 1))
                lines[number] = f"{name} {count}"
                done = guard.write(path, "\n".join(lines).encode(), on_stale="merge")
                print(path, done.content_hash, flush=True)
            except NoclobberError:
                time.sleep(0.01)
            time.sleep(rng.random() * 0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
