from __future__ import annotations

from noclobber_server.hooks.patch import find_heredoc_patch, parse_patch
from noclobber_server.hooks.records import Change
from noclobber_server.hooks.tools import changes_of

PATCH = """*** Begin Patch
*** Add File: new.txt
+one
+two
*** Update File: src/a.py
*** Move to: src/b.py
@@ def f():
 context
-old
+new

 after
@@
-last
+end
*** End of File
*** Delete File: gone.txt
*** End Patch
"""


def test_a_patch_of_all_kinds_is_read_file_by_file() -> None:
    added, updated, deleted = parse_patch(PATCH)
    assert added == Change("new.txt", "write", content="one\ntwo\n", creates=True)
    assert (updated.path, updated.kind, updated.to_path) == ("src/a.py", "patch", "src/b.py")
    assert updated.edits == (("context\nold\n\nafter\n", "context\nnew\n\nafter\n"), ("last\n", "end\n"))
    assert deleted == Change("gone.txt", "delete")


def test_a_patch_that_is_cut_off_gives_what_is_there() -> None:
    for cut in range(len(PATCH)):
        parse_patch(PATCH[:cut])
    assert parse_patch("no patch at all") == ()
    assert parse_patch("") == ()


def test_a_patch_piped_into_apply_patch_in_the_shell_is_found() -> None:
    command = f"cd x && apply_patch <<'EOF'\n{PATCH}EOF\n"
    patch = find_heredoc_patch(command)
    assert patch is not None
    assert len(parse_patch(patch)) == 3
    assert find_heredoc_patch("apply_patch --help") is None
    assert find_heredoc_patch("ls") is None


def test_only_a_line_feed_ends_a_line_of_a_patch() -> None:
    strange = "a\x0cb\x0bc\x1cd\x85e\u2028f"
    lines = ["*** Begin Patch", "*** Add File: new.txt", f"+{strange}", "*** Update File: old.txt", f" {strange}", "-old", "+new"]
    for end in ("\n", "\r\n"):
        added, updated = parse_patch(end.join([*lines, "*** End Patch", ""]))
        assert added.content == f"{strange}\n"
        assert updated.edits == ((f"{strange}\nold\n", f"{strange}\nnew\n"),)


def test_only_a_line_feed_ends_a_line_of_a_search_block() -> None:
    diff = "------- SEARCH\nold\x0c=======\u2028\n=======\nnew\x0c\n+++++++ REPLACE"
    (change,) = changes_of("replace_in_file", {"path": "a.txt", "diff": diff})
    assert change.edits == (("old\x0c=======\u2028\n", "new\x0c\n"),)
