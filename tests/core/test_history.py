from __future__ import annotations

from pathlib import Path

import pytest

from noclobber import ConcurrencyGuard, EditNotFoundError, NoclobberError, StaleFileError
from noclobber.purging import purge


def _authors(guard: ConcurrencyGuard, path: str) -> list[tuple[bytes, str | None]]:
    return [(line.text, line.event.agent_id if line.event else None) for line in guard.blame(path)]


def test_blame_names_for_each_line_who_last_wrote_it(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    (root / "f").write_bytes(b"1\n2\n3\n4\n")
    alice.edit("f", [("2\n", "two\n")])
    bob.edit("f", [("4\n", "four\nfive\n")])
    assert _authors(alice, "f") == [(b"1\n", None), (b"two\n", "alice"), (b"3\n", None), (b"four\n", "bob"), (b"five\n", "bob")]
    first = alice.blame("f")[1]
    assert first.event is not None
    assert (first.number, first.event.turn_id, first.event.intent_id) == (2, "turn-1", "INT-1")


def test_blame_shows_changes_from_outside_even_before_they_are_on_record(alice: ConcurrencyGuard, root: Path) -> None:
    alice.write("f", b"1\n2\n")
    (root / "f").write_bytes(b"1\nsed\n")
    assert _authors(alice, "f") == [(b"1\n", "alice"), (b"sed\n", "outside")]
    alice.read("f")
    assert _authors(alice, "f") == [(b"1\n", "alice"), (b"sed\n", "outside")]


def test_blame_follows_a_file_to_its_new_name(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    alice.write("old", b"1\n2\n")
    bob.move("old", "new")
    bob.edit("new", [("2\n", "two\n")])
    assert _authors(alice, "new") == [(b"1\n", "alice"), (b"two\n", "bob")]


def test_why_tells_a_refusal_in_words(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    content = alice.write("f", b"1\n2\n") and b"1\n2\n"
    bob.read("f")
    bob.write("f", content + b"bob\n")
    with pytest.raises(StaleFileError) as caught:
        alice.write("f", content + b"alice\n")
    told = alice.why(caught.value.refusal.seq)
    assert "alice (turn-1, INT-1) wanted to write f and was refused" in told
    assert "changed by bob (turn-2, INT-2)" in told
    assert "re-read the file" in told
    assert "+bob" in told
    assert "noclobber show" in told


def test_why_of_a_write_names_the_version_before(alice: ConcurrencyGuard) -> None:
    first = alice.write("f", b"1\n")
    second = alice.write("f", b"2\n")
    assert f"noclobber restore f {(first.read_hash or '')[:12]}" in alice.why(second.seq)


def test_why_of_an_unknown_event_says_what_there_is(alice: ConcurrencyGuard) -> None:
    with pytest.raises(NoclobberError, match="no event 99"):
        alice.why(99)


def test_what_was_purged_is_no_longer_told(alice: ConcurrencyGuard, bob: ConcurrencyGuard, root: Path) -> None:
    alice.write("f", b"1\n")
    bob.read("f")
    bob.write("f", b"password\n")
    with pytest.raises(StaleFileError) as caught:
        alice.write("f", b"2\n")
    assert "+password" in alice.why(caught.value.refusal.seq)
    purge(alice.workspace.store, "f")
    assert "password" not in alice.why(caught.value.refusal.seq)
    assert alice.workspace.journal is not None
    alice.workspace.journal.flush()
    assert b"password" not in (root / ".noclobber/journal.jsonl").read_bytes()


SECRET = b"password: hunter2\n"


def _left(guard: ConcurrencyGuard) -> bytes:
    """All that lies in the state, raw."""
    return b"".join(path.read_bytes() for path in sorted(Path(guard.workspace.state).rglob("*")) if path.is_file())


def test_purging_a_file_drops_what_was_refused_with_another_one(alice: ConcurrencyGuard, root: Path) -> None:
    for name in ("f", "conf.yml"):
        (root / name).write_bytes(b"1\n")
        alice.read(name)
    (root / "f").write_bytes(b"changed\n")
    with pytest.raises(StaleFileError):
        alice.write_many({"f": b"mine\n", "conf.yml": SECRET})
    assert alice.content(alice.hash_content(SECRET)) == SECRET
    purge(alice.workspace.store, "conf.yml")
    assert SECRET.strip() not in _left(alice)
    assert alice.content(alice.hash_content(b"mine\n")) == b"mine\n"


def test_purging_a_file_drops_the_versions_that_only_a_writer_had(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "f").write_bytes(b"".join(b"%d\n" % number for number in range(30)))
    alice.read("f")
    with open(root / "f", "ab") as outsider:
        outsider.write(b"outside\n")
    done = alice.edit("f", [(b"1\n2\n", SECRET)])
    assert done.read_hash is not None
    assert SECRET in alice.content(done.read_hash)
    alice.read("f")
    purge(alice.workspace.store, "f")
    with pytest.raises(NoclobberError):
        alice.content(done.read_hash)


def test_purging_everything_leaves_no_version_and_no_trace_of_one(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "f").write_bytes(SECRET)
    alice.read("f")
    alice.keep("f", b"kept by hand: " + SECRET)
    large = SECRET * 1_000_000
    alice.keep("f", large)
    assert SECRET.strip() in _left(alice)
    purge(alice.workspace.store)
    assert SECRET.strip() not in _left(alice)
    for content in (SECRET, b"kept by hand: " + SECRET, large):
        with pytest.raises(NoclobberError):
            alice.content(alice.hash_content(content))


def test_what_a_refused_edit_was_told_of_the_file_does_not_outlive_its_purging(alice: ConcurrencyGuard, root: Path) -> None:
    (root / "f").write_bytes(b"first\n" + SECRET + b"last\n")
    alice.read("f")
    with pytest.raises(EditNotFoundError) as caught:
        alice.edit("f", [(b"first\npassword: hunter3\nlast\n", b"")])
    assert "hunter2" in caught.value.refusal.message
    purge(alice.workspace.store, "f")
    alice.workspace.mirror()
    assert SECRET.strip() not in _left(alice)
