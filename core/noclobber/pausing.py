"""Sets and ends the pause that ``settings.is_off`` looks for; all fronts of a workspace see it at once.

The file is put in place by a rename, so that nobody ever reads half a time. Knows nothing of what a pause lets through.
"""

from __future__ import annotations

import os

from .content import access_error
from .settings import PAUSE_FILE, is_off

__all__ = ["pause", "paused_until", "resume"]


def pause(state: str, until: str) -> None:
    """Let every writer through until this UTC time (ISO 8601, ``Z``). ``state`` is the path of ``.noclobber``."""
    target = os.path.join(state, PAUSE_FILE)
    fresh = f"{target}.{os.getpid()}"
    try:
        with open(fresh, "w", encoding="ascii") as file:
            file.write(f"{until}\n")
        os.replace(fresh, target)
    except OSError as error:
        raise access_error(target, error, "pause in") from error


def paused_until(state: str) -> str | None:
    """When the pause ends; None where there is none, or it is over."""
    if not is_off({}, state):
        return None
    try:
        with open(os.path.join(state, PAUSE_FILE), encoding="ascii") as file:
            return file.read(100).strip()
    except OSError:  # ended in this very moment
        return None


def resume(state: str) -> str | None:
    """End a pause; when it would have ended, None where there was none."""
    until = paused_until(state)
    target = os.path.join(state, PAUSE_FILE)
    try:
        os.unlink(target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise access_error(target, error, "end the pause in") from error
    return until
