"""Entries come and go; every byte that is not ours stays."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noclobber.lessons.compose import compose
from noclobber.lessons.document import Placed, check_text, insert_entries, new_file, read_entries, remove_entries, replace_entry
from noclobber.lessons.entry import Entry, Origin
from noclobber.lessons.errors import LessonError
from noclobber.lessons.safety import clean, neutralise

UNCLOSED = {"fence_open.md", "fence_open_at_once.md", "comment_open.md"}
SET_APART = {*UNCLOSED, "own_entry_rule_below.md"}  # a blank line is put between our last line and what would join it

REFUSED = {"1 MB line", "1 MB of lines", "empty", "blanks", "only invisible"}


def entry(number: int, texts: tuple[str, str, str, str] = ("", "in CI", "it broke", "mend it")) -> Entry:
    origin = Origin(f"t{number:07d}", key="ab12", agent="a b--c -> d", turn="t@1", files=("src/**", "docs/a b.md"))
    return Entry(f"2026-11-22 22:06:{number % 60:02d}", *texts, origin=origin)


def ours(content: bytes) -> list[Placed]:
    return [placed for placed in read_entries(content) if placed.id.startswith("t0")]


def without(content: bytes, entries: list[Placed]) -> bytes:
    position, kept = 0, []
    for placed in entries:
        kept.append(content[position : placed.start])
        position = placed.end
    return b"".join(kept) + content[position:]


def test_after_three_appends_the_persons_bytes_are_the_same_and_the_entries_exactly_ours(claude_md: bytes, file_name: str) -> None:
    entries = [entry(1), entry(2, ("a\nb", "", "", "")), entry(3, ("", "", "only\n  this", ""))]
    content = claude_md
    for each in entries:
        content = insert_entries(content, [each])

    assert [placed.entry for placed in ours(content)] == entries
    assert [p.entry for p in read_entries(content) if p not in ours(content)] == [p.entry for p in read_entries(claude_md)]
    assert without(content, ours(content)).translate(None, b"\r\n") == claude_md.translate(None, b"\r\n")
    ended = not claude_md or claude_md.endswith((b"\n", b"\r"))
    if ended and file_name not in SET_APART:
        assert remove_entries(content, {placed.id for placed in ours(content)}) == claude_md


def test_an_entry_takes_on_the_files_line_endings(claude_md_files: dict[str, bytes]) -> None:
    dos = insert_entries(claude_md_files["bom_crlf.md"], [entry(1)])
    assert dos.count(b"\n") == dos.count(b"\r\n") == dos.count(b"\r")
    mac = insert_entries(claude_md_files["cr.md"], [entry(1)])
    assert b"\n" not in mac
    assert [placed.entry for placed in ours(mac)] == [entry(1)]


def test_an_entry_goes_behind_the_last_of_ours_else_to_the_end_of_the_lessons_section_else_to_the_end(
    claude_md_files: dict[str, bytes],
) -> None:
    behind = insert_entries(claude_md_files["own_entries.md"], [entry(1)])
    assert behind.index(b"boom") < behind.index(b"it broke") < behind.index(b"# After")
    section = insert_entries(claude_md_files["several_sections.md"], [entry(1)])
    assert section.index(b"Newer ones.") < section.index(b"it broke") < section.index(b"# Deploy")
    fenced = insert_entries(claude_md_files["section_with_fence.md"], [entry(1)])
    assert fenced.index(b"```\n\n##") < fenced.index(b"it broke") < fenced.rindex(b"# Other")
    plain = insert_entries(claude_md_files["plain.md"], [entry(1)])
    assert plain.startswith(claude_md_files["plain.md"])


@pytest.mark.parametrize("name", sorted(UNCLOSED))
def test_an_entry_never_goes_into_a_fence_or_comment_that_nothing_closes(claude_md_files: dict[str, bytes], name: str) -> None:
    content = insert_entries(claude_md_files[name], [entry(1)])
    assert [placed.entry for placed in read_entries(content)] == [entry(1)]
    assert re.search(rb"```|<!-- never", content[content.index(b"mend it") :])


def test_what_only_looks_like_an_entry_is_none(claude_md_files: dict[str, bytes]) -> None:
    for name in ("fenced_heading.md", "fence_tilde.md", "comment_lesson.md", "comment_open.md", "heading_variants.md"):
        assert read_entries(claude_md_files[name]) == []


def test_an_entry_edited_by_hand_is_read_as_it_stands(claude_md_files: dict[str, bytes]) -> None:
    (edited,) = read_entries(claude_md_files["own_entry_edited.md"])
    assert edited.id == "l0000001"
    assert edited.entry.resolution == "do not,"
    (fenced,) = read_entries(claude_md_files["own_entry_fence.md"])
    assert fenced.entry.failure == "boom:\n```\n## x\n\n# y\n```"
    (rule,) = read_entries(claude_md_files["own_entry_rule_below.md"])
    assert rule.entry.resolution == "do not"


def test_an_entry_whose_labels_a_person_set_apart_by_blank_lines_is_one_entry(claude_md_files: dict[str, bytes]) -> None:
    first, second = read_entries(claude_md_files["other_tools_entries.md"])
    assert (first.entry.context, first.entry.failure, first.entry.resolution) == ("a", "b", "c")
    assert first.entry.origin is None
    assert second.entry.lesson == "Free text of another tool."


def test_an_entry_without_its_comment_is_the_persons_own(claude_md_files: dict[str, bytes]) -> None:
    for name in ("own_entry_comment_lost.md", "own_entry_id_lost.md"):
        (placed,) = read_entries(claude_md_files[name])
        assert placed.entry.origin is None


def test_an_entry_copied_by_hand_has_an_id_of_its_own(claude_md_files: dict[str, bytes]) -> None:
    first, second = read_entries(claude_md_files["own_entry_copied.md"])
    assert (first.id, second.id) == ("l0000001", "l0000001.2")
    kept = remove_entries(claude_md_files["own_entry_copied.md"], {second.id})
    assert [placed.entry.failure for placed in read_entries(kept)] == ["boom"]


def test_both_sides_of_a_git_conflict_are_read_and_left(claude_md_files: dict[str, bytes]) -> None:
    found = read_entries(claude_md_files["conflict.md"])
    assert [(placed.id, placed.entry.failure, placed.entry.resolution) for placed in found] == [
        ("l0000001", "boom", "do not"),
        ("l0000002", "bang", "do not"),
    ]


def test_replacing_changes_that_entry_only(claude_md_files: dict[str, bytes]) -> None:
    for name in ("own_entries.md", "own_entry_tight.md", "own_no_final_newline.md", "conflict.md"):
        old = claude_md_files[name]
        before = read_entries(old)[0]
        new = replace_entry(old, "l0000001", entry(1))
        after = ours(new)[0]
        assert after.entry == entry(1)
        assert (new[: after.start], new[after.end :]) == (old[: before.start], old[before.end :])
    with pytest.raises(KeyError):
        replace_entry(b"", "l0000001", entry(1))


def test_a_new_file_imports_agents_md_where_only_that_exists() -> None:
    assert new_file() == b"# Lessons Learned\n"
    assert new_file(imports_agents=True).startswith(b"@AGENTS.md\n")


@pytest.mark.parametrize("content", [b"\xff\xfea\0", b"\xfe\xff\0a", b"PK\0\0"])
def test_a_file_that_is_not_text_of_ours_is_refused(content: bytes) -> None:
    with pytest.raises(LessonError, match="UTF-8"):
        check_text(content, "CLAUDE.md")


def test_every_hostile_text_stays_in_its_entry_in_every_file(
    hostile: str | bytes, hostile_name: str, claude_md_files: dict[str, bytes]
) -> None:
    if hostile_name in REFUSED:
        with pytest.raises(LessonError, match=r"The lesson (is empty|has [\d,]+ characters)"):
            compose(hostile)
        return
    texts = [compose(hostile), compose("x", context=hostile, failure="f"), compose(resolution=hostile, failure=b"f")]
    entries = [entry(number, each.texts) for number, each in enumerate(texts)]
    for content in claude_md_files.values():
        after = insert_entries(insert_entries(content, entries[:1]), entries[1:])
        assert [placed.entry for placed in ours(after)] == entries
        assert [p.entry for p in read_entries(after) if p not in ours(after)] == [p.entry for p in read_entries(content)]
        assert without(after, ours(after)).translate(None, b"\r\n") == content.translate(None, b"\r\n")


LINES = [
    b"text\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"# T\n",
    b"# Lessons Learned\n",
    b"## Lesson Learned (2026-11-22 22:06:00 UTC)\n",
    b"```\n",
    b"~~~~ x\r\n",
    b"```py\n",
    b"<!-- x\n",
    b"-->\n",
    b"    ## Lesson Learned (2026-11-22 22:06:00 UTC)\n",
    b"===\n",
    b"---\n",
    b"<<<<<<< HEAD\n",
    b"=======\n",
    b">>>>>>> b\n",
    b"**Context**: x\n",
    b"  cont\n",
    b"- a\n",
    b"no newline",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc3\xbcn\xc3\xafcode\n",
    b"<!-- noclobber id=zz -->\n",
    b"`a ``` b`\n",
    b" ",
    b"  ",
]
MARKUP = st.text(alphabet=st.sampled_from("ab1 \n\r\\`*_{}[]()#+.!<>~|@=:$&-/?^%"), max_size=40)
SAFE = (MARKUP | st.text(max_size=60)).map(lambda text: neutralise(clean(text)))
FIELDS = st.tuples(SAFE, SAFE, SAFE, SAFE).filter(any)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=14).map(b"".join), st.lists(FIELDS, min_size=1, max_size=4))
def test_any_entries_in_any_file_are_read_back_exactly_and_nothing_else_changes(
    content: bytes, fields: list[tuple[str, str, str, str]]
) -> None:
    entries = [entry(number, texts) for number, texts in enumerate(fields)]
    after = content
    for each in entries:
        after = insert_entries(after, [each])
    assert [placed.entry for placed in ours(after)] == entries
    assert [p.entry for p in read_entries(after) if p not in ours(after)] == [p.entry for p in read_entries(content)]
    assert without(after, ours(after)).translate(None, b"\r\n") == content.translate(None, b"\r\n")
    assert insert_entries(content, entries).count(b"## Lesson") == after.count(b"## Lesson")
