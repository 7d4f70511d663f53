"""The protocol's own suite against our HTTP server, each revision; what it found is shown where it fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.editors
@pytest.mark.timeout(400)
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_every_check_that_applies_passes(revision: str) -> None:
    done = subprocess.run([sys.executable, str(HERE / "conformance.py"), revision], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_what_does_not_apply_is_named_check_by_check_with_its_reason(revision: str) -> None:
    """A whole scenario named here would excuse whatever breaks in it later."""
    lines = (HERE / f"conformance-{revision}.yml").read_text(encoding="utf-8").split("server:\n", 1)[1].splitlines()
    assert lines[0].startswith("  # ")
    for line in lines:
        assert line.startswith("  # ") or line.count(":") == 1, line
