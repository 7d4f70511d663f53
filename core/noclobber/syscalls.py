"""What the system offers and Python does not wrap: exchanging two names, opening beneath a folder, read leases.

Linux first. macOS (not tried) has the exchange and the rename that never replaces, but neither leases nor ``openat2``:
there a folder is opened component by component, and nobody can prove that a file has no writer. On other systems
``exchange`` fails with ``ENOTSUP`` and callers say what they cannot promise. Errors are bare ``OSError``: this is the
lowest level, callers translate. Knows nothing of workspaces, locks or contents.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import ctypes

__all__ = [
    "PATH_ONLY",
    "drop_lease",
    "exchange",
    "lease_held",
    "link_at",
    "open_beneath",
    "open_for_writing",
    "read_lease",
    "rename_noreplace",
    "write_lease",
]

PATH_ONLY: int = getattr(os, "O_PATH", os.O_RDONLY)
"""Open flag for a descriptor that only names something; where there is none, a plain read."""

_OPENAT2 = 437  # one number on every Linux architecture
_RESOLVE = 0x02 | 0x04 | 0x08  # NO_MAGICLINKS, NO_SYMLINKS, BENEATH
_LINUX_NOREPLACE, _LINUX_EXCHANGE = 1, 2
_DARWIN_SWAP, _DARWIN_EXCL = 2, 4
_UNSUPPORTED = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_NO_LINKS = _UNSUPPORTED | {errno.EPERM, errno.EMLINK}


def exchange(dir_a: int, name_a: str, dir_b: int, name_b: str) -> None:
    """Exchange two names in one step; both must exist, on one file system.

    Watchers report a change of the *first* name, so the target stands there. ``ENOTSUP`` where the system or the file
    system has no such call; then nothing was done.
    """
    _rename(dir_a, name_a, dir_b, name_b, _LINUX_EXCHANGE, _DARWIN_SWAP)


def rename_noreplace(dir_a: int, name_a: str, dir_b: int, name_b: str) -> None:
    """Rename a file, ``EEXIST`` if the new name is taken.

    Where the call is missing the file is linked to its new name first and the old name taken away after it: as safe,
    but for a moment (or after a crash) the file has both names; folders cannot be moved so. Where there are no hard links either,
    the name is looked at first: one who takes it in that moment is replaced.
    """
    try:
        _rename(dir_a, name_a, dir_b, name_b, _LINUX_NOREPLACE, _DARWIN_EXCL)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        _rename_plainly(dir_a, name_a, dir_b, name_b)


def _rename_plainly(dir_a: int, name_a: str, dir_b: int, name_b: str) -> None:
    try:
        os.link(name_a, name_b, src_dir_fd=dir_a, dst_dir_fd=dir_b, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with suppress(FileNotFoundError):
            os.stat(name_b, dir_fd=dir_b, follow_symlinks=False)
            _raise(errno.EEXIST, name_a, name_b)
        os.rename(name_a, name_b, src_dir_fd=dir_a, dst_dir_fd=dir_b)
    else:
        os.unlink(name_a, dir_fd=dir_a)


def link_at(fd: int, dir_fd: int, name: str) -> None:
    """Give an open nameless file (``O_TMPFILE``) its name, ``EEXIST`` if that is taken. Linux with ``/proc`` only."""
    os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=dir_fd, follow_symlinks=True)


def open_beneath(root_fd: int, path: str, flags: int) -> int:
    """Open a relative path whose every component is real: no symlink, no ``..``, nothing outside ``root_fd``.

    ``path`` is ``/``-joined and not empty; ``flags`` as for ``os.open``, without creation. ``ELOOP`` or ``ENOTDIR`` where
    a symlink stands in the way. One ``openat2`` where the kernel has it (1.4 µs) and ``ctypes`` is loaded already, else
    0.6 µs a component: a short-lived process does not pay 3 ms for the import.
    """
    if "ctypes" in sys.modules and _openat2_works():
        fd: int = _syscall()(_OPENAT2, root_fd, os.fsencode(path), _how(flags), 24)
        if fd >= 0:
            return fd
        number = _last_errno()
        # EAGAIN: a rename raced with the look-up. EXDEV: ".." or "/"; the walk says it in its own words
        if number not in (errno.EAGAIN, errno.EXDEV, errno.EINTR):
            raise OSError(number, os.strerror(number), path)
    return _walk_beneath(root_fd, path, flags)


def read_lease(fd: int) -> bool:
    """Take a read lease: granted only while nobody has the file open for writing, and whoever then wants to waits.

    False where it is not to be had: a writer has it open, it is not ours, the file system or the system has no leases.
    """
    try:
        # Before the lease: a broken one must not send SIGIO, which would kill; SIGURG is ignored unless asked for.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except (OSError, AttributeError):
        return False
    return True


def write_lease(fd: int) -> bool | None:
    """Take a write lease on a file open for writing: granted only while nobody else has it open, and whoever then opens it waits.

    False while somebody else has it open; None where such a lease is never to be had. The waiting is the other's: be quick.
    """
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else None
    except AttributeError:
        return None
    return True


def open_for_writing(fd: int) -> bool:
    """Whether somebody is known to have the file open for writing; false also where that cannot be known."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    except AttributeError:
        return False
    drop_lease(fd)
    return False


