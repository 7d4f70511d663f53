"""The quiet scenes: one agent that is stale, and one agent's turn that is taken back."""

from __future__ import annotations

from .actors import anchor
from .stage import Stage

__all__ = ["looking_back", "one_is_stale", "undoing_a_turn"]

_SHARED = "core/noclobber/merge/diff.py"
_TURN = "rename-turn"


def one_is_stale(stage: Stage) -> bool:
    """Two agents read one file; the second to write is refused, is shown why, and both changes end up in the file."""
    stage.title("Two agents, one file: the second one is stale")
    original = stage.read(_SHARED)
    lines = original.splitlines(keepends=True)
    by_alice = [b"# alice was here\n", *lines]
    results = [
        stage.run("read", _SHARED, agent="alice", lines=3),
        stage.run("read", _SHARED, agent="bob", lines=3),
        stage.run("write", _SHARED, agent="bob", turn="turn-1", stdin=b"".join([*lines, b"# bob was here\n"])),
        stage.run("write", _SHARED, agent="alice", turn="turn-1", stdin=b"".join(by_alice)),
    ]
    stage.say("alice knew only the old bytes, so nothing was written. She reads again, and writes on top of bob's line:")
    results.append(stage.run("read", _SHARED, agent="alice", lines=3))
    results.append(stage.run("write", _SHARED, agent="alice", turn="turn-1", stdin=b"".join([*by_alice, b"# bob was here\n"])))
    stage.say("Now bob is the one who is stale. He does not read again, he asks for a merge:")
    results.append(stage.run("write", _SHARED, "--merge", agent="bob", turn="turn-2", stdin=b"".join([*lines, b"# bob was here, twice\n"])))
    both = stage.read(_SHARED) == b"".join([*by_alice, b"# bob was here, twice\n"])
    _verdict(stage, both, "both agents' changes are in the file, nothing else moved")
    return both and results == [0, 0, 0, 3, 0, 0, 0]


def looking_back(stage: Stage, path: str, refused_seq: int | None) -> bool:
    """The history of the race: who did what, who wrote which line, why a write was refused."""
    stage.title("What the history says of the race")
    done = [
        stage.run("log", "--file", path, "--limit", "8", lines=12),
        stage.run("blame", path, "--lines", _around(stage, path), lines=24),
    ]
    if refused_seq is not None:
        done.append(stage.run("why", str(refused_seq), lines=30))
    return done == [0] * len(done)


def _around(stage: Stage, path: str) -> str:
    """The lines around the place where alice put hers."""
    at = stage.read(path)[: stage.read(path).index(anchor("alice"))].count(b"\n") + 1
    return f"{at - 2}-{at + 8}"


def undoing_a_turn(stage: Stage) -> bool:
    """Bob changes three files in one turn, alice one of them after him; his turn is taken back, her line stays."""
    stage.title("Undo what that agent did in that turn, and keep what came later")
    paths = ("core/noclobber/merge/lines.py", "core/noclobber/merge/matching.py", "core/noclobber/content.py")
    before = {path: stage.read(path) for path in paths}
    idea = ("--old", "from __future__", "--new", "# bob's doubtful idea\nfrom __future__")
    done = [stage.run("edit", path, *idea, agent="bob", turn=_TURN) for path in paths]
    done.append(stage.run("read", paths[0], agent="alice", lines=3))
    later = stage.read(paths[0]) + b"# alice, later\n"
    done.append(stage.run("write", paths[0], agent="alice", turn="turn-2", stdin=later))
    done.append(stage.run("revert", "--turn", _TURN, "--dry-run"))
    done.append(stage.run("revert", "--turn", _TURN))
    wanted = {**before, paths[0]: before[paths[0]] + b"# alice, later\n"}
    undone = all(stage.read(path) == content for path, content in wanted.items())
    _verdict(stage, undone, "bob's turn is gone from all three files, alice's later line stands")
    return undone and done == [0] * len(done)


def _verdict(stage: Stage, good: bool, text: str) -> None:
    stage.say(text if good else "the files are not what they should be", "green" if good else "red")
