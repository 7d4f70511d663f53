"""What a buffer's text has been for a moment, between one look at it and the next.

An editor that reloads a file and formats it at once tells of both within a millisecond, and whoever looks then finds only the last
text: the version that was reloaded would count as never seen. Changes are taken in constant time, and gone through again only
where some version of the file is in question. Knows nothing of files.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator

from .text import Change, Encoding, TextModel
from .view import normal

__all__ = ["Trail"]

_LONGEST = 256  # notifications
_LARGEST = 1_000_000  # characters in them, beside two texts like the largest one
Taken = tuple[int, tuple[Change, ...]]


class Trail:
    """The texts of one document since ``begin``. ``take`` may be called by one thread while another asks; it never waits for that."""

    def __init__(self, text: str, version: int, encoding: Encoding) -> None:
        self._encoding: Encoding = encoding
        self._start = text, version
        self._taken: deque[Taken] = deque()
        self._size = 0  # of what was taken, in characters
        self._room = _LARGEST + 2 * len(text)
        self._broken = False
        self._brief = threading.Lock()  # held for a few operations on the queue, never while texts are compared

    def take(self, version: int, changes: Iterable[Change]) -> None:
        """One notification's changes, in constant time. A trail that grows too long or large is given up until it begins anew."""
        with self._brief:
            self._taken.append((version, tuple(changes)))
            size = _size(self._taken[-1])
            self._size += size
            self._room = max(self._room, _LARGEST + 2 * size)
            if len(self._taken) > 2 * _LONGEST or self._size > 2 * self._room:
                self._taken.clear()
                self._size, self._broken = 0, True

    @property
    def is_long(self) -> bool:
        """Whether to begin anew whatever is in question."""
        return self._broken or len(self._taken) > _LONGEST or self._size > self._room

    def begin(self, text: str, version: int) -> None:
        """Forget what was before this text, which the document had at this version."""
        with self._brief:
            self._start, self._broken = (text, version), False
            while self._taken and self._taken[0][0] <= version:
                self._taken.popleft()
            sizes = [_size(taken) for taken in self._taken]
            self._size, self._room = sum(sizes), _LARGEST + 2 * max([len(text), *sizes])

    def has_been(self, shown: str) -> bool:
        """Whether the text read like this at any moment since; ``shown`` has LF alone for every line end."""
        with self._brief:
            if self._broken:
                return False
            taken = list(self._taken)
        text, version = self._start
        if normal(text) == shown:
            return True
        lines = shown.count("\n") + 1
        texts = _texts(TextModel(text, version, self._encoding), taken)
        return any(model.line_count() == lines and normal(model.read()[0]) == shown for model in texts)


def _size(taken: Taken) -> int:
    return sum(len(change.text) for change in taken[1])


def _texts(model: TextModel, taken: list[Taken]) -> Iterator[TextModel]:
    for version, changes in taken:
        for change in changes:  # some clients send several moments of typing in one message
            model.take(version, [change])
            yield model
