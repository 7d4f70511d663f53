// Several folders in one window: one state each, one panel for all, and what is done to one leaves the others alone.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { until } from "./lib/steps.mjs";

const CHANGES = "Since You Last Looked";
const LINES = Array.from({ length: 12 }, (_, i) => `line_${i} = ${i}\n`).join("");

export async function run({ bench, step }) {
  const roots = Object.fromEntries(["shop", "bank", "late"].map((name) => [name, bench.workspace(name, { "src/a.py": LINES, "check.sh": `#!/bin/sh\necho run in ${name} >ran\n` })]));
  const text = (name) => fs.readFileSync(path.join(roots[name], "src/a.py"), "utf8");
  const file = path.join(bench.tmp, "both.code-workspace");
  const folders = (...names) => fs.writeFileSync(file, JSON.stringify({ folders: names.map((name) => ({ path: roots[name] })) }));
  folders("shop", "bank");
  const window = await bench.open(file);
  const at = { turn: "turn-1", intent: "INT-1" };
  const edits = async (name, agent = bench.agent(roots[name], "claude/alice")) => {
    await agent.read("src/a.py", at);
    return agent.edit("src/a.py", "line_3 = 3", `line_3 = "${name}"`, at);
  };

  await step("two roots with one state each: the panel shows both and names them", async () => {
    await window.panel();
    for (const name of ["shop", "bank"]) await edits(name);
    await window.seesRow(CHANGES, /turn-1 · INT-1\s?shop/);
    await window.seesRow(CHANGES, /turn-1 · INT-1\s?bank/);
    const rows = await window.rows("Writers");
    for (const name of ["shop", "bank"]) assert.ok(rows.some((row) => new RegExp(`claude/alice\\s?${name}, turn-1`).test(row)), rows.join(" | "));
    for (const name of ["shop", "bank"]) assert.ok(fs.existsSync(path.join(roots[name], ".noclobber/state.db")), name);
    assert.ok(!fs.existsSync(path.join(bench.tmp, ".noclobber")));
    await window.shot("several-folders");
  }, window);

  await step("Revert This Turn touches the folder it was pressed in, and no other", async () => {
    await window.inline(CHANGES, "turn-1 · INT-1bank", "Revert This Turn");
    await window.dialog("Revert This Turn");
    await until("the bank's file is back", () => text("bank") === LINES);
    assert.equal(text("shop"), LINES.replace("line_3 = 3", 'line_3 = "shop"'));
    await window.seesRow(CHANGES, /turn-1 · INT-1\s?bank reverted/);
    await window.seesRow(CHANGES, /turn-1 · INT-1\s?shop \+1/);
    await window.shot("several-folders-reverted");
  }, window);

  await step("a diff, a file's history and the author of a line are of the right folder's file", async () => {
    await window.node(CHANGES, "a.py").click();
    await window.page.locator(".monaco-diff-editor").waitFor();
    await window.command("View: Close All Editors");
    const held = (await window.rows("Writers")).findIndex((row) => /claude\/alice\s?shop/.test(row)) + 1;
    await window.pane("Writers").locator(".monaco-list-row").nth(held).click();
    await window.tab("a.py").waitFor();
    await window.shows('"shop"');
    await window.focusEditor();
    await window.goTo(4);
    await window.command("noclobber: Who Wrote This Line");
    assert.match(await window.toast("Line 4"), /claude\/alice \(turn-1, INT-1\)/);
    await window.clearToasts();
  }, window);

  await step("Run Check asks in which folder", async () => {
    await window.command("noclobber: Run Check...");
    await window.pick("bank");
    await window.answer("Run Check", "sh check.sh");
    const ran = path.join(roots.bank, "ran");
    await until("it ran there", () => fs.existsSync(ran) && fs.readFileSync(ran, "utf8") === "run in bank\n"); // made, then written
    assert.ok(!fs.existsSync(path.join(roots.shop, "ran")));
  }, window);

  await step("a folder added to the window is guarded and shown, too, by the same server", async () => {
    const [before] = bench.servers();
    folders("shop", "bank", "late");
    await window.explorer();
    await window.page.locator(".explorer-folders-view .monaco-list-row", { hasText: "late" }).first().waitFor();
    await window.panel();
    await edits("late");
    await window.seesRow(CHANGES, /turn-1 · INT-1\s?late/);
    assert.deepEqual(bench.servers(), [before]);
  }, window);

  await step("one folder that cannot be guarded is said by the status bar, whatever the others are", async () => {
    const closed = bench.workspace("closed", { "b.txt": "b\n", ".noclobber": "in the way\n" });
    roots.closed = closed;
    folders("shop", "bank", "closed");
    await window.status(/not guarding/);
    await window.shot("several-folders-not-guarding");
    folders("shop"); // taking the first one out would start the extension host anew
    await window.status(/noclobber is guarding/);
    await until("the folders that were taken out are no longer shown", async () => (await window.rows(CHANGES)).filter((row) => /turn-1/.test(row)).length === 1);
  }, window);

  await window.page.context().close();
}
