"""The clients: how a project shows that it uses one, and which files of each hold what, shared or personal.

A personal file is one that no commit carries: in the person's home folder where the client has one there, else in the project and
listed in git's own ``info/exclude``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from .commands import hook_command, mcp_command
from .hook_entries import CLINE_EVENTS, hook_entries
from .records import Entry, Places, Target

__all__ = ["CLIENTS", "detect", "holds_everywhere", "targets"]

CLIENTS = ("claude-code", "codex", "vscode", "copilot", "cursor", "gemini", "opencode", "cline", "antigravity", "zoo")

_PROJECT_MARKS = {
    "claude-code": (".claude", "CLAUDE.md", "CLAUDE.local.md"),
    "codex": (".codex",),
    "vscode": (".vscode", ".github/hooks"),
    "copilot": (".github/copilot", ".github/copilot-instructions.md"),
    "cursor": (".cursor", ".cursorrules"),
    "gemini": (".gemini", "GEMINI.md"),
    "opencode": ("opencode.json", "opencode.jsonc", ".opencode"),
    "cline": (".clinerules",),
    "antigravity": (".agents/mcp_config.json", ".agent"),
    "zoo": (".roo", ".roorules"),
}
_HOME_MARKS = {
    "claude-code": (".claude", ".claude.json"),
    "codex": (".codex",),
    "copilot": (".copilot",),
    "cline": (".cline",),
    "cursor": (".cursor",),
    "gemini": (".gemini/settings.json",),
    "opencode": (".config/opencode",),
    "antigravity": (".gemini/antigravity",),
}


def detect(places: Places) -> tuple[str, ...]:
    """The clients that the project, or the person's home folder, shows traces of."""
    found = []
    for client in CLIENTS:
        in_project = any((places.root / mark).exists() for mark in _PROJECT_MARKS[client])
        at_home = any((places.home / mark).exists() for mark in _HOME_MARKS.get(client, ()))
        if in_project or at_home:
            found.append(client)
    return tuple(found)


def targets(clients: tuple[str, ...], places: Places, *, shared: bool) -> tuple[Target, ...]:
    """Every file to write for these clients, each file once even where several clients read it."""
    wanted: list[Target] = []
    for client in CLIENTS:
        if client in clients:
            wanted += _TARGETS[client](places, shared)
    if "vscode" in clients and ("copilot" in clients or (shared and "claude-code" in clients)):
        # VS Code reads .mcp.json and Copilot's own file too: one registration a client
        only_vscode = (places.root / ".vscode/mcp.json", _vscode_user(places) / "mcp.json")
        wanted = [target for target in wanted if target.path not in only_vscode]
    once: dict[Path, Target] = {}
    for target in wanted:
        once.setdefault(target.path, target)
    return tuple(once.values()) + _excludes(tuple(once.values()), places)


def holds_everywhere(target: Target, places: Places) -> bool:
    """Whether what we write there holds for all of a person's projects, and not for this one alone."""
    this_one_only = any(entry.path[0] == "projects" for entry in target.entries)
    return target.format != "lines" and not target.path.is_relative_to(places.root) and not this_one_only


def _json(client: str, path: Path, entries: tuple[Entry, ...], *, personal: bool) -> Target:
    return Target(client, path, "json", personal, entries)


def _own(client: str, path: Path, places: Places, shared: bool, written: Callable[[str, bool], str]) -> Target:
    """A file that is ours as a whole; its forms are what a person's own set-up and a shared one would have written."""
    forms = {written(launcher, everywhere) for launcher in ("noclobber", places.launcher) for everywhere in (True, False)}
    return Target(client, path, "own", not shared, text=written(places.launcher, not shared), forms=tuple(sorted(forms)))


def _server(places: Places, path: tuple[str, ...], *, files: bool = False, typed: bool = False) -> Entry:
    program, *arguments = mcp_command(places.launcher, files=files)
    value: dict[str, object] = {"type": "stdio"} if typed else {}
    return Entry((*path, "noclobber"), {**value, "command": program, "args": arguments})


def _claude_code(places: Places, shared: bool) -> list[Target]:
    hooks = hook_entries("claude-code", places.launcher, everywhere=False)
    if shared:
        server = _server(places, ("mcpServers",), typed=True)
        return [
            _json("claude-code", places.root / ".claude/settings.json", hooks, personal=False),
            _json("claude-code", places.root / ".mcp.json", (server,), personal=False),
        ]
    local = _server(places, ("projects", str(places.root), "mcpServers"), typed=True)
    return [
        _json("claude-code", places.root / ".claude/settings.local.json", hooks, personal=True),
        _json("claude-code", places.home / ".claude.json", (local,), personal=True),
    ]


def _codex(places: Places, shared: bool) -> list[Target]:
    home = Path(places.environ.get("CODEX_HOME") or places.home / ".codex")
    folder = places.root / ".codex" if shared else home
    program, *arguments = mcp_command(places.launcher, files=False)
    quoted = ", ".join(_toml_string(argument) for argument in arguments)
    table = f"[mcp_servers.noclobber]\ncommand = {_toml_string(program)}\nargs = [{quoted}]\n"
    hooks = hook_entries("codex", places.launcher, everywhere=not shared)
    return [
        _json("codex", folder / "hooks.json", hooks, personal=not shared),
        Target("codex", folder / "config.toml", "toml", not shared, text=table),
    ]


def _vscode(places: Places, shared: bool) -> list[Target]:
    server = _server(places, ("servers",), typed=True)
    path = places.root / ".vscode/mcp.json" if shared else _vscode_user(places) / "mcp.json"
    return [*_github_hooks("vscode", places, shared), _json("vscode", path, (server,), personal=not shared)]


