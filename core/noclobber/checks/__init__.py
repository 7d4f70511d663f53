"""Checks: running one as if we were not there, and reading what it reports. Nothing here knows of lessons."""

__all__: list[str] = []
