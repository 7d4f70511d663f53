"""Saves by hand and by the clock, and what becomes of a version that a save replaced unseen."""

from __future__ import annotations

from typing import Any

TEN = "".join(f"line {n}\n" for n in range(1, 11))


async def test_a_save_by_hand_is_merged_before_it_happens(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    await editor.save(uri)
    await editor.heard_out()
    expected = TEN.replace("line 2", "mine 2").replace("line 8", "theirs")
    assert (root / "a.txt").read_text(encoding="utf-8") == editor.texts[uri] == expected
    assert editor.questions == []
    assert editor.diagnostics.get(uri, []) == []


async def test_an_automatic_save_moves_no_text_but_keeps_and_tells_what_it_replaced(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    theirs = (root / "a.txt").read_bytes()
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.questions)
    assert (root / "a.txt").read_text(encoding="utf-8") == TEN.replace("line 2", "mine 2")
    (asked,) = editor.questions
    assert "claude/1 (turn-12, INT-3)" in asked.message
    assert [action.title for action in asked.actions] == ["Merge it into the buffer", "Restore it"]
    save = agent.events(kind="save")[-1]
    assert (save.outcome, save.before_hash) == ("overridden", agent.hash_content(theirs))
    assert agent.content(save.before_hash) == theirs
    await editor.heard_out()
    assert len(editor.questions) == 1


async def test_a_replaced_version_of_equal_size_is_noticed_too(editor: Any, agent: Any, root: Any) -> None:
    (root / "a.txt").write_text("AAAA", encoding="utf-8")
    uri = editor.open("a.txt")
    await editor.settled()
    agent.read("a.txt")
    agent.write("a.txt", b"BBBB")
    editor.put(uri, "CCCC")
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.questions)
    assert agent.content(agent.hash_content(b"BBBB")) == b"BBBB"


async def test_a_replaced_version_is_noticed_too_where_nobody_had_looked_before_the_save(
    editor: Any, agent: Any, root: Any, nobody_writes: Any
) -> None:
    (root / "a.txt").write_text("AAAA", encoding="utf-8")
    (root / "b.txt").write_text("other", encoding="utf-8")
    uri, other = editor.open("a.txt"), editor.open("b.txt")
    await editor.settled()
    agent.read("a.txt")
    agent.write("a.txt", b"BBBB")
    with nobody_writes():
        editor.type(other, "other", "typed")  # putting that on record takes as long as we like, and what comes next waits
        editor.put(uri, "CCCC")
        await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.questions)
    save = agent.events(kind="save")[-1]
    assert (save.outcome, save.before_hash) == ("overridden", agent.hash_content(b"BBBB"))


async def test_an_outside_version_that_a_save_replaced_is_kept_as_well(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    (root / "a.txt").write_text("outside\n", encoding="utf-8")
    await editor.shown(uri, "stale-conflict")
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.questions)
    assert agent.content(agent.hash_content(b"outside\n")) == b"outside\n"


async def test_the_replaced_version_can_be_restored_from_the_message(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    theirs = (root / "a.txt").read_bytes()
    editor.answer = "Restore it"
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: (root / "a.txt").read_bytes() == theirs)
    assert agent.content(agent.hash_content(editor.texts[uri].encode())) == editor.texts[uri].encode()


async def test_the_replaced_version_can_be_merged_into_the_buffer_from_the_message(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    editor.answer = "Merge it into the buffer"
    await editor.save(uri, by_hand=False)
    await editor.until(lambda: editor.texts[uri] == TEN.replace("line 2", "mine 2").replace("line 8", "theirs"))


async def test_a_save_that_had_merged_by_hand_replaces_nothing_unseen(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.settled()
    agent.edit("a.txt", [("line 8", "theirs")])
    editor.type(uri, "line 8", "theirs")
    await editor.save(uri, by_hand=False)
    await editor.heard_out()
    assert editor.questions == []
    assert agent.events(kind="save")[-1].outcome == "done"


async def test_a_plain_save_is_one_save_event_of_the_editor_and_nothing_else(editor: Any, agent: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.save(uri)
    await editor.settled()
    editor.type(uri, "line 3", "mine 3")
    await editor.save(uri)
    await editor.settled()
    changes = [event for event in agent.events(file_path="a.txt") if event.kind not in ("open", "read")]
    assert [(event.kind, event.outcome) for event in changes] == [("save", "done"), ("save", "done")]
    assert changes[1].before_hash == changes[0].after_hash
    assert agent.content(changes[0].before_hash) == TEN.encode()


async def test_an_agent_that_writes_right_after_a_save_is_not_taken_for_the_save(editor: Any, agent: Any, root: Any) -> None:
    uri = editor.open("a.txt")
    editor.type(uri, "line 2", "mine 2")
    await editor.save(uri)
    agent.edit("a.txt", [("line 8", "theirs")])
    await editor.until(lambda: [d.data["state"] for d in editor.diagnostics.get(uri, [])] == ["behind"])
    assert "claude/1" in editor.diagnostics[uri][0].message
    await editor.heard_out(held_back=False)
    assert editor.questions == []


async def test_a_save_that_is_followed_by_a_close_at_once_is_on_record(editor: Any, agent: Any) -> None:
    for number in range(5):
        uri = editor.open("a.txt")
        editor.type(uri, "line 2", f"line 2 {number}")
        await editor.save(uri)
        editor.close(uri)
    await editor.settled()
    saves = agent.events(kind="save")
    assert [event.outcome for event in saves] == ["done"] * 5
    assert agent.content(saves[-1].after_hash) == editor.texts[editor.uri("a.txt")].encode()
