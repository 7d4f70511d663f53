"""What a text that was saved counts as made from."""

from __future__ import annotations

from noclobber_server.lsp.documents import Document, Origin, Version
from noclobber_server.lsp.text import TextModel


def version(name: str) -> Version:
    return Version(name.encode(), name, name)


def document(base: str, unseen: list[str], prior: Origin | None) -> Document:
    made = Document("file:///a.txt", "/a.txt", TextModel("", 1, "utf-16"))
    made.base, made.base_hash, made.unseen, made.prior = version(base), base, [version(name) for name in unseen], prior
    return made


BEFORE = Origin(version("first"), 3, (version("reloaded"),))


def test_a_text_whose_buffer_was_looked_at_comes_from_its_base() -> None:
    made = document("first", ["theirs"], None)
    assert made.came_from("saved") == made.origin


def test_what_stood_after_a_reload_stood_before_the_save_of_a_later_text() -> None:
    came_from = document("reloaded", ["newer"], BEFORE).came_from("saved")
    assert came_from == BEFORE._replace(unseen=(version("reloaded"), version("newer")))


def test_what_stood_after_the_saved_text_itself_did_not_stand_before_it() -> None:
    assert document("reloaded", ["newer"], BEFORE).came_from("reloaded") == BEFORE
    assert document("on top", ["newer"], BEFORE).came_from("reloaded") == BEFORE
