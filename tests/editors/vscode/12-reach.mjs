// Everything of the panel by keyboard and for a screen reader; the filter by writer, turn, intent and file; a file's history and a
// line's author lead to the change; empty views say what to do next.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { until } from "./lib/steps.mjs";

const CHANGES = "Since You Last Looked";
const LINES = Array.from({ length: 12 }, (_, i) => `line_${i} = ${i}\n`).join("");

export async function run({ bench, step }) {
  const root = bench.workspace("reach", { "a.py": LINES, "b.py": LINES, "c.py": LINES });
  const window = await bench.open(root);
  const alice = bench.agent(root, "claude/alice"), bob = bench.agent(root, "codex/bob");
  const focused = () => window.page.evaluate(() => {
    const found = document.activeElement;
    const active = found?.getAttribute("aria-activedescendant");
    return (active ? document.getElementById(active) : found)?.getAttribute("aria-label") ?? "";
  });
  const diff = window.page.locator(".monaco-diff-editor");

  await step("every empty view says what to do next, with buttons that a key reaches", async () => {
    await window.panel();
    const said = { [CHANGES]: /Nothing changed since you last looked[\s\S]*Set Up Agents/, Writers: /Nobody holds a file yet[\s\S]*Set Up Agents/, Lessons: /No lessons yet[\s\S]*Record a Lesson[\s\S]*Run a Check/ };
    for (const [view, words] of Object.entries(said)) {
      await until(`${view} speaks`, async () => words.test(await window.pane(view).innerText()));
      for (const button of await window.pane(view).locator(".welcome-view .monaco-button").all()) assert.equal(await button.getAttribute("tabindex"), "0");
    }
    await window.shot("empty-views");
  }, window);

  await step("the tree is walked by keys, each row says in words what it shows, Enter opens the diff", async () => {
    for (const [agent, file, turn, intent] of [[alice, "a.py", "t-1", "INT-1"], [alice, "b.py", "t-2", "INT-2"], [bob, "c.py", "b-1", "INT-2"]]) {
      await agent.read(file, { turn, intent });
      assert.equal((await agent.edit(file, "line_3 = 3", "line_3 = 30\nmore = 1", { turn, intent })).outcome, "done");
    }
    await window.seesRow(CHANGES, /b-1/);
    await window.command("Agents: Focus on Since You Last Looked View");
    const heard = [];
    for (let i = 0; i < 9; i++) { await window.key("ArrowDown"); heard.push(await focused()); }
    assert.ok(heard.some((row) => /codex\/bob, 1 file, \+2 −1/.test(row)), heard.join(" | "));
    assert.ok(heard.some((row) => /turn t-2 · INT-2, 1 file, 2 lines added, 1 removed, 0 refusals/.test(row)), heard.join(" | "));
    assert.ok(heard.some((row) => /a\.py, edit, 2 lines added, 1 removed/.test(row)), heard.join(" | "));
    for (let i = 0; i < 9 && !/\.py, edit/.test(await focused()); i++) await window.key("ArrowUp");
    await window.key("Enter");
    await diff.waitFor();
    await window.shot("by-keyboard");
  }, window);

  await step("the three views follow one another by Tab, and the status bar's item is a button with words", async () => {
    await window.command("Agents: Focus on Since You Last Looked View");
    const views = new Set();
    for (let i = 0; i < 30 && views.size < 3; i++) {
      views.add(await window.page.evaluate(() => document.activeElement?.closest(".pane")?.querySelector(".pane-header .title")?.textContent ?? ""));
      views.delete("");
      await window.key("Tab");
    }
    assert.deepEqual([...views], [CHANGES, "Writers", "Lessons"]);
    const item = window.page.locator(".statusbar-item[id*='noclobber.status'] [role=button]").first();
    assert.match((await item.getAttribute("aria-label")) ?? "", /noclobber is guarding, 0 open files apart from disk, 0 refusals/);
  }, window);

  await step("the filter shows one writer, turn, intent or file", async () => {
    const shown = async () => (await window.rows(CHANGES)).join(" | ");
    for (const [choice, has, hasNot] of [["codex/bob", /c\.py/, /a\.py|b\.py/], ["t-1", /a\.py/, /b\.py|c\.py/], ["INT-2", /b\.py/, /a\.py/], ["b.py", /b\.py/, /a\.py|c\.py/]]) {
      await window.command("noclobber: Filter...");
      await window.pick(choice);
      await until(`only ${choice}`, async () => has.test(await shown()) && !hasNot.test(await shown()));
      await until("said in words", async () => (await window.pane(CHANGES).innerText()).replaceAll("\u00a0", " ").includes(`Only ${choice}`));
      if (choice === "b.py") await window.shot("filter-file");
      await window.command("noclobber: Clear Filter");
      await until("all", async () => /a\.py/.test(await shown()) && /c\.py/.test(await shown()));
    }
  }, window);

  await step("Show File History and Who Wrote This Line lead to the change", async () => {
    await window.openFile("b.py");
    await diff.waitFor({ state: "hidden" });
    await window.command("noclobber: Show File History");
    await window.pick(/claude\/alice[\s\S]*t-2/);
    await diff.waitFor();
    await until("the change", async () => (await diff.innerText()).replaceAll("\u00a0", " ").includes("more = 1"));
    await window.shot("file-history-diff");
    await window.closeDiff();
    await window.goTo(5);
    await window.command("noclobber: Who Wrote This Line");
    assert.match(await window.toast("Line 5", "Show the Change"), /claude\/alice \(t-2, INT-2\)/);
    await diff.waitFor();
  }, window);

  await step("the menu of an agent's change brings its version back over a later one", async () => {
    await bob.read("b.py", { turn: "b-2" });
    await bob.edit("b.py", "more = 1", "later = 1", { turn: "b-2" });
    await window.seesRow(CHANGES, /b-2/);
    await window.fromMenu(window.pane(CHANGES).locator(".monaco-list-row").filter({ hasText: "b.py" }).last(), "Restore This Version");
    await until("alice's version is back", () => fs.readFileSync(path.join(root, "b.py"), "utf8").includes("more = 1"));
    await window.fromMenu(window.pane(CHANGES).locator(".monaco-list-row").filter({ hasText: "a.py" }).last(), "Restore the Version Before This Change");
    await until("a.py is as it was before alice", () => fs.readFileSync(path.join(root, "a.py"), "utf8") === LINES);
  }, window);

  await window.page.context().close();
}
