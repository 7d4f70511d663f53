"""Writers, a person and a shell in any order; what each writer was shown is kept here from the answers alone, and the promises are checked.

Every line that anybody adds is the only one of its text, so that whose line was lost, and whether whoever took it away
had been shown it, needs no diff of ours.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from noclobber import ConcurrencyGuard, FileAccessError, Refused, RevertConflictError, UnreadFileError
from noclobber.clock import utc_now
from noclobber.records import Buffer, Event, Write
from noclobber.store.protocol import Batch

WRITERS = ("alice", "bob")
FILES = ("a.txt", "b.txt", ".env")
writers, files = st.sampled_from(WRITERS), st.sampled_from(FILES)
spans = st.tuples(st.integers(1, 14), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
hash_of = ConcurrencyGuard.hash_content


def rows_of(content: bytes | None) -> list[bytes]:
    return [] if content is None else content.splitlines(keepends=True)


class Promises(RuleBasedStateMachine):
    @initialize()
    def open_workspace(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.numbers = itertools.count(1)
        self.turns = itertools.count(1)
        self.turn = "t0"
        self.whole: dict[tuple[str, str], set[bytes]] = defaultdict(set)  # versions a writer was shown every line of
        self.parts: dict[tuple[str, str, bytes], set[int]] = defaultdict(set)  # lines shown of a version
        self.lines: dict[tuple[str, str], set[bytes]] = defaultdict(set)  # lines a writer was ever shown of a file
        self.given: dict[tuple[str, str], list[str]] = defaultdict(list)  # hashes that answers named
        self.kept: set[bytes] = set()  # versions that must be there to be brought back
        self.secret: set[bytes] = set()
        self.unnoticed: set[str] = set()
        for name in FILES:
            self.put(name, b"".join(self.fresh("o") for _ in range(12)))
        self.open()

    def teardown(self) -> None:
        if hasattr(self, "guard"):
            self.guard.close()
            self.folder.cleanup()

    def open(self) -> None:
        self.guard = ConcurrencyGuard(self.root, "alice")

    def fresh(self, who: str) -> bytes:
        return b"%s-%s-%d\n" % (who.encode(), self.turn.encode(), next(self.numbers))

    def by(self, writer: str) -> ConcurrencyGuard:
        return self.guard.as_writer(writer, turn_id=self.turn)

    def disk(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.exists() else None

    def put(self, name: str, content: bytes | None, *, old: bool = True) -> None:
        path = self.root / name
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)
            if old:
                os.utime(path, (1_000_000_000, 1_000_000_000))
        self.unnoticed.add(name)

    def show(self, writer: str, name: str, content: bytes) -> None:
        self.whole[writer, name].add(content)
        self.lines[writer, name].update(rows_of(content))
        self.given[writer, name].append(hash_of(content))

    def keep(self, name: str, *versions: bytes | None) -> None:
        for content in versions:
            if content is not None:
                (self.secret if name == ".env" else self.kept).add(content)

    def changed(self, content: bytes, where: int, who: str) -> bytes:
        rows = rows_of(content)
        at = where % (len(rows) + 1)
        rows[at : at + 1] = [self.fresh(who)]
        return b"".join(rows)

    def attempt(self, call: Callable[[], Any], *wanted: tuple[str, bytes]) -> Any:
        """The answer, or None where it was refused; then no file is touched and what was wanted is kept."""
        before = {name: self.disk(name) for name in FILES}
        try:
            return call()
        except Refused as caught:
            assert {name: self.disk(name) for name in FILES} == before
            refusal = caught.refusal
            now = before.get(refusal.file_path)
            assert refusal.current_hash == (None if now is None else hash_of(now))
            if refusal.type == "STALE_FILE":
                assert refusal.expected_hash != refusal.current_hash
            if refusal.file_path == ".env":
                assert refusal.diff == ""
            for name, content in wanted:
                self.keep(name, content)
            return caught
        except (FileAccessError, RevertConflictError):
            assert {name: self.disk(name) for name in FILES} == before
            return None

    def landed(self, writer: str, name: str, before: bytes | None, wanted: bytes, done: Write) -> None:
        after = self.disk(name)
        assert after is not None
        assert done.content_hash == hash_of(after)
        self.keep(name, before, after)
        lost = set(rows_of(before)) - set(rows_of(after))
        assert lost <= self.lines[writer, name], "a line is gone that its writer was never shown"
        assert set(rows_of(wanted)) - self.lines[writer, name] <= set(rows_of(after)), "a line of the writer's own is missing"
        if done.outcome == "done":
            assert after == wanted
            assert before in (None, wanted) or before in self.whole[writer, name], "what was displaced was never shown in whole"
        else:
            assert name != ".env"
        self.show(writer, name, wanted)
        if done.outcome != "done" and done.merged_diff and "…" not in done.merged_diff:
            self.show(writer, name, after)
        self.given[writer, name] += [one for one in (done.read_hash, done.content_hash) if one]
        self.unnoticed.discard(name)

    @rule(writer=writers, name=files)
    def read(self, writer: str, name: str) -> None:
        try:
            read = self.by(writer).read(name)
        except FileAccessError:
            assert self.disk(name) is None
            return
        assert read.content == self.disk(name)
        self.show(writer, name, read.content)
        self.unnoticed.discard(name)

    @rule(writer=writers, name=files, span=spans, told=st.booleans())
    def read_a_part(self, writer: str, name: str, span: tuple[int, int], told: bool) -> None:
        content = self.disk(name)
        if content is None:
            return
        if told:
            self.by(writer).record_snapshot(name, content, lines=[span])
        else:
            self.by(writer).read(name, lines=[span])
            self.unnoticed.discard(name)
        rows = rows_of(content)
        shown = self.parts[writer, name, content]
        shown.update(range(span[0], min(span[1], len(rows)) + 1))
        self.lines[writer, name].update(rows[span[0] - 1 : span[1]])
        self.given[writer, name].append(hash_of(content))
        now = set(range(span[0], min(span[1], len(rows)) + 1))
        complete = len(shown) >= len(rows) or any(self.saw_all(rows_of(known), rows, now) for known in self.whole[writer, name])
        if complete:
            self.whole[writer, name].add(content)

    @staticmethod
    def saw_all(known: list[bytes], rows: list[bytes], shown: set[int]) -> bool:
        """Whether the lines shown of the present version are all that differs from one that was known in whole."""
        for kind, _, _, start, end in SequenceMatcher(None, known, rows, autojunk=False).get_opcodes():
            needed = set(range(start + 1, end + 1)) if end > start else {start, start + 1} & set(range(1, len(rows) + 1))
            if kind != "equal" and not (needed and needed <= shown):
                return False
        return True

    @rule(writer=writers, name=files, as_text=st.booleans())
    def record_what_was_shown(self, writer: str, name: str, as_text: bool) -> None:
        content = self.disk(name)
        if content is not None:
            self.by(writer).record_snapshot(name, content.decode() if as_text else content)
            self.show(writer, name, content)

    @rule(writer=writers, name=files, where=st.integers(0, 14), merge=st.booleans(), old=st.booleans(), blind=st.booleans())
    def write(self, writer: str, name: str, where: int, merge: bool, old: bool, blind: bool) -> None:
        known = sorted(self.whole[writer, name], key=rows_of)
        base = known[where % len(known)] if known and old else self.disk(name) if blind else known[-1] if known else b""
        wanted = self.changed(base or b"", where, writer)
        read_hash = hash_of(base or b"") if old else None
        before = self.disk(name)
        on_stale: Any = "merge" if merge else "reject"
        done = self.attempt(lambda: self.by(writer).write(name, wanted, read_hash=read_hash, on_stale=on_stale), (name, wanted))
        if isinstance(done, Write):
            self.landed(writer, name, before, wanted, done)
            return
        refusal = done.refusal
        assert not (refusal.type == "STALE_FILE" and before is not None and refusal.expected_hash == hash_of(before))
        if read_hash is not None and read_hash not in self.given[writer, name]:
            assert isinstance(done, UnreadFileError)
        if refusal.mergeable:
            merged = self.by(writer).write(name, wanted, read_hash=read_hash, on_stale="merge")
            self.landed(writer, name, before, wanted, merged)

    @rule(writer=writers, name=files, where=st.integers(0, 14), what=st.sampled_from(["line", "word", "absent", "ambiguous", "all"]))
    def edit(self, writer: str, name: str, where: int, what: str) -> None:
        before = self.disk(name)
        rows = rows_of(before)
        if not rows:
            return
        row, own = rows[where % len(rows)], self.fresh(writer)
        old, new = {"line": (row, own), "word": (row[:-1], own[:-1]), "absent": (own, row), "ambiguous": (b"-", b"+"), "all": (b"-", b"-")}[
            what
        ]
        if what == "all":
            new = b"--"
        done = self.attempt(lambda: self.by(writer).edit(name, [(old, new)], replace_all=what == "all"))
        if not isinstance(done, Write):
            return
        after = self.disk(name)
        assert after == (before or b"").replace(old, new)
        assert done.outcome in ("done", "merged", "formatted")
        self.keep(name, before, after)
        if before in self.whole[writer, name]:
            self.show(writer, name, after)
        for known in [known for known in self.whole[writer, name] if old in known]:
            self.show(writer, name, known.replace(old, new))
        shown = self.parts[writer, name, before or b""]
        mine = {number for number, line in enumerate(rows_of(after), 1) if number in shown or line == own}
        self.parts[writer, name, after] |= mine
        if len(self.parts[writer, name, after]) == len(rows_of(after)):
            self.show(writer, name, after)
        self.lines[writer, name] |= {line for number, line in enumerate(rows_of(after), 1) if number in mine or line == own}
        self.given[writer, name] += [one for one in (done.read_hash,) if one]
        self.unnoticed.discard(name)

    @rule(writer=writers, name=files)
    def delete(self, writer: str, name: str) -> None:
        before = self.disk(name)
        done = self.attempt(lambda: self.by(writer).delete(name))
        if isinstance(done, Write):
            assert self.disk(name) is None
            assert before is None or before in self.whole[writer, name]
            self.keep(name, before)
            self.unnoticed.discard(name)

    @rule(writer=writers, name=files, to=files)
    def move(self, writer: str, name: str, to: str) -> None:
        before, there = self.disk(name), self.disk(to)
        if name == to or ".env" in (name, to):
            return
        done = self.attempt(lambda: self.by(writer).move(name, to))
        if isinstance(done, Write):
            assert there is None
            assert (self.disk(name), self.disk(to)) == (None, before)
            self.whole[writer, to] |= self.whole[writer, name]
            self.lines[writer, to] |= self.lines[writer, name]
            self.given[writer, to] += self.given[writer, name]
            self.parts.update(
                {(writer, to, version): set(part) for (who, path, version), part in [*self.parts.items()] if (who, path) == (writer, name)}
            )
            self.keep(name, before)
            self.unnoticed -= {name, to}

    @rule(writer=writers, name=files, which=st.integers(0, 50))
    def restore(self, writer: str, name: str, which: int) -> None:
        if not self.kept or name == ".env":
            return
        wanted = sorted(self.kept, key=rows_of)[which % len(self.kept)]
        before = self.disk(name)
        done = self.attempt(lambda: self.by(writer).restore(name, hash_of(wanted)))
        if isinstance(done, Write):
            assert self.disk(name) == wanted
            self.keep(name, before, wanted)
            self.unnoticed.discard(name)

    @rule(writer=writers, back=st.integers(1, 3))
    def revert(self, writer: str, back: int) -> None:
        turn = f"t{max(int(self.turn[1:]) - back, 0)}"
        before = {name: self.disk(name) for name in FILES}
        made = {line for event in self.guard.events(turn_id=turn) for line in self.added_by(event)}
        done = self.attempt(lambda: self.by(writer).revert(turn_id=turn))
        if done is None or isinstance(done, Refused):
            return
        for file in done.files:
            after = self.disk(file.file_path)
            lost = set(rows_of(before[file.file_path])) - set(rows_of(after))
            assert lost <= made, "a revert took away more than the turn had made"
            self.keep(file.file_path, before[file.file_path], after)
            if (
                "…" not in file.diff
                and (before[file.file_path] is None or before[file.file_path] in self.whole[writer, file.file_path])
                and after is not None
            ):
                self.show(writer, file.file_path, after)
            self.unnoticed.discard(file.file_path)

    def added_by(self, event: Event) -> set[bytes]:
        versions = [None if one is None else self.guard.workspace.store.content(one) for one in (event.before_hash, event.after_hash)]
        return set(rows_of(versions[1])) if event.kind == "move" else set(rows_of(versions[1])) - set(rows_of(versions[0]))

    @rule(writer=writers, where=st.integers(0, 14), merge=st.booleans())
    def write_many(self, writer: str, where: int, merge: bool) -> None:
        before = {name: self.disk(name) for name in FILES}
        wanted = {}
        for name in FILES:
            known = sorted(self.whole[writer, name], key=rows_of)
            wanted[name] = self.changed(known[-1] if known else b"", where, writer)
        on_stale: Any = "merge" if merge else "reject"
        done = self.attempt(lambda: self.by(writer).write_many(wanted, on_stale=on_stale), *wanted.items())
        if isinstance(done, tuple):
            for one in done:
                self.landed(writer, one.file_path, before[one.file_path], wanted[one.file_path], one)

    @rule(name=files, where=st.integers(0, 14), what=st.sampled_from(["change", "save", "drop", "delete", "touch", "same", "rename"]))
    def outside(self, name: str, where: int, what: str) -> None:
        content = self.disk(name)
        if content is None:
            return self.put(name, self.fresh("o"))
        if what == "same":
            (self.root / name).write_bytes(content)
            return None
        if what == "touch":
            os.utime(self.root / name, (where, where))
            return None
        if what == "rename":
            other = self.root / "other"
            other.write_bytes(self.changed(content, where, "o"))
            other.rename(self.root / name)
            self.unnoticed.add(name)
            return None
        rows = rows_of(content)
        fewer = b"".join(rows[: where % (len(rows) + 1)] + rows[where % (len(rows) + 1) + 1 :])
        return self.put(name, {"delete": None, "drop": fewer}.get(what, self.changed(content, where, "o")), old=what != "save")

    @rule(writer=writers, name=files, everything=st.booleans())
    def clear(self, writer: str, name: str, everything: bool) -> None:
        if everything:
            self.by(writer).clear_all_snapshots()
            assert self.by(writer).get_all_snapshots() == []
        else:
            self.by(writer).clear_snapshot(name)
            assert self.by(writer).get_snapshot(name) is None

    @rule()
    def restart(self) -> None:
        self.guard.close()
        self.open()

    @rule()
    def begin_a_turn(self) -> None:
        self.turn = f"t{next(self.turns)}"

    @rule(where=st.integers(0, 14))
    def type_into_a_buffer(self, where: int) -> None:
        base = self.disk("a.txt")
        if base is None:
            return
        text = self.changed(base, where, "p")
        buffer = Buffer("a.txt", "editor:x:1", hash_of(base), hash_of(text), True, None, utc_now(), self.guard.workspace.live().id)
        self.guard.workspace.store.apply(Batch(contents=[(hash_of(one), one) for one in (base, text)], buffers=[buffer]))

    @rule()
    def close_the_buffer(self) -> None:
        self.guard.workspace.store.apply(Batch(closed=[("editor:x:1", "a.txt")]))

    @invariant()
    @precondition(lambda self: hasattr(self, "guard"))
    def nothing_is_left_over(self) -> None:
        assert os.listdir(self.root / ".noclobber/tmp") == []
        assert self.guard.workspace.store.pending() == []

    @invariant()
    @precondition(lambda self: hasattr(self, "guard"))
    def what_is_known_was_shown(self) -> None:
        for snapshot in self.guard.workspace.store.snapshots():
            assert snapshot.read_hash in self.given[snapshot.agent_id, snapshot.file_path]
            if snapshot.lines is None:
                assert snapshot.read_hash in {hash_of(one) for one in self.whole[snapshot.agent_id, snapshot.file_path]}
            assert self.by(snapshot.agent_id).get_snapshot(snapshot.file_path) == snapshot

    @invariant()
    @precondition(lambda self: hasattr(self, "guard"))
    def nothing_is_dropped_and_no_secret_kept(self) -> None:
        content = self.guard.workspace.store.content
        assert all(content(hash_of(version)) == version for version in self.kept)
        assert all(content(hash_of(version)) is None for version in self.secret - self.kept)

    @invariant()
    @precondition(lambda self: hasattr(self, "guard"))
    def the_history_gives_the_disk(self) -> None:
        standing: dict[str, str | None] = {}
        for event in self.guard.events():
            if event.file_path is None or event.outcome in ("refused", "observed") or event.kind in ("read", "clear"):
                continue
            if event.file_path in standing:
                assert event.before_hash == standing[event.file_path], "a link of the history is missing"
            standing[event.file_path] = None if event.to_path else event.after_hash
            if event.to_path:
                standing[event.to_path] = event.after_hash
        for name, content_hash in standing.items():
            content = self.disk(name)
            if name not in self.unnoticed:
                assert content_hash == (None if content is None else hash_of(content))


Promises.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
TestPromises = Promises.TestCase
