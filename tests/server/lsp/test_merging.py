from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from noclobber_server.lsp.merging import edits_to, merged_text
from noclobber_server.lsp.text import Change, TextModel
from noclobber_server.lsp.view import normal

lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "é😀\n", "d\u2028e\n"]), max_size=10).map("".join)
texts = st.tuples(lines, st.sampled_from(["", "tail", "a"])).map("".join)


@given(texts, texts, st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=300, deadline=None)
def test_the_edits_make_of_the_buffer_exactly_what_is_wanted(now: str, wanted: str, line_end: str) -> None:
    shown = now.replace("\n", line_end)
    model = TextModel(shown, 1, "utf-16")
    edits = edits_to(model, shown, wanted)
    # Edits of one request all speak of the text as it was: from the last to the first they can be made one after another.
    model.take(2, [Change(edit.span, edit.text) for edit in reversed(edits)])
    assert normal(model.read()[0]) == wanted


def test_only_what_differs_is_touched() -> None:
    text = "".join(f"line {n}\n" for n in range(1000))
    model = TextModel(text, 1, "utf-16")
    (edit,) = edits_to(model, text, text.replace("line 500\n", "other\n"))
    assert (edit.span.start.line, edit.span.end.line, edit.text) == (500, 501, "other\n")


def test_a_merge_that_cannot_be_made_names_the_buffers_lines() -> None:
    base = "1\n2\n3\n4\n5\n"
    found = merged_text(base, "0\n1\n2\nmine\n4\n5\n", "1\n2\ntheirs\n4\n5\n")
    assert found.text is None
    assert found.contested == ((3, 4),)
