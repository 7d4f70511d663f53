from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from noclobber import ConcurrencyGuard
from noclobber_server.cli.output import Output
from noclobber_server.demo.actors import anchor
from noclobber_server.demo.learning import learning
from noclobber_server.demo.proof import prove
from noclobber_server.demo.race import FILES, Result
from noclobber_server.demo.stage import Stage, stage


@pytest.mark.timeout(300)
def test_the_demo_ends_with_nothing_lost(cli: Any, tmp_path: Path) -> None:
    answer = cli("demo", "--seconds", "1.5", TMPDIR=str(tmp_path), CI="true")
    told = answer.out.decode()
    assert answer.status == 0, told
    for part in ("STALE_FILE", "merged", "changed unguarded", "can be brought back", "bob's turn is gone"):
        assert part in told
    steps = ("both changes stand", "CLAUDE.md is as it was", "the lesson is in the file, once", "the next agent knows before it edits")
    assert [told.count(step) for step in steps] == [1, 1, 1, 1]
    assert told.index("Lesson for core/noclobber/lessons/wording.py") > told.index("came back: now in the file") > told.index("drafted  ")
    assert "\x1b" not in told
    assert not list(tmp_path.glob("noclobber-*"))


@pytest.fixture
def scene(tmp_path: Path) -> Stage:
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(anchor("alice"))
    (tmp_path / ".git").mkdir()
    return Stage(tmp_path, Output(io.BytesIO(), io.BytesIO()))


def test_the_proof_fails_when_one_line_is_lost(scene: Stage) -> None:
    with ConcurrencyGuard(scene.root, "alice") as guard:
        guard.edit(FILES[0], [(anchor("alice"), anchor("alice") + b"# alice 1\n")])
        assert prove(scene, guard, Result({"alice": [b"# alice 1\n"]}, [], None))
        assert not prove(scene, guard, Result({"alice": [b"# alice 1\n", b"# alice 2\n"]}, [], None))


def test_a_line_that_an_outsider_overwrote_counts_as_restorable_until_it_is_purged(scene: Stage) -> None:
    with ConcurrencyGuard(scene.root, "alice") as guard:
        done = guard.edit(FILES[0], [(anchor("alice"), anchor("alice") + b"# alice 1\n")])
        (scene.root / FILES[0]).write_bytes(b"overwritten\n")
        result = Result({"alice": [b"# alice 1\n"]}, [], None)
        assert prove(scene, guard, result)
        assert done.content_hash is not None
        guard.workspace.store.purge([done.content_hash])
        assert not prove(scene, guard, result)


def test_a_writer_that_wrote_nothing_proves_nothing(scene: Stage) -> None:
    with ConcurrencyGuard(scene.root, "alice") as guard:
        assert not prove(scene, guard, Result({"alice": []}, [], None))


def _learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]) -> tuple[bool, str]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = io.BytesIO()
    with stage(Output(told, io.BytesIO()), keep=False) as scene:
        spoil(scene.root)
        return learning(scene), told.getvalue().decode()


@pytest.mark.timeout(120)
def test_the_last_scene_fails_when_no_lesson_reaches_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, told = _learned(tmp_path, monkeypatch, lambda root: (root / "noclobber.toml").write_bytes(b'[lessons]\nauto = "never"\n'))
    assert not good
    assert "both changes stand" in told
    assert "the lesson is in the file" not in told
    assert "the next agent knows" not in told


@pytest.mark.timeout(120)
def test_the_last_scene_fails_when_nobody_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, told = _learned(tmp_path, monkeypatch, lambda root: (root / "noclobber.toml").write_bytes(b'mode = "observe"\n'))
    assert not good
    assert "both changes stand" not in told
