"""What a real git does to open documents: its own changes as one event and one message, everybody else's as theirs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard

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


@pytest.mark.parametrize("kind", ["a folder of a repository", "a submodule", "a linked worktree"])
async def test_a_checkout_is_one_event_in(new_editor: Callable[[], Any], tmp_path: Path, kind: str) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "protocol.file.allow=always"]

    def run(folder: Path, *arguments: str) -> None:
        subprocess.run([*git, "-C", str(folder), *arguments], check=True, capture_output=True)

    repository = tmp_path / "repository"
    (repository / "part").mkdir(parents=True)
    run(repository, "init", "-q")
    for word in ("one\n", "two\n"):
        for name in ("a.txt", "b.txt"):
            (repository / "part" / name).write_text(word, encoding="utf-8")
        run(repository, "add", ".")
        run(repository, "commit", "-qm", word)
    if kind == "a submodule":
        root = tmp_path / "whole"
        root.mkdir()
        run(root, "init", "-q")
        run(root, "submodule", "add", "-q", str(repository), "sub")
        tree, within = root / "sub", "sub/part/"
    elif kind == "a linked worktree":
        root = tree = tmp_path / "tree"
        run(repository, "worktree", "add", "-q", str(tree))
        within = "part/"
    else:
        root, tree, within = repository / "part", repository, ""
        (root / ".noclobber").mkdir()
    editor = new_editor()
    editor.root = root
    await editor.start()
    with ConcurrencyGuard(root, "claude/1") as agent:
        assert agent.workspace.root == str(root)
        for name in ("a.txt", "b.txt"):
            editor.open(within + name)
        await editor.settled()
        run(tree, "checkout", "-q", "HEAD~1")
        await editor.until(lambda: agent.events(kind="git") or agent.events(kind="outside"))
        (event,) = agent.events(kind="git")
        assert sorted(event.detail["changes"]) == [within + "a.txt", within + "b.txt"]
        assert agent.events(kind="outside") == []
    await editor.stop()


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


async def test_a_checkout_of_a_file_whose_lock_somebody_keeps_is_one_event_once_it_is_free(
    editor: Any, root: Any, agent: Any, git: Callable[..., None]
) -> None:
    (root / "c.txt").write_text("not in git\n", encoding="utf-8")
    for name in ("a.txt", "b.txt", "c.txt"):
        (root / name).write_text("two\n", encoding="utf-8")
        editor.open(name)
    await editor.settled()
    with agent.workspace.locks.exclusive("a.txt"):
        git("checkout", "-q", "--", "a.txt", "b.txt")
        (root / "c.txt").write_text("three\n", encoding="utf-8")
        await editor.until(lambda: agent.events(kind="outside"))
        assert agent.events(kind="git") == []
    await editor.until(lambda: agent.events(kind="git"))
    (by_git,), (outside,) = agent.events(kind="git"), agent.events(kind="outside")
    assert (sorted(by_git.detail["changes"]), outside.file_path) == (["a.txt", "b.txt"], "c.txt")
