"""Everything one workspace has: opened once in a process, shared by all its writers there.

Holds the pieces together (root, settings, locks, store, journal, temporary files) and decides nothing.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING

from .clock import utc_now
from .errors import StoreError, WorkspaceError
from .in_use import InUse
from .liveness import Live, living
from .locks import PathLocks
from .paths import Locator
from .progress import Progress, unwatched
from .roots import find_root, root_for
from .secrecy import Secrecy
from .settings import Settings, is_off, load_settings
from .store.protocol import Store
from .store.sqlite import SqliteStore

if TYPE_CHECKING:
    from .discarding import Discarded
    from .journal import Journal

__all__ = ["Workspace"]

_FOLDERS = ("tmp", "kept", "live")
_SWEEPS = 100


def _no_step(_name: str) -> None:
    """Nobody watches the steps of a change."""


class Workspace:
    """One guarded folder tree. ``root`` and ``state`` are absolute paths; ``notice`` is what opening it had to say, if anything.

    ``mirrored`` false: for a process too short for a journal's thread; it calls ``mirror`` at its end. ``step`` is called with the name of
    each step of a change before it is made: tests pause, write or kill there.
    """

    def __init__(
        self,
        root: str,
        *,
        store: Store | None = None,
        step: Callable[[str], None] = _no_step,
        mirrored: bool = True,
        progress: Progress = unwatched,
    ) -> None:
        self.root = os.path.realpath(root)
        self.state = os.path.join(self.root, ".noclobber")
        self.step = step
        self.settings: Settings = load_settings(self.root)
        _make_state(self.state)
        self._locator = Locator(self.root)
        self.in_use = InUse(self.root)
        self.locks = PathLocks(self.state)
        self.secrecy = Secrecy(self.root, self.settings)
        self.notice: str | None = None
        self.rebuilt = False  # what was pending when the state was lost is not known
        self.journal: Journal | None = None
        self.discarded: Discarded | None = None  # None: in a process too short to free anything later
        if store is None:
            sqlite = self._opened_store(progress)
            self.notice = sqlite.opening_notice
            self.rebuilt = self.notice is not None
            if mirrored:
                import hashlib  # noqa: F401 - who stays for longer hashes with OpenSSL from the start, 12 times as fast

                from .discarding import Discarded
                from .journal import Journal

                self.discarded = Discarded()
                self.journal = Journal(self.state, sqlite, beside=self.discarded.free)
            store = sqlite
        self.store: Store = store
        self.no_exchange: set[int] = set()  # devices found to have none: asking again would cost a temporary file each time
        self._folders: dict[str, int] = {}
        self._live: Live | None = None
        self._pid = os.getpid()
        self._made = count(1)
        self._first = threading.Lock()
        self._gone: list[int] = []
        self._let_go = False

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        step: Callable[[str], None] = _no_step,
        mirrored: bool = True,
        progress: Progress = unwatched,
    ) -> Workspace:
        """The workspace that owns ``path`` (a folder, or a file in it), made there if there is none yet; settles what a crash left.

        WorkspaceError says why it cannot be opened; StoreError why its state cannot be used. ``progress`` is told of a history that is
        rebuilt, now or later; where it cancels, the state is left for the next opening.
        """
        if not os.path.exists(path) and find_root(path) is None:
            raise WorkspaceError(f"{os.fspath(path)}: there is no such folder; make it first, or correct its name.")
        workspace = cls(root_for(os.fspath(path)), step=step, mirrored=mirrored, progress=progress)
        if workspace.store.pending() or any(os.listdir(workspace.folder(name)) for name in ("tmp", "kept")):
            from .recovery import settle_all  # 3 ms that a hook seldom needs

            settle_all(workspace)
        return workspace

    def _opened_store(self, progress: Progress) -> SqliteStore:
        try:
            return SqliteStore(
                self.state,
                prepare=lambda: _make_state(self.state),
                keep_megabytes=self.settings.keep_megabytes,
                keep_days=self.settings.keep_days,
                progress=progress,
            )
        except BaseException:
            self.locks.close()
            self._locator.close()
            raise

    def take_settings(self) -> None:
        """Go by what ``noclobber.toml`` says now, but for how long versions are kept. WorkspaceError: it cannot be; all stays as it was."""
        settings = load_settings(self.root)
        if settings != self.settings:
            self.secrecy = Secrecy(self.root, settings)
            self.settings = settings

    def say(self, sentence: str) -> None:
        """Add to what opening it had to say."""
        self.notice = f"{self.notice} {sentence}" if self.notice else sentence

    def mirror(self) -> None:
        """Write what is missing in the journal now, where no journal of this process does."""
        from .journal import Journal

        journal = self.journal or Journal(self.state, self.store)
        journal.flush()
        journal.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Write out the journal, once a day drop what need not be kept any longer, and let go of everything; idempotent.

        What other threads have under way is waited for. StoreError where the tending failed; all is let go of nevertheless.
        """
        try:
            if self.in_use.end():
                with suppress(StoreError):  # a full disk: nothing is lost by tending another day
                    self._tend()
        finally:
            self._let_go = True
            if self.journal is not None:
                self.journal.close()
            if self.discarded is not None:
                self.discarded.free()
            self.store.close()
            self.locks.close()
            self._locator.close()
            if self._live is not None and self._pid == os.getpid():
                self._live.close()
                self._live = None
            while self._folders:
                os.close(self._folders.popitem()[1])
            while self._gone:
                os.close(self._gone.pop())

    def _tend(self) -> None:
        now = utc_now()
        last = self.store.get_meta("swept_at")
        if last is None or now[:10] > last[:10]:
            self.store.put_meta("swept_at", now)
            if last is not None:
                self.store.sweep(now)
                living(self.state)  # and with it the files of the dead go

    @property
    def locator(self) -> Locator:
        """Looks names up beneath the root. WorkspaceError once the workspace is closed."""
        if self._let_go:
            raise WorkspaceError(f"The workspace {self.root} is closed; open it again.")
        return self._locator

    def paused(self) -> bool:
        """Whether somebody turned noclobber off for a while."""
        return is_off({}, self.state)

    def folder(self, name: str) -> int:
        """An open descriptor of ``tmp`` or ``kept``; made anew where somebody removed the state under us."""
        fd = self._folders.get(name, -1)
        if fd >= 0 and os.fstat(fd).st_nlink > 0:
            return fd
        with self._first:
            if self._folders.get(name, -1) == fd:
                self._folders[name] = self._opened(name)
                if fd >= 0:
                    self._gone.append(fd)  # another thread may be about to use it: its number must not name anything else
            return self._folders[name]

    def _opened(self, name: str) -> int:
        """A folder of the state, made at need; swept away again and again while it is made, it is tried again."""
        for _ in range(_SWEEPS):
            _make_state(self.state)
            folder = os.path.join(self.state, name)
            try:
                return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                if os.path.islink(folder):  # to nowhere: making the folder again and again does not help
                    raise _no_state(folder, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))) from error
            except OSError as error:
                raise _no_state(folder, error) from error
        raise WorkspaceError(f"The state in {self.state} is being removed as fast as it is made; try again later.")

    def live(self, description: dict[str, str] | None = None) -> Live:
        """The held lock that says this process lives; made at first need, and again in a forked child or after the state was removed."""
        if self._pid != os.getpid():
            self._first = threading.Lock()  # a forked child: another thread of its parent may have held the old one
        with self._first:  # two threads that both made one would leave the first one's temporary files to nobody alive
            if self._live is None or self._pid != os.getpid() or not self._live.held():
                self._live = Live(self.state, description or {})
                self._pid = os.getpid()
            return self._live

    def temp_name(self, *, secret: bool) -> str:
        """A fresh name in ``tmp`` that tells whose it is and whether its content may be kept should nobody claim it."""
        return f"{'s' if secret else 'c'}-{self.live().id}-{next(self._made)}"

    def keepable(self, file_path: str, contents: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Those contents that may be kept: none for files whose contents are never kept."""
        return [] if self.secrecy.never_kept(file_path) else list(contents)


def _make_state(state: str) -> None:
    problem: OSError | None = None
    for _ in range(_SWEEPS):
        try:
            _make_folders(state)
            return
        except FileNotFoundError as error:
            problem = error  # swept away while it was being made
        except OSError as error:
            problem = error
            break
    assert problem is not None
    raise _no_state(state, problem) from problem


def _no_state(folder: str, problem: OSError) -> WorkspaceError:
    number = problem.errno or errno.EIO
    advice = "Give this user write access to it"
    if number in (errno.ENOSPC, errno.EDQUOT):
        advice = "Free some space"
    elif number == errno.ENOTDIR:
        advice = "Take away what stands there"
    return WorkspaceError(f"Cannot keep state in {folder}: {os.strerror(number)}. {advice}, or set NOCLOBBER=off.")


def _make_folders(state: str) -> None:
    for folder in (state, *(os.path.join(state, name) for name in _FOLDERS)):
        with suppress(FileExistsError):
            os.mkdir(folder, mode=0o700)
        if os.path.islink(folder):  # it may have come with the repository, and lead anywhere
            raise WorkspaceError(f"{folder} is a symbolic link; the state is kept in the workspace itself. Remove the link.")
    if not os.path.isdir(state):
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", state)
    ignore = os.path.join(state, ".gitignore")
    if not os.path.exists(ignore):
        with suppress(FileExistsError), open(ignore, "x", encoding="ascii") as file:
            file.write("*\n")
