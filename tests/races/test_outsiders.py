"""One guarded writer against one outsider in another process: no version that a guarded write displaced is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crew import Worker, race

from noclobber import ConcurrencyGuard
from noclobber.content import hash_content

KINDS = ("renamer", "in_place", "late")


def _lost(root: Path, outsider: dict[str, Any]) -> list[str]:
    """Versions of the outsider that it did not overwrite itself, and that are neither on disk nor kept."""
    with ConcurrencyGuard(root, "checker") as checker:
        standing = hash_content((root / "file").read_bytes())
        open_to_doubt = set(outsider["made"]) - set(outsider["overwritten"]) - {standing}
        return [made for made in open_to_doubt if checker.workspace.store.content(made) is None]


def _fight(root: Path, kind: str, seconds: float, sabotage: str = "") -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    root.mkdir(exist_ok=True)
    (root / "file").write_bytes(b"begin\n")
    guarded, outsider = race(
        Worker("writer", root=str(root), seconds=seconds, sabotage=sabotage), Worker(kind, root=str(root), seconds=seconds)
    )
    lost = _lost(root, outsider)
    print(
        f"{kind}{' without ' + sabotage if sabotage else ''}: {guarded['done']} writes, {guarded['refused']} refused, "
        f"{guarded['put_back']} times something newer came out; {len(outsider['made'])} outside versions, "
        f"{len(outsider['overwritten'])} overwritten by outsiders, {outsider.get('displaced', 0)} written late, {len(lost)} lost"
    )
    return guarded, outsider, lost


@pytest.mark.parametrize("kind", KINDS)
def test_no_version_that_a_guarded_write_displaced_is_lost(tmp_path: Path, kind: str) -> None:
    guarded, outsider, lost = _fight(tmp_path, kind, 2.0)
    assert lost == []
    assert guarded["done"] + guarded["refused"] > 5
    assert outsider["made"]
    assert list((tmp_path / ".noclobber/tmp").iterdir()) == []


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_in_a_long_run_none_is_lost_either(tmp_path: Path, kind: str) -> None:
    guarded, _, lost = _fight(tmp_path, kind, 120.0)
    assert lost == []
    assert guarded["done"] > 100


@pytest.mark.parametrize(("sabotage", "kind"), [("compare", "renamer"), ("late", "late")])
def test_the_race_finds_the_loss_where_a_safeguard_is_left_out(tmp_path: Path, sabotage: str, kind: str) -> None:
    for attempt in range(8):
        _, _, lost = _fight(tmp_path / str(attempt), kind, 2.0, sabotage)
        if lost:
            return
    pytest.fail(f"without {sabotage}, nothing was lost: the test would not notice")
