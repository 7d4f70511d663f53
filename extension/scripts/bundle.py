"""Puts the language server and its pure-Python dependencies into bundled/, so that the .vsix needs nothing installed.

The sources come from this tree, the dependencies through pip: those of pyproject.toml, at the versions pinned in constraints.txt.
Compiled parts are left out: what is packed here must run under any Python from 3.11 on, on any machine.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

EXTENSION = Path(__file__).resolve().parent.parent
ROOT = EXTENSION.parent
TARGET = EXTENSION / "bundled"
CONSTRAINTS = ROOT / "constraints.txt"
LAUNCHER = EXTENSION / "scripts" / "launch.py"
PACKAGES = (ROOT / "core" / "noclobber", ROOT / "server" / "noclobber_server")
COMPILED = {".so", ".pyd", ".dylib", ".pyc"}
NOT_NEEDED = {"__pycache__", "bin", "tests", "test"}


def install_dependencies(target: Path, project: dict[str, Any]) -> None:
    """The project's own dependencies and what they need, all of them pinned."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--target", str(target)]
    subprocess.run([*command, "--constraint", str(CONSTRAINTS), *project["dependencies"]], check=True)
    check_pins(target)


def check_pins(target: Path) -> None:
    """Exit where something was installed that constraints.txt does not pin."""
    pinned = {_normal(line) for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines()}
    found = {_normal(path.name.removesuffix(".dist-info").replace("-", "==", 1)) for path in target.glob("*.dist-info")}
    if found - pinned:
        sys.exit(f"constraints.txt does not pin {', '.join(sorted(found - pinned))}: run make constraints")


def _normal(pin: str) -> str:
    return pin.strip().lower().replace("_", "-")


def strip(target: Path) -> None:
    """Take out what is compiled, and what only tests and installers need."""
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in NOT_NEEDED:
                shutil.rmtree(path)
        elif path.suffix in COMPILED or path.name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}:
            path.unlink()


def copy_sources(target: Path, version: str) -> None:
    """Our own packages, from the working tree."""
    for package in PACKAGES:
        shutil.copytree(package, target / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copy(LAUNCHER, target / "launch.py")
    metadata = target / f"noclobber-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: noclobber\nVersion: {version}\n", encoding="utf-8")


def main() -> int:
    """Make bundled/ anew."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir()
    install_dependencies(TARGET, project)
    strip(TARGET)
    copy_sources(TARGET, project["version"])
    shutil.copy(ROOT / "LICENSE", EXTENSION / "LICENSE")
    size = sum(path.stat().st_size for path in TARGET.rglob("*") if path.is_file())
    sys.stdout.write(f"bundled/: {size / 1e6:.1f} MB in {sum(1 for _ in TARGET.rglob('*'))} files\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
