"""What a tool's name and arguments mean, over all clients: which file is read or changed, and how.

Clients name the same arguments differently, and one client may carry another's names (Copilot reports Claude's), so names
and keys are tables here and not per client. Arguments that make no sense give no change, never an error.
"""

from __future__ import annotations

from typing import Any

from .records import Change, Shown, ToolKind

__all__ = ["CONTENT_KEYS", "changes_of", "command_of", "kind_of", "shown_by"]

_READ = frozenset({"read", "readfile", "read_file", "view", "notebookread", "view_file", "open_file"})
_SHELL = frozenset({
    "bash", "shell", "run_shell_command", "run_in_terminal", "execute_command", "local_shell", "exec_command", "unified_exec",
    "powershell", "runinterminal", "run_terminal_cmd",
})  # fmt: skip
_CHANGE = frozenset({
    "edit", "multiedit", "write", "notebookedit", "write_file", "replace", "create_file", "replace_string_in_file",
    "multi_replace_string_in_file", "insert_edit_into_file", "edit_notebook_file", "apply_patch", "patch", "create",
    "str_replace", "str_replace_editor", "strreplace", "write_to_file", "replace_in_file", "new_file", "search_replace", "edit_file",
    "delete", "delete_file", "apply_diff", "editfiles",
})  # fmt: skip
_PATCH = ("apply_patch", "patch")
_WHOLE = frozenset({"write", "write_file", "create_file", "create", "write_to_file", "new_file"})
_PATH_KEYS = ("file_path", "filePath", "path", "notebook_path", "absolute_path", "target_file", "filename")
_OLD_KEYS = ("old_string", "oldString", "old_str", "oldText")
_NEW_KEYS = ("new_string", "newString", "new_str", "newText")
CONTENT_KEYS = ("content", "contents", "file_text", "text")
_PATCH_KEYS = ("command", "input", "patch", "patchText", "patch_text", "diff")
_LIST_KEYS = ("edits", "replacements")


def kind_of(tool: str, arguments: dict[str, Any]) -> ToolKind:
    """Whether a tool reads a file, changes files, runs a shell command, or is none of noclobber's business.

    An editor in one tool (``str_replace_editor``) says by its ``command`` that it only shows a file.
    """
    name = tool.lower()
    if name in _READ or (name in _CHANGE and arguments.get("command") == "view"):
        return "read"
    if name in _CHANGE:
        return "change"
    return "shell" if name in _SHELL else "other"


def command_of(arguments: dict[str, Any]) -> str:
    """The shell command; some clients send it as a list of words."""
    command = arguments.get("command", arguments.get("cmd", ""))
    if isinstance(command, list):
        return " ".join(word for word in command if isinstance(word, str))
    return command if isinstance(command, str) else ""


def changes_of(tool: str, arguments: dict[str, Any]) -> tuple[Change, ...]:
    """The files a tool is about to change. A shell command that pipes a patch into ``apply_patch`` is one of them."""
    name, kind = tool.lower(), kind_of(tool, arguments)
    if kind in ("read", "other"):
        return ()
    patch = _patch_of(name, arguments)
    if patch is not None:
        from .patch import parse_patch

        return parse_patch(patch)
    if kind == "shell":
        return ()
    path = _first(arguments, _PATH_KEYS)
    pairs = _pairs(arguments, path)
    if pairs:
        return pairs
    if not path:
        return ()
    return (_one(name, path, arguments),)


def _one(name: str, path: str, arguments: dict[str, Any]) -> Change:
    if name.startswith("delete"):
        return Change(path, "delete")
    editor_command = arguments.get("command")
    content = _first(arguments, CONTENT_KEYS)
    if content is not None and (name in _WHOLE or editor_command == "create"):
        return Change(path, "write", content=content)
    old, new = _first(arguments, _OLD_KEYS), _first(arguments, _NEW_KEYS)
    if old == "" and new is not None:
        return Change(path, "write", content=new, creates=True)
    if old is not None and new is not None:
        return Change(path, "edit", edits=((old, new),), replace_all=_wants_all(arguments))
    blocks = _search_replace_blocks(arguments.get("diff"))
    if blocks:
        return Change(path, "edit", edits=blocks)
    return Change(path, "opaque")


