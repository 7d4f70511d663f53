"""Writers as people call them: the ids name processes and sessions, which say nothing to somebody who reads a list."""

from __future__ import annotations

__all__ = ["name_of"]


def name_of(agent_id: str) -> str:
    """``editor:code-server:4211`` is ``you (code-server)``, ``cli:ada:83-1f`` is ``ada (terminal)``; agents keep their ids.

    What noclobber writes itself (``noclobber:lessons``) is named after what it is.
    """
    kind, _, rest = agent_id.partition(":")
    first, _, _ = rest.partition(":")
    if kind == "editor" and first:
        return f"you ({first})"
    if kind == "cli" and first:
        return f"{first} (terminal)"
    if kind == "noclobber":
        return rest  # what we write ourselves: lessons
    return "outside change" if agent_id == "outside" else agent_id
