from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from noclobber_server.clients.records import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    root, home = tmp_path / "project", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return Places(root, home, {})
