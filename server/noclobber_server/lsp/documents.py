"""One open document, and all of them: what the editor says of each, and what is known of its file.

The event loop adds, removes and takes keystrokes; everything below the line in ``Document`` belongs to the worker's thread alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .text import Change, TextModel
from .trail import Trail
from .uris import key_of
from .view import UTF8, View

if TYPE_CHECKING:
    from lsprotocol import types

    from noclobber.content import StableRead
    from noclobber.records import Buffer, Event

    from .rooms import Room
    from .state import Assessment

__all__ = ["Document", "Documents", "Origin", "Version"]


class Version(NamedTuple):
    """Some bytes of a file, their hash, and how they read in the editor that shows them."""

    content: bytes
    hash: str
    shown: str


class Origin(NamedTuple):
    """What a buffer came from: its base, the last event in it, and the versions that stood on disk since, oldest first."""

    base: Version | None
    seen_seq: int
    unseen: tuple[Version, ...]


class Document:
    """A document that a client has open. ``path`` is absolute."""

    def __init__(self, uri: str, path: str, model: TextModel) -> None:
        self.uri = uri
        self.path = path
        self.model = model
        self.trail = Trail(*model.read(), model.encoding)
        self.typed_at = 0.0  # seconds since 1970
        self.look_due = False  # a look is queued, so that a keystroke need not queue another
        self.saving: int | None = None  # the version of the text that the editor last said it was about to save
        self.saves_told = 0  # how many saves the editor has told of
        self.closed = False
        # -- the worker's --
        self.room: Room | None = None
        self.file_path = ""
        self.view: View = UTF8
        self.read: StableRead | None = None
        self.disk: Version | None = None
        self.base: Version | None = None
        self.base_hash: str | None = None
        self.seen_seq = 0  # what happened to the file up to here is in the base
        self.unseen: list[Version] = []  # stood on disk since the base, oldest first
        self.prior: Origin | None = None  # what the buffer came from until its own text came to stand on disk: perhaps it was saved
        self.before_revert: Origin | None = None  # what the text came from that its editor was about to revert for a moment
        self.saves_taken = 0  # how many of those told have been dealt with
        self.saves_waiting: list[tuple[str, float]] = []  # texts that were saved, each with the moment until which it may wait
        self.assessment: Assessment | None = None
        self.authors: tuple[Event, ...] = ()
        self.since: float | None = None  # monotonic: when the present state began
        self.row: Buffer | None = None
        self.row_at = 0.0
        self.row_version: int | None = None  # the version of the text that the row tells of, where that is unsaved
        self.own_text: tuple[str, int] | None = None  # hash of the unsaved text that only we keep, and the newest event when it was kept
        self.published: list[types.Diagnostic] = []

    def take(self, version: int, changes: Sequence[Change]) -> bool:
        """From the event loop: one notification's changes, in constant time; false where the version went back."""
        if version < self.model.version:
            return False
        self.trail.take(version, changes)  # before the model says that it has it: a look in between may begin the trail anew
        self.model.take(version, changes)
        return True

    def told_of_save(self) -> str:
        """From the event loop: the editor has written the file; the text it wrote."""
        self.saves_told += 1
        return self.model.read()[0]

    @property
    def origin(self) -> Origin:
        """What the buffer comes from now."""
        return Origin(self.base, self.seen_seq, tuple(self.unseen))

    def came_from(self, saved_hash: str) -> Origin:
        """What a text that was saved comes from. What stood on disk after a text of the buffer's was found there came before the save,
        unless that text is the one that was saved."""
        if self.prior is None:
            return self.origin
        before = {version.hash: version for version in self.prior.unseen}
        if saved_hash in (self.base_hash, *before):
            return self.prior
        before |= {version.hash: version for version in self.unseen}
        return self.prior._replace(unseen=tuple(before.values()))


class Documents:
    """The open documents, found whatever way a client happens to escape a URI."""

    def __init__(self) -> None:
        self._by_key: dict[str, Document] = {}
        self._by_uri: dict[str, Document] = {}

    def add(self, document: Document) -> Document | None:
        """Add one; the one it replaces, where a client opens what it has open."""
        key = key_of(document.uri)
        before = self._by_key.get(key)
        self._by_key[key] = document
        self._by_uri = {uri: known for uri, known in self._by_uri.items() if known is not before} if before else self._by_uri
        self._by_uri[document.uri] = document
        return before

    def get(self, uri: str) -> Document | None:
        """The open document a URI names."""
        return self._by_uri.get(uri) or self._by_key.get(key_of(uri))

    def remove(self, uri: str) -> Document | None:
        """Take one out."""
        document = self._by_key.pop(key_of(uri), None)
        if document is not None:
            self._by_uri.pop(document.uri, None)
        return document

    def drop(self, document: Document) -> bool:
        """Take out this very one; whether it was still there."""
        return self._by_key.get(key_of(document.uri)) is document and self.remove(document.uri) is document

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._by_key.values()))

    def __len__(self) -> int:
        return len(self._by_key)