def _copilot(places: Places, shared: bool) -> list[Target]:
    server = _server(places, ("mcpServers",), typed=True)
    path = places.root / ".mcp.json" if shared else _copilot_home(places) / "mcp-config.json"
    return [*_github_hooks("copilot", places, shared), _json("copilot", path, (server,), personal=not shared)]


def _github_hooks(client: str, places: Places, shared: bool) -> list[Target]:
    """One file for both: VS Code and Copilot read the same folders, and the hook recognises who is calling."""
    path = places.root / ".github/hooks/noclobber.json" if shared else _copilot_home(places) / "hooks/noclobber.json"
    return [_json(client, path, hook_entries("vscode", places.launcher, everywhere=not shared), personal=not shared)]


def _cursor(places: Places, shared: bool) -> list[Target]:
    folder = (places.root if shared else places.home) / ".cursor"
    hooks = hook_entries("cursor", places.launcher, everywhere=not shared)
    return [
        _json("cursor", folder / "hooks.json", hooks, personal=not shared),
        _json("cursor", folder / "mcp.json", (_server(places, ("mcpServers",)),), personal=not shared),
    ]


def _gemini(places: Places, shared: bool) -> list[Target]:
    folder = (places.root if shared else places.home) / ".gemini"
    entries = (*hook_entries("gemini", places.launcher, everywhere=not shared), _server(places, ("mcpServers",)))
    return [_json("gemini", folder / "settings.json", entries, personal=not shared)]


def _opencode(places: Places, shared: bool) -> list[Target]:
    config = places.root if shared else Path(places.environ.get("XDG_CONFIG_HOME") or places.home / ".config") / "opencode"
    plugins = (places.root / ".opencode" if shared else config) / "plugins"
    path = next((config / name for name in ("opencode.jsonc", "opencode.json") if (config / name).exists()), config / "opencode.json")
    entry = Entry(("mcp", "noclobber"), {"type": "local", "command": mcp_command(places.launcher, files=False), "enabled": True})
    plugin = resources.files(__package__).joinpath("opencode_plugin.js").read_text(encoding="utf-8")

    def written(launcher: str, everywhere: bool) -> str:
        return plugin.replace("@COMMAND@", _js_string(hook_command(launcher, "opencode", everywhere=everywhere)))

    return [
        _own("opencode", plugins / "noclobber.js", places, shared, written),
        _json("opencode", path, (entry,), personal=not shared),
    ]


def _cline(places: Places, shared: bool) -> list[Target]:
    def written(launcher: str, _everywhere: bool) -> str:
        return f"#!/bin/sh\n# noclobber\nexec {hook_command(launcher, 'cline', everywhere=False)}\n"

    folder = places.root / ".clinerules/hooks"
    hooks = [_own("cline", folder / event, places, shared, written)._replace(executable=True) for event in CLINE_EVENTS]
    # Cline has no such file in the project; its newer versions keep one for the extension and the command line together
    extensions = _vscode_user(places) / "globalStorage/saoudrizwan.claude-dev/settings"
    common = places.home / ".cline/data/settings"
    settings = (common if (places.home / ".cline").is_dir() else extensions) / "cline_mcp_settings.json"
    return [*hooks, _json("cline", settings, (_server(places, ("mcpServers",)),), personal=True)]


def _antigravity(places: Places, shared: bool) -> list[Target]:
    path = places.root / ".agents/mcp_config.json" if shared else places.home / ".gemini/antigravity/mcp_config.json"
    return [_json("antigravity", path, (_server(places, ("mcpServers",), files=True),), personal=not shared)]


def _zoo(places: Places, shared: bool) -> list[Target]:
    server = _server(places, ("mcpServers",), files=True)
    return [_json("zoo", places.root / ".roo/mcp.json", (server,), personal=not shared)]


_TARGETS = {
    "claude-code": _claude_code,
    "codex": _codex,
    "vscode": _vscode,
    "copilot": _copilot,
    "cursor": _cursor,
    "gemini": _gemini,
    "opencode": _opencode,
    "cline": _cline,
    "antigravity": _antigravity,
    "zoo": _zoo,
}


def _excludes(found: tuple[Target, ...], places: Places) -> tuple[Target, ...]:
    """The personal files that lie in the project, for git's own list of what this clone never commits."""
    folder = _git_folder(places.root)
    inside = [target for target in found if target.personal and target.path.is_relative_to(places.root)]
    if folder is None or not inside:
        return ()
    paths = sorted({"/" + target.path.relative_to(places.root).as_posix() for target in inside})
    return (Target("git", folder / "info/exclude", "lines", True, text="".join(f"{path}\n" for path in paths)),)


def _git_folder(root: Path) -> Path | None:
    """The folder that holds ``info``: the repository's common one, also from a worktree."""
    git = root / ".git"
    if git.is_file():
        words = git.read_text(encoding="utf-8", errors="replace").split(":", 1)
        git = (root / words[1].strip()).resolve() if len(words) == 2 else git
        common = git / "commondir"
        if common.is_file():
            git = (git / common.read_text(encoding="utf-8").strip()).resolve()
    return git if git.is_dir() else None


def _vscode_user(places: Places) -> Path:
    if sys.platform == "darwin":
        return places.home / "Library/Application Support/Code/User"
    return Path(places.environ.get("XDG_CONFIG_HOME") or places.home / ".config") / "Code/User"


def _copilot_home(places: Places) -> Path:
    return Path(places.environ.get("COPILOT_HOME") or places.home / ".copilot")


def _toml_string(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _js_string(text: str) -> str:
    import json

    return json.dumps(text)