def lease_held(fd: int) -> bool:
    """Whether the lease still stands and nobody waits for it."""
    try:
        return fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK
    except (OSError, AttributeError):
        return False


def drop_lease(fd: int) -> None:
    """Give the lease up and let waiting writers go on; nothing happens where there is none."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError):
        return


def _rename(dir_a: int, name_a: str, dir_b: int, name_b: str, linux: int, darwin: int) -> None:
    call = _rename_call()
    if call is None:
        _raise(errno.ENOTSUP, name_a, name_b)
    flags = darwin if sys.platform == "darwin" else linux
    if call(dir_a, os.fsencode(name_a), dir_b, os.fsencode(name_b), flags) == 0:
        return
    number = _last_errno()
    _raise(errno.ENOTSUP if number in _UNSUPPORTED else number, name_a, name_b)


def _raise(number: int, name_a: str, name_b: str) -> NoReturn:
    raise OSError(number, os.strerror(number), name_a, None, name_b)


def _walk_beneath(root_fd: int, path: str, flags: int) -> int:
    *folders, last = path.split("/")
    folder_flags = PATH_ONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    at = root_fd
    try:
        for name in folders:
            below = os.open(_plain(name, path), folder_flags, dir_fd=at)
            if at != root_fd:
                os.close(at)
            at = below
        return os.open(_plain(last, path), flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    finally:
        if at != root_fd:
            os.close(at)


def _plain(name: str, path: str) -> str:
    if name in ("", ".."):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    return name


@cache
def _libc() -> ctypes.CDLL:
    import ctypes  # 3 ms, so only who needs a call of it pays

    return ctypes.CDLL(None, use_errno=True)


@cache
def _syscall() -> Any:
    import ctypes

    call = _libc().syscall
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]
    return call


@cache
def _rename_call() -> Any:
    import ctypes

    call = getattr(_libc(), "renameatx_np" if sys.platform == "darwin" else "renameat2", None)
    if call is not None:
        call.restype = ctypes.c_int
        call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return call


@cache
def _how(flags: int) -> Any:
    """``struct open_how``; the kernel only reads it, so threads share one for each set of flags."""
    import ctypes

    return (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, 0, _RESOLVE)


@cache
def _openat2_works() -> bool:
    """Asked once: kernels before 5.6 say ENOSYS, some containers EPERM."""
    if not sys.platform.startswith("linux"):
        return False
    root = os.open("/", PATH_ONLY | os.O_CLOEXEC)
    try:
        fd: int = _syscall()(_OPENAT2, root, b".", _how(PATH_ONLY), 24)
    finally:
        os.close(root)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def _last_errno() -> int:
    import ctypes

    return ctypes.get_errno()
