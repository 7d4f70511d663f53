"""Whatever is done to both, the embedded store and the one in memory answer the same."""

from __future__ import annotations

import hashlib
import tempfile
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from noclobber.clock import format_utc
from noclobber.records import Buffer, Event, Signature, Snapshot
from noclobber.store import Batch, EventQuery, Pending, SqliteStore
from noclobber.store.memory import MemoryStore

agents = st.sampled_from(["alice", "bob", "editor:é:1"])
paths = st.sampled_from(["a.py", "b.py", "dir/ü 1.txt", "B.py"])
maybe_paths = st.none() | paths
contents = st.sampled_from([b"", b"a", b"b\r\n" * 50, b"\x00\xff"])
hashes = contents.map(lambda content: hashlib.sha256(content).hexdigest())
turns = st.sampled_from([None, "t1", "t2"])
kinds: Any = st.sampled_from(["read", "write", "edit", "move", "outside", "delete", "clear"])
outcomes: Any = st.sampled_from(["done", "merged", "refused", "observed"])
stamps = st.integers(0, 9).map(lambda second: f"2026-05-09T10:00:0{second}.000Z")
line_ranges = st.none() | st.lists(st.tuples(st.integers(1, 9), st.integers(10, 20)), max_size=2).map(tuple)
numbers = st.integers(0, 2**64 - 1)
signatures = st.none() | st.builds(
    Signature, st.integers(0, 2**40), st.integers(-5, 2**62), st.integers(0, 2**62), numbers, numbers, st.booleans()
)
details = st.none() | st.fixed_dictionaries({}, optional={"read_hash": st.none() | hashes, "lines": st.just([[1, 5]])})

events = st.builds(
    Event, st.just(0), stamps, kinds, outcomes, st.none(), st.just(""), agents, turns, turns, maybe_paths, maybe_paths, st.none() | hashes,
    st.none() | hashes, details,
)  # fmt: skip
snapshots = st.builds(Snapshot, paths, hashes, turns, turns, stamps, agents, line_ranges, signatures, st.integers(0, 3))
pendings = st.builds(
    Pending, st.sampled_from("pqr"), st.sampled_from("gh"), st.integers(0, 2), paths, st.sampled_from(["exchange", "create", "move"]),
    st.none(), st.none() | hashes, st.none() | hashes, maybe_paths, st.sampled_from(["intended", "committed"]), st.just({"events": []}),
)  # fmt: skip
buffers = st.builds(
    Buffer,
    paths,
    agents,
    st.none() | hashes,
    st.none() | hashes,
    st.booleans(),
    line_ranges,
    stamps,
    st.just("live"),
    st.none() | st.just(1),
)
batches = st.builds(
    Batch,
    st.lists(events, max_size=4),
    st.lists(snapshots, max_size=3),
    st.lists(st.tuples(agents, maybe_paths), max_size=2),
    st.lists(contents.map(lambda content: (hashlib.sha256(content).hexdigest(), content)), max_size=2),
    st.lists(pendings, max_size=2),
    st.lists(st.sampled_from("pqr"), max_size=2),
    st.lists(buffers, max_size=2),
    st.lists(st.tuples(agents, paths), max_size=2),
    st.lists(snapshots, max_size=2),
    st.lists(st.tuples(paths, hashes, st.integers(0, 9)), max_size=2),
)
queries = st.builds(
    EventQuery, maybe_paths, st.none() | agents, turns, turns, st.none() | st.lists(kinds, max_size=3).map(tuple),
    st.none() | st.lists(outcomes, max_size=2).map(tuple), st.none() | hashes, st.none() | stamps, st.none() | st.integers(0, 20),
    st.none() | st.integers(0, 20), st.none() | st.integers(0, 5), st.booleans(),
)  # fmt: skip


class Agreement(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.embedded = SqliteStore(self.folder.name)
        self.memory = MemoryStore()

    def teardown(self) -> None:
        self.embedded.close()
        self.folder.cleanup()

    @rule(batch=batches)
    def apply(self, batch: Batch) -> None:
        assert self.embedded.apply(batch) == self.memory.apply(batch)

    @rule(query=queries)
    def ask(self, query: EventQuery) -> None:
        embedded, memory = self.embedded.events(query), self.memory.events(query)
        assert [one._replace(epoch="") for one in embedded] == [one._replace(epoch="") for one in memory]

    @rule(agent=agents, path=paths, content_hash=hashes)
    def was_given(self, agent: str, path: str, content_hash: str) -> None:
        embedded, memory = (store.was_given(agent, path, content_hash) for store in (self.embedded, self.memory))
        assert (embedded and embedded.seq) == (memory and memory.seq)

    @rule(agent=st.none() | agents, path=maybe_paths)
    def look(self, agent: str | None, path: str | None) -> None:
        assert self.embedded.snapshots(agent, path) == self.memory.snapshots(agent, path)
        assert self.embedded.pending(path) == self.memory.pending(path)
        assert self.embedded.buffers(path) == self.memory.buffers(path)
        assert self.embedded.last_seq() == self.memory.last_seq()

    @rule(content_hash=hashes)
    def content(self, content_hash: str) -> None:
        assert self.embedded.content(content_hash) == self.memory.content(content_hash)
        assert self.embedded.find_hashes(content_hash[:2]) == self.memory.find_hashes(content_hash[:2])

    @rule(chosen=st.lists(hashes, max_size=2))
    def purge(self, chosen: list[str]) -> None:
        assert self.embedded.purge(chosen) == self.memory.purge(chosen)

    @rule(second=st.integers(0, 9))
    def expire_idle_snapshots(self, second: int) -> None:
        now = format_utc(1_778_320_800 + 7 * 86_400 + second)
        self.embedded.sweep(now)
        self.memory.sweep(now)

    @rule(agent=agents, path=paths, now=st.integers(0, 5))
    def lease(self, agent: str, path: str, now: int) -> None:
        taken = [store.acquire_lease(path, agent, "boot", now, now + 3) for store in (self.embedded, self.memory)]
        assert len({one and one._replace(token=0) for one in taken}) == 1
        assert self.embedded.release_leases("bob") == self.memory.release_leases("bob")


Agreement.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TestAgreement = Agreement.TestCase
