from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noclobber.merge import Conflict, Merge, invert_change, is_mergeable_name, merge3
from noclobber.merge.three_way import _merge_apart

LINE = st.builds(
    lambda text, end: text + end,
    st.sampled_from([b"", b"a", b"b", b"c", b"}", b"\xef\xbb\xbf", b"\xff"]),
    st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\r", b""]),
)
UNIQUE_LINES = [b"line %d\n" % number for number in range(14)]


def edited(draw: st.DrawFn, lines: list[bytes]) -> list[bytes]:
    changed = list(lines)
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(changed)))
        end = draw(st.integers(start, min(len(changed), start + 3)))
        changed[start:end] = draw(st.lists(LINE, max_size=3))
    return changed


@st.composite
def versions(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """A base and two versions of it, made of few different lines so that changes can be seen in several places."""
    base = draw(st.one_of(st.lists(LINE, max_size=16), st.just(UNIQUE_LINES)))
    return b"".join(base), b"".join(edited(draw, base)), b"".join(edited(draw, base))


def git_merges(base: bytes, ours: bytes, theirs: bytes, folder: Path) -> bytes | None:
    """What plain git answers, on plain files: the merged bytes, or None for a conflict."""
    names = ("ours", "base", "theirs")
    for name, content in zip(names, (ours, base, theirs), strict=True):
        (folder / name).write_bytes(content)
    done = subprocess.run(["git", "merge-file", "-p", "-q", *names], cwd=folder, capture_output=True, check=False)
    assert done.returncode < 128, done.stderr
    return done.stdout if done.returncode == 0 else None


@settings(deadline=None, max_examples=150)
@given(versions())
def test_the_answer_is_plain_gits(tmp_path_factory: pytest.TempPathFactory, sides: tuple[bytes, bytes, bytes]) -> None:
    assert merge3(*sides).content == git_merges(*sides, tmp_path_factory.mktemp("git"))


@st.composite
def changes_apart(draw: st.DrawFn) -> tuple[bytes, bytes, bytes]:
    """One stretch changed on each side of a few lines left alone, all from an alphabet where diffs slide."""
    lines = st.lists(st.sampled_from([b"a\n", b"b\n", b"\n"]), max_size=4)
    head, first, middle, second, tail = (draw(lines) for _ in range(5))
    middle.insert(draw(st.integers(0, len(middle))), draw(st.sampled_from([b"x\n", b"a\n"])))
    ours, theirs = [*head, *draw(lines), *middle, *second, *tail], [*head, *first, *middle, *draw(lines), *tail]
    return b"".join([*head, *first, *middle, *second, *tail]), b"".join(ours), b"".join(theirs)


@settings(deadline=None, max_examples=300)
@given(changes_apart())
def test_changes_merged_without_git_are_merged_as_git_would(
    tmp_path_factory: pytest.TempPathFactory, sides: tuple[bytes, bytes, bytes]
) -> None:
    base, ours, theirs = sides
    direct = None if theirs in (base, ours) or ours == base else _merge_apart(*sides)
    if direct is not None:
        assert direct == git_merges(*sides, tmp_path_factory.mktemp("git"))


def test_two_changes_far_apart_need_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    base = b"".join(UNIQUE_LINES)
    merged = merge3(base, base.replace(b"line 2\n", b"ours\n"), base.replace(b"line 9\n", b""))
    assert merged == Merge(base.replace(b"line 2\n", b"ours\n").replace(b"line 9\n", b""))


@settings(deadline=None, max_examples=100)
@given(versions())
def test_exchanging_the_sides_does_not_change_the_outcome(sides: tuple[bytes, bytes, bytes]) -> None:
    base, ours, theirs = sides
    one, other = merge3(base, ours, theirs), merge3(base, theirs, ours)
    assert one.content == other.content
    assert [(c.base, c.ours, c.theirs) for c in one.conflicts] == [(c.base, c.theirs, c.ours) for c in other.conflicts]


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_equal_changes_and_no_changes_merge_to_themselves_whatever_the_bytes(base: bytes, changed: bytes) -> None:
    assert merge3(base, changed, changed) == merge3(base, changed, base) == merge3(base, base, changed) == Merge(changed)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_every_line_that_either_side_wrote_is_in_a_clean_merge_and_every_line_removed_is_gone(data: st.DataObject) -> None:
    base = [b"base %d\n" % number for number in range(12)]
    sides = []
    for name in (b"ours", b"theirs"):
        lines: list[bytes] = []
        for number, line in enumerate(base):
            action = data.draw(st.sampled_from(["keep"] * 8 + ["change", "drop", "add"]))
            lines += {"keep": [line], "drop": [], "change": [b"%s %d\n" % (name, number)]}.get(
                action, [b"%s new %d\n" % (name, number), line]
            )
        sides.append(lines)
    merged = merge3(b"".join(base), *map(b"".join, sides))
    if merged.content is not None:
        expected = Counter(line for line in base if all(line in side for side in sides))
        expected.update(line for side in sides for line in side if not line.startswith(b"base"))
        assert Counter(merged.content.splitlines(keepends=True)) == expected


@settings(deadline=None, max_examples=100)
@given(versions())
def test_an_unclean_merge_says_why_in_lines_that_exist(sides: tuple[bytes, bytes, bytes]) -> None:
    merged = merge3(*sides)
    assert (merged.content is None) == bool(merged.conflicts or merged.obstacle)
    for conflict in merged.conflicts:
        for (first, last), version in zip(conflict, sides, strict=True):
            assert 1 <= first <= last + 1 <= len(version.splitlines()) + 1


def test_adjacent_lines_conflict_and_the_conflict_names_them_on_each_side() -> None:
    base = b"".join(UNIQUE_LINES)
    ours = b"new\n" + base.replace(b"line 4\n", b"ours\n")
    theirs = base.replace(b"line 5\n", b"theirs\nmore\n")
    assert merge3(base, ours, theirs).conflicts == (Conflict((5, 6), (6, 7), (5, 7)),)


def test_one_line_between_two_changes_is_enough() -> None:
    base = b"".join(UNIQUE_LINES)
    assert merge3(base, base.replace(b"line 4\n", b"ours\n"), base.replace(b"line 6\n", b"theirs\n")).content is not None


def test_different_lines_added_at_one_place_conflict_in_an_empty_range_of_the_base() -> None:
    assert merge3(b"a\nb\n", b"a\nx\nb\n", b"a\ny\nb\n").conflicts == (Conflict((2, 1), (2, 2), (2, 2)),)


def test_two_new_files_of_one_name_conflict() -> None:
    assert merge3(b"", b"mine\n", b"yours\n") == Merge(None, (Conflict((1, 0), (1, 1), (1, 1)),))


def test_line_endings_and_a_missing_final_newline_survive() -> None:
    base = b"one\r\ntwo\r\nthree\r\nfour\r\nfive"
    merged = merge3(base, base.replace(b"one", b"ONE"), base.replace(b"five", b"FIVE"))
    assert merged.content == b"ONE\r\ntwo\r\nthree\r\nfour\r\nFIVE"


def test_text_that_looks_like_conflict_markers_is_ordinary_text() -> None:
    base = b"<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\nx\ny\nx\n"
    merged = merge3(base, base.replace(b"a\n", b"A\n"), base.replace(b"y\n", b"Y\n").replace(b"b\n", b"B\n"))
    assert merged.content == b"<<<<<<< ours\nA\n=======\nB\n>>>>>>> theirs\nx\nY\nx\n"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_merged_as_text(codec: str) -> None:
    def encoded(text: str) -> bytes:
        return ("\ufeff" + text).encode(codec)

    # U+0A0A and U+0D0A hold the bytes of line ends without being any.
    merged = merge3(encoded("a\nb\nc\n"), encoded("ਊ\nb\nc\n"), encoded("a\nb\nഊ\n"))
    assert merged.content == encoded("ਊ\nb\nഊ\n")
    assert merge3(encoded("a\n"), encoded("b\n"), encoded("c\n")).conflicts == (Conflict((1, 1), (1, 1), (1, 1)),)


def test_binary_content_is_not_merged_and_the_answer_says_so() -> None:
    merged = merge3(b"a\n" * 9000 + b"\0", b"a\n" * 9000 + b"\0b", b"b\n" + b"a\n" * 9000 + b"\0")
    assert merged.content is None
    assert "binary" in merged.obstacle


def test_versions_in_different_encodings_are_not_merged() -> None:
    assert "encoding" in merge3(b"a\nb\n", b"A\nb\n", "\ufeffa\nB\n".encode("utf-16-le")).obstacle


@settings(deadline=None, max_examples=50)
@given(versions())
def test_taking_back_a_change_nobody_built_on_gives_the_version_before(sides: tuple[bytes, bytes, bytes]) -> None:
    before, after, _ = sides
    assert invert_change(before, after, after).content == before


def test_taking_back_a_change_keeps_what_came_later_elsewhere() -> None:
    before = b"".join(UNIQUE_LINES)
    after = before.replace(b"line 3\n", b"turn\n")
    assert invert_change(before, after, after + b"later\n").content == before + b"later\n"
    assert invert_change(before, after, after.replace(b"turn\n", b"turn, corrected\n")).conflicts


@pytest.mark.parametrize("path", ["a.py", "docs/block.txt", "src/lockfile.rs", "notes.md", "clock", "go.mod"])
def test_ordinary_files_may_be_merged(path: str) -> None:
    assert is_mergeable_name(path)


@pytest.mark.parametrize(
    "path",
    ["a.ipynb", "web/package-lock.json", "poetry.lock", "Cargo.lock", "uv.lock", "yarn.lock", "go.sum", "x/Pnpm-Lock.yaml", "Gemfile.lock"],
)
def test_notebooks_and_lock_files_are_never_merged(path: str) -> None:
    assert not is_mergeable_name(path)
