"""What every test starts from: an environment that says nothing about the machine it runs on."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A busy machine is no failure, and a failing example is printed so that it can be replayed anywhere.
settings.register_profile("noclobber", deadline=None, print_blob=True)
settings.load_profile("noclobber")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is named, nothing is off, and this is no continuous integration; a test that wants otherwise says so."""
    for name in [*os.environ]:
        if name == "CI" or name.startswith("NOCLOBBER"):
            monkeypatch.delenv(name)
