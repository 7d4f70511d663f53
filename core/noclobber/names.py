"""What a usable name is, and which folders the guard stays out of. Pure text rules; nothing here touches a disk."""

from __future__ import annotations

import os

from .errors import PathError

__all__ = ["checked_text", "is_guarded_away"]

_KEPT_OUT = (".git", ".noclobber")
# Apple's file system overlooks these in names, so that ".g\u200cit" would be ".git"
_OVERLOOKED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])


def checked_text(path: str | bytes | os.PathLike[str]) -> str:
    """The path as text that every file system, log and editor can carry; PathError says what is wrong with it."""
    raw = os.fspath(path)
    text = _decoded(raw) if isinstance(raw, bytes) else raw
    if not isinstance(text, str):
        raise PathError(repr(path), f"A path is text, not {type(path).__name__}.")
    if not text:
        raise PathError(text, "The path is empty; name a file in the workspace.")
    if not (text.isascii() and text.isprintable()):
        _check_characters(text)
    return text


def is_guarded_away(path: str) -> bool:
    """Whether a ``/``-joined path goes through ``.git`` or ``.noclobber``, however a file system may fold the spelling."""
    if not path.isascii():
        path = path.translate(_OVERLOOKED).casefold()
    elif not path.islower():
        path = path.lower()
    if ".git" not in path and ".noclobber" not in path:
        return False
    return any(part in _KEPT_OUT for part in path.split("/"))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        shown = raw.decode(errors="backslashreplace")
        raise PathError(shown, f"The name {shown!r} is not valid UTF-8; rename the file to guard it.") from error


def _check_characters(text: str) -> None:
    for character in text:
        code = ord(character)
        if code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029):
            raise PathError(text, f"The name {text!r} has {_WORDS.get(code, 'a control character')} in it; no file under the guard may.")
        if 0xD800 <= code < 0xE000:
            raise PathError(ascii(text), f"The name {text!a} is not valid UTF-8; rename the file to guard it.")


_WORDS = {0: "a NUL", 0x0A: "a line break", 0x0D: "a line break", 0x2028: "a line break", 0x2029: "a line break", 9: "a tab"}
