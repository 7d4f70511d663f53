"""What every store must do, whatever its engine."""

from __future__ import annotations

import hashlib
import os
import threading
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from noclobber.clock import format_utc, parse_utc, utc_now
from noclobber.errors import StoreError
from noclobber.records import Buffer, Event, Signature, Snapshot
from noclobber.store import Batch, EventQuery, Pending, SqliteStore, Store
from noclobber.store.protocol import LOOKED_BACK

AnEvent = Callable[..., Event]
ASnapshot = Callable[..., Snapshot]
MakeStore = Callable[..., Store]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def seqs(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


def later(days: float) -> str:
    return format_utc(parse_utc(utc_now()) + days * 86_400)


class TestHistory:
    def test_sequence_numbers_count_from_one_in_the_order_given(self, store: Store, an_event: AnEvent) -> None:
        assert store.last_seq() == 0
        assert store.apply(Batch(events=[an_event(), an_event()])) == (1, 2)
        assert store.apply(Batch(events=[an_event()])) == (3,)
        assert store.last_seq() == 3

    def test_an_event_comes_back_as_it_was_with_its_seq_and_the_epoch(self, store: Store, an_event: AnEvent) -> None:
        event = an_event(
            kind="write", outcome="refused", refusal="STALE_FILE", turn_id="t", intent_id="i", to_path="b.py", before_hash="0" * 64,
            after_hash="1" * 64, detail={"lines": [[1, 5]], "text": "é\ud800\x00"},
        )  # fmt: skip
        store.apply(Batch(events=[event]))
        assert store.event(1) == event._replace(seq=1, epoch=store.epoch)
        assert store.events(EventQuery()) == [event._replace(seq=1, epoch=store.epoch)]
        assert store.event(2) is None
        assert store.event(0) is None

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (EventQuery(), [1, 2, 3, 4, 5, 6]),
            (EventQuery(file_path="a.py"), [1, 2, 5]),
            (EventQuery(file_path="b.py"), [3, 5, 6]),
            (EventQuery(agent_id="bob"), [2, 4, 5]),
            (EventQuery(turn_id="t1"), [1, 2]),
            (EventQuery(intent_id="i2"), [3, 4]),
            (EventQuery(kinds=("write", "move")), [2, 5]),
            (EventQuery(kinds=("read", "write")), [1, 2, 3, 4, 6]),
            (EventQuery(kinds=()), []),
            (EventQuery(outcomes=("refused", "merged")), [4, 6]),
            (EventQuery(outcomes=("done", "merged")), [1, 2, 3, 5, 6]),
            (EventQuery(after_hash="h2"), [2]),  # 6 read it: a read leaves no version behind
            (EventQuery(after_hash="h2", agent_id="bob", file_path="a.py"), [2]),
            (EventQuery(after_hash="h2", kinds=("read",)), []),
            (EventQuery(since="2026-05-09T10:00:03.000Z"), [3, 4, 6]),
            (EventQuery(after_seq=2, before_seq=5), [3, 4]),
            (EventQuery(limit=2), [5, 6]),
            (EventQuery(limit=2, oldest=True), [1, 2]),
            (EventQuery(limit=0), []),
            (EventQuery(file_path="b.py", limit=2), [5, 6]),
            (EventQuery(file_path="b.py", limit=2, oldest=True), [3, 5]),
            (EventQuery(file_path="b.py", agent_id="bob"), [5]),
            (EventQuery(file_path="b.py", agent_id="alice", kinds=("read",)), [3, 6]),
            (EventQuery(agent_id="bob", turn_id="t1"), [2]),
            (EventQuery(agent_id="bob", since="2026-05-09T10:00:03.000Z", limit=5), [4]),
            (EventQuery(turn_id="t1", intent_id="i2"), []),
        ],
    )
    def test_a_query_gives_what_matches_in_order(self, store: Store, an_event: AnEvent, query: EventQuery, expected: list[int]) -> None:
        at = "2026-05-09T10:00:0{}.000Z".format
        store.apply(
            Batch(
                events=[
                    an_event(timestamp=at(1), turn_id="t1"),
                    an_event(timestamp=at(2), turn_id="t1", agent_id="bob", kind="write", after_hash="h2"),
                    an_event(timestamp=at(3), intent_id="i2", file_path="b.py"),
                    an_event(timestamp=at(4), intent_id="i2", agent_id="bob", file_path="c.py", outcome="refused"),
                    an_event(timestamp=at(0), agent_id="bob", kind="move", to_path="b.py"),  # the clock was set back
                    an_event(timestamp=at(6), file_path="b.py", outcome="merged", after_hash="h2"),
                ]
            )
        )
        assert seqs(store.events(query)) == expected

    def test_the_first_event_since_a_time_is_found_although_the_clock_was_set_back(self, store: Store, an_event: AnEvent) -> None:
        stamps = [5, 9, 1, 2, 3, 9, 4]
        store.apply(Batch(events=[an_event(timestamp=f"2026-05-09T10:00:0{stamp}.000Z") for stamp in stamps]))
        for since in range(10):
            found = store.events(EventQuery(since=f"2026-05-09T10:00:0{since}.000Z"))
            assert seqs(found) == [seq for seq, stamp in enumerate(stamps, 1) if stamp >= since]


