"""The settings in docs/editors.md, as they stand there, in the editors they are for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NEWER = str(HERE.parents[1] / ".tools" / "bin" / "nvim-0.11.4")
PAGE = (HERE.parents[1] / "docs" / "editors.md").read_text(encoding="utf-8")
NEOVIM = ("--headless", "--clean", "-n", "-c", "luafile {settings}", "-S", str(HERE / "documented.lua"))
EMACS = ("--batch", "-q", "-l", "{settings}", "-l", str(HERE / "documented.el"))

pytestmark = pytest.mark.editors


def _settings(first_line: str) -> str:
    (block,) = re.findall(rf"```(?:lua|elisp)\n{re.escape(first_line)}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


@pytest.mark.parametrize(
    ("binary", "arguments", "settings"),
    [
        (NEWER, NEOVIM, "-- neovim 0.11"),
        (NEWER, NEOVIM, "-- neovim before 0.11"),
        ("nvim", NEOVIM, "-- neovim before 0.11"),
        ("emacs", EMACS, ";; emacs, eglot"),
    ],
    ids=["neovim-0.11", "neovim-0.11-older-way", "neovim-0.7", "emacs-eglot"],
)
def test_the_documented_settings_show_an_agents_change(binary: str, arguments: tuple[str, ...], settings: str, tmp_path: Path) -> None:
    if shutil.which(binary) is None:
        pytest.fail(f"{binary} is missing: run tests/editors/setup-terminal-editors.sh")
    workspace = tmp_path / "ws"
    workspace.mkdir()
    subprocess.run(["git", "init", "--quiet", str(workspace)], check=True)
    (workspace / "a.txt").write_text("".join(f"line {n}\n" for n in range(1, 11)), encoding="utf-8")
    written = tmp_path / ("settings.el" if arguments is EMACS else "settings.lua")
    written.write_text(_settings(settings), encoding="utf-8")
    home = str(tmp_path)
    folders = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), home)
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "NOCLOBBER")} | folders
    env |= {"PY": sys.executable, "AGENT": str(HERE / "agent.py"), "WS": str(workspace)}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [binary, *(argument.format(settings=written) for argument in arguments)]
    done = subprocess.run(
        command, cwd=workspace, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=110, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert re.search(r"shown: .*Changed on disk by claude/1 \(turn-12, INT-3\) .*line 8", said), said
