from __future__ import annotations

import os
from pathlib import Path

import pytest

from noclobber.merge import merge3
from noclobber.merge.git import merge_file

BASE = b"a\nb\nc\nd\ne\n"
OURS = b"A\nb\nC\nd\ne\n"
THEIRS = b"a\nb\nc\nd\nE\n"


def test_a_missing_git_is_an_obstacle_and_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    merged = merge3(BASE, b"a\nX\nc\nd\ne\n", b"a\nY\nc\nd\ne\n")
    assert merged.content is None
    assert "git" in merged.obstacle


def test_a_failing_git_is_an_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho 'error: out of luck' >&2\nexit 255\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    status, content, obstacle = merge_file(BASE, OURS, THEIRS)
    assert (status, content) == (0, b"")
    assert "out of luck" in obstacle


def test_no_git_variable_and_no_settings_file_changes_the_merge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("this is [no settings file\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "broken")
    assert merge_file(BASE, OURS, THEIRS) == (0, b"A\nb\nC\nd\nE\n", "")


def test_without_files_in_memory_the_scratch_folder_is_used_and_left_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/config").write_text("this is [no settings file\n")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert merge_file(BASE, OURS, THEIRS, str(scratch)) == (0, b"A\nb\nC\nd\nE\n", "")
    assert list(scratch.iterdir()) == []


def test_a_scratch_folder_that_is_not_there_is_an_obstacle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    assert "scratch" in merge_file(BASE, OURS, THEIRS, str(tmp_path / "missing"))[2]


def test_no_descriptor_is_left_open() -> None:
    before = len(os.listdir("/dev/fd"))
    merge_file(BASE, OURS, THEIRS)
    assert len(os.listdir("/dev/fd")) == before


def test_more_conflicts_than_an_exit_status_holds_are_conflicts() -> None:
    base = b"".join(b"line %d\n" % number + b"".join(b"same %d.%d\n" % (number, each) for each in range(6)) for number in range(400))
    status, _, obstacle = merge_file(base, base.replace(b"line", b"ours"), base.replace(b"line", b"theirs"))
    assert (status, obstacle) == (127, "")
