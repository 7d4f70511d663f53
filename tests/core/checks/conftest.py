from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard
from noclobber.lessons.verifying import Verified, verify

TOOLS = Path(__file__).parents[2] / "tools" / "node_modules"


@pytest.fixture
def node_tools() -> Path:
    """Where eslint, pyright, tsc and vitest are."""
    if not (TOOLS / ".bin" / "vitest").exists():
        pytest.fail("the check tools are not installed; run: npm ci --prefix tests/tools --ignore-scripts (make test does)")
    return TOOLS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def run_check(project: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Verified]:
    """Run a check in the project as a writer in a turn; no terminal, no CI."""

    def run(
        *argv: str, agent: str = "alice", turn: str | None = "t1", environ: dict[str, str] | None = None, **options: object
    ) -> Verified:
        with ConcurrencyGuard(project, agent, turn_id=turn) as guard:
            return verify(argv, lambda: guard, root=str(project), folder=str(project), environ=environ or {}, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pytest tells its own children must not reach a pytest that is being checked."""
    for name in [name for name in os.environ if name.startswith(("PYTEST", "COV_", "VITEST"))]:
        monkeypatch.delenv(name)
    # A source mended to the same size within the same second would be taken for the one that was compiled.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    # What is installed beside pytest for our own tests takes three seconds to load, and is no part of the project that is checked.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
