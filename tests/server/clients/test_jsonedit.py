from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noclobber_server.clients import jsonedit
from noclobber_server.clients.jsontext import parse, plain

OBJECTS: st.SearchStrategy[Any] = st.dictionaries(
    st.text(alphabet="abcxyz", min_size=1, max_size=4),
    st.recursive(
        st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=3), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(OBJECTS, st.sampled_from([None, 2, 4, "\t"]), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n"]))
def test_an_added_member_changes_nothing_else_and_goes_away_again(value: Any, indent: Any, newline: str, end: str) -> None:
    text = json.dumps(value, indent=indent).replace("\n", newline) + end
    after = jsonedit.add(text, ("noclobber", "deep"), {"command": "sh", "args": ["-c", "x"]})
    expected = {**value, "noclobber": {"deep": {"command": "sh", "args": ["-c", "x"]}}}
    assert plain(parse(after)) == expected
    assert plain(parse(jsonedit.remove(after, ("noclobber", "deep")))) == value


@given(st.lists(st.integers(), max_size=4), st.sampled_from([None, 2, "\t"]))
def test_an_added_element_goes_away_again(value: list[int], indent: Any) -> None:
    text = json.dumps({"hooks": {"PreToolUse": value}, "z": 1}, indent=indent)
    after = jsonedit.add(text, ("hooks", "PreToolUse"), {"command": "x"}, element=True)
    assert plain(parse(after))["hooks"]["PreToolUse"] == [*value, {"command": "x"}]
    removed = plain(parse(jsonedit.remove(after, ("hooks", "PreToolUse", len(value)))))
    assert removed == ({"hooks": {"PreToolUse": value}, "z": 1} if value else {"z": 1})


def test_the_files_own_style_is_followed() -> None:
    text = '{\r\n\t"a": {\r\n\t\t"b": 1 // one\r\n\t}\r\n}\r\n'
    after = jsonedit.add(text, ("a", "c"), {"d": 2})
    assert after == '{\r\n\t"a": {\r\n\t\t"b": 1,\r\n\t\t"c": {\r\n\t\t\t"d": 2\r\n\t\t} // one\r\n\t}\r\n}\r\n'


def test_a_trailing_comma_stays_a_trailing_comma() -> None:
    after = jsonedit.add('{\n  "a": 1,\n}', ("b",), 2)
    assert after == '{\n  "a": 1,\n  "b": 2,\n}'


def test_a_line_of_values_stays_one_line() -> None:
    assert jsonedit.add('{"a": 1}', ("b",), {"c": [2]}) == '{"a": 1, "b": {"c": [2]}}'


def test_an_object_of_comments_keeps_them() -> None:
    after = jsonedit.add("{\n  // nothing yet\n}\n", ("a",), 1)
    assert after == '{\n  // nothing yet\n  "a": 1\n}\n'


def test_what_stands_on_the_way_is_never_replaced() -> None:
    with pytest.raises(ValueError, match="hooks is no object"):
        jsonedit.add('{"hooks": 3}', ("hooks", "x"), 1)
    with pytest.raises(ValueError, match=r"hooks\.x is no list"):
        jsonedit.add('{"hooks": {"x": 1}}', ("hooks", "x"), 1, element=True)


def test_comments_beside_a_removed_member_stay() -> None:
    text = '{\n  "a": 1, // one\n  "b": 2, // two\n  "c": 3\n}'
    assert "// one" in jsonedit.remove(text, ("b",))
    assert plain(parse(jsonedit.remove(text, ("b",)))) == {"a": 1, "c": 3}
    assert plain(parse(jsonedit.remove(text, ("c",)))) == {"a": 1, "b": 2}
    assert plain(parse(jsonedit.remove(text, ("a",)))) == {"b": 2, "c": 3}


@pytest.mark.parametrize(
    ("text", "name", "comment"),
    [
        ('{"a": {} /* c */,\n"b":[]}', "a", "/* c */"),
        ('{\n  "a": 1 // c\n  , "b": 2\n}', "a", "// c\n"),
        ('{"a": 1 /* , */, "b": 2 /* d */,}', "b", "/* d */"),
    ],
)
def test_a_comment_between_a_removed_member_and_its_comma_stays(text: str, name: str, comment: str) -> None:
    after = jsonedit.remove(text, (name,))
    assert plain(parse(after)) == {key: value for key, value in plain(parse(text)).items() if key != name}
    assert comment in after


def test_a_value_is_replaced_where_it_stands() -> None:
    text = '{"a": [{"b": 1}, /* c */ {"b": "x" /* d */}]}'
    assert jsonedit.replace(text, ("a", 1, "b"), ["y"]) == text.replace('"x"', '["y"]')


def test_of_two_members_of_one_name_the_one_that_counts_is_taken_out() -> None:
    assert plain(parse(jsonedit.remove('{"a": 1, "b": 2, "a": 3}', ("a",)))) == {"a": 1, "b": 2}
