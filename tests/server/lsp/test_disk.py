"""What is held in memory of a file's versions."""

from __future__ import annotations

from noclobber_server.lsp.disk import newest
from noclobber_server.lsp.documents import Version


def version(number: int, size: int) -> Version:
    return Version(b"x" * size, str(number), "")


def test_of_many_versions_the_newest_are_held_in_order() -> None:
    held = newest([version(number, 10) for number in range(1000)])
    assert [one.hash for one in held] == [str(number) for number in range(1000 - len(held), 1000)]
    assert 10 < len(held) < 200
    assert newest([]) == []


def test_of_large_versions_fewer_are_held_but_always_the_last_one() -> None:
    held = newest([version(number, 3_000_000) for number in range(10)])
    assert [one.hash for one in held] == ["8", "9"]
    assert [one.hash for one in newest([version(1, 1), version(2, 20_000_000)])] == ["2"]