class TestWasGiven:
    @pytest.mark.parametrize("kind", ["read", "write", "edit", "restore", "revert", "move", "open", "save"])
    @pytest.mark.parametrize("outcome", ["done", "merged", "formatted", "overridden"])
    def test_a_version_that_came_with_an_event_was_given(self, store: Store, an_event: AnEvent, kind: str, outcome: str) -> None:
        store.apply(Batch(events=[an_event(kind=kind, outcome=outcome, after_hash="h"), an_event()]))
        given = store.was_given("alice", "a.py", "h")
        assert given is not None
        assert given.seq == 1
        assert store.was_given("bob", "a.py", "h") is None
        assert store.was_given("alice", "b.py", "h") is None
        assert store.was_given("alice", "a.py", "g") is None

    @pytest.mark.parametrize(
        "fields", [{"kind": "outside"}, {"kind": "late"}, {"kind": "git"}, {"outcome": "refused"}, {"outcome": "observed"}]
    )
    def test_what_others_did_or_was_refused_gives_nothing(self, store: Store, an_event: AnEvent, fields: dict[str, Any]) -> None:
        store.apply(Batch(events=[an_event(after_hash="h", **fields)]))
        assert store.was_given("alice", "a.py", "h") is None

    def test_where_the_writer_knows_less_than_is_on_disk_only_what_it_knows_was_given(self, store: Store, an_event: AnEvent) -> None:
        store.apply(Batch(events=[an_event(kind="edit", after_hash="disk", detail={"read_hash": "known"})]))
        assert store.was_given("alice", "a.py", "disk") is None
        assert store.was_given("alice", "a.py", "known") is not None

    def test_a_moved_file_was_given_under_its_new_name(self, store: Store, an_event: AnEvent) -> None:
        store.apply(Batch(events=[an_event(kind="move", to_path="b.py", after_hash="h")]))
        assert store.was_given("alice", "b.py", "h") is not None

    def test_the_newest_is_given_with_the_lines_that_were_shown(self, store: Store, an_event: AnEvent) -> None:
        store.apply(Batch(events=[an_event(after_hash="h"), an_event(after_hash="h", detail={"lines": [[1, 5]]})]))
        given = store.was_given("alice", "a.py", "h")
        assert given is not None
        assert given.detail == {"lines": [[1, 5]]}

    def test_a_version_from_before_the_files_last_5000_events_counts_as_never_given(self, store: Store, an_event: AnEvent) -> None:
        old, between = an_event(after_hash="old"), [an_event(agent_id="bob")] * (LOOKED_BACK - 1)
        store.apply(Batch(events=[old, *between, *[an_event(file_path="b.py")] * 10]))
        assert store.was_given("alice", "a.py", "old") is not None
        store.apply(Batch(events=[an_event(agent_id="bob")]))
        assert store.was_given("alice", "a.py", "old") is None


