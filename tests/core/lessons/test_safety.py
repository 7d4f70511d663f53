"""What a lesson's text may be."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noclobber.lessons.compose import compose
from noclobber.lessons.errors import LessonError
from noclobber.lessons.safety import MAX_CHARACTERS, check_globs, clean, neutralise, shorten

MARKUP = st.text(alphabet=st.sampled_from("ab1 \n\\`*_{}[]()#+.!<>~|@=:$&-/?^%"), max_size=60)
STRUCTURE = re.compile(
    r"(?m)^\s*(?:#|>|```|~~~|\[[^\]]*\]:|\$\$|:::|[-_*=][-_*= \t]*$|<{7}|>{7}|\|{7})"
    r"|<!--|-->|(?<!\\)<[A-Za-z/?!]|(?:^|\s|[(\"'])@\S|^\*\*(?:Context|Failure|Resolution|Lesson):?\*\*|!`"
)


def test_no_hostile_text_keeps_any_structure(hostile: str | bytes) -> None:
    text = neutralise(clean(hostile[:3000]))
    outside_code = re.sub(r"(?<!\\)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not STRUCTURE.search("x" + outside_code)
    assert not re.search(r"<!--|-->|(?:^|\s|[(\"'`])@\S", text)
    assert all(char == "\n" or char.isprintable() for char in text)


@settings(max_examples=600)
@given(MARKUP | st.text(max_size=80))
def test_making_a_text_harmless_twice_changes_nothing_more(text: str) -> None:
    once = neutralise(clean(text))
    assert neutralise(clean(once)) == once


def test_ordinary_text_stays_readable() -> None:
    plain = "Run `make test` first; a[0] < 3 and b > 2, see me@example.com.\n- one\n- two\n1. three | four"
    assert neutralise(clean(plain)) == plain
    assert neutralise(clean("`Vec<T>` and Vec<T>, @pytest.fixture")) == "`Vec<T>` and Vec\\<T>, \\@pytest.fixture"


def test_bytes_are_taken_as_utf8_and_what_is_not_becomes_a_visible_mark() -> None:
    assert clean(b"a\xffb") == "a\ufffdb"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u202e", b""])
def test_an_empty_lesson_is_refused(text: str | bytes) -> None:
    with pytest.raises(LessonError, match="empty"):
        compose(text)


def test_a_lesson_too_long_is_refused_with_both_numbers() -> None:
    with pytest.raises(LessonError, match=r"2,001 characters .* at most 2,000"):
        compose("a" * (MAX_CHARACTERS + 1))
    with pytest.raises(LessonError, match="40 lines"):
        compose("a\n" * 40)
    assert compose("a" * MAX_CHARACTERS).lesson == "a" * MAX_CHARACTERS


def test_a_finished_text_that_names_its_parts_is_taken_apart() -> None:
    texts = compose("Context: in CI\n**Failure**: it broke\nbadly\n- **Resolution:** mend it")
    assert texts.texts == ("", "in CI", "it broke\nbadly", "mend it")
    assert compose("Just so.").texts == ("Just so.", "", "", "")
    assert compose("Note\nFailure: a", failure="b").texts == ("Note\na", "", "b", "")


def test_secrets_are_masked_before_anything_is_written() -> None:
    texts = compose(
        "push failed", context="https://bob:hunter22@example.com/x.git", failure="token ghp_" + "x8Kq2LmZ0vRt7YbN4sWc" + "J6hD1fGp9EuA3oXi"
    )
    assert "hunter22" not in str(texts)
    assert "x8Kq2" not in str(texts)


@pytest.mark.parametrize("glob", ["/etc/*", "../x", "a/../b", "a\nb", "", "a'b", "a -->", "x" * 201])
def test_a_glob_that_leads_out_or_breaks_out_is_refused(glob: str) -> None:
    with pytest.raises(LessonError, match="file pattern"):
        check_globs((glob,))


def test_globs_are_kept_as_given_once_each() -> None:
    assert check_globs(("src/**/*.py", "a b.md", "src/**/*.py")) == ("src/**/*.py", "a b.md")
    with pytest.raises(LessonError, match="at most 8"):
        check_globs(tuple(f"{number}.py" for number in range(9)))


def test_a_long_message_is_cut_visibly() -> None:
    assert shorten("a" * 10, 10) == "a" * 10
    assert shorten("a" * 11, 10) == "a" * 8 + " …"
