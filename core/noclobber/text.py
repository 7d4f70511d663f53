"""The form of a text file: BOM, encoding, line endings; taken off for those who speak text, and put back on what they send.

Every byte string has a form, and decoding and encoding it again gives the same bytes. Nothing is compared or hashed through here
where bytes can be; knows nothing of files.
"""

from __future__ import annotations

from typing import NamedTuple

from .errors import PathError

__all__ = ["TextForm", "decode_text", "encode_text", "reencode", "same_text"]

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),  # before UTF-16, whose mark it begins with
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


class TextForm(NamedTuple):
    """How a file's text stands in its bytes.

    ``bom``: the byte order mark as it stands there, or empty. ``encoding``: Python's name; ``latin-1`` where the bytes are no
    Unicode. ``newline``: the file's line ending, the most frequent one where they are ``mixed``; ``\\n`` where there is none.
    ``binary``: it has NUL bytes and no BOM to explain them; its text is only good for comparing.
    """

    bom: bytes
    encoding: str
    newline: str
    mixed: bool
    binary: bool


def decode_text(content: bytes) -> tuple[str, TextForm]:
    """The text without its BOM and with ``\\n`` as line ending; mixed endings stay as they are, since they could not be put back."""
    text, bom, encoding = _decoded(content)
    newline, mixed = _line_ending(text)
    form = TextForm(bom, encoding, newline, mixed, binary=not bom and "\0" in text)
    return (text if mixed or newline == "\n" else text.replace(newline, "\n")), form


def encode_text(text: str, form: TextForm, *, path: str = "text") -> bytes:
    """The bytes of a text in a file's own form; ``path`` is what messages call the file.

    Whatever line endings the text has become the file's, except in a file where they are mixed (see ``reencode``). PathError where
    the file's encoding cannot hold a character of the text; nothing is put in its place.
    """
    text = text.removeprefix("\ufeff") if form.bom else text
    if not form.mixed:
        text = _with_endings(text, form.newline)
    try:
        return form.bom + text.encode(form.encoding)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        character = text[error.start]
        message = f"{path!r} is {form.encoding}, which has no {character!a} (line {line}); nothing was changed. Convert the file first."
        raise PathError(path, message) from error


def reencode(text: str, original: bytes, *, path: str = "text") -> bytes:
    """The bytes of a new text for a file that held ``original``: its form, and each line that stayed keeps its own ending.

    Where endings are mixed a new line takes the ending of the line it stands for, else the file's most frequent one. PathError as in
    ``encode_text``.
    """
    before, form = decode_text(original)
    if form.mixed:
        text = _endings_kept(before, text.removeprefix("\ufeff") if form.bom else text, form.newline)
    return encode_text(text, form, path=path)


def same_text(text: str, content: bytes) -> bool:
    """Whether a text is what the bytes say, BOM and line endings apart."""
    there, _, _ = _decoded(content)
    return _with_endings(text.removeprefix("\ufeff"), "\n") == _with_endings(there, "\n")


def _decoded(content: bytes) -> tuple[str, bytes, str]:
    """(text without BOM, BOM, encoding)."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            bare = text.lstrip("\ufeff")  # concatenated files have several
            return bare, mark * (len(text) - len(bare)), encoding
    try:
        return content.decode("utf-8"), b"", "utf-8"
    except UnicodeDecodeError:
        return content.decode("latin-1"), b"", "latin-1"


def _line_ending(text: str) -> tuple[str, bool]:
    """(the most frequent ending, whether there are several kinds)."""
    if "\r" not in text:
        return "\n", False
    both = text.count("\r\n")
    counts = {"\r\n": both, "\n": text.count("\n") - both, "\r": text.count("\r") - both}
    return max(counts, key=lambda ending: counts[ending]), sum(count > 0 for count in counts.values()) > 1


def _with_endings(text: str, newline: str) -> str:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if newline == "\n" else text.replace("\n", newline)


def _lines(text: str) -> list[tuple[str, str]]:
    """(line, its ending); only the last may have none."""
    import re  # only for files with mixed line endings

    pieces = re.split("(\r\n|\r|\n)", text)
    lines = list(zip(pieces[::2], [*pieces[1::2], ""], strict=True))
    return lines if lines[-1] != ("", "") else lines[:-1]


def _endings_kept(before: str, after: str, newline: str) -> str:
    old, new = _lines(before), _lines(after)
    out: list[str] = []
    for stands_for, lines in _pairs(old, new):
        for at, (line, ending) in enumerate(lines):
            kept = stands_for[at][1] if at < len(stands_for) else ""
            piece = line + ((kept or newline) if ending else "")
            if piece == "\n" and out and out[-1].endswith("\r"):
                piece = "\r"  # the two would read as one ending, and a line be lost
            out.append(piece)
    return "".join(out)


_Lines = list[tuple[str, str]]


def _pairs(old: _Lines, new: _Lines) -> list[tuple[_Lines, _Lines]]:
    """Stretches of the old and the new lines that stand for each other, in order; equal ends are taken first, as a person would."""
    shorter = min(len(old), len(new))
    head = next((n for n in range(shorter) if old[n][0] != new[n][0]), shorter)
    rest = shorter - head
    tail = next((n for n in range(rest) if old[-1 - n][0] != new[-1 - n][0]), rest)
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    pairs = [(old[:head], new[:head])]
    if inner_old and inner_new:
        from difflib import SequenceMatcher  # 3 ms, only for files with mixed line endings

        matcher = SequenceMatcher(None, [line for line, _ in inner_old], [line for line, _ in inner_new], autojunk=len(inner_old) > 1000)
        pairs += [(inner_old[i:i_end], inner_new[j:j_end]) for _, i, i_end, j, j_end in matcher.get_opcodes()]
    else:
        pairs.append((inner_old, inner_new))
    return [*pairs, (old[len(old) - tail :], new[len(new) - tail :])]