class TestSnapshots:
    def test_a_snapshot_comes_back_with_the_seq_of_the_event_recorded_with_it(
        self, store: Store, an_event: AnEvent, a_snapshot: ASnapshot
    ) -> None:
        store.apply(Batch(events=[an_event()]))
        signature = Signature(10, 2**62, -5, 2**64 - 1, 2**63, True)
        snapshot = a_snapshot(lines=((1, 5), (9, 9)), signature=signature, turn_id="t", intent_id="i")
        store.apply(Batch(events=[an_event(), an_event()], snapshots=[snapshot]))
        assert store.snapshot("alice", "a.py") == snapshot._replace(seq=3)
        store.apply(Batch(events=[an_event()], snapshots=[snapshot._replace(seq=2, lines=(), signature=None)]))
        assert store.snapshot("alice", "a.py") == snapshot._replace(seq=2, lines=(), signature=None)

    def test_each_writer_has_its_own(self, store: Store, a_snapshot: ASnapshot) -> None:
        alice, bob = a_snapshot(read_hash="1"), a_snapshot(agent_id="bob", read_hash="2")
        other = a_snapshot(file_path="B.py")
        store.apply(Batch(snapshots=[bob, alice, other]))
        assert store.snapshots() == [other, alice, bob]
        assert store.snapshots(agent_id="alice") == [other, alice]
        assert store.snapshots(file_path="a.py") == [alice, bob]
        assert store.snapshots("bob", "a.py") == [bob]
        assert store.snapshot("bob", "B.py") is None

    def test_forgetting_one_or_all_of_a_writer_leaves_the_others(self, store: Store, a_snapshot: ASnapshot) -> None:
        store.apply(Batch(snapshots=[a_snapshot(agent_id=agent, file_path=path) for agent in ("alice", "bob") for path in ("a", "b", "c")]))
        store.apply(Batch(forget=[("alice", "a"), ("bob", None), ("carol", None)]))
        assert [(one.agent_id, one.file_path) for one in store.snapshots()] == [("alice", "b"), ("alice", "c")]

    def test_one_batch_may_forget_all_and_put_one(self, store: Store, a_snapshot: ASnapshot) -> None:
        store.apply(Batch(snapshots=[a_snapshot(file_path="a"), a_snapshot(file_path="b")]))
        store.apply(Batch(forget=[("alice", None)], snapshots=[a_snapshot(file_path="c")]))
        assert [one.file_path for one in store.snapshots()] == ["c"]


class TestContents:
    @pytest.mark.parametrize("content", [b"", b"text\r\n" * 1000, os.urandom(1000), bytes(range(256))])
    def test_a_kept_version_comes_back_byte_for_byte_before_and_after_a_sweep(self, store: Store, content: bytes) -> None:
        store.apply(Batch(contents=[(digest(content), content)]))
        store.apply(Batch(contents=[(digest(content), content)]))
        assert store.content(digest(content)) == content
        assert store.sweep(utc_now()) == 0
        assert store.content(digest(content)) == content

    def test_a_version_never_kept_is_none(self, store: Store) -> None:
        assert store.content(digest(b"x")) is None

    def test_versions_are_found_by_the_beginning_of_their_hash(self, store: Store) -> None:
        contents = [str(number).encode() for number in range(300)]
        store.apply(Batch(contents=[(digest(one), one) for one in contents]))
        hashes = sorted(map(digest, contents))
        for prefix in (hashes[0], hashes[7][:5], hashes[9][:5].upper(), "f", ""):
            assert store.find_hashes(prefix) == [one for one in hashes if one.startswith(prefix.lower())][:10]
        assert store.find_hashes("g") == []
        assert store.find_hashes("%") == []

    def test_purging_drops_only_what_is_named(self, store: Store) -> None:
        store.apply(Batch(contents=[(digest(one), one) for one in (b"a", b"b")]))
        assert store.purge([digest(b"a"), digest(b"a"), digest(b"c")]) == 1
        assert store.content(digest(b"a")) is None
        assert store.content(digest(b"b")) == b"b"
        assert store.find_hashes("") == [digest(b"b")]


