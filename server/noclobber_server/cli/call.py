"""What one command is given: its arguments, who is calling, which workspace, and where to answer.

The same rules for every command: a path is taken from the current folder (from the workspace where
``--workspace`` names one), and the caller is whom the options, else the environment, else the terminal session name.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from noclobber.errors import WorkspaceError

if TYPE_CHECKING:
    from argparse import Namespace

    from noclobber import ConcurrencyGuard

    from .output import Output

__all__ = ["Call", "Usage"]


class Usage(Exception):
    """The command was asked for something that cannot be meant; exit status 2."""


class Call:
    """One run of one command."""

    def __init__(self, arguments: Namespace, out: Output, *, options_name_caller: bool = True) -> None:
        self.arguments = arguments
        self.out = out
        self._options_name_caller = options_name_caller

    def __getattr__(self, name: str) -> Any:
        """An argument by its name, so that a command reads ``call.path``."""
        try:
            return getattr(self.arguments, name)
        except AttributeError:
            raise AttributeError(f"no argument and nothing of a call is named {name!r}") from None

    @property
    def off(self) -> bool:
        """Whether ``NOCLOBBER=off`` asks to be let through; in the words that every front understands."""
        from noclobber.settings import is_off

        return is_off(os.environ)

    @property
    def writer(self) -> str:
        """Who is calling."""
        return _label(self._option("agent"), "agent") or terminal_writer()

    def selected(self, name: str) -> str | None:
        """What ``--agent``, ``--turn`` and ``--intent`` select where a command has them as its own. Nothing on record has an empty one,
        and a script whose variable is empty does not mean all there are."""
        value: str | None = getattr(self.arguments, name)
        if value is not None and not (value and value.isprintable()):
            raise Usage(f"--{name}: a label of printable characters is wanted, not {value[:40]!r}")
        return value

    @property
    def turn_id(self) -> str | None:
        """The turn that what is done belongs to."""
        return _label(self._option("turn"), "turn")

    @property
    def intent_id(self) -> str | None:
        """The intent that it serves."""
        return _label(self._option("intent"), "intent")

    @property
    def base(self) -> str:
        """The folder that relative paths are taken from."""
        named: str | None = self.arguments.workspace
        if named is None:
            return _current_folder()
        if not os.path.isdir(named):
            raise WorkspaceError(f"--workspace {named}: there is no such folder; name the workspace's root or a folder in it")
        return os.path.abspath(named)

    def locate(self, path: str) -> str:
        """A path argument made absolute, nothing resolved: what leads out is for core to say."""
        if not path:
            raise Usage("an empty path names no file; give the file's name")
        return os.path.join(self.base, path)

    def guard(self, path: str | None = None) -> ConcurrencyGuard:
        """The guard of the workspace that owns the path, or the current folder; made if there is none yet."""
        from noclobber import ConcurrencyGuard

        return ConcurrencyGuard(self._root(path), self.writer, turn_id=self.turn_id, intent_id=self.intent_id)

    def existing_guard(self, path: str | None = None) -> ConcurrencyGuard:
        """The same for a question, which makes no workspace where there is none."""
        from noclobber.paths import find_root

        if find_root(self._root(path)) is None:
            raise WorkspaceError(
                f"nothing has been guarded in {self.base} yet; the first guarded read or write there begins a workspace, or run: "
                "noclobber init"
            )
        return self.guard(path)

    def _root(self, path: str | None) -> str:
        """Whose root to open. A path that belongs to no workspace and no repository is the current folder's to refuse,
        so that a stray ``/etc/passwd`` does not begin a workspace in ``/etc``."""
        from noclobber.paths import find_root, root_for

        if self.arguments.workspace is not None:
            return root_for(self.base)
        if path is not None:
            with suppress(WorkspaceError):
                owner = root_for(self.locate(path))
                if find_root(owner) == owner or os.path.lexists(os.path.join(owner, ".git")):
                    return owner
        return root_for(self.base)

    def relative(self, guard: ConcurrencyGuard, path: str) -> str:
        """A path argument as the history has it: relative to the root; what was a file may be gone, or a folder today."""
        return guard.workspace.locator.name_of(self.locate(path))

    def stdin(self) -> bytes:
        """All of standard input, byte for byte."""
        if sys.stdin is None:
            raise Usage("standard input is closed; the new bytes are taken from it")
        if sys.stdin.isatty():
            self.out.note("the new content is taken from the keyboard; end it with Ctrl-D, leave with Ctrl-C")
        pieces = []
        while piece := os.read(sys.stdin.fileno(), 1 << 20):  # piece by piece, so that an interrupt between two is not lost
            pieces.append(piece)
        return b"".join(pieces)

    def notices(self, notices: tuple[str, ...]) -> None:
        """What the caller should know beside the answer."""
        for notice in notices:
            self.out.note(f"note: {notice}")

    def _option(self, name: str) -> str | None:
        given: str | None = getattr(self.arguments, name, None) if self._options_name_caller else None
        return given if given is not None else os.environ.get(f"NOCLOBBER_{name.upper()}")


def terminal_writer() -> str:
    """``cli:<user>:<terminal session>``: the commands of one terminal are one writer, those of another another."""
    import pwd

    from noclobber.clock import boot_id

    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user often has no name
        user = str(os.getuid())
    # Session numbers begin anew at each boot; a part of the boot's id keeps yesterday's terminal from being today's.
    return f"cli:{user}:{os.getsid(0)}-{boot_id()[:4]}"


def _label(value: str | None, name: str) -> str | None:
    if value is None or value == "":
        return None
    if not value.isprintable() or len(value) > 200:
        raise Usage(f"--{name}: a label of at most 200 printable characters is wanted, not {value[:40]!r}")
    return value


def _current_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise WorkspaceError("the current folder has been deleted; change to one that exists, or use --workspace") from None
