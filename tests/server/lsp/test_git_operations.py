"""What a real git does to open documents: its own changes as one event and one message, everybody else's as theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TEN = "".join(f"line {n}\n" for n in range(1, 11))


@pytest.fixture
def git(root: Path) -> Callable[..., None]:
    """Runs git in the folder, which holds ``a.txt`` and ``b.txt`` in one commit."""

    def run(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(root), *arguments], check=True)

    (root / "b.txt").write_text(TEN, encoding="utf-8")
    run("init", "-q")
    run("add", ".")
    run("commit", "-qm", "one")
    return run


async def test_a_git_checkout_is_one_event_and_one_message(editor: Any, root: Any, agent: Any) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(root)]
    names = [f"g{number}.txt" for number in range(30)]
    for word in ("one", "two"):
        for name in names:
            (root / name).write_text(TEN + word, encoding="utf-8")
        if word == "one":
            subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", word], check=True)
    for name in names:
        editor.open(name)
    editor.type(editor.uri("g0.txt"), "line 2", "mine 2")
    await editor.settled()
    subprocess.run([*git, "checkout", "-q", "HEAD~1"], check=True)
    await editor.shown(editor.uri("g0.txt"), "stale-buffer")
    await editor.until(lambda: editor.messages)
    await editor.heard_out()
    assert [message.message for message in editor.messages] == ["git changed 30 open files; you have unsaved edits in g0.txt."]
    (event,) = agent.events(kind="git")
    assert event.detail["files"] == 30
    assert agent.events(kind="outside") == []


async def test_a_change_that_is_added_or_committed_at_once_is_an_outside_one_and_not_gits(
    editor: Any, root: Any, agent: Any, git: Callable[..., None]
) -> None:
    for name in ("a.txt", "b.txt"):
        editor.open(name)
    await editor.settled()
    (root / "b.txt").write_text("two\n", encoding="utf-8")
    git("commit", "-qam", "two")
    subprocess.run(["sed", "-i", "s/line 3/by sed/", str(root / "a.txt")], check=True)
    git("add", "a.txt")
    await editor.until(lambda: len(agent.events(kind="outside")) == 2)
    await editor.heard_out()
    assert len(agent.events(kind="outside")) == 2
    assert agent.events(kind="git") == []
    assert editor.messages == []


async def test_a_checkout_beside_somebody_elses_change_names_only_its_own_files(
    editor: Any, root: Any, agent: Any, git: Callable[..., None]
) -> None:
    (root / "b.txt").write_text("two\n", encoding="utf-8")
    for name in ("a.txt", "b.txt"):
        editor.open(name)
    await editor.settled()
    (root / "a.txt").write_text("by somebody else\n", encoding="utf-8")
    git("checkout", "-q", "--", "b.txt")
    await editor.until(lambda: agent.events(kind="git") and agent.events(kind="outside"))
    (by_git,), (outside,) = agent.events(kind="git"), agent.events(kind="outside")
    assert (list(by_git.detail["changes"]), outside.file_path) == (["b.txt"], "a.txt")
