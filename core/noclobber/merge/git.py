"""Running ``git merge-file`` on three byte strings, without a repository and without anybody's settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["merge_file"]

_SECONDS = 30
_NO_GIT = "Merging needs git, which is not installed or not on the PATH."


def merge_file(base: bytes, ours: bytes, theirs: bytes, scratch: str | None = None) -> tuple[int, bytes, str]:
    """Number of conflicts (127 stands for more), the merged bytes, and a sentence that says why nothing was merged."""
    try:
        with _inputs((ours, base, theirs), scratch) as (paths, descriptors, folder):
            done = subprocess.run(
                ["git", "merge-file", "-p", "-q", *paths],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=descriptors,
                cwd=folder,
                env=_environment(folder),
                timeout=_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        return 0, b"", f"git took more than {_SECONDS} seconds to merge; the versions are too large or too different."
    except OSError as error:
        return 0, b"", _NO_GIT if error.filename == "git" else f"The merge could not be started: {error.strerror} ({error.filename})."
    if 0 <= done.returncode <= 127:
        return done.returncode, done.stdout, ""
    return 0, b"", f"git could not merge: {done.stderr.decode('utf-8', 'replace').strip() or f'status {done.returncode}'}"


def _environment(folder: str) -> dict[str, str]:
    """Ours without git's own variables (a git hook sets many), and no settings file, broken or not, in force."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CEILING_DIRECTORIES": os.path.dirname(os.path.realpath(folder)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C",
    }


@contextmanager
def _inputs(contents: tuple[bytes, ...], scratch: str | None) -> Iterator[tuple[list[str], tuple[int, ...], str]]:
    """Three readable paths, the descriptors that must stay open for them, and the folder to run in."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with _memory_files(contents) as descriptors:
            yield [f"/proc/self/fd/{fd}" for fd in descriptors], descriptors, "/"
    else:
        with _temporary_files(contents, scratch) as (paths, folder):
            yield paths, (), folder


@contextmanager
def _memory_files(contents: tuple[bytes, ...]) -> Iterator[tuple[int, ...]]:
    """Files that no crash can leave behind."""
    files = []
    try:
        for content in contents:
            files.append(os.fdopen(os.memfd_create("noclobber-merge"), "wb"))
            files[-1].write(content)
            files[-1].flush()
        yield tuple(file.fileno() for file in files)
    finally:
        for file in files:
            file.close()


@contextmanager
def _temporary_files(contents: tuple[bytes, ...], scratch: str | None) -> Iterator[tuple[list[str], str]]:
    import tempfile  # only where there are no files in memory

    with tempfile.TemporaryDirectory(prefix="merge-", dir=scratch) as folder:
        paths = [os.path.join(folder, name) for name in ("ours", "base", "theirs")]
        for path, content in zip(paths, contents, strict=True):
            with open(path, "wb") as file:
                file.write(content)
        yield paths, folder
