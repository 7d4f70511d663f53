"""Durations and points in time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .call import Usage

__all__ = ["duration", "since"]

_DURATION = r"(?:\d{1,18}[smhdw])+"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def duration(text: str) -> timedelta:
    """``90s``, ``30m``, ``1h``, ``2h30m``, ``1d``."""
    parts = re.fullmatch(_DURATION, text.strip().lower())
    if parts is None:
        raise Usage(f"'{text:.40}' is no duration; write for example 30m, 1h, 2h30m or 1d")
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", parts.group()))
    if not 0 < seconds <= 366 * 86400:
        raise Usage(f"'{text:.40}' is no useful duration; write for example 30m, and at most 366d")
    return timedelta(seconds=seconds)


def since(text: str, now: datetime | None = None) -> str:
    """A UTC time stamp as the history has them, from a duration back (``2h``), a date, or an ISO 8601 time (local without a zone)."""
    if re.fullmatch(_DURATION, text.strip().lower()):
        moment = (now or datetime.now(UTC)) - duration(text)
    else:
        try:
            moment = datetime.fromisoformat(text.strip()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Usage(f"'{text:.40}' is no time; write for example 2h, 2026-01-31 or 2026-01-31T08:00:00Z") from None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
