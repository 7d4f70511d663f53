"""Is a workspace as it should be? One finding for each thing that guarding depends on, tried out and not assumed.

Only ``noclobber doctor`` asks. Changes nothing but two temporary files of its own; knows nothing of fronts and clients.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING, Literal, NamedTuple

from .errors import NoclobberError
from .pausing import paused_until
from .syscalls import drop_lease, exchange, read_lease
from .workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Finding", "diagnose"]

_LITTLE_SPACE = 64 << 20


class Finding(NamedTuple):
    """One thing looked at: ``fine``, a ``warning`` (it works, but know this) or a ``problem``, and what to do about it."""

    subject: str
    state: Literal["fine", "warning", "problem"]
    message: str
    advice: str = ""


def diagnose(root: str, environ: Mapping[str, str]) -> list[Finding]:
    """Everything about the workspace with this root; where it cannot be opened, why."""
    try:
        with Workspace.open(root) as workspace:
            return [*_opened(workspace), *_switches(workspace, environ), *_system(workspace)]
    except NoclobberError as problem:
        return [Finding("workspace", "problem", f"{root} cannot be opened: {problem}")]
    except OSError as problem:
        return [Finding("workspace", "problem", f"{root}: {problem}", "make the workspace and its .noclobber readable and writable")]


def _opened(workspace: Workspace) -> list[Finding]:
    findings = [Finding("workspace", "fine", workspace.root)]
    if workspace.notice:
        findings.append(Finding("state", "warning", workspace.notice))
    findings += [_privacy(workspace), _database(workspace), _pending(workspace)]
    aside = sorted(name for name in os.listdir(workspace.state) if ".damaged-" in name and not name.endswith(("-wal", "-shm")))
    if aside:
        message = f"a damaged database was set aside: {', '.join(aside)}"
        findings.append(Finding("damage", "warning", message, f"delete it in {workspace.state} once nobody needs it"))
    return findings


def _privacy(workspace: Workspace) -> Finding:
    mode = os.stat(workspace.state).st_mode & 0o777
    if mode & 0o077:
        return Finding("privacy", "warning", f"{workspace.state} is open to others (mode {mode:o})", f"chmod 700 {workspace.state}")
    return Finding("privacy", "fine", "the state is readable by its owner alone")


def _database(workspace: Workspace) -> Finding:
    path = os.path.join(workspace.state, "state.db")
    database = sqlite3.connect(path)
    try:
        told = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
        events = workspace.store.last_seq()
    except sqlite3.Error as error:
        told, events = [str(error)], 0
    finally:
        database.close()
    if told != ["ok"]:
        message = f"state.db is damaged: {'; '.join(told)}"
        return Finding("database", "problem", message, f"move {path} away; the history is then rebuilt from journal.jsonl")
    size = os.stat(path).st_size
    return Finding("database", "fine", f"whole; {events} events, {size / 1e6:.1f} MB, SQLite {sqlite3.sqlite_version}")


def _pending(workspace: Workspace) -> Finding:
    left = workspace.store.pending()
    if not left:
        return Finding("exchanges", "fine", "none left half done")
    names = ", ".join(sorted({one.file_path for one in left})[:5])
    return Finding("exchanges", "warning", f"{len(left)} under way: {names}", "settled when these files are next read or written")


def _switches(workspace: Workspace, environ: Mapping[str, str]) -> list[Finding]:
    findings = []
    if environ.get("NOCLOBBER", "").lower() == "off":
        findings.append(Finding("switch", "warning", "NOCLOBBER=off: nothing started from this shell is guarded", "unset NOCLOBBER"))
    until = paused_until(workspace.state)
    if until:
        findings.append(Finding("pause", "warning", f"paused until {until}: nothing is refused", "noclobber resume"))
    if workspace.settings.mode == "observe":
        findings.append(Finding("mode", "warning", "only watching: nothing is refused", 'set mode = "guard" in noclobber.toml'))
    else:
        findings.append(Finding("mode", "fine", "guarding"))
    return findings


def _system(workspace: Workspace) -> list[Finding]:
    return [_exchanging(workspace), _leases(workspace), _merging(), _space(workspace)]


def _exchanging(workspace: Workspace) -> Finding:
    names = (workspace.temp_name(secret=True), workspace.temp_name(secret=True))
    folder = workspace.folder("tmp")
    try:
        for name in names:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder))
        exchange(folder, names[0], folder, names[1])
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            return Finding("exchange", "problem", f"files in {workspace.state}/tmp: {error.strerror}", "check the disk")
        message = "this system cannot exchange two files atomically: an unguarded change in the very moment of a write can be lost"
        return Finding("exchange", "warning", message, "use a local file system such as ext4, xfs, btrfs or tmpfs")
    finally:
        for name in names:
            _unlink(name, folder)
    return Finding("exchange", "fine", "two files are exchanged atomically")


def _leases(workspace: Workspace) -> Finding:
    name = workspace.temp_name(secret=True)
    folder = workspace.folder("tmp")
    fd = -1
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder))
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        granted = read_lease(fd)
        drop_lease(fd)
    except OSError as error:
        return Finding("leases", "problem", f"no file can be made in {workspace.state}/tmp: {error.strerror}", "make it writable")
    finally:
        if fd >= 0:
            os.close(fd)
        _unlink(name, folder)
    if granted:
        return Finding("leases", "fine", "read leases are granted: nobody's late write goes unseen")
    return Finding("leases", "warning", "no read leases here: a file that a program still writes into is waited for, 20 ms at a time")


def _merging() -> Finding:
    git = shutil.which("git")
    if git is None:
        return Finding("git", "warning", "git is not installed: merges are refused, nothing else is affected", "install git")
    return Finding("git", "fine", git)


def _space(workspace: Workspace) -> Finding:
    free = shutil.disk_usage(workspace.state).free
    if free < _LITTLE_SPACE:
        return Finding("space", "problem", f"{free / 1e6:.0f} MB free", "free some; a write that does not fit fails, nothing is lost")
    return Finding("space", "fine", f"{free / 1e9:.1f} GB free")


def _unlink(name: str, folder: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
