from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from noclobber import secrecy as module
from noclobber.secrecy import Secrecy, looks_secret
from noclobber.settings import Settings


def git(where: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=where, check=True, capture_output=True)


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's own git configuration."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "work"
    (root / "src").mkdir(parents=True)
    git(root, "init", "-q")
    return root


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders that git was asked about."""
    folders: list[str] = []
    really = module._ask_git

    def ask(folder: str, name: str) -> dict[str, bool]:
        folders.append(folder)
        return really(folder, name)

    monkeypatch.setattr(module, "_ask_git", ask)
    return folders


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.local",
        "config/.env.production",
        ".envrc",
        "prod.env",
        "server.pem",
        "tls/server.KEY",
        "cert.crt",
        "app.p12",
        "release.keystore",
        "android.jks",
        "home/.ssh/config",
        "id_rsa",
        "id_ed25519.pub",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        ".aws/credentials",
        ".kube/config",
        "credentials.json",
        "client_secret_123.json",
        "secrets.yaml",
        "infra/terraform.tfstate",
        "prod.tfvars",
        "vault.kdbx",
        "a.gpg",
    ],
)
def test_names_of_credentials_keys_and_certificates_look_secret(path: str) -> None:
    assert looks_secret(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/main.py",
        "environment.py",
        "keys.py",
        "docs/env.md",
        "monkey.txt",
        "secrets.py",
        "credentials.go",
        "tokenizer.py",
        "README",
        "keyboard.ts",
        "a.environ",
    ],
)
def test_ordinary_names_do_not_look_secret(path: str) -> None:
    assert not looks_secret(path)


@pytest.mark.parametrize(
    ("glob", "hit", "missed"),
    [
        ("*.dat", ["a.dat", "x/y/B.DAT"], ["a.dat2", "dat"]),
        ("private/**", ["private/a", "private/x/y"], ["src/private/a", "privat/a"]),
        ("private", ["private/a", "src/private/a", "private"], ["privates/a"]),
        ("private/", ["private/a", "src/private/x/a"], ["privates/a"]),
        ("/top.txt", ["top.txt"], ["src/top.txt"]),
        ("src/**/x.py", ["src/x.py", "src/a/b/x.py"], ["x.py", "src/ax.py"]),
        ("data/*.csv", ["data/a.csv"], ["data/x/a.csv", "b/data/a.csv"]),
        ("file?.[ch]", ["file1.c", "a/fileX.h"], ["file.c", "file1.o"]),
        ("x[!a-c]", ["xd"], ["xa", "x/"]),
        ("a[", ["a["], ["a"]),
        ("a[z-a]", ["a[z-a]"], ["az"]),
        ("a+b(c)", ["a+b(c)"], ["aab(c)"]),
    ],
)
def test_globs_of_the_settings_name_further_files(tmp_path: Path, glob: str, hit: list[str], missed: list[str]) -> None:
    secrecy = Secrecy(tmp_path, Settings(never_keep=("never.matches", glob)))
    assert [path for path in hit if not secrecy.never_kept(path)] == []
    assert [path for path in missed if secrecy.never_kept(path)] == []


def test_what_git_ignores_is_never_kept(root: Path) -> None:
    (root / ".gitignore").write_text("*.log\nbuild/\n", encoding="utf-8")
    (root / "src" / ".gitignore").write_text("!keep.log\n", encoding="utf-8")
    secrecy = Secrecy(root, Settings(), glance_s=0)
    paths = [
        "a.log",
        "src/b.log",
        "src/keep.log",
        "build/x/new.py",
        "src/a.py",
        "missing/folder/x.log",
        "missing/folder/x.py",
        ":a.log",
        "-a.log",
        "ä.log",
    ]
    assert secrecy.never_kept_of(paths) == {"a.log", "src/b.log", "build/x/new.py", "missing/folder/x.log", ":a.log", "-a.log", "ä.log"}


def test_a_tracked_file_is_kept_although_a_pattern_names_it(root: Path) -> None:
    (root / "kept.log").write_bytes(b"x")
    git(root, "add", "kept.log")
    (root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    secrecy = Secrecy(root, Settings(), glance_s=0)
    assert not secrecy.never_kept("kept.log")
    assert secrecy.never_kept("other.log")


@pytest.mark.parametrize("source", [".gitignore", "src/.gitignore", ".git/info/exclude", "../home/.config/git/ignore"])
def test_a_changed_ignore_file_counts_at_once(root: Path, source: str) -> None:
    secrecy = Secrecy(root, Settings(), glance_s=0)
    assert not secrecy.never_kept("src/a.txt")
    file = root / source
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("a.txt\n", encoding="utf-8")
    assert secrecy.never_kept("src/a.txt")
    file.unlink()
    assert not secrecy.never_kept("src/a.txt")


def test_the_exclude_file_counts_at_once_in_a_worktree_too(root: Path, tmp_path: Path) -> None:
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    git(root, "worktree", "add", "-q", str(tmp_path / "w"), "-b", "w")
    secrecy = Secrecy(tmp_path / "w", Settings(), glance_s=0)
    assert not secrecy.never_kept("a.txt")
    (root / ".git" / "info" / "exclude").write_text("a.txt\n", encoding="utf-8")
    assert secrecy.never_kept("a.txt")


def test_a_configured_excludes_file_counts(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("*.mine\n", encoding="utf-8")
    git(root, "config", "core.excludesFile", str(tmp_path / "mine"))
    assert Secrecy(root, Settings(), glance_s=0).never_kept("x.mine")


def test_a_submodule_is_asked_about_its_own_files(root: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    (library / ".gitignore").write_text("*.o\n", encoding="utf-8")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "first")
    git(root, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "lib")
    assert Secrecy(root, Settings(), glance_s=0).never_kept_of(["lib/x.o", "lib/x.c", "x.o"]) == {"lib/x.o"}


def test_git_is_asked_once_for_a_folder_and_its_answer_remembered(root: Path, asked: list[str]) -> None:
    for n in range(20):
        (root / "src" / f"f{n}").write_bytes(b"")
    secrecy = Secrecy(root, Settings(), glance_s=0)
    for _ in range(3):
        assert secrecy.never_kept_of(f"src/f{n}" for n in range(20)) == set()
    assert asked == [str(root / "src")]
    secrecy.never_kept(".env")
    assert len(asked) == 1


def test_an_answer_is_asked_for_again_after_a_few_seconds(root: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    secrecy = Secrecy(root, Settings(), glance_s=0)
    assert secrecy.never_kept("a.log")
    (root / "a.log").write_bytes(b"x")
    git(root, "add", "-f", "a.log")
    monkeypatch.setattr(module, "_FRESH_S", 0.0)
    assert not secrecy.never_kept("a.log")
    assert len(asked) == 2


def test_outside_a_repository_git_is_not_even_started(tmp_path: Path, asked: list[str]) -> None:
    assert not Secrecy(tmp_path, Settings(), glance_s=0).never_kept("a.log")
    assert asked == []


def test_without_git_nothing_is_ignored_but_secret_names_stay_secret(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(root))
    secrecy = Secrecy(root, Settings(), glance_s=0)
    assert not secrecy.never_kept("a.log")
    assert secrecy.never_kept(".env")


def test_a_folder_that_only_looks_like_a_repository_ignores_nothing(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert not Secrecy(tmp_path, Settings(), glance_s=0).never_kept("a.log")


def test_where_git_fails_nothing_is_kept(root: Path) -> None:
    (root / ".git" / "config").write_text("[core\n", encoding="utf-8")
    assert Secrecy(root, Settings(), glance_s=0).never_kept("src/a.py")


def test_a_git_hook_that_started_us_does_not_point_us_elsewhere(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / ".gitignore").write_text("*.log\n", encoding="utf-8")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert Secrecy(root, Settings(), glance_s=0).never_kept_of(["a.log", "a.py"]) == {"a.log"}


def test_asking_changes_nothing_in_the_repository(root: Path) -> None:
    before = sorted(os.listdir(root / ".git"))
    Secrecy(root, Settings(), glance_s=0).never_kept("src/a.py")
    assert sorted(os.listdir(root / ".git")) == before
