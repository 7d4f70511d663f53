"""The last scene: a check fails because of a concurrent change, and the lesson it leaves is read by the agent that comes next.

The guard keeps both agents' bytes; that what one wrote no longer fits what the other did is what a check finds, and a lesson keeps.
"""

from __future__ import annotations

import json
import os
import sys

from .stage import Stage

__all__ = ["learning"]

SOURCE = "core/noclobber/lessons/wording.py"
CALLED = "core/noclobber/lessons/safety.py"
LESSONS = "CLAUDE.md"
_NEXT_READER = "the-next-one"
_CHECK = ("verify", "--", os.path.basename(sys.executable), "-m", "unittest", "discover", "-s", "tests")
_TEST = b"""import sys
import unittest

sys.path.insert(0, "core")
from noclobber.checks.failure import Failure
from noclobber.lessons import wording


class WordingTest(unittest.TestCase):
    def test_%s(self):
        failure = Failure("demo", "x" * 900)
        self.assertLessEqual(len(wording.%s(failure)), %d)
"""
_HEADLINE = b'''

def headline(failure: Failure) -> str:
    """One line for a list of many failures."""
    return shorten(failure_text(failure).split("\\n")[0], 60)
'''
_MISTAKE, _MENDED = '.split("\\n")[0], 60)', '.split("\\n")[0], limit=60)'


def learning(stage: Stage) -> bool:
    """Fail, mend, fail the same way again, and be read; whether each step had its effect."""
    stage.title("Both changes are kept, and yet a check fails: what becomes of that")
    _set_up_check(stage)
    return all([_two_agents(stage), _found_and_mended(stage), _the_same_mistake_again(stage), _read_by_the_next(stage)])


def _set_up_check(stage: Stage) -> None:
    """A test of a function that is there, so that there is a check that passes."""
    (stage.root / "tests").mkdir()
    (stage.root / "tests" / "test_failure_text.py").write_bytes(_TEST % (b"failure_text", b"failure_text", 500))


def _two_agents(stage: Stage) -> bool:
    """Alice changes how ``shorten`` is called; bob, stale, is made to read again, and calls it the old way, in lines nobody else wrote."""
    passed = stage.run(*_CHECK, agent="alice", turn="turn-7")
    read = stage.run("read", SOURCE, agent="bob", turn="turn-7", lines=3)
    before = stage.read(SOURCE)
    stage.say("alice makes the limit of shorten() a keyword, in the calls first:")
    changed = [_edit(stage, SOURCE, "shorten(failure.message, _MESSAGE)", "shorten(failure.message, limit=_MESSAGE)")]
    refused = stage.run("write", SOURCE, agent="bob", turn="turn-7", stdin=before + _HEADLINE)
    stage.say("bob must read again; alice goes on; bob adds his lines to what he has read and asks for a merge:")
    changed.append(stage.run("read", SOURCE, agent="bob", turn="turn-7", lines=3))
    again = stage.read(SOURCE)
    changed.append(_edit(stage, SOURCE, ".split()), _MOST_CHARACTERS)", ".split()), limit=_MOST_CHARACTERS)"))
    changed.append(_edit(stage, CALLED, "def shorten(text: str, limit: int)", "def shorten(text: str, *, limit: int)"))
    changed.append(stage.run("write", SOURCE, "--merge", agent="bob", turn="turn-7", stdin=again + _HEADLINE))
    test = _TEST % (b"headline", b"headline", 60)
    changed.append(stage.run("write", "tests/test_headline.py", agent="bob", turn="turn-7", stdin=test))
    merged = stage.read(SOURCE)
    both = merged.count(b"limit=_M") == 2 and merged.endswith(_HEADLINE)
    return _told(
        stage, passed == read == 0 and refused == 3 and not any(changed) and both, "bob was refused, read again, and both changes stand"
    )


