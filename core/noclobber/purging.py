"""Dropping kept contents on request: of one file, or of the whole workspace.

Equal bytes are kept once, whatever files they stood in; purging one file's versions drops them for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .records import Event
from .store.protocol import EventQuery, Store

__all__ = ["purge"]

_PAGE = 10_000
_BY_PATH = ("refused_with", "changes")
"""In the ``detail`` of an event: hashes of several files, by their paths."""


def purge(store: Store, file_path: str | None = None) -> int:
    """Drop every kept version of one file, or (None) all that is kept; how many there were."""
    if file_path is None:
        return store.purge(None)
    hashes = {one for event in _pages(store, EventQuery(file_path=file_path)) for one in _hashes(event, file_path)}
    for query in (EventQuery(outcomes=("refused",)), EventQuery(kinds=("git",))):
        hashes.update(one for event in _pages(store, query) for one in _by_path(event, file_path))
    hashes.update(snapshot.read_hash for snapshot in store.snapshots(file_path=file_path))
    hashes.update(one for buffer in store.buffers(file_path) for one in (buffer.base_hash, buffer.text_hash) if one)
    return store.purge(hashes)


def _pages(store: Store, query: EventQuery) -> Iterator[Event]:
    """The events, page by page: a long history never stands in memory whole."""
    seq = 0
    while page := store.events(query._replace(after_seq=seq, limit=_PAGE, oldest=True)):
        yield from page
        seq = page[-1].seq


def _hashes(event: Event, file_path: str) -> Iterator[str]:
    """All that an event of the file says of its versions."""
    yield from (one for one in (event.before_hash, event.after_hash) if one)
    yield from _by_path(event, file_path)
    yield from _within({name: value for name, value in (event.detail or {}).items() if name not in _BY_PATH})


def _by_path(event: Event, file_path: str) -> Iterator[str]:
    for name in _BY_PATH:
        by_path = (event.detail or {}).get(name)
        if isinstance(by_path, dict):
            yield from _within(by_path.get(file_path))


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) == 64 and not value.strip("0123456789abcdef"):
            yield value
    elif isinstance(value, (dict, list, tuple)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _within(one)
