"""``write_to_file`` and ``edit_file``: text in, the file's own form kept, through the guard."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from mcp.types import CallToolResult

from noclobber import ConcurrencyGuard, LeasedError
from noclobber.clock import boot_id, monotonic_ns
from noclobber.errors import NoclobberError
from noclobber.records import Write
from noclobber.situation import look
from noclobber.text import reencode

from .answers import answered
from .identity import Caller
from .notices import Notices

__all__ = ["edit_file", "write_to_file"]

_LEASE_WAIT_S = 2.0
_LEASE_POLL_S = 0.05


def write_to_file(
    guard: ConcurrencyGuard, caller: Caller, notices: Notices, path: str, content: str, *, read_hash: str | None,
    on_stale: Literal["reject", "merge"],
) -> CallToolResult:  # fmt: skip
    """Replace a whole file or make it. Raises the refusals of core."""
    written = _patiently(guard, lambda: guard.write(path, _encoded(guard, path, content), read_hash=read_hash, on_stale=on_stale))
    return _answer(guard, caller, notices, written)


def edit_file(
    guard: ConcurrencyGuard, caller: Caller, notices: Notices, path: str, edits: Sequence[tuple[str, str]], *, replace_all: bool
) -> CallToolResult:
    """Make exact replacements. Raises the refusals of core; NoclobberError where there is none to make."""
    if not edits:
        raise NoclobberError("There is no edit to make: edits is empty. Pass at least one, with the text to replace and the new text.")
    return _answer(guard, caller, notices, _patiently(guard, lambda: guard.edit(path, edits, replace_all=replace_all)))


def _patiently(guard: ConcurrencyGuard, change: Callable[[], Write]) -> Write:
    """Make the change; where another agent is between its check and its write, once more when it is done: a turn of a model costs more."""
    try:
        return change()
    except LeasedError as held:
        until = time.monotonic() + _LEASE_WAIT_S
        while guard.workspace.store.lease(held.refusal.file_path, boot_id(), monotonic_ns()) and time.monotonic() < until:
            time.sleep(_LEASE_POLL_S)
        return change()


def _encoded(guard: ConcurrencyGuard, path: str, text: str) -> bytes:
    """The text with the BOM, line endings and encoding that the file has now."""
    with guard.workspace.locator.locate(path, missing_ok=True) as located:
        found = look(located)
    return text.encode("utf-8", "surrogatepass") if found is None else reencode(text, found.content, path=path)


def _answer(guard: ConcurrencyGuard, caller: Caller, notices: Notices, written: Write) -> CallToolResult:
    told = notices.collect(guard, caller, written.file_path, written.seq, written.notices)
    structured = {
        "file_path": written.file_path, "agent_id": guard.agent_id, "outcome": written.outcome, "read_hash": written.read_hash,
        "content_hash": written.content_hash, "merged_diff": written.merged_diff, "notices": told,
    }  # fmt: skip
    text = f"{written.file_path}: {written.outcome}."
    if written.merged_diff:
        text += f" Others had changed it; both are kept. What they changed:\n{written.merged_diff}"
    return answered(structured, f"{text}\n[{' '.join(told)}]" if told else text)
