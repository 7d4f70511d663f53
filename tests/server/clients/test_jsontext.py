from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber_server.clients.jsontext import JsonError, parse, plain

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1, 2, "\t"]), st.booleans())
def test_any_json_is_read_as_the_standard_reader_reads_it(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert plain(parse(text)) == json.loads(text)


def test_comments_and_trailing_commas_are_passed_over() -> None:
    text = '\ufeff// head\n{ /* a */ "x": [1, 2, /* two */ 3,], // end\n "y": "// no comment", }\n// tail'
    assert plain(parse(text)) == {"x": [1, 2, 3], "y": "// no comment"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1', "line 1 column 8"),
        ('{"a" 1}', "':' is missing"),
        ('{"a": 1 "b": 2}', "',' or '}' is missing"),
        ("{\n  'a': 1}", "line 2 column 3"),
        ("{} x", "after the end"),
        ('{"a": oops}', "'oops' is not a value"),
        ('{"a": "x\n"}', "closing quotation mark"),
        ("/* no end", "comment without an end"),
        ("", "a value is missing"),
        ("[" * 500, "nested too deeply"),
    ],
)
def test_broken_text_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(JsonError, match=says.replace("(", r"\(").replace("}", r"\}")):
        parse(text)
