"""What the text of a lesson may be. A model wrote it and later models obey it, so it must not be able to leave its entry.

Whatever a Markdown reader, or a client that looks for ``@imports``, comments or front matter, could take for structure gets a
backslash, and what cannot be seen is taken out. Doing it twice is doing it once, so that an entry read back and written again
stays as it is. Nothing here knows of files.
"""

from __future__ import annotations

import re
import unicodedata

from .errors import LessonError

__all__ = ["MAX_CHARACTERS", "MAX_LINES", "check_globs", "clean", "neutralise", "shorten"]

MAX_CHARACTERS = 2_000
MAX_LINES = 30
MAX_GLOBS = 8

_LINE_ENDS = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
# Outside code spans: a backslash already there with what it escapes, or something that needs one.
_INLINE = re.compile(
    r"(?P<kept>\\[\\`*_{}\[\]()#+.!<>~|@=:$&-])"
    r"|(?P<ticks>`+)"
    r"|(?P<tag><(?=[A-Za-z/?!]))"
    r"|(?P<image>!(?=\[))"
)
_AT = re.compile(r"(?<![A-Za-z0-9_\\])@(?=\S)")
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+(?=\S)")
_BLOCK_START = re.compile(
    r"#|>|~~~|```|\|\||\$\$|:::|"
    r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)|"  # a list marker that has nothing behind it, or stands behind another
    r"[-_*=][-_*= \t]*$|"  # thematic break, setext underline, front matter
    r"\[[^\]]*\]:|"  # link reference, footnote
    r"\*\*[A-Za-z :]+\*\*"  # a label of ours
)
_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?:[ \t]|$)")


def clean(text: str | bytes) -> str:
    """The text without what cannot be seen: escape sequences, control, bidirectional and other formatting characters.

    Line ends become ``\\n``, tabs four spaces; blank lines and spaces at line ends go. Undecodable bytes become U+FFFD.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text)).replace("\t", "    ")
    if not text.isascii() or not text.replace("\n", "").isprintable():
        text = "".join(map(_visible, text))
    return "\n".join(line.rstrip() for line in text.split("\n") if line.strip())


def _visible(char: str) -> str:
    if char == "\n" or " " <= char <= "~":
        return char
    kind = unicodedata.category(char)
    if kind == "Cs":
        return "\ufffd"
    if (
        kind in ("Cc", "Cf", "Co", "Cn")
        or char in "\u115f\u1160\u3164\uffa0\u034f"
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
    ):
        return ""
    return " " if kind in ("Zs", "Zl", "Zp") else char


def neutralise(text: str) -> str:
    """A cleaned text in which nothing is structure: each line may stand, indented by two spaces, in an entry's paragraph."""
    lines = text.split("\n")
    return "\n".join(_line(line, first=number == 0) for number, line in enumerate(lines))


def _line(line: str, *, first: bool) -> str:
    body = line.lstrip(" ")
    indent = "" if first else line[: len(line) - len(body)][:12]
    marker = "" if first else _leading_marker(body)
    return indent + marker + _inline(_block_start(body[len(marker) :]))


def _leading_marker(body: str) -> str:
    """A list item is harmless and useful; one marker may stand, unless the whole line is a thematic break."""
    found = _MARKER.match(body)
    return found.group() if found and not re.fullmatch(r"[-*_ \t]+", body) else ""


def _block_start(body: str) -> str:
    if body and (_BLOCK_START.match(body) or _CONFLICT.match(body)):
        if body[0].isdigit():
            return re.sub(r"^(\d+)([.)])", r"\1\\\2", body)
        return "\\" + body
    return body


def _inline(text: str) -> str:
    out: list[str] = []
    position = 0
    while found := _INLINE.search(text, position):
        out.append(text[position : found.start()])
        position = found.end()
        if found.lastgroup == "ticks":
            close = _closing(text, position, found.group())
            if close < 0:
                out.append("\\`" * len(found.group()))
            else:
                out.append(text[found.start() : close])
                position = close
        elif found.lastgroup == "kept":
            out.append(found.group())
        elif found.lastgroup == "image":
            out.append("\\!")
        else:
            out.append("\\<")
    return _everywhere("".join(out) + text[position:])


def _closing(text: str, position: int, ticks: str) -> int:
    """Where the code span opened by these backticks ends, -1 if it does not."""
    found = re.compile(rf"(?<!`){ticks}(?!`)").search(text, position)
    return found.end() if found else -1


def _everywhere(text: str) -> str:
    """In code spans too: not every reader knows of them when it looks for comments, imports and commands."""
    text = text.replace("<!--", "<!\\--").replace("-->", "--\\>").replace("--!>", "--!\\>").replace("!`", "! `")
    return _AT.sub(r"\\@", text)


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters of a text that a tool wrote, the cut marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 2].rstrip() + " …"


def check_globs(globs: tuple[str, ...]) -> tuple[str, ...]:
    """The file patterns a lesson is for, as given; LessonError where one could not stand in a front matter or leads out."""
    if len(globs) > MAX_GLOBS:
        raise LessonError(f"The lesson names {len(globs)} file patterns; at most {MAX_GLOBS} are allowed. Use a wider pattern.")
    for glob in globs:
        odd = not glob.strip() or len(glob) > 200 or not glob.isprintable() or any(char in glob for char in "\"'\\`<>#,")
        if odd or glob.startswith("/") or ".." in glob.split("/"):
            raise LessonError(f"{glob!r} is no usable file pattern. Give one relative to the workspace, such as src/**/*.py.")
    return tuple(dict.fromkeys(globs))
