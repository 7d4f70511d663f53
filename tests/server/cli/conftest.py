from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOCLOBBER = str(Path(sys.executable).parent / "noclobber")


class Answer:
    """What one run of the command gave."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.status = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode()

    @property
    def json(self) -> Any:
        """The one JSON object on stdout; nothing may stand beside it, and nothing on stderr."""
        assert self.out.count(b"\n") == 1
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Cli:
    """The installed command, in a folder that is a workspace of its own."""

    noclobber = NOCLOBBER

    def __init__(self, root: Path) -> None:
        self.root = root

    def environment(self, **more: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("NOCLOBBER")}
        return {**plain, "HOME": str(self.root.parent), "NOCLOBBER_AGENT": "alice", **more}

    def __call__(self, *arguments: str | bytes, stdin: bytes = b"", cwd: Path | None = None, **environment: str) -> Answer:
        told = {"input": stdin, "cwd": cwd or self.root, "env": self.environment(**environment)}
        done = subprocess.run([NOCLOBBER, *arguments], capture_output=True, check=False, **told)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Answer(done)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen([NOCLOBBER, *arguments], cwd=self.root, env=self.environment(), **options)

    def file(self, name: str, content: bytes) -> Path:
        """A file made by nobody we know."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    root = tmp_path / "project"
    root.mkdir()
    subprocess.run(["git", "init", "--quiet", str(root)], check=True)
    return Cli(root)