class TestRetention:
    def test_a_version_goes_after_seven_days_and_not_before(self, store: Store) -> None:
        content = os.urandom(500)
        store.apply(Batch(contents=[(digest(content), content)]))
        assert store.sweep(later(6.9)) == 0
        assert store.content(digest(content)) == content
        assert store.sweep(later(7.1)) == 500
        assert store.content(digest(content)) is None

    def test_over_the_size_limit_versions_go_but_stay_for_a_day(self, make_store: MakeStore) -> None:
        store = make_store(keep_megabytes=0.0015)
        contents = [os.urandom(500) for _ in range(4)]
        store.apply(Batch(contents=[(digest(one), one) for one in contents]))
        assert store.sweep(later(0.9)) == 0
        assert store.sweep(later(1.1)) == 500
        assert len(store.find_hashes("")) == 3

    def test_a_day_is_kept_even_where_the_settings_ask_for_less(self, make_store: MakeStore) -> None:
        store = make_store(keep_days=0)
        store.apply(Batch(contents=[(digest(b"x"), b"x")]))
        assert store.sweep(later(0.9)) == 0
        assert store.content(digest(b"x")) == b"x"
        assert store.sweep(later(1.1)) == 1

    def test_what_a_live_snapshot_a_buffer_or_a_pending_exchange_needs_stays(
        self, store: Store, a_snapshot: ASnapshot, a_pending: Callable[..., Pending], a_buffer: Callable[..., Buffer]
    ) -> None:
        contents = {name: name.encode() for name in ("snapshot", "base", "text", "placing", "expecting", "nobody")}
        hashes = {name: digest(content) for name, content in contents.items()}
        store.apply(
            Batch(
                contents=[(hashes[name], content) for name, content in contents.items()],
                snapshots=[a_snapshot(read_hash=hashes["snapshot"], timestamp=later(30))],
                buffers=[a_buffer(base_hash=hashes["base"], text_hash=hashes["text"])],
                pending=[a_pending(placing=hashes["placing"], expecting=hashes["expecting"])],
            )
        )
        assert store.sweep(later(30)) == len(b"nobody")
        assert {name for name in contents if store.content(hashes[name]) is not None} == set(contents) - {"nobody"}

    def test_a_buffers_text_that_is_outdated_goes_unless_something_else_refers_to_it(
        self,
        store: Store,
        an_event: AnEvent,
        a_snapshot: ASnapshot,
        a_pending: Callable[..., Pending],
        a_buffer: Callable[..., Buffer],
    ) -> None:
        names = ("nobody", "after", "before", "detail", "snapshot", "base", "text", "placing", "named earlier", "another file's")
        hashes = {name: digest(name.encode()) for name in names}
        (newest,) = store.apply(Batch(events=[an_event(kind="write", file_path="a.py", before_hash=hashes["named earlier"])]))
        store.apply(Batch(contents=[(hashes[name], name.encode()) for name in names]))
        store.apply(
            Batch(
                events=[
                    an_event(kind="write", file_path="b.py", after_hash=hashes["after"]),
                    an_event(kind="write", file_path="a.py", before_hash=hashes["before"]),
                    an_event(kind="close", file_path="a.py", detail={"unsaved_text": hashes["detail"]}),
                ],
                snapshots=[
                    a_snapshot(file_path="a.py", read_hash=hashes["snapshot"]),
                    a_snapshot(file_path="b.py", read_hash=hashes["another file's"]),
                ],
                pending=[a_pending(placing=hashes["placing"])],
            )
        )
        moved_on = a_buffer(base_hash=hashes["base"], text_hash=hashes["text"])
        store.apply(Batch(buffers=[moved_on], outdated=[("a.py", hashes[name], newest) for name in names]))
        assert {name for name in names if store.content(hashes[name]) is None} == {"nobody", "named earlier"}

    def test_a_live_snapshot_idle_for_seven_days_expires_and_its_version_with_it(self, store: Store, a_snapshot: ASnapshot) -> None:
        store.apply(Batch(contents=[(digest(b"x"), b"x")], snapshots=[a_snapshot(read_hash=digest(b"x"), timestamp=utc_now())]))
        store.sweep(later(6.9))
        assert store.snapshot("alice", "a.py") is not None
        assert store.sweep(later(7.1)) == 1
        assert store.snapshot("alice", "a.py") is None

    def test_events_are_never_dropped(self, store: Store, an_event: AnEvent) -> None:
        store.apply(Batch(events=[an_event()]))
        store.sweep(later(10_000))
        assert store.last_seq() == 1


class TestPendingAndBuffers:
    def test_a_move_is_pending_under_both_its_names(self, store: Store, a_pending: Callable[..., Pending]) -> None:
        move = a_pending(id="p1", file_path="old.py", action="move", to_path="new.py")
        store.apply(Batch(pending=[move]))
        assert [store.pending(name) for name in ("old.py", "new.py", "other.py")] == [[move], [move], []]

    def test_pending_rows_are_put_replaced_listed_in_order_and_settled(self, store: Store, a_pending: Callable[..., Pending]) -> None:
        rows = [a_pending(id=f"p{n}", group=group, position=n, file_path=f"{n}.py") for n, group in ((2, "g1"), (0, "g2"), (1, "g1"))]
        store.apply(Batch(pending=rows))
        assert store.pending() == [rows[2], rows[0], rows[1]]
        committed = rows[0]._replace(state="committed", outcome={"events": [[1, None, "é"]]}, temp_name=None)
        store.apply(Batch(pending=[committed], settled=["p0", "unknown"]))
        assert store.pending() == [rows[2], committed]
        assert store.pending("2.py") == [committed]
        assert store.pending("x.py") == []

    def test_buffers_are_put_replaced_listed_and_closed(self, store: Store, a_buffer: Callable[..., Buffer]) -> None:
        mine, theirs, other = (
            a_buffer(),
            a_buffer(agent_id="editor:b"),
            a_buffer(file_path="b.py", lines=None, editor_pid=None, unsaved=False),
        )
        store.apply(Batch(buffers=[theirs, other, mine]))
        assert store.buffers() == [mine, theirs, other]
        changed = mine._replace(unsaved=False, text_hash=None, lines=((3, 4),))
        store.apply(Batch(buffers=[changed], closed=[("editor:b", "a.py"), ("nobody", "a.py")]))
        assert store.buffers("a.py") == [changed]
        assert store.buffers("c.py") == []


