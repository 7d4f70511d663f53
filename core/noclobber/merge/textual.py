"""From text as models and editors send it to the bytes of a file: its encoding, its BOM, its line endings.

Only exact replacements need this: a whole text is encoded by whoever knows the file's form.
"""

from __future__ import annotations

from collections.abc import Sequence

from .edits import EditNotFound
from .lines import utf16_codec

__all__ = ["text_edits_to_bytes"]


def text_edits_to_bytes(content: bytes, edits: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]] | EditNotFound:
    """The edits in the file's own encoding and line endings, ready for ``apply_edits``.

    A line feed in an edit stands for whatever ends lines in the file; where that is mixed, for what stands at the place
    that matches. A BOM in an edit is ignored where the file has one. EditNotFound names a character that the
    file's encoding does not have.
    """
    codec, bom = _form(content)
    text = content[len(bom) :].decode(codec, "surrogatepass" if codec.startswith("utf") else "strict")
    found: list[tuple[bytes, bytes]] = []
    for index, (old, new) in enumerate(edits):
        if bom:
            old, new = old.removeprefix("\ufeff"), new.removeprefix("\ufeff")
        old, new = _with_line_ends(text, old, new)
        try:
            found.append((_encoded(old, codec), _encoded(new, codec)))
        except UnicodeEncodeError as error:
            missing = error.object[error.start]
            return EditNotFound(index, f"The file's encoding ({codec}) has no character {missing!r}, so this edit cannot be made in it.")
        text = text.replace(old, new, 1) if old else text + new
    return found


def _form(content: bytes) -> tuple[str, bytes]:
    """Codec and BOM. Bytes that are not UTF-8 are taken as Latin-1, in which every byte is a character."""
    codec = utf16_codec(content)
    if codec:
        return codec, content[:2]
    bom = content[:3] if content.startswith(b"\xef\xbb\xbf") else b""
    try:
        content.decode()
    except UnicodeDecodeError:
        return "latin-1", b""
    return "utf-8", bom


def _encoded(text: str, codec: str) -> bytes:
    return text.encode(codec)


def _with_line_ends(text: str, old: str, new: str) -> tuple[str, str]:
    pairs = text.count("\r\n")
    feeds, returns = text.count("\n") - pairs, text.count("\r") - pairs
    if not (pairs or feeds or returns):
        return old, new
    if pairs and not feeds:
        return _ended(old, "\r\n"), _ended(new, "\r\n")
    if not pairs:
        end = "\n" if feeds else "\r"
        return _ended(old, end), _ended(new, end)
    there = _as_it_stands(text, old)
    near = there if "\n" in there else text
    return there, _ended(new, "\r\n" if 2 * near.count("\r\n") > near.count("\n") else "\n")


def _ended(text: str, end: str) -> str:
    flat = text.replace("\r\n", "\n")
    return flat if end == "\n" else flat.replace("\n", end)


def _as_it_stands(text: str, old: str) -> str:
    """The old text with the line ends of the place that matches it; as it was sent where none or several kinds do."""
    import re  # only for files with mixed line endings

    pattern = re.escape(_ended(old, "\n")).replace("\\\n", "\r?\n")
    places = set(re.findall(pattern, text))
    return str(places.pop()) if len(places) == 1 else old
