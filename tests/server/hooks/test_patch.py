from __future__ import annotations

import pytest

from noclobber_server.hooks.adapters import load
from noclobber_server.hooks.patch import find_patch_in_shell, parse_patch
from noclobber_server.hooks.records import Change, Shown
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
    added, updated, arrived, deleted = parse_patch(PATCH)
    assert added == Change("new.txt", "write", content="one\ntwo\n", creates=True)
    assert (updated.path, updated.kind, updated.moves) == ("src/a.py", "patch", True)
    assert arrived == Change("src/b.py", "arrival")
    assert updated.hunks == (
        ("context\nold\n\nafter\n", "context\nnew\n\nafter\n", ("def f():",), False),
        ("last\n", "end\n", (), True),
    )
    assert deleted == Change("gone.txt", "delete")


def test_a_patch_that_is_cut_off_gives_what_is_there() -> None:
    for cut in range(len(PATCH)):
        parse_patch(PATCH[:cut])
    assert parse_patch("no patch at all") == ()
    assert parse_patch("") == ()


@pytest.mark.parametrize(
    "command",
    [
        f"cd x && apply_patch <<'EOF'\n{PATCH}EOF\n",
        f"cat <<EOF | /usr/bin/apply_patch\n{PATCH}EOF",
        f'echo <<A; ls\nno apply_patch\nA\napply_patch <<-"B" && ls\n{PATCH}B',
        f"apply_patch '{PATCH}'",
        f"apply_patch {PATCH}",
        f"bash -lc apply_patch <<'EOF'\n{PATCH}EOF\n",
        f"apply_patch \"$(cat <<'EOF'\n{PATCH}EOF\n)\"",
    ],
)
def test_a_patch_that_a_shell_command_applies_is_found(command: str) -> None:
    patch = find_patch_in_shell(command)
    assert patch is not None
    assert [change.path for change in parse_patch(patch)] == ["new.txt", "src/a.py", "src/b.py", "gone.txt"]


@pytest.mark.parametrize(
    "command",
    [
        "apply_patch --help",
        "ls",
        f"cat > doc.md <<'EOF'\nHow to use apply_patch:\n{PATCH}EOF",
        f"cat > doc.md <<'EOF'\napply_patch <<'X'\n{PATCH}X\nEOF",
        f"grep apply_patch <<'EOF'\n{PATCH}EOF",
        f"echo '{PATCH}' | grep apply_patch",
    ],
)
def test_a_patch_that_a_shell_command_only_mentions_is_none(command: str) -> None:
    assert find_patch_in_shell(command) is None
    assert changes_of("Bash", {"command": command}) == ()


def test_a_search_block_that_quotes_a_patch_is_an_edit() -> None:
    diff = "------- SEARCH\nold\n=======\n" + PATCH + "+++++++ REPLACE\n"
    assert changes_of("replace_in_file", {"path": "doc.md", "diff": diff}) == (Change("doc.md", "edit", edits=(("old\n", PATCH),)),)


def test_a_look_through_the_editor_tool_is_a_reading() -> None:
    given = {"command": "view", "path": "a.txt", "view_range": [2, 3]}
    call = load("copilot").read({"sessionId": "S", "timestamp": 1, "cwd": "/p", "toolName": "str_replace_editor", "toolArgs": given})
    assert (call.kind, call.changes, call.shown) == ("read", (), (Shown("a.txt", (2, 3)),))


def test_only_a_line_feed_ends_a_line_of_a_patch() -> None:
    strange = "a\x0cb\x0bc\x1cd\x85e\u2028f"
    lines = ["*** Begin Patch", "*** Add File: new.txt", f"+{strange}", "*** Update File: old.txt", f" {strange}", "-old", "+new"]
    for end in ("\n", "\r\n"):
        added, updated = parse_patch(end.join([*lines, "*** End Patch", ""]))
        assert added.content == f"{strange}\n"
        assert updated.hunks == ((f"{strange}\nold\n", f"{strange}\nnew\n", (), False),)


def test_only_a_line_feed_ends_a_line_of_a_search_block() -> None:
    diff = "------- SEARCH\nold\x0c=======\u2028\n=======\nnew\x0c\n+++++++ REPLACE"
    (change,) = changes_of("replace_in_file", {"path": "a.txt", "diff": diff})
    assert change.edits == (("old\x0c=======\u2028\n", "new\x0c\n"),)
