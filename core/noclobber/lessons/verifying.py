"""``noclobber verify``: a check run for what it says now, and for what it teaches later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..checks.checking import Checked, check, check_name
from ..errors import FileAccessError
from ..guard import ConcurrencyGuard
from .runs import Runs

if TYPE_CHECKING:
    from .drafting import Outcome

__all__ = ["Verified", "verify"]


@contextmanager
def _scratch_folder(environ: Mapping[str, str]) -> Iterator[str]:
    """A folder for one report, which nobody else can enter; ``tempfile`` would cost 10 ms to import."""
    folder = os.path.join(environ.get("TMPDIR") or "/tmp", f"noclobber-{os.urandom(8).hex()}")
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise FileAccessError(
            folder, error.errno or 0, f"Cannot make a folder for the check's report, {folder}: {reason}. Set TMPDIR."
        ) from error
    try:
        yield folder
    finally:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


class Verified(NamedTuple):
    """How a check went and what became of its failures. ``drafting`` is false where nothing was to be drafted."""

    name: str
    checked: Checked
    outcomes: tuple[Outcome, ...] = ()
    drafting: bool = True


def verify(
    argv: Sequence[str],
    guard: Callable[[], ConcurrencyGuard],
    *,
    root: str,
    folder: str,
    name: str | None = None,
    lessons: Literal["draft", "at_once", "none"] = "draft",
    resolution: str = "",
    environ: Mapping[str, str] = os.environ,
) -> Verified:
    """Run the command in ``folder`` on our own terminal, and draft or resolve lessons; ``CI=true`` drafts nothing.

    ``guard`` is opened once the command has ended, so that the check never waits for us. LessonError and other errors of the tree come
    only after the command has run.
    """
    name = name or check_name(argv)
    with _scratch_folder(environ) as scratch:
        checked = check(argv, root=root, folder=folder, scratch_folder=scratch)
    opened = guard()
    keys = [failure.key for failure in checked.failures]
    run = Runs(opened).record(name, checked.status, checked.seconds, keys)
    detail = {"check": name, "status": checked.status, "seconds": run.seconds, "failures": len(keys)}
    opened.record("check", detail=detail)
    if lessons == "none" or environ.get("CI", "").lower() in ("true", "1") or checked.ended_by_signal or checked.error:
        return Verified(name, checked, drafting=False)
    if checked.passed and not Runs(opened).leaves_open(name):
        return Verified(name, checked)
    from .drafting import Drafter  # 20 ms of imports that a check which simply passes need not pay

    drafter = Drafter(opened, name)
    at_once = lessons == "at_once"
    if checked.passed:
        return Verified(name, checked, tuple(drafter.passed(checked, at_once=at_once, resolution=resolution)))
    return Verified(name, checked, tuple(drafter.failed(checked, run, at_once=at_once, resolution=resolution)))
