"""``journal.jsonl``: the history as text, one JSON object a line, to be tailed, grepped and kept.

A mirror of the store by seq and epoch, written behind the writers' backs and never read to decide anything but how to go on. What is
missing, torn or garbled at its end is repaired from the store; should the database be lost, the history is rebuilt from here.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from .errors import NoclobberError, StoreError
from .records import Event
from .store.protocol import EventQuery, Store

__all__ = ["Journal", "follow"]

_COALESCE_SECONDS: Final = 0.03  # writes within so much time are mirrored together
_ATTENTIVE_SECONDS: Final = 1.0  # so long after a write the thread looks by itself: waking it would cost each writer 10 µs
_PATIENCE_SECONDS: Final = 5.0
_CHUNK: Final = 1000
_TAIL: Final = 65_536


class _Place(NamedTuple):
    """How far the file goes: which file, how long, and up to which event."""

    device: int
    inode: int
    size: int
    epoch: str
    seq: int


class Journal:
    """Mirrors ``store`` into ``state_dir/journal.jsonl``, in a thread of its own that starts with the first event.

    Any number of processes may mirror the same store: each event is written once, in order of seq. ``beside`` is called each time
    the thread has looked for events, and before the process forks.
    """

    def __init__(self, state_dir: str | os.PathLike[str], store: Store, *, beside: Callable[[], None] = lambda: None) -> None:
        folder = os.path.abspath(os.fspath(state_dir))
        self.path = os.path.join(folder, "journal.jsonl")
        self._lock_path = os.path.join(folder, "journal.lock")
        self._store = store
        self._beside = beside
        self._place: _Place | None = None
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._due = False
        self._attentive = False
        self._thread: threading.Thread | None = None
        self._closed = False
        myself = weakref.ref(self)
        self._at_exit = lambda: _close(myself)
        # No flush is under way while forking: a child would inherit the file lock and keep it.
        os.register_at_fork(
            before=lambda: _at_fork(myself, "_hold"),
            after_in_parent=lambda: _at_fork(myself, "_go_on"),
            after_in_child=lambda: _at_fork(myself, "_start_over"),
        )
        store.listen(lambda: _note(myself))

    def note(self) -> None:
        """Say that there are new events; returns at once, they are mirrored soon."""
        self._due = True
        if self._attentive:
            return
        if self._thread is None:
            self._start()
        self._wake.set()

    def flush(self) -> int:
        """Mirror what is missing now; how many events were written. StoreError: the file cannot be written."""
        with self._flushing:
            try:
                return self._mirror()
            except OSError as error:
                raise StoreError(f"{self.path} cannot be written ({error.strerror}); the history itself is safe in state.db.") from error

    def close(self) -> None:
        """Write out what is missing and end the thread; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._due:
            _flush_quietly(self)
        atexit.unregister(self._at_exit)

    def _start(self) -> None:
        with self._flushing:
            if self._thread is None and not self._closed:
                wake = self._wake
                myself = weakref.ref(self, lambda _: wake.set())  # so that the thread ends with its journal
                self._thread = threading.Thread(target=_mirror_in_background, args=(myself, wake), daemon=True, name="journal")
                self._thread.start()
                atexit.register(self._at_exit)

    def _mirror(self) -> int:
        self._due = False
        self._store.version()  # notices a state that was made anew
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _locked(lock):
                return 0  # whoever holds it mirrors the same history, or is stopped: the next one goes on from there
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                return self._append_missing(fd)
            finally:
                os.close(fd)
        finally:
            os.close(lock)

    def _append_missing(self, fd: int) -> int:
        seq = self._mirrored_up_to(fd)
        written = 0
        while events := self._store.events(EventQuery(after_seq=seq, limit=_CHUNK, oldest=True)):
            _write_all(fd, _as_lines(events))
            seq = events[-1].seq
            written += len(events)
            self._remember(fd, events[-1].epoch, seq)
        return written

    def _mirrored_up_to(self, fd: int) -> int:
        """The seq after which to go on; cuts off what is torn, garbled, or not in the store."""
        stat = os.fstat(fd)
        place = self._place
        if place is not None and place[:3] == (stat.st_dev, stat.st_ino, stat.st_size):
            return place.seq
        for end, line in _lines_backwards(fd, stat.st_size):
            row = _event_row(line)
            if row is None:
                continue
            event = self._store.event(row["seq"])
            if event is not None and event.to_json() == row:
                os.ftruncate(fd, end)
                self._remember(fd, event.epoch, event.seq)
                return event.seq
            if row["epoch"] != self._store.epoch:
                # The end of an earlier history, which is nowhere else: it stays, and the present one follows it.
                os.ftruncate(fd, end)
                return 0
        os.ftruncate(fd, 0)
        return 0

    def _remember(self, fd: int, epoch: str, seq: int) -> None:
        stat = os.fstat(fd)
        self._place = _Place(stat.st_dev, stat.st_ino, stat.st_size, epoch, seq)

    def _hold(self) -> None:
        self._flushing.acquire()
        self._beside()

    def _go_on(self) -> None:
        self._flushing.release()

    def _start_over(self) -> None:
        """In a forked child: the thread is the parent's, and locks may have been held."""
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._thread = None
        self._attentive = self._due = False


