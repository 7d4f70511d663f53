"""What the file commands do under ``NOCLOBBER=off``: the plain thing, unguarded and unrecorded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from noclobber.errors import FileAccessError

__all__ = ["delete", "edit", "move", "read", "write"]


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise FileAccessError(path, problem.errno or 0, f"{path}: {problem.strerror or problem}") from problem


def read(path: str) -> bytes:
    """The file's bytes."""
    with _told(path), open(path, "rb") as file:
        return file.read()


def write(path: str, content: bytes) -> None:
    """Truncate and write in place, as a shell's ``>`` does."""
    with _told(path), open(path, "wb") as file:
        file.write(content)


def edit(path: str, edits: Sequence[tuple[bytes | str, bytes | str]], *, replace_all: bool) -> None:
    """Replace the first occurrence of each text, or every one."""
    content = read(path)
    for old, new in edits:
        before, after = _bytes(old), _bytes(new)
        if before not in content:
            raise FileAccessError(path, 0, f"{path}: the text to replace is not there; nothing was changed")
        content = content.replace(before, after, -1 if replace_all else 1)
    write(path, content)


def delete(path: str) -> None:
    """Remove the file."""
    with _told(path):
        os.unlink(path)


def move(path: str, to: str) -> None:
    """Rename the file, as ``mv`` does."""
    with _told(path):
        os.rename(path, to)


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8")
