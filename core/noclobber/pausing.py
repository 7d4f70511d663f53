"""The switch that lets every writer through for a while; kept in the store, so that all fronts of a workspace see it.

Fronts ask ``paused_until`` before they refuse anything. Knows nothing of what they let through.
"""

from __future__ import annotations

from .clock import utc_now
from .store.protocol import Store

__all__ = ["pause", "paused_until", "resume"]

_KEY = "paused_until"


def pause(store: Store, until: str) -> None:
    """Let every writer through until this UTC time (ISO 8601, milliseconds, ``Z``)."""
    store.put_meta(_KEY, until)


def paused_until(store: Store) -> str | None:
    """When the pause ends; None where there is none, or it is over."""
    until = store.get_meta(_KEY)
    return until if until is not None and until > utc_now() else None


def resume(store: Store) -> str | None:
    """End a pause; when it would have ended, None where there was none."""
    until = paused_until(store)
    store.put_meta(_KEY, None)
    return until