class TestLeases:
    def test_one_writer_holds_a_path_until_it_lets_go(self, store: Store) -> None:
        lease = store.acquire_lease("a.py", "alice", "boot", 100, 200)
        assert lease is not None
        assert store.acquire_lease("a.py", "bob", "boot", 150, 250) is None
        assert store.lease("a.py", "boot", 150) == lease
        assert store.release_lease("a.py", lease.token) is True
        assert store.release_lease("a.py", lease.token) is False
        assert store.lease("a.py", "boot", 150) is None
        assert store.acquire_lease("a.py", "bob", "boot", 150, 250) is not None

    @pytest.mark.parametrize(("boot", "now"), [("boot", 200), ("another boot", 150)])
    def test_a_lease_ends_by_its_time_or_with_its_boot(self, store: Store, boot: str, now: int) -> None:
        first = store.acquire_lease("a.py", "alice", "boot", 100, 200)
        assert store.lease("a.py", boot, now) is None
        second = store.acquire_lease("a.py", "bob", boot, now, now + 100)
        assert first is not None
        assert second is not None
        assert second.token > first.token

    def test_every_lease_has_a_higher_token_renewed_ones_too(self, store: Store) -> None:
        leases = [store.acquire_lease(path, "alice", "boot", 100, 200 + n) for n, path in enumerate(["a", "a", "b", "a"])]
        tokens = [lease.token for lease in leases if lease is not None]
        assert len(tokens) == 4
        assert tokens == sorted(set(tokens))
        assert store.release_lease("a", tokens[0]) is False
        assert store.lease("a", "boot", 150) == leases[3]

    def test_all_leases_of_a_writer_are_given_up_at_once(self, store: Store) -> None:
        for path, agent in (("a", "alice"), ("b", "alice"), ("c", "bob")):
            store.acquire_lease(path, agent, "boot", 1, 100)
        assert store.release_leases("alice") == 2
        assert [path for path in "abc" if store.lease(path, "boot", 2)] == ["c"]


