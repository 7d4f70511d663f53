"""The inspector in command-line mode against our stdio server: every tool listed and called, with good and bad arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.editors
@pytest.mark.timeout(400)
def test_every_tool_is_listed_and_called_with_good_and_bad_arguments() -> None:
    script = Path(__file__).parent / "inspector.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
