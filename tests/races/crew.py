"""Starts workers in processes of their own, lets them go at the same moment, and gathers what each has to say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

WORKERS = Path(__file__).with_name("workers.py")


class Worker:
    """One process that runs a function of ``workers.py``; it waits for ``go``, and at its end says one JSON object."""

    def __init__(self, name: str, *, first: str = "ready", **arguments: Any) -> None:
        command = [sys.executable, str(WORKERS), name, json.dumps(arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.heard(first)

    def heard(self, word: str) -> str:
        """Wait for a line that begins with this word; its rest."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(word), f"{self.process.args!r} said {line!r} instead of {word!r}"
        return line[len(word) :].strip()

    def say(self, line: str) -> None:
        """One line to the worker."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """What it came to; it must have ended well."""
        answer: dict[str, Any] = json.loads(self.heard("result"))
        assert self.process.wait(60) == 0
        self.close()
        return answer

    def close(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def race(*workers: Worker) -> list[dict[str, Any]]:
    """Let all go at once; their results."""
    try:
        for worker in workers:
            worker.say("go")
        return [worker.result() for worker in workers]
    finally:
        for worker in workers:
            worker.close()
