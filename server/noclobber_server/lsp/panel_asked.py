"""What a command of the panel may be asked, as the client sends it."""

from __future__ import annotations

import attrs

__all__ = ["Asked"]


@attrs.frozen
class Asked:
    """What a panel command may be asked; each reads the few it needs."""

    root: str | None = None
    uri: str | None = None
    file_path: str | None = None
    hash: str | None = None
    seq: int | None = None
    line: int | None = None
    agent_id: str | None = None
    turn_id: str | None = None
    earlier: bool = False
    dry_run: bool = False
    minutes: int | None = None
    seconds: int | None = None
    query: str | None = None
    id: str | None = None
    action: str | None = None
    context: str | None = None
    failure: str | None = None
    resolution: str | None = None
    choice: str | None = None
    mine: str | None = None
