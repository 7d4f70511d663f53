"""Stores to test: each test of the suite runs against every engine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from noclobber.records import Buffer, Event, Snapshot
from noclobber.store import Pending, SqliteStore, Store
from noclobber.store.memory import MemoryStore

MakeStore = Callable[..., Store]


@pytest.fixture(params=["sqlite", "memory"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    made: list[Store] = []

    def make(**options: Any) -> Store:
        store: Store = SqliteStore(tmp_path / "state", **options) if request.param == "sqlite" else MemoryStore(**options)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "state")
    yield store
    store.close()


@pytest.fixture
def an_event() -> Callable[..., Event]:
    return make_event


@pytest.fixture
def a_snapshot() -> Callable[..., Snapshot]:
    return make_snapshot


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_event(**fields: Any) -> Event:
    """A read of a.py by alice, but for what is named."""
    plain = Event(0, "2026-05-09T10:00:00.000Z", "read", "done", None, "", "alice", None, None, "a.py", None, None, None)
    return plain._replace(**fields)


def make_snapshot(**fields: Any) -> Snapshot:
    """Alice knows a.py, but for what is named."""
    return Snapshot("a.py", digest(b"a"), None, None, "2026-05-09T10:00:00.000Z", "alice")._replace(**fields)


@pytest.fixture
def a_pending() -> Callable[..., Pending]:
    plain = Pending("p", "g", 0, "a.py", "exchange", "tmp1", "1" * 64, "0" * 64, None, "intended", {"events": []})
    return lambda **fields: plain._replace(**fields)


@pytest.fixture
def a_buffer() -> Callable[..., Buffer]:
    plain = Buffer("a.py", "editor:a", "0" * 64, "1" * 64, True, ((1, 2),), "2026-05-09T10:00:00.000Z", "live1", 4711)
    return lambda **fields: plain._replace(**fields)
