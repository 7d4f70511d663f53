"""What every test starts from: an environment that says nothing about the machine it runs on."""

from __future__ import annotations

import os
import signal
import tempfile

import pytest
from hypothesis import settings

from noclobber.roots import find_root

# A busy machine is no failure, and a failing example is printed so that it can be replayed anywhere.
settings.register_profile("noclobber", deadline=None, print_blob=True)
settings.load_profile("noclobber")


def pytest_configure() -> None:
    """What the machine must not decide: whether an interrupt reaches those we start, and which workspace owns what the tests make."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # started in the background by a shell; children inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:  # as nohup leaves it
            signal.signal(number, signal.SIG_DFL)
    if find_root(tempfile.gettempdir()) is None:
        return
    other = next((folder for folder in ("/var/tmp", "/dev/shm") if os.access(folder, os.W_OK) and find_root(folder) is None), None)
    if other is None:
        pytest.exit(f"{find_root(tempfile.gettempdir())} is a workspace of noclobber; remove the .noclobber in it", 2)
    os.environ["TMPDIR"] = tempfile.tempdir = other  # the workers and all they start inherit it


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is named, nothing is off, and this is no continuous integration; a test that wants otherwise says so."""
    for name in [*os.environ]:
        if name == "CI" or name.startswith("NOCLOBBER"):
            monkeypatch.delenv(name)
