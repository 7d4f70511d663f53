"""From the text of a tool's arguments to the bytes its client is expected to write."""

from __future__ import annotations

from noclobber.content import hash_content
from noclobber.errors import NoclobberError

from .records import Change

__all__ = ["encoded", "expected_bytes"]


def encoded(text: str, disk: bytes | None) -> bytes:
    """The text in the form the file has: its BOM, line endings and encoding."""
    if disk is None:
        return text.encode("utf-8", "surrogatepass")
    from noclobber.text import reencode

    try:
        return reencode(text, disk)
    except NoclobberError:
        return text.encode("utf-8", "surrogatepass")


def expected_bytes(change: Change, before: bytes | None, expected_hash: str) -> bytes | None:
    """The bytes behind the hash that a check noted, made again from what it saw; None where they cannot be."""
    made: bytes | None = None
    if change.kind == "write" and change.content is not None:
        made = encoded(change.content, before)
    elif change.kind in ("edit", "patch") and before is not None:
        from noclobber.merge import Edited, apply_edits, text_edits_to_bytes

        exact = text_edits_to_bytes(before, list(change.edits))
        edited = apply_edits(before, exact, replace_all=change.replace_all) if isinstance(exact, list) else None
        made = edited.content if isinstance(edited, Edited) else None
    return made if made is not None and hash_content(made) == expected_hash else None
