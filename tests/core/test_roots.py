from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard
from noclobber.errors import WorkspaceError
from noclobber.paths import find_root, root_for


def git(where: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always", *arguments]
    subprocess.run(command, cwd=where, check=True, capture_output=True)


def repository(where: Path) -> Path:
    where.mkdir(parents=True, exist_ok=True)
    git(where, "init", "-q")
    git(where, "commit", "-q", "--allow-empty", "-m", "first")
    return where


def guarded(folder: Path) -> Path:
    (folder / ".noclobber").mkdir(parents=True)
    return folder


def test_where_there_is_no_workspace_none_is_found(tmp_path: Path) -> None:
    assert find_root(tmp_path) is None
    assert find_root(repository(tmp_path / "r") / "x.py") is None


def test_a_new_workspace_belongs_at_the_git_root_or_without_git_in_the_folder_itself(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / "a" / "b").mkdir(parents=True)
    assert root_for(root / "a" / "b" / "new.py") == str(root)
    assert root_for(root / "a" / "missing" / "new.py") == str(root)
    plain = tmp_path / "plain" / "x"
    plain.mkdir(parents=True)
    assert root_for(plain) == root_for(plain / "f.py") == str(plain)


def test_a_folder_that_does_not_exist_makes_no_workspace_of_the_one_above_it(tmp_path: Path) -> None:
    for path in (tmp_path / "misspelt", tmp_path / "misspelt" / "deeper", tmp_path / "misspelt" / "deeper" / "x.py"):
        with pytest.raises(WorkspaceError, match="no such folder"):
            ConcurrencyGuard(path, "alice")
    assert not (tmp_path / ".noclobber").exists()


def test_the_root_of_the_file_system_is_no_workspace() -> None:
    for path in ("/", "/x.py", "/misspelt/x.py"):
        with pytest.raises(WorkspaceError):
            root_for(path)
    assert not Path("/.noclobber").exists()


def test_a_guard_on_a_folder_in_a_repository_meets_everybody_at_its_root(tmp_path: Path) -> None:
    root = repository(tmp_path / "r")
    (root / "a" / "b").mkdir(parents=True)
    with ConcurrencyGuard(root / "a", "alice") as inner, ConcurrencyGuard(root, "bob") as outer:
        assert inner.workspace.root == outer.workspace.root == str(root)
        assert not (root / "a" / ".noclobber").exists()


def test_in_git_the_outermost_folder_up_to_the_git_root_owns(tmp_path: Path) -> None:
    guarded(tmp_path)  # above the git root: not asked
    root = repository(tmp_path / "r")
    guarded(root / "a" / "b")
    assert find_root(root / "a" / "b" / "c.py") == str(root / "a" / "b")
    assert find_root(root / "x.py") is None
    guarded(root / "a")
    assert find_root(root / "a" / "b" / "c.py") == str(root / "a")
    guarded(root)
    assert find_root(root / "a" / "b" / "c.py") == find_root(root / "x.py") == str(root)


def test_without_git_the_nearest_owns(tmp_path: Path) -> None:
    guarded(tmp_path / "a")
    guarded(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "c").mkdir()
    assert find_root(tmp_path / "a" / "b" / "c" / "x.py") == str(tmp_path / "a" / "b")
    assert find_root(tmp_path / "a" / "x.py") == str(tmp_path / "a")


def test_a_worktree_is_a_workspace_of_its_own_also_inside_the_main_one(tmp_path: Path) -> None:
    main = guarded(repository(tmp_path / "main"))
    git(main, "worktree", "add", "-q", str(main / ".claude" / "worktrees" / "w"), "-b", "w")
    git(main, "worktree", "add", "-q", str(tmp_path / "beside"), "-b", "x")
    inner = main / ".claude" / "worktrees" / "w"
    assert (inner / ".git").is_file()
    assert find_root(inner / "x.py") is None
    assert root_for(inner / "x.py") == str(inner)
    assert root_for(tmp_path / "beside" / "x.py") == str(tmp_path / "beside")
    guarded(inner)
    assert find_root(inner / "x.py") == str(inner)
    assert find_root(main / "x.py") == str(main)


@pytest.fixture
def with_submodule(tmp_path: Path) -> tuple[Path, Path]:
    library = repository(tmp_path / "library")
    main = repository(tmp_path / "main")
    git(main, "submodule", "add", "-q", str(library), "deps/library")
    assert (main / "deps" / "library" / ".git").is_file()
    return main, main / "deps" / "library"


def test_a_submodule_belongs_to_the_project_it_is_part_of(with_submodule: tuple[Path, Path]) -> None:
    main, module = with_submodule
    assert root_for(module / "x.py") == str(main)
    guarded(main)
    assert find_root(module / "x.py") == root_for(module) == str(main)


def test_a_submodule_opened_by_itself_is_its_own_workspace_until_the_project_is_one(with_submodule: tuple[Path, Path]) -> None:
    main, module = with_submodule
    guarded(module)
    assert find_root(module / "x.py") == str(module)
    guarded(main)
    assert find_root(module / "x.py") == str(main)


def test_a_worktree_of_a_project_with_submodules_owns_its_copies_of_them(with_submodule: tuple[Path, Path], tmp_path: Path) -> None:
    main, _ = with_submodule
    git(main, "commit", "-q", "-am", "with a submodule")
    git(main, "worktree", "add", "-q", str(tmp_path / "w"), "-b", "w")
    git(tmp_path / "w", "submodule", "update", "--init", "-q")
    assert root_for(tmp_path / "w" / "deps" / "library" / "x.py") == str(tmp_path / "w")


def test_a_repository_inside_another_is_a_project_of_its_own(tmp_path: Path) -> None:
    outer = guarded(repository(tmp_path / "outer"))
    inner = repository(outer / "vendor" / "inner")
    assert find_root(inner / "x.py") is None
    assert root_for(inner / "x.py") == str(inner)


def test_all_aliases_of_a_folder_have_one_owner(tmp_path: Path) -> None:
    root = guarded(tmp_path / "real")
    (root / "sub").mkdir()
    (tmp_path / "alias").symlink_to(root / "sub")
    assert find_root(tmp_path / "alias" / "x.py") == str(root)
    assert find_root(f"{tmp_path}/elsewhere/../alias/x.py") == str(root)


def test_a_relative_path_is_meant_from_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded(tmp_path)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert find_root("x.py") == find_root(".") == find_root("") == str(tmp_path)


def test_paths_inside_the_state_or_git_belong_to_the_workspace_around(tmp_path: Path) -> None:
    root = guarded(repository(tmp_path / "r"))
    (root / ".noclobber" / "kept").mkdir()
    assert find_root(root / ".noclobber" / "kept" / "x") == str(root)
    assert find_root(root / ".git" / "hooks") == str(root)
    assert root_for(root / ".git") == str(root)


def test_a_dangling_symlink_is_owned_by_the_folder_it_lies_in(tmp_path: Path) -> None:
    root = guarded(tmp_path / "r")
    os.symlink("/nowhere/at/all", root / "link")
    assert find_root(root / "link") == str(root)
