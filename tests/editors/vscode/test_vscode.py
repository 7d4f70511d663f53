"""The extension in a real VS Code workbench: each scenario is a Node script that drives headless Chromium; its output is the report."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
NODE = ROOT / ".tools" / "bin" / "node"
SCENARIOS = sorted(path.stem for path in HERE.glob("[0-9]*.mjs"))
LARGEST_VSIX = 5_000_000

pytestmark = [pytest.mark.editors, pytest.mark.timeout(1200)]


@pytest.fixture(scope="session")
def extension() -> Path:
    """What the scenarios need is installed, and the extension is packed from the sources as they are."""
    _run([str(HERE.parent / "setup-vscode.sh")], ROOT)
    environ = {"PATH": f"{ROOT / '.tools' / 'bin'}:{os.environ['PATH']}", "PYTHON": str(ROOT / ".tools" / "node-venv" / "bin" / "python")}
    _run(["npm", "run", "--silent", "package"], ROOT / "extension", environ)
    return ROOT / "extension" / "noclobber.vsix"


def test_the_package_is_small(extension: Path) -> None:
    size = extension.stat().st_size
    print(f"noclobber.vsix: {size / 1e6:.2f} MB")
    assert size < LARGEST_VSIX


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_editor_does_what_it_should(extension: Path, scenario: str) -> None:
    print(_run([str(NODE), str(HERE / "run.mjs"), scenario], HERE))


def _run(command: list[str], folder: Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environ or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout
