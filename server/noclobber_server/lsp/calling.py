"""One call of a command, from the request to its answer: what was asked, and whether the client has withdrawn it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["CommandCall"]


class CommandCall:
    """``arguments`` as they came; ``token`` names the progress bar that the client has for it. Used on the event loop only."""

    def __init__(self, arguments: tuple[Any, ...], token: int | str | None) -> None:
        self.arguments = arguments
        self.token = token
        self._withdrawn = False
        self._listeners: list[Callable[[], None]] = []

    def when_withdrawn(self, listener: Callable[[], None]) -> None:
        """Call this when the client withdraws the request, at once where it has."""
        self._listeners.append(listener)
        if self._withdrawn:
            listener()

    def withdraw(self) -> None:
        """The client no longer wants it done."""
        self._withdrawn = True
        for listener in self._listeners:
            listener()
