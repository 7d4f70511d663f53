"""Files of other programs: read whole, and replaced whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["content_of", "write_file"]


def content_of(path: Path) -> bytes | None:
    """All of a file; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write_file(path: Path, before: bytes | None, after: bytes | None) -> None:
    """Replace a file whole, only while it still holds ``before``; its mode stays, a link is followed."""
    path = path.resolve()
    if content_of(path) != before:
        raise OSError(0, "it was changed meanwhile; run this again", str(path))
    if after is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if before is not None and not os.access(path, os.W_OK):
        raise PermissionError(13, "it is read-only", str(path))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o7777 if before is not None else 0o666 & ~_umask())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