def follow(store: Store, query: EventQuery, *, poll_seconds: float = 0.05, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """The events that match, as they come, from after ``query.after_seq`` (None: from now on); ends once ``stop`` says so."""
    seq = store.last_seq() if query.after_seq is None else query.after_seq
    epoch, version = store.epoch, None
    while not stop():
        present = store.version()
        if present == version:
            time.sleep(poll_seconds)
            continue
        version = present
        if store.epoch != epoch:
            epoch, seq = store.epoch, min(seq, store.last_seq())
        while events := store.events(query._replace(after_seq=seq, limit=_CHUNK, oldest=True)):
            yield from events
            seq = events[-1].seq


def _mirror_in_background(reference: weakref.ref[Journal], wake: threading.Event) -> None:
    quiet_since = time.monotonic()
    while True:
        time.sleep(_COALESCE_SECONDS)
        journal = reference()
        if journal is None or journal._closed or journal._wake is not wake:
            return
        if journal._due:
            journal._attentive = True
            _flush_quietly(journal)
            journal._beside()
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > _ATTENTIVE_SECONDS:
            wake.clear()
            journal._attentive = False
            due = journal._due  # noted between the look above and the line above: nobody will wake us for it
            journal._beside()
            del journal
            if not due:
                wake.wait()
            quiet_since = time.monotonic()


def _flush_quietly(journal: Journal) -> None:
    """A mirror that cannot be written must not stop anybody; the next flush makes up for it."""
    try:
        journal.flush()
    except NoclobberError:
        journal._place = None


def _note(reference: weakref.ref[Journal]) -> None:
    journal = reference()
    if journal is not None and not journal._closed:
        journal.note()


def _close(reference: weakref.ref[Journal]) -> None:
    journal = reference()
    if journal is not None:
        journal.close()


def _at_fork(reference: weakref.ref[Journal], step: str) -> None:
    journal = reference()
    if journal is not None:
        getattr(journal, step)()


def _as_lines(events: list[Event]) -> bytes:
    import json

    return "".join(json.dumps(event.to_json(), separators=(",", ":")) + "\n" for event in events).encode("ascii")


def _locked(fd: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)


def _write_all(fd: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


def _event_row(line: bytes) -> dict[str, Any] | None:
    import json

    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or not isinstance(row.get("epoch"), str) or not isinstance(row.get("seq"), int):
        return None
    return row


def _lines_backwards(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """The complete lines from the last to the first, each with the offset behind its line break."""
    end, rest = size, b""
    torn = True  # what follows the last line break is no line
    while end > 0:
        start = max(0, end - _TAIL)
        block = os.pread(fd, end - start, start) + rest
        position = len(block)
        while (cut := block.rfind(b"\n", 0, position)) >= 0:
            if not torn:
                yield start + position + 1, block[cut + 1 : position]
            torn, position = False, cut
        rest, end = block[:position], start
        if not torn and end == 0:
            yield position + 1, rest
