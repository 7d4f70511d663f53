"""From the text of a tool's arguments to the bytes its client is expected to write."""

from __future__ import annotations

from noclobber.content import hash_content
from noclobber.errors import NoclobberError

from .records import Change

__all__ = ["encoded", "exact_edits", "expected_bytes", "made_from"]


def encoded(text: str, disk: bytes | None) -> bytes:
    """The text in the form the file has: its BOM, line endings and encoding."""
    if disk is None:
        return text.encode("utf-8", "surrogatepass")
    from noclobber.text import reencode

    try:
        return reencode(text, disk)
    except NoclobberError:
        return text.encode("utf-8", "surrogatepass")


def exact_edits(change: Change, content: bytes | None) -> tuple[tuple[str, str], ...] | None:
    """An edit's or a patch's replacements as they are to be looked for in this version (None: absent); None where a hunk has no place."""
    if change.kind == "edit":
        return change.edits
    if content is None:
        return tuple((old, new) for old, new, _, _ in change.hunks)
    from .hunks import place_hunks

    return place_hunks(content, change.hunks)


def made_from(change: Change, content: bytes) -> bytes | None:
    """What an edit or a patch makes of this version; None where it does not fit."""
    from noclobber.merge import rebase_edit, text_edits_to_bytes

    edits = exact_edits(change, content)
    exact = None if edits is None else text_edits_to_bytes(content, edits)
    return rebase_edit(content, exact, replace_all=change.replace_all) if isinstance(exact, list) else None


def expected_bytes(change: Change, before: bytes | None, expected_hash: str) -> bytes | None:
    """The bytes behind the hash that a check noted, made again from what it saw; None where they cannot be."""
    made: bytes | None = None
    if change.kind == "write" and change.content is not None:
        made = encoded(change.content, before)
    elif change.kind in ("edit", "patch") and before is not None:
        made = made_from(change, before)
    return made if made is not None and hash_content(made) == expected_hash else None