class TestTheStoreItself:
    def test_the_version_moves_with_every_change_and_stays_otherwise(self, store: Store, an_event: AnEvent, a_snapshot: ASnapshot) -> None:
        before = store.version()
        assert store.version() == before
        store.events(EventQuery(agent_id="alice"))
        assert store.version() == before
        seen = {before}
        for change in (
            lambda: store.apply(Batch(events=[an_event()])),
            lambda: store.apply(Batch(snapshots=[a_snapshot()])),
            lambda: store.put_meta("k", "v"),
            lambda: store.acquire_lease("a", "alice", "boot", 1, 2),
        ):
            change()
            assert store.version() not in seen
            seen.add(store.version())

    def test_named_values_are_set_changed_and_dropped(self, store: Store) -> None:
        assert store.get_meta("seen") is None
        store.put_meta("seen", "1")
        store.put_meta("seen", "2")
        assert store.get_meta("seen") == "2"
        store.put_meta("seen", None)
        assert store.get_meta("seen") is None
        assert store.get_meta("epoch") is None

    def test_a_listener_hears_of_events_and_of_nothing_else(self, store: Store, an_event: AnEvent, a_snapshot: ASnapshot) -> None:
        heard: list[int] = []
        store.listen(lambda: heard.append(store.last_seq()))
        store.apply(Batch(snapshots=[a_snapshot()]))
        store.apply(Batch(events=[an_event()]))
        assert heard == [1]

    def test_a_batch_that_cannot_be_stored_changes_nothing(self, store: Store, an_event: AnEvent, a_snapshot: ASnapshot) -> None:
        with pytest.raises(StoreError, match="nothing was recorded"):
            store.apply(
                Batch(events=[an_event(), an_event(detail={"a": object()})], snapshots=[a_snapshot()], contents=[(digest(b"x"), b"x")])
            )
        assert store.last_seq() == 0
        assert store.snapshots() == []
        assert store.content(digest(b"x")) is None
        assert store.apply(Batch(events=[an_event()])) == (1,)

    @pytest.mark.parametrize("seq", [1 << 63, 10**30, -(10**30)])
    def test_a_number_no_event_can_have_names_none(self, store: Store, seq: int) -> None:
        assert store.event(seq) is None

    def test_a_limit_beyond_all_numbers_is_none(self, store: Store, an_event: AnEvent) -> None:
        store.apply(Batch(events=[an_event(), an_event()]))
        assert [event.seq for event in store.events(EventQuery(limit=10**30))] == [1, 2]

    def test_threads_share_it_and_no_number_is_given_twice(self, store: Store, an_event: AnEvent) -> None:
        given: list[int] = []

        def work(name: str) -> None:
            for _ in range(50):
                given.extend(store.apply(Batch(events=[an_event(agent_id=name), an_event(agent_id=name)])))
                store.events(EventQuery(agent_id=name, limit=3))

        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(given) == list(range(1, 401))
        assert all(len(store.events(EventQuery(agent_id=f"w{n}"))) == 100 for n in range(4))

    def test_closing_twice_is_fine(self, store: Store) -> None:
        store.close()
        store.close()


@pytest.mark.parametrize("question", ["events", "content", "was_given", "reading"])
def test_a_question_with_a_value_that_no_record_can_have_is_an_error_of_ours(sqlite_store: SqliteStore, question: str) -> None:
    def ask() -> object:
        if question == "events":
            return sqlite_store.events(EventQuery(turn_id="\udcff"))
        if question == "content":
            return sqlite_store.content("\udcff")
        if question == "was_given":
            return sqlite_store.was_given("alice", "a.py", "\udcff")
        with sqlite_store.reading() as connection:
            return connection.execute("SELECT ?", (1 << 63,))

    with pytest.raises(StoreError, match="cannot be stored"):
        ask()
    assert sqlite_store.events(EventQuery()) == []


def test_a_signature_is_put_only_where_the_very_snapshot_is_still_live(store: Store, a_snapshot: ASnapshot) -> None:
    signature = Signature(1, 2, 3, 4, 5, True)
    store.apply(Batch(snapshots=[a_snapshot(seq=7), a_snapshot(file_path="b.py", seq=7)]))
    (first, second) = store.snapshots()
    store.apply(Batch(snapshots=[second._replace(seq=8)]))
    store.apply(Batch(signatures=[first._replace(signature=signature), second._replace(signature=signature)]))
    assert [(one.seq, one.signature) for one in store.snapshots()] == [(7, signature), (8, second.signature)]


@pytest.mark.parametrize("swept", [False, True], ids=["as it is", "compressed"])
def test_a_damaged_version_is_not_kept_any_more(sqlite_store: SqliteStore, swept: bool) -> None:
    content, other = b"one\n" * 100, b"two\n" * 100
    sqlite_store.apply(Batch(contents=[(digest(content), content), (digest(other), other)]))
    if swept:
        sqlite_store.sweep("2026-05-09T07:35:25.042Z")
    assert sqlite_store.content(digest(content)) == content
    put = "UPDATE blobs SET data = ? WHERE id = (SELECT id FROM contents WHERE hash = ?)"
    for damaged in (b"three\n", zlib.compress(other), b""):
        with sqlite_store.writing() as connection:
            connection.execute(put, (damaged, digest(content)))
        assert sqlite_store.content(digest(content)) is None
    assert sqlite_store.content(digest(other)) == other


def test_a_version_that_is_kept_again_is_young_again(sqlite_store: SqliteStore) -> None:
    contents = [(digest(one), one) for one in (b"again\n", b"once\n")]
    sqlite_store.apply(Batch(contents=contents))
    with sqlite_store.writing() as connection:
        connection.execute("UPDATE contents SET kept_at = kept_at - 10 * 86400")
    sqlite_store.apply(Batch(contents=contents[:1]))
    sqlite_store.sweep(utc_now())
    assert [sqlite_store.content(one) for one, _ in contents] == [b"again\n", None]
