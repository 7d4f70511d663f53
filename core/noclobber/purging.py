"""Dropping kept contents on request: of one file, or of the whole workspace.

Equal bytes are kept once, whatever files they stood in; purging one file's versions drops them for all.
"""

from __future__ import annotations

from collections.abc import Iterator

from .store.protocol import EventQuery, Store

__all__ = ["purge"]

_PAGE = 10_000


def purge(store: Store, file_path: str | None = None) -> int:
    """Drop every kept version of one file, or (None) of all files; how many there were."""
    hashes = set(_recorded(store, file_path))
    for snapshot in store.snapshots(file_path=file_path):
        hashes.add(snapshot.read_hash)
    for buffer in store.buffers(file_path):
        hashes.update(one for one in (buffer.base_hash, buffer.text_hash) if one)
    return store.purge(hashes)


def _recorded(store: Store, file_path: str | None) -> Iterator[str]:
    """Every hash on record, page by page: a long history never stands in memory whole."""
    seq = 0
    while page := store.events(EventQuery(file_path=file_path, after_seq=seq, limit=_PAGE, oldest=True)):
        for event in page:
            yield from (one for one in (event.before_hash, event.after_hash) if one)
        seq = page[-1].seq
