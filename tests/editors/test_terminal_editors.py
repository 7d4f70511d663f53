"""Neovim (Debian's and a newer one) and Emacs with eglot, driven headless against the real server and a real agent process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / ".tools" / "bin"
NEWER = TOOLS / "nvim-0.11.4"
NEOVIM = ["--headless", "--clean", "-n", "-S", str(HERE / "neovim.lua")]
EMACS = ["--batch", "-q", "-l", str(HERE / "emacs.el")]

pytestmark = pytest.mark.editors


def _run(command: list[str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    workspace = tmp_path / "ws"
    workspace.mkdir()
    (workspace / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 11)), encoding="utf-8")
    home = str(tmp_path)
    folders = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), home)
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")} | folders
    env |= {"PY": sys.executable, "AGENT": str(HERE / "agent.py"), "WS": str(workspace)}
    return subprocess.run(
        command, cwd=workspace, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=110, check=False
    )


@pytest.mark.parametrize(
    ("binary", "arguments"), [("nvim", NEOVIM), (str(NEWER), NEOVIM), ("emacs", EMACS)], ids=["neovim-0.7", "neovim-0.11", "emacs-eglot"]
)
def test_an_editor_and_an_agent_never_lose_each_others_work(binary: str, arguments: list[str], tmp_path: Path) -> None:
    if shutil.which(binary) is None:
        pytest.fail(f"{binary} is missing: run tests/editors/setup-terminal-editors.sh")
    done = _run([binary, *arguments], tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert " 0 failed" in said, said
    assert "FAIL" not in said, said