def _pairs(arguments: dict[str, Any], path: str | None) -> tuple[Change, ...]:
    """Several replacements in one call: in one file, or each naming its own."""
    entries = next((arguments[key] for key in _LIST_KEYS if isinstance(arguments.get(key), list)), None)
    if entries is None:
        return ()
    by_path: dict[str, list[tuple[str, str]]] = {}
    replace_all = False
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        old, new, target = _first(entry, _OLD_KEYS), _first(entry, _NEW_KEYS), _first(entry, _PATH_KEYS) or path
        if target and old is not None and new is not None:
            by_path.setdefault(target, []).append((old, new))
            replace_all = replace_all or _wants_all(entry)
    return tuple(Change(target, "edit", edits=tuple(edits), replace_all=replace_all) for target, edits in by_path.items())


def shown_by(arguments: dict[str, Any], *, first_line: int = 1) -> tuple[Shown, ...]:
    """What a reading tool shows by its arguments; ``first_line`` is how its client counts an ``offset``."""
    path = _first(arguments, _PATH_KEYS)
    return () if not path else (Shown(path, _lines(arguments, first_line)),)


def _lines(arguments: dict[str, Any], first_line: int) -> tuple[int, int] | None:
    for start_key, end_key in (("startLine", "endLine"), ("start_line", "end_line"), ("start_line_one_indexed", "end_line_one_indexed")):
        start, end = _number(arguments, start_key), _number(arguments, end_key)
        if start is not None and end is not None and end >= start > 0:
            return start, end
    view = arguments.get("view_range")
    if isinstance(view, list) and len(view) == 2 and all(isinstance(edge, int) for edge in view):
        return (view[0], view[1] if view[1] > 0 else _FAR)
    offset, limit = _number(arguments, "offset"), _number(arguments, "limit")
    if offset is None and limit is None:
        return None
    start = max(1, (offset if offset is not None else first_line) - first_line + 1)
    return (start, start + limit - 1 if limit and limit > 0 else _FAR)


_FAR = 1_000_000_000
"""A last line beyond any file's: the end of the file was shown too."""


def _patch_of(name: str, arguments: dict[str, Any]) -> str | None:
    """The patch a tool applies; other tools' arguments may quote one."""
    if name in _SHELL:
        command = command_of(arguments)
        if "apply_patch" not in command:
            return None
        from .patch import find_patch_in_shell

        return find_patch_in_shell(command)
    for key in _PATCH_KEYS if name in _PATCH else ():
        value = arguments.get(key)
        if isinstance(value, str) and "*** Begin Patch" in value:
            return value
    return None


def _search_replace_blocks(diff: object) -> tuple[tuple[str, str], ...]:
    """The blocks of Cline's ``replace_in_file``: SEARCH, a line of equals signs, REPLACE."""
    if not isinstance(diff, str):
        return ()
    blocks: list[tuple[str, str]] = []
    old: list[str] | None = None
    new: list[str] | None = None
    for line in (f"{line}\n" for line in diff.split("\n")):
        mark = line.strip()
        if old is None and mark in ("------- SEARCH", "<<<<<<< SEARCH"):
            old = []
        elif old is not None and new is None and mark == "=======":
            new = []
        elif old is not None and new is not None and mark in ("+++++++ REPLACE", ">>>>>>> REPLACE"):
            blocks.append(("".join(old), "".join(new)))
            old = new = None
        elif new is not None:
            new.append(line)
        elif old is not None:
            old.append(line)
    return tuple(blocks)


def _wants_all(arguments: dict[str, Any]) -> bool:
    return any(arguments.get(key) is True for key in ("replace_all", "replaceAll", "allow_multiple"))


def _first(arguments: dict[str, Any], keys: tuple[str, ...]) -> str | None:
    return next((arguments[key] for key in keys if isinstance(arguments.get(key), str)), None)


def _number(arguments: dict[str, Any], key: str) -> int | None:
    value = arguments.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
