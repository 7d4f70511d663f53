"""A state is opened in whatever condition it is, or one clear line says why not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from noclobber.content import hash_content
from noclobber.errors import StoreBusyError, StoreDamagedError, StoreError, StoreTooNewError, WorkspaceError
from noclobber.journal import Journal
from noclobber.records import Event, Snapshot
from noclobber.store import Batch, EventQuery, SqliteStore
from noclobber.store.database import Database
from noclobber.store.schema import SCHEMA_VERSION, STEPS, Step

AnEvent = Callable[..., Event]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def filled(state: Path, an_event: AnEvent, count: int = 50) -> list[Event]:
    """A state with so many events, journalled, and closed again."""
    store = SqliteStore(state)
    journal = Journal(state, store)
    store.apply(Batch(events=[an_event(file_path=f"{number}.py", detail={"n": number}) for number in range(count)]))
    journal.close()
    events = store.events(EventQuery())
    store.close()
    return events


class TestNew:
    def test_files_are_for_their_owner_alone(self, state: Path, an_event: AnEvent) -> None:
        before = os.umask(0)
        try:
            store = SqliteStore(state)
            store.apply(Batch(events=[an_event()], contents=[("0" * 64, b"x" * 17_000_000)]))
        finally:
            os.umask(before)
        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in state.rglob("*") if path.is_file()}
        assert set(modes) == {"state.db", "state.db-wal", "state.db-shm", "commit.lock", "0" * 64}
        assert set(modes.values()) == {"0o600"}
        assert oct(state.stat().st_mode & 0o777) == "0o700"
        store.close()

    def test_everything_is_there_again_in_another_store(self, state: Path, an_event: AnEvent, a_snapshot: Callable[..., Snapshot]) -> None:
        store = SqliteStore(state)
        store.apply(Batch(events=[an_event()], snapshots=[a_snapshot()], contents=[(hash_content(b"x"), b"x")]))
        lease = store.acquire_lease("a.py", "alice", "boot", 1, 2)
        epoch = store.epoch
        store.close()
        again = SqliteStore(state)
        assert (again.epoch, again.opening_notice) == (epoch, None)
        assert again.last_seq() == 1
        assert again.snapshot("alice", "a.py") == a_snapshot(seq=1)
        assert again.content(hash_content(b"x")) == b"x"
        renewed = again.acquire_lease("a.py", "alice", "boot", 1, 2)
        assert lease is not None
        assert renewed is not None
        assert renewed.token > lease.token
        again.close()

    def test_two_processes_at_once_make_one_state(self, state: Path) -> None:
        script = "import sys; from noclobber.store import SqliteStore; sys.stdin.read(1); print(SqliteStore(sys.argv[1]).epoch)"
        processes = [
            subprocess.Popen([sys.executable, "-c", script, str(state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("x")
            process.stdin.flush()
        epochs = {process.communicate()[0].strip() for process in processes}
        assert len(epochs) == 1
        assert epochs != {""}

    def test_an_operation_after_closing_says_so(self, state: Path) -> None:
        store = SqliteStore(state)
        store.close()
        with pytest.raises(StoreError, match="closed"):
            store.last_seq()


class TestMigration:
    LATER = Step(
        SCHEMA_VERSION + 1,
        SCHEMA_VERSION,
        ("CREATE TABLE trial (id INTEGER PRIMARY KEY, text TEXT)", "ALTER TABLE meta ADD COLUMN note TEXT"),
    )

    def test_an_older_state_is_added_to_and_both_versions_go_on_using_it(self, state: Path, an_event: AnEvent) -> None:
        old = SqliteStore(state)
        old.apply(Batch(events=[an_event()]))
        new = Database(str(state), 5, steps=(*STEPS, self.LATER))
        with new.writing() as connection:
            connection.execute("INSERT INTO trial (text) VALUES ('look first')")
        old.apply(Batch(events=[an_event()]))
        with new.reading() as connection:
            assert connection.execute("SELECT count(*) FROM events").fetchone() == (2,)
            assert connection.execute("SELECT text FROM trial").fetchall() == [("look first",)]
        assert new.epoch == old.epoch
        new.close()
        old.close()
        older = SqliteStore(state)
        assert older.last_seq() == 2
        older.close()

    def test_two_at_once_migrate_once(self, state: Path) -> None:
        SqliteStore(state).close()
        opened: list[Database] = []
        threads = [threading.Thread(target=lambda: opened.append(Database(str(state), 5, steps=(*STEPS, self.LATER)))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) == 4
        for database in opened:
            with database.reading() as connection:
                assert connection.execute("SELECT count(*) FROM trial").fetchone() == (0,)
            database.close()

    def test_a_step_that_fails_leaves_the_state_as_it_was(self, state: Path) -> None:
        SqliteStore(state).close()
        broken = Step(SCHEMA_VERSION + 1, 1, ("CREATE TABLE trial (id)", "CREATE TABLE events (id)"))
        with pytest.raises(StoreError):
            Database(str(state), 5, steps=(*STEPS, broken))
        database = Database(str(state), 5)
        with database.reading() as connection:
            assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'trial'").fetchone() == (0,)
            assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        database.close()

    def test_a_state_that_needs_a_newer_version_is_refused_and_not_touched(self, state: Path) -> None:
        newer = Step(SCHEMA_VERSION + 5, SCHEMA_VERSION + 5, ())
        Database(str(state), 5, steps=(*STEPS, newer)).close()
        before = (state / "state.db").read_bytes()
        with pytest.raises(StoreTooNewError, match=rf"has schema {SCHEMA_VERSION + 5}.*this one knows {SCHEMA_VERSION}\. Update noclobber"):
            SqliteStore(state)
        assert (state / "state.db").read_bytes() == before


class TestTransactionsOfOthers:
    def test_a_body_that_raises_changes_nothing(self, sqlite_store: SqliteStore) -> None:
        def half() -> None:
            with sqlite_store.writing() as connection:
                connection.execute("INSERT INTO marks VALUES ('a', 'b')")
                raise KeyError

        with pytest.raises(KeyError):
            half()
        assert sqlite_store.get_meta("a") is None
        sqlite_store.put_meta("a", "c")
        assert sqlite_store.get_meta("a") == "c"

    def test_a_reader_sees_one_state_while_others_write(self, sqlite_store: SqliteStore) -> None:
        with sqlite_store.reading() as connection:
            assert connection.execute("SELECT count(*) FROM marks").fetchone() == (0,)
            sqlite_store.put_meta("a", "b")
            assert connection.execute("SELECT count(*) FROM marks").fetchone() == (0,)
        assert sqlite_store.get_meta("a") == "b"

    def test_a_mistake_in_a_statement_is_an_error_of_ours(self, sqlite_store: SqliteStore) -> None:
        with pytest.raises(StoreError, match="no such table"), sqlite_store.writing() as connection:
            connection.execute("INSERT INTO absent_table VALUES (1)")


class TestLocked:
    def test_a_database_that_somebody_holds_is_busy_and_usable_afterwards(self, state: Path, an_event: AnEvent) -> None:
        SqliteStore(state).close()
        store = SqliteStore(state, busy_seconds=0.05)
        other = sqlite3.connect(state / "state.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="stayed locked"):
            store.apply(Batch(events=[an_event()]))
        assert store.last_seq() == 0
        other.execute("ROLLBACK")
        other.close()
        assert store.apply(Batch(events=[an_event()])) == (1,)
        store.close()

    def test_opening_a_database_that_is_locked_away_is_busy(self, state: Path) -> None:
        SqliteStore(state).close()
        other = sqlite3.connect(state / "state.db", isolation_level=None)
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError, match="End that program"):
            SqliteStore(state, busy_seconds=0.05)
        other.close()


class TestDeleted:
    def test_deleted_under_running_stores_it_is_made_anew_and_they_go_on_together(self, state: Path, an_event: AnEvent) -> None:
        one, two = SqliteStore(state), SqliteStore(state)
        one.apply(Batch(events=[an_event(), an_event()]))
        epoch, versions = one.epoch, (one.version(), two.version())
        shutil.rmtree(state)
        assert one.apply(Batch(events=[an_event(agent_id="one")])) == (1,)
        assert two.apply(Batch(events=[an_event(agent_id="two")])) == (2,)
        assert [event.agent_id for event in one.events(EventQuery())] == ["one", "two"]
        assert one.epoch == two.epoch != epoch
        assert one.version() != versions[0]
        assert two.version() != versions[1]
        one.close()
        two.close()

    def test_being_removed_again_and_again_it_is_made_anew_without_an_error(self, state: Path, an_event: AnEvent) -> None:
        sweep = "import shutil, sys, time\nfor _ in range(60): shutil.rmtree(sys.argv[1], ignore_errors=True); time.sleep(0.03)"
        store = SqliteStore(state)
        with subprocess.Popen([sys.executable, "-c", sweep, str(state)]) as sweeper:
            seen = set()
            while sweeper.poll() is None:
                seen.add(store.version())
                store.apply(Batch(events=[an_event()]))
        assert len({version >> 40 for version in seen}) > 20
        store.close()

    def test_a_call_goes_on_however_often_it_is_removed_within_some_seconds(self, state: Path) -> None:
        database = Database(str(state), 5.0)
        removals = iter(range(20))

        def work(connection: sqlite3.Connection) -> int:
            for _ in removals:
                shutil.rmtree(state)
                connection.execute("SELECT 1 FROM sqlite_master").fetchone()
                raise sqlite3.OperationalError("disk I/O error")
            return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])

        assert database.read(work) == 0
        database.close()

    @pytest.mark.parametrize("names", [["state.db"], ["state.db", "state.db-wal", "state.db-shm"]])
    def test_a_reader_notices_by_the_version_that_the_database_is_gone(self, state: Path, an_event: AnEvent, names: list[str]) -> None:
        store = SqliteStore(state)
        store.apply(Batch(events=[an_event()]))
        before = store.version()
        for name in names:
            (state / name).unlink()
        assert store.version() != before
        assert store.last_seq() == 0
        store.close()

    def test_where_only_the_database_was_deleted_the_history_comes_from_the_journal(self, state: Path, an_event: AnEvent) -> None:
        events = filled(state, an_event)
        (state / "state.db").unlink()
        store = SqliteStore(state)
        assert store.events(EventQuery()) == events
        assert store.opening_notice is not None
        assert "50 events of history were taken from the journal" in store.opening_notice
        assert store.epoch != events[0].epoch
        assert store.apply(Batch(events=[an_event()])) == (51,)
        store.close()

    def test_the_folder_is_made_as_the_caller_says(self, state: Path, an_event: AnEvent) -> None:
        def prepare() -> None:
            state.mkdir(exist_ok=True)
            (state / ".gitignore").write_text("*\n")

        store = SqliteStore(state, prepare=prepare)
        shutil.rmtree(state)
        store.apply(Batch(events=[an_event()]))
        assert (state / ".gitignore").exists()
        store.close()


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def text(path: Path) -> None:
    path.write_bytes(b"not a database at all\n" * 500)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def scrambled(path: Path) -> None:
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))


class TestDamaged:
    @pytest.mark.parametrize("damage", [garbage, text, truncated, zeroed, scrambled])
    def test_it_is_set_aside_and_the_history_rebuilt_from_the_journal(
        self, state: Path, an_event: AnEvent, damage: Callable[[Path], None]
    ) -> None:
        events = filled(state, an_event)
        damage(state / "state.db")
        damaged = (state / "state.db").read_bytes()
        store = SqliteStore(state)
        assert store.events(EventQuery()) == events
        assert store.apply(Batch(events=[an_event()])) == (51,)
        assert store.epoch != events[0].epoch
        assert store.opening_notice is not None
        assert "50 events of history were taken from the journal" in store.opening_notice
        asides = [
            path for path in state.iterdir() if path.name.startswith("state.db.damaged-") and not path.name.endswith(("-wal", "-shm"))
        ]
        assert [path.read_bytes() for path in asides] == [damaged]
        assert asides[0].name in store.opening_notice
        journal = Journal(state, store)
        journal.flush()
        journal.close()
        assert len((state / "journal.jsonl").read_bytes().splitlines()) == 51
        store.close()

    def test_damage_that_shows_only_later_is_repaired_then(self, state: Path, an_event: AnEvent) -> None:
        store = SqliteStore(state)
        journal = Journal(state, store)
        store.apply(Batch(events=[an_event(file_path=f"{number}.py") for number in range(2000)]))
        journal.close()
        with store.writing() as connection:  # an index that leads nowhere, as a bad disk would leave it
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_master SET rootpage = 1 WHERE name = 'events_by_agent'")
            connection.execute("PRAGMA writable_schema = OFF")
        other = SqliteStore(state)
        assert len(other.events(EventQuery(agent_id="alice"))) == 2000
        assert other.opening_notice is not None
        assert store.apply(Batch(events=[an_event()])) == (2001,)
        assert other.last_seq() == 2001
        store.close()
        other.close()

    def test_damage_that_comes_back_whenever_it_was_repaired_is_an_error_after_a_few_repairs(self, state: Path) -> None:
        database = Database(str(state), 5.0)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_master SET rootpage = 1 WHERE name = 'events_by_agent'")
            connection.execute("PRAGMA writable_schema = RESET")
            connection.execute("SELECT * FROM events WHERE agent_id = 'alice'").fetchall()

        with pytest.raises(StoreDamagedError, match="was damaged or replaced again and again; see who else writes into its folder"):
            database.read(work)
        database.close()
        asides = [path for path in state.iterdir() if "damaged-" in path.name and not path.name.endswith(("-wal", "-shm"))]
        assert len(asides) == 5

    def test_without_a_journal_there_is_no_history_and_the_notice_says_so(self, state: Path) -> None:
        state.mkdir()
        garbage(state / "state.db")
        store = SqliteStore(state)
        assert store.last_seq() == 0
        assert store.opening_notice is not None
        assert "there was no history to take" in store.opening_notice
        store.close()

    def test_what_is_no_event_in_the_journal_is_passed_over(self, state: Path, an_event: AnEvent) -> None:
        events = filled(state, an_event, 3)
        journal = state / "journal.jsonl"
        foreign = [b"\xff\xfe", b"[]", b"{}", b'{"seq": "1"}', b'{"seq": 4, "timestamp": 5}', b"torn"]
        first, *rest = journal.read_bytes().splitlines()
        journal.write_bytes(b"\n".join([first, *foreign[:3], *rest, *foreign[3:]]))
        (state / "state.db").unlink()
        store = SqliteStore(state)
        assert store.events(EventQuery()) == events
        store.close()

    def test_a_journal_that_counts_anew_is_kept_and_its_events_are_numbered_on(self, state: Path, an_event: AnEvent) -> None:
        filled(state, an_event, 3)
        journal = state / "journal.jsonl"
        twice = journal.read_bytes() * 2
        journal.write_bytes(twice)
        (state / "state.db").unlink()
        store = SqliteStore(state)
        assert [event.seq for event in store.events(EventQuery())] == [1, 2, 3, 4, 5, 6]
        assert [path.read_bytes() for path in state.glob("journal.jsonl.*")] == [twice]
        mirror = Journal(state, store)
        mirror.flush()
        mirror.close()
        assert len(journal.read_bytes().splitlines()) == 6
        store.close()

    def test_several_processes_that_meet_damage_repair_it_once(self, state: Path, an_event: AnEvent) -> None:
        events = filled(state, an_event)
        garbage(state / "state.db")
        script = "import sys; from noclobber.store import SqliteStore; s = SqliteStore(sys.argv[1]); print(s.epoch, s.last_seq())"
        processes = [subprocess.Popen([sys.executable, "-c", script, str(state)], stdout=subprocess.PIPE, text=True) for _ in range(4)]
        said = {process.communicate()[0].strip() for process in processes}
        assert len(said) == 1
        assert said.pop().endswith(f" {len(events)}")
        assert len(list(state.glob("state.db.damaged-*"))) == 1


class TestUnusable:
    def test_a_folder_that_cannot_be_made_says_what_to_do(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(WorkspaceError, match="cannot be made"):
            SqliteStore(tmp_path / "file" / "state")

    def test_a_folder_without_write_access_says_what_to_do(self, state: Path) -> None:
        state.mkdir()
        state.chmod(0o755)
        script = (
            "import os, sys\n"
            "from noclobber.errors import WorkspaceError\n"
            "from noclobber.store import SqliteStore\n"
            "if os.geteuid() == 0: os.setuid(65534)\n"
            "else: os.chmod(sys.argv[1], 0o500)\n"
            "try: SqliteStore(sys.argv[1])\n"
            "except WorkspaceError as error: print(error)\n"
        )
        for parent in (state, *state.parents):
            if parent.stat().st_uid == os.geteuid() and str(parent).startswith(str(state.parents[2])):
                parent.chmod(0o755)
        said = subprocess.run([sys.executable, "-c", script, str(state)], capture_output=True, text=True)
        assert "cannot be" in said.stdout, said.stderr
        assert len(said.stdout.splitlines()) == 1
