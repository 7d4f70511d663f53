"""Real git in real repositories: which files an operation wrote itself, and which it was only told of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from noclobber_server.lsp.git_traces import git_marks, working_tree, written_by_git

GIT = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "advice.detachedHead=false"]


class Repository:
    """Three files, each in two versions: ``one`` in the first commit, ``two`` in the second."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", *options)
        for word in ("one", "two"):
            for name in ("a", "sub/b", "sub/c"):
                self.write(name, f"{word}\n")
            if word == "two":
                self.write("new", "new\n")
            self.git("add", ".")
            self.git("commit", "-qm", word)

    def git(self, *arguments: str) -> None:
        subprocess.run([*GIT, "-C", str(self.root), *arguments], check=True, capture_output=True)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def written(self) -> set[str]:
        names = ("a", "sub/b", "sub/c", "new")
        return written_by_git(str(self.root), {name: (self.root / name).exists() for name in names})


@pytest.fixture(params=[[], ["--object-format=sha256"]], ids=["sha1", "sha256"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    return Repository(tmp_path / "repository", *request.param)


def test_what_a_checkout_wrote_and_removed_is_gits(repository: Repository) -> None:
    repository.git("checkout", "-q", "HEAD~1")
    assert repository.written() == {"a", "sub/b", "sub/c", "new"}


@pytest.mark.parametrize("then", [["add", "a"], ["add", "-A"], ["commit", "-qam", "three"], ["stash", "create"]])
def test_a_file_that_was_only_added_is_not(repository: Repository, then: list[str]) -> None:
    repository.write("a", "by somebody else\n")
    repository.git(*then)
    assert "a" not in repository.written()


def test_a_file_changed_beside_a_checkout_is_not(repository: Repository) -> None:
    repository.git("checkout", "-q", "HEAD~1", "--", "sub")
    repository.write("a", "by somebody else\n")
    assert repository.written() == {"sub/b", "sub/c"}


def test_what_a_look_at_the_status_refreshes_is_not(repository: Repository) -> None:
    repository.write("a", "by somebody else\n")
    before = git_marks(str(repository.root))
    os.utime(repository.root / "new")
    repository.git("status")
    assert git_marks(str(repository.root)) != before
    assert "a" not in repository.written()


@pytest.mark.parametrize(
    "operation", [["checkout", "--", "a"], ["reset", "-q", "--hard"], ["stash"], ["restore", "a"], ["checkout", "-q", "HEAD~1", "--", "a"]]
)
def test_what_was_put_back_is_gits(repository: Repository, operation: list[str]) -> None:
    repository.write("a", "by somebody else\n")
    repository.git(*operation)
    assert "a" in repository.written()


def test_what_a_stash_brought_back_is_gits(repository: Repository) -> None:
    repository.write("a", "by somebody else\n")
    repository.git("stash")
    repository.git("stash", "pop")
    assert "a" in repository.written()


def test_what_a_merge_wrote_is_gits(repository: Repository) -> None:
    repository.git("checkout", "-qb", "other", "HEAD~1")
    repository.write("more", "more\n")
    repository.git("add", ".")
    repository.git("commit", "-qm", "more")
    repository.git("merge", "-q", "-m", "both", "-")
    assert {"a", "sub/b", "new"} < repository.written()


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_every_version_of_the_index_is_read(repository: Repository, version: str) -> None:
    if version == "3":
        repository.write("later", "x\n")
        repository.git("add", "--intent-to-add", "later")
    else:
        repository.git("update-index", "--index-version", version)
    repository.git("checkout", "-q", "HEAD~1", "--", "sub")
    assert (repository.root / ".git/index").read_bytes()[4:8] == bytes([0, 0, 0, int(version)])
    repository.write("a", "by somebody else\n")
    repository.git("add", "a")
    assert repository.written() == {"sub/b", "sub/c"}


def test_an_index_in_parts_is_not_read_and_all_is_taken_for_gits(repository: Repository) -> None:
    repository.git("update-index", "--split-index")
    repository.write("a", "by somebody else\n")
    repository.git("add", "a")
    assert repository.written() == {"a", "sub/b", "sub/c", "new"}


@pytest.mark.parametrize(
    "damage", [b"", b"DIRC", b"DIRC\0\0\0\x02\0\0\xff\xff" + bytes(100), bytes(1000), b"DIRC\0\0\0\x04\0\0\0\x01" + bytes(61) + b"\xff"]
)
def test_an_index_that_is_none_is_no_error(repository: Repository, damage: bytes) -> None:
    (repository.root / ".git/index").write_bytes(damage)
    assert repository.written() == {"a", "sub/b", "sub/c", "new"}


def test_a_linked_worktree_has_its_own_index_and_the_repositorys_blobs(repository: Repository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", str(tmp_path / "tree"), "HEAD~1")
    tree = str(tmp_path / "tree")
    assert written_by_git(tree, {"a": True, "sub/b": True}) == {"a", "sub/b"}
    (tmp_path / "tree/a").write_text("by somebody else\n", encoding="utf-8")
    subprocess.run([*GIT, "-C", tree, "add", "a"], check=True)
    assert written_by_git(tree, {"a": True, "sub/b": True}) == {"sub/b"}


def test_blobs_in_packs_are_old(repository: Repository) -> None:
    repository.git("gc", "-q")
    repository.git("checkout", "-q", "HEAD~1")
    assert "a" in repository.written()


def test_files_whose_line_ends_git_converts_are_known_all_the_same(repository: Repository) -> None:
    repository.write(".gitattributes", "* text eol=crlf\n")
    repository.git("checkout", "-q", "HEAD~1")
    assert (repository.root / "a").read_bytes() == b"one\r\n"
    assert {"a", "sub/b"} < repository.written()


def test_the_tree_of_a_folder_is_the_nearest_one_above(repository: Repository, tmp_path: Path) -> None:
    assert working_tree(str(repository.root / "sub" / "gone" / "deeper")) == str(repository.root)
    repository.git("worktree", "add", "-q", str(repository.root / "sub" / "tree"))
    assert working_tree(str(repository.root / "sub" / "tree" / "sub")) == str(repository.root / "sub" / "tree")
    assert working_tree(str(tmp_path)) is None


def test_without_git_nothing_is_gits(tmp_path: Path) -> None:
    assert written_by_git(str(tmp_path), {"a": True}) == set()
