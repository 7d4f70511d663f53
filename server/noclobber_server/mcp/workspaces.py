"""The workspaces that one MCP server serves, opened at the first call that needs them."""

from __future__ import annotations

import logging
import os
import threading

import anyio

from noclobber import ConcurrencyGuard
from noclobber.errors import NoclobberError
from noclobber.roots import STATE_FOLDER, find_root, root_for
from noclobber.settings import SETTINGS_FILE
from noclobber.workspace import Workspace

from .identity import Caller

__all__ = ["Workspaces"]

_LOOK_S = 0.25  # between two looks at the settings, a stat each

_log = logging.getLogger(__name__)


class Workspaces:
    """``base``: where relative paths begin. Absolute paths may lie in any workspace that exists; nothing is begun outside ``base``.

    ``confined``: only that of ``base`` is served, and what leads out of it is refused.
    """

    def __init__(self, base: str, *, confined: bool = False) -> None:
        self.base = os.path.realpath(base)
        self._confined = confined
        self._opened: dict[str, Workspace] = {}
        self._settings: dict[str, tuple[int, ...]] = {}  # which noclobber.toml each goes by
        self._looked_at: dict[str, tuple[int, ...]] = {}
        self._opening = threading.Lock()
        self._base_root: str | None = None

    def guard(self, caller: Caller, path: str | None = None) -> ConcurrencyGuard:
        """The guard of the workspace that owns the path (relative ones: of ``base``), as this caller."""
        workspace = self._workspace(self._root(path))
        return ConcurrencyGuard(workspace, caller.agent_id, turn_id=caller.turn_id, intent_id=caller.intent_id)

    def opened(self) -> list[Workspace]:
        """Those that some call has needed so far."""
        return list(self._opened.values())

    async def watch_settings(self) -> None:
        """Have each go by its ``noclobber.toml`` as it is: a server lives as long as its client, and hooks and editors follow at once."""
        while True:
            await anyio.sleep(_LOOK_S)
            self._follow_settings()

    def _follow_settings(self) -> None:
        for root, workspace in list(self._opened.items()):
            now, before = _settings_mark(root), self._looked_at.get(root)
            self._looked_at[root] = now
            if now == self._settings.get(root) or now != before:
                continue  # it may be being written: half of the settings are others
            self._settings[root] = now
            try:
                workspace.take_settings()
            except NoclobberError as problem:
                _log.warning("noclobber: %s What was set before stays in force.", problem)

    def state(self) -> str | None:
        """The state folder of the base workspace, None where there is none yet."""
        root = find_root(self.base)
        return None if root is None else os.path.join(root, ".noclobber")

    def close(self) -> None:
        """Let go of all of them."""
        while self._opened:
            self._opened.popitem()[1].close()

    def _root(self, path: str | None) -> str:
        if path is not None and os.path.isabs(path) and not self._confined:
            owner = find_root(path)
            if owner is not None:
                return owner
        if self._base_root is None or not os.path.isdir(os.path.join(self._base_root, STATE_FOLDER)):
            self._base_root = root_for(self.base)
        return self._base_root

    def _workspace(self, root: str) -> Workspace:
        workspace = self._opened.get(root)
        if workspace is None:
            with self._opening:
                workspace = self._opened.get(root)
                if workspace is None:
                    self._settings[root] = _settings_mark(root)  # before they are read: a change in between is noticed
                    workspace = self._opened[root] = Workspace.open(root)
        return workspace


def _settings_mark(root: str) -> tuple[int, ...]:
    """What tells one version of the file from another; empty where there is none."""
    try:
        stat = os.stat(os.path.join(root, SETTINGS_FILE))
    except OSError:
        return ()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
