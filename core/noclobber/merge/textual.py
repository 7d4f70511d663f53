"""From text as models and editors send it to the bytes of a file: its encoding, its BOM, its line endings.

Only exact replacements need this: a whole text is encoded by whoever knows the file's form.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..text import decode_text
from .edits import EditNotFound
from .lines import common_prefix, common_suffix

__all__ = ["text_edits_to_bytes"]


def text_edits_to_bytes(content: bytes, edits: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]] | EditNotFound:
    """The edits in the file's own encoding and line endings, ready for ``apply_edits``.

    A line feed in an edit stands for whatever ends lines in the file; where that is mixed, for what stands at the place
    that matches. A BOM in an edit is ignored where the file has one. EditNotFound names a character that the
    file's encoding does not have.
    """
    text, form = decode_text(content)
    found: list[tuple[bytes, bytes]] = []
    for index, (old, new) in enumerate(edits):
        if form.bom:
            old, new = old.removeprefix("\ufeff"), new.removeprefix("\ufeff")
        if form.mixed:
            old, new = _with_mixed_ends(text, old, new)
            text = text.replace(old, new, 1)
        elif "\n" in text:
            old, new = _ended(old, form.newline), _ended(new, form.newline)
        try:
            found.append((old.encode(form.encoding), new.encode(form.encoding)))
        except UnicodeEncodeError as error:
            return EditNotFound(index, _missing(error, form.encoding))
    return found


def _missing(error: UnicodeEncodeError, encoding: str) -> str:
    return f"The file's encoding ({encoding}) has no character {error.object[error.start]!r}, so this edit cannot be made in it."


def _with_mixed_ends(text: str, old: str, new: str) -> tuple[str, str]:
    there = _as_it_stands(text, old)
    near = there if "\n" in there else text
    return there, _mixed(there, _ended(new, "\n"), "\r" if 2 * near.count("\r\n") > near.count("\n") else "")


def _mixed(there: str, new: str, end: str) -> str:
    """The new text with the line ends of the lines that it keeps from the old one, and the prevailing one on the others."""
    have, want = there.split("\n"), new.split("\n")
    old_lines, new_lines = [line.removesuffix("\r") for line in have[:-1]], want[:-1]
    kept = common_prefix(old_lines, new_lines)
    kept_last = common_suffix(old_lines, new_lines, min(len(old_lines), len(new_lines)) - kept)
    changed = [line + end for line in new_lines[kept : len(new_lines) - kept_last]]
    return "\n".join([*have[:kept], *changed, *have[len(old_lines) - kept_last : -1], want[-1]])


def _ended(text: str, end: str) -> str:
    flat = text.replace("\r\n", "\n")
    return flat if end == "\n" else flat.replace("\n", end)


def _as_it_stands(text: str, old: str) -> str:
    """The old text with the line ends of the place that matches it; as it was sent where none or several kinds do."""
    import re  # only for files with mixed line endings

    pattern = re.escape(_ended(old, "\n")).replace("\\\n", "\r?\n")
    places = set(re.findall(pattern, text))
    return str(places.pop()) if len(places) == 1 else old
