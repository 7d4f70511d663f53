"""Three plain functions over the guard: any agent framework that makes tools of functions can use them as they are."""

from __future__ import annotations

from collections.abc import Callable

from noclobber import ConcurrencyGuard
from noclobber.errors import NoclobberError, Refused
from noclobber.text import decode_text, reencode


def guarded_tools(guard: ConcurrencyGuard) -> list[Callable[..., str]]:
    """``read_file``, ``write_file`` and ``edit_file`` for one agent: the guard's ``agent_id`` is who is writing."""

    def read_file(path: str) -> str:
        """Read a text file of the project."""
        return decode_text(guard.read(path).content)[0]

    def write_file(path: str, content: str) -> str:
        """Replace a whole file that you have read, or create one."""
        snapshot = guard.get_snapshot(path)
        form = b"" if snapshot is None else guard.content(snapshot.read_hash)
        return f"{path}: {guard.write(path, reencode(content, form)).outcome}"

    def edit_file(path: str, old: str, new: str) -> str:
        """Replace one exact text in a file by another."""
        return f"{path}: {guard.edit(path, [(old, new)]).outcome}"

    return [_telling(tool) for tool in (read_file, write_file, edit_file)]


def _telling(tool: Callable[..., str]) -> Callable[..., str]:
    """The same tool, which tells the model of a refusal instead of ending its run."""
    from functools import wraps

    @wraps(tool)
    def told(*arguments: str, **named: str) -> str:
        try:
            return tool(*arguments, **named)
        except Refused as problem:
            return f"{problem}\n{problem.refusal.diff}".strip()
        except NoclobberError as problem:
            return str(problem)

    return told
