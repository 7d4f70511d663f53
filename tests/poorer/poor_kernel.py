"""Takes calls away from this process, so that the kernel itself refuses them: what runs then is what runs on a poorer file system.

``without`` installs a seccomp filter, which holds for the process and all its children, for ever; so never in the process of the tests.
``python poor_kernel.py WHAT[,WHAT] COMMAND...`` runs a command so. Knows nothing of the guard.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
import traceback
from collections.abc import Callable, Iterable

RENAMEAT2 = {"x86_64": 316, "aarch64": 276}
FCNTL = {"x86_64": 72, "aarch64": 25}
TAKEN_AWAY = ("exchange", "noreplace", "leases")
"""``exchange``, ``noreplace``: these flags of ``renameat2`` are invalid, as on NFS; ``leases``: so is ``F_SETLEASE``, as on most."""

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _SECOND, _FIFTH = 0, 24, 48  # offsets in struct seccomp_data: the call, its second argument, its fifth
_EXCHANGE, _NOREPLACE, _F_SETLEASE = 2, 1, 1024


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def missing() -> str:
    """Why calls cannot be taken away here; empty where they can."""
    if not sys.platform.startswith("linux") or platform.machine() not in RENAMEAT2:
        return f"no system calls can be taken away on {sys.platform} {platform.machine()}"
    return ""


def without(what: Iterable[str]) -> None:
    """From now on these calls fail with EINVAL in this process and its children."""
    wanted = set(what)
    machine = platform.machine()
    flags = _EXCHANGE * ("exchange" in wanted) | _NOREPLACE * ("noreplace" in wanted)
    lines = [*_refusing(RENAMEAT2[machine], _FIFTH, _ANY_BIT, flags)] if flags else []
    if "leases" in wanted:
        lines += _refusing(FCNTL[machine], _SECOND, _EQUAL, _F_SETLEASE)
    program = b"".join([*lines, _line(_RETURN, _ALLOW)])
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(_Program(len(program) // 8, program)), 0, 0):
        raise OSError(ctypes.get_errno(), "no seccomp filter can be installed")


def told_without(what: Iterable[str], work: Callable[[], str]) -> str:
    """What ``work`` has to say in a child from which these calls were taken away; its traceback where it failed."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            without(what)
            told = work()
        except BaseException:  # noqa: BLE001 - whatever it is, the parent is told; from here there is no way back
            told = traceback.format_exc()
        with open(writable, "w") as pipe:
            pipe.write(told)
        os._exit(0)
    os.close(writable)
    with open(readable) as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return told


def _refusing(number: int, argument: int, test: int, value: int) -> list[bytes]:
    """This call with an argument like that gets EINVAL; any other goes on with the line after these."""
    return [
        _line(_LOAD, _NUMBER),
        _line(_EQUAL, number, 0, 3),
        _line(_LOAD, argument),
        _line(test, value, 0, 1),
        _line(_RETURN, _ERRNO | errno.EINVAL),
    ]


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


if __name__ == "__main__":
    without(sys.argv[1].split(","))
    os.execvp(sys.argv[2], sys.argv[2:])
