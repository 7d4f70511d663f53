"""The stage: a temporary git repository with a copy of noclobber's own sources, and a voice to tell what happens on it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import noclobber
import noclobber_server

from ..cli.output import Output, printable

__all__ = ["Stage", "stage"]

_WIDTH = 140
_SOURCES = (("core/noclobber", noclobber), ("server/noclobber_server", noclobber_server))


class Stage:
    """One demo's folder and voice."""

    def __init__(self, root: Path, out: Output) -> None:
        self.root = root
        self.out = out

    def title(self, text: str) -> None:
        """A scene begins."""
        self.out.line()
        self.out.line(self.out.paint("bold", f"== {text}"))
        self.out.flush()

    def say(self, text: str, style: str | None = None) -> None:
        """One line of the tale."""
        self.out.line(f"   {self.out.paint(style, text) if style else text}")
        self.out.flush()

    def read(self, path: str) -> bytes:
        """A file's bytes, as any program sees them."""
        return (self.root / path).read_bytes()

    def run(self, *arguments: str, agent: str | None = None, turn: str | None = None, stdin: bytes = b"", lines: int = 30) -> int:
        """Type one noclobber command, show it and what it says; its exit status."""
        who = f"NOCLOBBER_AGENT={agent} " if agent else ""
        shown = " ".join(_quoted(one) for one in arguments)
        self.say(f"{who}$ noclobber {shown}{' < …' if stdin else ''}", "bold")
        done = self.ask(*arguments, agent=agent, turn=turn, stdin=stdin, stderr=subprocess.STDOUT)
        self.show(done.stdout, lines)
        if done.returncode:
            self.say(f"exit status {done.returncode}", "dim")
        return done.returncode

    def ask(
        self, *arguments: str, agent: str | None = None, turn: str | None = None, stdin: bytes = b"", stderr: int | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one noclobber command without a word about it."""
        return subprocess.run(
            [sys.executable, "-m", "noclobber_server.main", *arguments],
            cwd=self.root,
            env=_environment(agent, turn),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            check=False,
        )

    def show(self, text: bytes, lines: int) -> None:
        """What somebody said, indented, long lines folded, the middle left out where it is long."""
        said = [part for line in text.decode("utf-8", "backslashreplace").splitlines() for part in _folded(printable(line))]
        cut = len(said) - lines
        tail = min(4, lines // 3)
        for line in [*said[: lines - tail - 1], f"… {cut + 1} lines …", *said[len(said) - tail :]] if cut > 0 else said:
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "dim")
            self.say(f"   {self.out.paint(style, line)}")


@contextmanager
def stage(out: Output, keep: bool) -> Iterator[Stage]:
    """A stage that is taken down afterwards, unless it is to be kept."""
    root = Path(tempfile.mkdtemp(prefix="noclobber-demo-"))
    try:
        _copy_sources(root)
        yield Stage(root, out)
    finally:
        if keep:
            out.line(f"\nkept: {root}")
        else:
            shutil.rmtree(root, ignore_errors=True)


def _copy_sources(root: Path) -> None:
    for target, package in _SOURCES:
        source = os.path.dirname(os.path.abspath(package.__file__ or ""))
        shutil.copytree(source, root / target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    # Its own git root, so that it is a workspace of its own wherever temporary folders are.
    (root / ".git").mkdir()


def _environment(agent: str | None, turn: str | None) -> dict[str, str]:
    """This process's, without what would speak for another caller, or say that nothing is to be drafted; this Python comes first."""
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("NOCLOBBER")}
    named = {"NOCLOBBER_AGENT": agent, "NOCLOBBER_TURN": turn}
    search = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    # Sources here change faster than the clock by which compiled ones are found to be old.
    return {**kept, "PATH": search, "PYTHONDONTWRITEBYTECODE": "1", **{name: value for name, value in named.items() if value}}


def _quoted(argument: str) -> str:
    return shlex.quote(argument) if argument.isprintable() else repr(argument)


def _folded(line: str) -> list[str]:
    """A line in pieces of the page's width, at most five; those that follow stand further in."""
    return [("   " if at else "") + line[at : at + _WIDTH] for at in range(0, min(len(line), 5 * _WIDTH), _WIDTH)] or [line]
