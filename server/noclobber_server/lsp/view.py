"""How an editor shows a file's bytes as text, and what saving a text would write.

Editors strip a byte order mark, normalise line endings, may add a final line end, and do not name the encoding they
read with. A ``View`` is that habit, found by comparing what was opened with the bytes on disk; through it,
versions of a file and the text of a buffer can be compared without a false alarm.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

__all__ = ["UTF8", "View", "find_view", "normal"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What editors offer, most common first; looked through only where a text is not what UTF-8 makes of the bytes.
_ENCODINGS = (
    "utf-8", "cp1252", "latin-1", "utf-16-le", "utf-16-be", "iso8859-15", "cp1251", "koi8-r", "cp1250", "iso8859-2", "cp932",
    "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr", "cp949", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp866", "cp437",
    "mac_roman",
)  # fmt: skip


class View(NamedTuple):
    """``codec``: how the editor decodes; ``exact``: no byte was replaced on the way; ``final_newline``: it shows
    one that the file lacks."""

    codec: str
    exact: bool = True
    final_newline: bool = False

    def shown(self, content: bytes) -> str:
        """The text an editor with these habits shows, with LF alone for every line end and no byte order mark."""
        text = normal(content.decode(self.codec, "replace"))
        return text + "\n" if self.final_newline and not text.endswith("\n") else text

    def written(self, text: str, like: bytes) -> bytes:
        """The bytes that saving the text would write over a file that is now ``like``: its BOM, its line ends."""
        text = text.removeprefix("\ufeff")
        plain = normal(text)
        if plain == self.shown(like):
            return like
        if "\r" not in text:
            text = text.replace("\n", _line_end(like, self.codec))
        bom = next((mark for mark, codec in _BOMS if codec == self.codec and like.startswith(mark)), b"")
        return bom + _encoded(text, self.codec)


UTF8 = View("utf-8")


def normal(text: str) -> str:
    """The text without a byte order mark, every line end an LF."""
    text = text.removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def find_view(text: str, content: bytes) -> View | None:
    """The habits by which these bytes show as this text; None where no known ones do, so that the two differ."""
    plain = normal(text)
    for view in _candidates(content):
        shown = view.shown(content)
        if shown == plain:
            return view
        if not shown.endswith("\n") and plain == shown + "\n":
            return view._replace(final_newline=True)
    return None


def likely_view(content: bytes) -> View:
    """How an editor would show these bytes, where no text says so."""
    return next(iter(_candidates(content)))


def _candidates(content: bytes) -> list[View]:
    marked = next((codec for mark, codec in _BOMS if content.startswith(mark)), None)
    names = [marked, *_ENCODINGS] if marked else list(_ENCODINGS)
    if content.isascii() and b"\0" not in content:
        return [UTF8]  # the same text in all of them
    exact = [View(name) for name in dict.fromkeys(names) if _decodes(content, name)]
    replaced = View("utf-8", exact=False)
    return exact if View("utf-8") in exact else [replaced, *exact] if marked is None else [*exact, replaced]


def _decodes(content: bytes, codec: str) -> bool:
    try:
        content.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _line_end(like: bytes, codec: str) -> str:
    text = like.decode(codec, "replace")
    pairs = text.count("\r\n")
    singles = text.count("\n") - pairs
    returns = text.count("\r") - pairs
    most = max(pairs, singles, returns)
    return "\r\n" if most == pairs and pairs else "\r" if most == returns and returns > singles else "\n"


def _encoded(text: str, codec: str) -> bytes:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")
