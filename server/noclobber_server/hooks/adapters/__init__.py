"""One small module per client. ``load`` imports the one that is asked for, and nothing else."""

from __future__ import annotations

from ..records import Adapter

__all__ = ["NAMES", "load"]

NAMES = ("claude-code", "codex", "vscode", "copilot", "cursor", "gemini", "opencode", "cline")


def load(name: str) -> Adapter:
    """The adapter of a client; KeyError for a name that is none."""
    if name not in NAMES:
        raise KeyError(name)
    from importlib import import_module

    adapter: Adapter = import_module(f"{__name__}.{name.replace('-', '_')}").ADAPTER
    return adapter
