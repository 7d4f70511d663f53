"""Real processes that hold a file open while a guarded change replaces it, and write into it afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

TEN = "".join(f"line {n}\n" for n in range(1, 11))
HOLDING = """
import sys
with open(sys.argv[1], "r+b", buffering=0) as file:
    print("open", flush=True)
    content = bytes.fromhex(sys.stdin.readline())
    if content:
        file.truncate(0)
        file.write(content)
        print("written", flush=True)
        sys.stdin.readline()
"""


class Holder:
    """A process that has a file open for writing from the beginning on."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", HOLDING, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._hears("open")

    def write(self, text: str) -> None:
        """Write into whatever it has open, and keep that open."""
        self._say(text.encode().hex())
        self._hears("written")

    def close(self) -> None:
        self._say("")
        assert self.process.wait(15) == 0

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _hears(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == word + "\n"


@pytest.fixture
def hold(root: Path) -> Iterator[Callable[[], Holder]]:
    running: list[Holder] = []

    def start() -> Holder:
        running.append(Holder(root / "a.txt"))
        return running[-1]

    yield start
    for holder in running:
        holder.process.kill()
        holder.process.communicate()


def put_aside(root: Path) -> list[str]:
    return os.listdir(root / ".noclobber/kept")


async def test_a_save_that_went_into_the_file_an_agent_was_replacing_is_kept_and_told_once(
    editor: Any, agent: Any, root: Path, hold: Callable[[], Holder]
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    holder = hold()
    agent.edit("a.txt", [("line 8", "theirs")])
    holder.write(editor.texts[uri])
    holder.close()
    editor.saved(uri)
    await editor.until(lambda: editor.questions)
    (asked,) = editor.questions
    assert asked.message.startswith("a.txt was still being written when claude/1 (turn-12, INT-3) ")
    assert [action.title for action in asked.actions] == ["Merge it into the buffer", "Restore it"]
    (late,) = agent.events(kind="late")
    assert (late.file_path, late.before_hash) == ("a.txt", agent.hash_content(TEN.encode()))
    assert agent.content(late.after_hash) == editor.texts[uri].encode()
    assert (root / "a.txt").read_text(encoding="utf-8") == TEN.replace("line 8", "theirs")
    assert put_aside(root) == []
    await editor.heard_out()
    assert len(editor.questions) == 1


async def test_a_save_that_never_reached_the_file_is_not_told_as_what_stands_there(
    editor: Any, agent: Any, hold: Callable[[], Holder]
) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    holder = hold()
    edit = agent.edit("a.txt", [("line 8", "theirs")])
    holder.write(editor.texts[uri])
    holder.close()
    editor.saved(uri)
    (shown,) = await editor.shown(uri, "stale-buffer")
    assert "claude/1" in shown.message
    await editor.heard_out()
    assert agent.events(kind="save") == []
    assert agent.read("a.txt").snapshot.read_hash == edit.content_hash
    assert agent.events(kind="outside") == []


async def test_a_late_version_can_be_merged_into_the_buffer_from_the_message(
    editor: Any, agent: Any, root: Path, hold: Callable[[], Holder]
) -> None:
    uri = editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    holder = hold()
    agent.edit("a.txt", [("line 8", "theirs")])
    editor.put(uri, (root / "a.txt").read_text(encoding="utf-8"))
    editor.answer = "Merge it into the buffer"
    holder.write(TEN.replace("line 2", "late 2"))
    holder.close()
    await editor.until(lambda: editor.texts[uri] == TEN.replace("line 2", "late 2").replace("line 8", "theirs"))


async def test_a_late_version_can_be_restored_from_the_message_even_where_its_writer_was_killed(
    editor: Any, agent: Any, root: Path, hold: Callable[[], Holder]
) -> None:
    editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    holder = hold()
    agent.edit("a.txt", [("line 8", "theirs")])
    editor.answer = "Restore it"
    holder.write("written late\n")
    assert len(put_aside(root)) == 1
    holder.process.kill()
    await editor.until(lambda: (root / "a.txt").read_bytes() == b"written late\n")


async def test_while_the_writer_has_the_file_open_nothing_is_said_of_it(
    editor: Any, agent: Any, root: Path, hold: Callable[[], Holder]
) -> None:
    editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    holder = hold()
    agent.edit("a.txt", [("line 8", "theirs")])
    holder.write("not yet all\n")
    await editor.heard_out()
    assert editor.questions == []
    assert (agent.events(kind="late"), len(put_aside(root))) == ([], 1)
    holder.close()
    await editor.until(lambda: editor.questions)


async def test_a_file_that_its_holder_left_alone_goes_quietly(editor: Any, agent: Any, root: Path, hold: Callable[[], Holder]) -> None:
    editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    holder = hold()
    agent.edit("a.txt", [("line 8", "theirs")])
    holder.close()
    await editor.until(lambda: put_aside(root) == [])
    await editor.heard_out()
    assert agent.events(kind="late") == []
    assert editor.questions == []


async def test_a_late_version_of_a_file_that_no_buffer_shows_is_kept_and_nobody_is_asked(
    editor: Any, agent: Any, root: Path, hold: Callable[[], Holder]
) -> None:
    (root / "b.txt").write_text("other", encoding="utf-8")
    editor.open("b.txt")
    await editor.settled()
    agent.read("a.txt")
    holder = hold()
    agent.edit("a.txt", [("line 8", "theirs")])
    holder.write("written late\n")
    holder.close()
    await editor.until(lambda: agent.events(kind="late"))
    await editor.heard_out()
    assert agent.content(agent.events(kind="late")[0].after_hash) == b"written late\n"
    assert editor.questions == []


async def test_a_client_that_asks_in_its_own_way_finds_the_late_version_among_the_decisions(
    new_editor: Any, agent: Any, hold: Callable[[], Holder]
) -> None:
    editor = new_editor()
    await editor.start(offers=False)
    editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    holder = hold()
    edit = agent.edit("a.txt", [("line 8", "theirs")])
    holder.write("written late\n")
    holder.close()
    await editor.until(lambda: agent.events(kind="late"))
    (decision,) = (await editor.command("panel.overview"))["decisions"]
    assert (decision["kind"], decision["filePath"]) == ("overwrote", "a.txt")
    assert (decision["hash"], decision["savedHash"]) == (agent.hash_content(b"written late\n"), edit.content_hash)
    assert decision["message"].startswith("a.txt was still being written when it was replaced")
    await editor.heard_out()
    assert editor.questions == []
    await editor.stop()
