from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from noclobber_server.clients.records import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    root, home = tmp_path / "project", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return Places(root, home, {})


@pytest.fixture
def run(places: Places, tmp_path: Path) -> Any:
    launcher = tmp_path / "bin" / "noclobber"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m noclobber_server.main "$@"\n', encoding="utf-8")
    launcher.chmod(0o755)
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("NOCLOBBER", "XDG", "CODEX", "COPILOT")) and name != "CI"
    }
    environ |= {"HOME": str(places.home), "PATH": f"{launcher.parent}:{os.environ['PATH']}"}

    def ran(*arguments: str, payload: bytes | None = None, **extra: str) -> subprocess.CompletedProcess[str]:
        given = None if payload is None else payload.decode()
        return subprocess.run(
            [str(launcher), *arguments],
            cwd=places.root,
            env=environ | extra,
            capture_output=True,
            text=True,
            input=given,
            timeout=90,
            check=False,
        )

    return ran