def _found_and_mended(stage: Stage) -> bool:
    stage.say("No line of one agent collided with the other's. What they mean does:")
    failed = stage.run(*_CHECK, agent="bob", turn="turn-7", lines=22)
    drafts = _lessons(stage, "list", "--drafts")
    if len(drafts) != 1:
        return _told(stage, False, "")
    shown = stage.run("lesson", "show", drafts[0]["id"])
    stage.say("That is a draft, not yet a lesson. Bob mends his call, and the pass fills in the resolution:")
    mended = _edit(stage, SOURCE, _MISTAKE, _MENDED, agent="bob")
    passed = stage.run(*_CHECK, agent="bob", turn="turn-7")
    shown += stage.run("lesson", "show", drafts[0]["id"])
    resolution = "".join(lesson["resolution"] for lesson in _lessons(stage, "list", "--drafts"))
    good = failed == 1 and (shown, mended, passed) == (0, 0, 0) and "limit=60" in resolution and not (stage.root / LESSONS).exists()
    return _told(stage, good, "a red test in the course of work is no lesson yet: CLAUDE.md is as it was")


def _the_same_mistake_again(stage: Stage) -> bool:
    stage.say("In another turn carol, who knows shorten() from before, writes the call the old way again:")
    mistaken = _edit(stage, SOURCE, _MENDED, _MISTAKE, agent="carol")
    failed = stage.run(*_CHECK, agent="carol", turn="turn-8", lines=8)
    stage.say(f"The same mistake made twice is a lesson. {LESSONS} now:")
    content = stage.read(LESSONS) if (stage.root / LESSONS).exists() else b""
    stage.show(content, 20)
    mended = _edit(stage, SOURCE, _MISTAKE, _MENDED, agent="carol")
    passed = stage.run(*_CHECK, agent="carol", turn="turn-8")
    once = content.count(b"## Lesson Learned (") == 1 and all(part in content for part in (b"TypeError: shorten", b"limit=60"))
    return _told(stage, (mistaken, failed, mended, passed) == (0, 1, 0, 0) and once, "the lesson is in the file, once")


def _read_by_the_next(stage: Stage) -> bool:
    stage.title("The next agent reads that file, and finds the lesson")
    searched = stage.run("lesson", "search", "--for-file", SOURCE, agent="dave")
    found = [lesson for lesson in _lessons(stage, "search", "--for-file", SOURCE) if lesson["state"] == "live"]
    stage.say("An agent with hooks need not search. Its client tells the hook of the first read, and gives it this:")
    heard = _first_read(stage)
    stage.show(heard.encode(), 6)
    good = searched == 0 and len(found) == 1 and f"Lesson for {SOURCE}" in heard and "TypeError: shorten" in heard
    return _told(stage, good, "the next agent knows before it edits")


def _first_read(stage: Stage) -> str:
    """What the model is given when Claude Code's own tool has read the file; empty where nothing is said."""
    path = str(stage.root / SOURCE)
    text = stage.read(SOURCE).decode()
    lines = text.count("\n") + 1
    file = {"filePath": path, "content": text, "numLines": lines, "startLine": 1, "totalLines": lines}
    payload = {
        "session_id": _NEXT_READER, "cwd": str(stage.root), "hook_event_name": "PostToolUse", "prompt_id": "turn-9", "tool_name": "Read",
        "permission_mode": "acceptEdits", "tool_use_id": "toolu_1", "tool_input": {"file_path": path},
        "tool_response": {"type": "text", "file": file},
    }  # fmt: skip
    stage.say("$ noclobber hook claude-code < …", "bold")
    done = stage.ask("hook", "claude-code", stdin=json.dumps(payload).encode())
    answered = json.loads(done.stdout) if done.returncode == 0 and done.stdout.strip() else {}
    heard: str = answered.get("hookSpecificOutput", {}).get("additionalContext", "")
    return heard


def _edit(stage: Stage, path: str, old: str, new: str, *, agent: str = "alice") -> int:
    turn = "turn-8" if agent == "carol" else "turn-7"
    return stage.run("edit", path, "--old", old, "--new", new, agent=agent, turn=turn)


def _lessons(stage: Stage, *arguments: str) -> list[dict[str, str]]:
    done = stage.ask("lesson", *arguments, "--json")
    found: list[dict[str, str]] = json.loads(done.stdout) if done.returncode == 0 else []
    return found


def _told(stage: Stage, good: bool, text: str) -> bool:
    stage.say(text if good else "this did not go as it should", "green" if good else "red")
    return good
