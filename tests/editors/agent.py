"""An agent process for the editors' tests: ``agent.py WORKSPACE write|outside|unsaved FILE [OLD NEW]``; status 3 where it is refused."""

from __future__ import annotations

import sys
from pathlib import Path

from noclobber import ConcurrencyGuard, Refused


def main(root: str, what: str, name: str, old: str = "", new: str = "") -> int:
    if what == "outside":
        path = Path(root, name)
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
        return 0
    with ConcurrencyGuard(root, "claude/1", turn_id="turn-12", intent_id="INT-3") as guard:
        if what == "unsaved":
            print("yes" if any(buffer.unsaved for buffer in guard.workspace.store.buffers(name)) else "no")
            return 0
        try:
            guard.write(name, guard.read(name).content.replace(old.encode(), new.encode()))
        except Refused as refused:
            print(refused)
            return 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
