"""Who is calling: the explicit parameter, else what the client puts into ``_meta``, else the connection, else the environment.

A connection without a session is no conversation: where nothing names the agent, it is given a name of its own in the answer,
to be passed back, and no two agents ever share what they know.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from noclobber.arguments import checked_label

__all__ = ["LABELS", "Caller", "Identity", "MetaNames", "names_in_meta"]

LABELS = ("agent_id", "turn_id", "intent_id")

_LONGEST = 200


class Caller(NamedTuple):
    """One call's writer. ``tells_changes``: its client tells the model itself of files changed on disk."""

    agent_id: str
    turn_id: str | None = None
    intent_id: str | None = None
    tells_changes: bool = False


class MetaNames(NamedTuple):
    """What a request's ``_meta`` says: the agent and turn, or the number of a tool's use that a hook knows more about."""

    agent_id: str | None = None
    turn_id: str | None = None
    call_id: str | None = None


class Identity:
    """Names callers. ``hook_call`` looks up whose call a number is; ``stateless``: connections come and go with each request."""

    def __init__(
        self, environ: Mapping[str, str], hook_call: Callable[[str], tuple[str, str | None] | None], *, stateless: bool = False
    ) -> None:
        self._environ = environ
        self._hook_call = hook_call
        self._stateless = stateless

    def caller(
        self, given: Mapping[str, str | None], meta: Mapping[str, Any], *, client: str | None = None, session: str | None = None
    ) -> Caller:
        """The caller of one request. ``given``: the call's own ``agent_id``, ``turn_id``, ``intent_id``; ``session``: the connection's.

        NoclobberError where one of those given is no label: taken for none, two agents would become one.
        """
        agent, turn, intent = (checked_label(given.get(name), name) for name in LABELS)
        names = names_in_meta(meta)
        agent_id, turn_id = names.agent_id, names.turn_id
        if names.call_id is not None:
            known = self._hook_call(names.call_id)
            if known is not None:
                agent_id, turn_id = known
        return Caller(
            agent or agent_id or self._by_connection(client, session),
            turn or turn_id or _label(self._environ.get("NOCLOBBER_TURN")),
            intent or _label(self._environ.get("NOCLOBBER_INTENT")),
            tells_changes=names.call_id is not None,
        )

    def _by_connection(self, client: str | None, session: str | None) -> str:
        name = next(iter((_label(client) or "").split()), "agent").lower()
        if session:
            return f"mcp:{name}:{session[:16]}"
        if self._stateless:
            return f"mcp:{name}:{secrets.token_hex(6)}"
        # over stdio the connection is the process, and whoever started it may have said whose it is
        return _label(self._environ.get("NOCLOBBER_AGENT")) or f"mcp:{name}:{os.getpid()}"


def names_in_meta(meta: Mapping[str, Any]) -> MetaNames:
    """The names that known clients put into ``_meta``."""
    codex = meta.get("x-codex-turn-metadata")
    if isinstance(codex, str):
        try:
            codex = json.loads(codex)
        except ValueError:
            codex = None
    if isinstance(codex, dict) and _label(codex.get("session_id")):
        return MetaNames(f"codex:{codex['session_id']}", _label(codex.get("turn_id")))
    vscode = _label(meta.get("vscode.conversationId"))
    if vscode:
        return MetaNames(f"vscode:{vscode}", _label(meta.get("vscode.requestId")))
    opencode = _label(meta.get("sessionID"))
    if opencode:
        return MetaNames(f"opencode:{opencode}")
    return MetaNames(call_id=_label(meta.get("claudecode/toolUseId")))


def _label(value: object) -> str | None:
    if not isinstance(value, str) or not value or len(value) > _LONGEST or not value.isprintable():
        return None
    return value
