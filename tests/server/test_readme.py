from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from noclobber_server.cli import registry

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_example_in_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    root = tmp_path / "path" / "to" / "workspace"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_bytes(b"# one\n")
    (root / "src" / "b.py").write_bytes(b"old text\n")
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert (root / "src" / "a.py").read_bytes() == b"# one\n"
    assert (root / "src" / "b.py").read_bytes() == b"old text\n"


def test_the_example_in_the_readme_is_about_twenty_lines() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 24


def test_every_command_that_the_readme_names_exists() -> None:
    (block,) = re.findall(r"## The command line\n\n```\n(.*?)```", README, re.DOTALL)
    named = set(re.findall(r"noclobber ([a-z]+)", block)) | set(re.findall(r"· ([a-z]+)", block))
    assert named <= {row.name for row in registry.ROWS}
    assert {"read", "write", "revert", "doctor"} <= named
