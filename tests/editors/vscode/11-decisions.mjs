// What only a person can decide: asked once, silenced for good where she says so, asked again on request; a merge that cannot be;
// the status bar's menu, and what it says when hooks guard nothing.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { stays, until } from "./lib/steps.mjs";

const NEVER = "Don't Show Again";
const lines = (name, count = 12) => Array.from({ length: count }, (_, i) => `${name}_${i} = ${i}\n`).join("");

export async function run({ bench, step }) {
  const names = ["block1", "block2", "again1", "again2", "again3", "again4", "over1", "over2", "apart", "hidden", "look"];
  const root = bench.workspace("decide", Object.fromEntries(names.map((name) => [`${name}.py`, lines(name)])));
  const text = (name) => fs.readFileSync(path.join(root, `${name}.py`), "utf8");
  const window = await bench.open(root);
  const alice = bench.agent(root, "claude/alice");
  const quiet = (words) => stays("nobody is asked", async () => !(await window.toasts()).some((toast) => words.test(toast)), 2500);

  const blocked = async (name) => {
    await window.openFile(`${name}.py`);
    await alice.read(`${name}.py`, { turn: "t-1" });
    await window.typeAt(4, "  # mine");
    await until("the agents know", async () => (await alice.read(`${name}.py`, { turn: "t-1" })).notices.length > 0);
    for (let i = 0; i < 2; i++) assert.equal((await alice.edit(`${name}.py`, `${name}_3 = 3`, `${name}_3 = 30`, { turn: "t-1" })).refused?.type, "UNSAVED_EDITS");
  };
  const refusedThrice = async (name) => {
    await alice.read(`${name}.py`, { turn: "t-2" });
    fs.writeFileSync(path.join(root, `${name}.py`), `other\n${lines(name)}`);
    for (let i = 0; i < 3; i++) assert.equal((await alice.write(`${name}.py`, "mine alone\n", { turn: "t-2" })).refused?.type, "STALE_FILE");
  };
  const overwrote = async (name) => {
    await window.openFile(`${name}.py`);
    await window.typeAt(4, "7");
    await until("unsaved", () => window.dirty(`${name}.py`));
    fs.writeFileSync(path.join(root, `${name}.py`), lines(name).replace(`${name}_3 = 3`, `${name}_3 = 5`));
    await until("a conflict", async () => (await window.squiggles("error")) > 0);
    await window.save();
    await until("saved", async () => !(await window.dirty(`${name}.py`)));
  };

  await step("an agent stopped twice by unsaved edits: asked; Don't Show Again silences that sort", async () => {
    await blocked("block1");
    await window.toast(/cannot write block1\.py/, NEVER);
    await blocked("block2");
    await window.panel();
    await window.seesRow("Since You Last Looked", /claude\/alice waits for block2\.py/);
    await quiet(/block2/);
  }, window);

  await step("the other sorts are still asked: a third refusal on one file, silenced by itself", async () => {
    await refusedThrice("again1");
    await window.toast(/was refused 3 times within ten minutes on again1\.py/);
    await window.shot("refused-again");
    await window.toast(/again1\.py/, NEVER);
    await refusedThrice("again2");
    await quiet(/again2/);
  }, window);

  await step("a save that overwrote an unseen change, silenced by itself; what was overwritten is kept all the same", async () => {
    await overwrote("over1");
    await window.toast(/Saving over1\.py overwrote a change you had not seen/);
    await window.shot("overwrote");
    await window.toast(/over1\.py/, NEVER);
    await overwrote("over2");
    await quiet(/over2/);
    await window.command("noclobber: Restore Version...");
    await window.pick(/overwritten by a save/);
    await until("the overwritten version is back", () => text("over2").includes("over2_3 = 5\n"));
    await window.seesRow("Since You Last Looked", /over1\.py.*overwritten by a save/);
    await window.shot("displaced");
    await window.inline("Since You Last Looked", /over1\.py.*overwritten by a save/s, "Restore This Version");
    await until("the other one is back, too", () => text("over1").includes("over1_3 = 5\n"));
  }, window);

  await step("Show Silenced Notifications Again takes it back, and is offered only then", async () => {
    await window.command("noclobber: Show Silenced Notifications Again");
    await refusedThrice("again3");
    await window.toast(/on again3\.py/, "Why");
    await until("why, in words", async () => /STALE_FILE|changed/.test(await window.text()));
    assert.equal(await window.offers("noclobber: Show Silenced Notifications Again"), false);
    await window.clearToasts();
  }, window);

  await step("a window opened later does not ask again", async () => {
    const later = await bench.open(root, { context: window.page.context() });
    await later.panel();
    await later.seesRow("Since You Last Looked", /claude\/alice waits for block2\.py/);
    await stays("nobody is asked", async () => (await later.toasts()).length === 0, 2500);
    await later.page.close();
  }, window);

  await step("noclobber.notifications: false asks about nothing, and the panel shows it all the same", async () => {
    const settings = path.join(root, ".vscode/settings.json");
    fs.mkdirSync(path.dirname(settings), { recursive: true });
    fs.writeFileSync(settings, JSON.stringify({ "noclobber.notifications": false, "workbench.colorTheme": "Default Dark Modern" }));
    await window.page.locator(".monaco-workbench.vs-dark").waitFor(); // both are read at once
    await refusedThrice("again4");
    await window.status(/refusals/);
    await quiet(/again4/);
    await window.command("noclobber: Filter...");
    await window.pick("again4.py");
    await window.seesRow("Since You Last Looked", /again4\.py.*refused/);
    await window.command("noclobber: Clear Filter");
    fs.rmSync(settings);
    await window.page.locator(".monaco-workbench.vs").waitFor();
  }, window);

  await step("the filter leaves out who else waits and what else was overwritten", async () => {
    await window.command("noclobber: Filter...");
    await window.pick("again3.py");
    await until("only that file", async () => { const rows = await window.rows("Since You Last Looked"); return rows.length > 0 && !rows.some((row) => /waits for|overwritten/.test(row)); });
    await window.command("noclobber: Clear Filter");
    await window.seesRow("Since You Last Looked", /waits for block2\.py/);
  }, window);

  await step("a merge that cannot be is declined in words, and leads to both sides", async () => {
    await window.openFile("apart.py");
    await window.typeAt(4, "  # mine");
    await until("unsaved", () => window.dirty("apart.py"));
    fs.writeFileSync(path.join(root, "apart.py"), lines("apart").replace("apart_3 = 3", "apart_3 = 30"));
    await until("a conflict", async () => (await window.squiggles("error")) > 0);
    await window.command("noclobber: Merge Disk Changes into Buffer");
    await window.toast(/Both sides changed line 4 of the buffer; take the disk's version or keep yours/, "Compare with Disk");
    const diff = window.page.locator(".monaco-diff-editor");
    await diff.waitFor();
    await until("both sides", async () => { const shown = (await diff.innerText()).replaceAll("\u00a0", " "); return shown.includes("apart_3 = 30") && shown.includes("apart_3 = 3  # mine"); });
    await window.shot("merge-declined");
    await window.closeDiff();
    await window.shows("apart_3 = 3  # mine");
    assert.equal(await window.dirty("apart.py"), true);
    await window.command("noclobber: Compare with Disk");
    await diff.waitFor();
    await window.closeDiff();
    await window.command("noclobber: Take Disk Version");
    await window.shows("apart_3 = 30");
  }, window);

  await step("marks that the setting hides leave the way out, and come back with it", async () => {
    const settings = path.join(root, ".vscode/settings.json");
    fs.mkdirSync(path.dirname(settings), { recursive: true });
    await window.openFile("hidden.py");
    await window.typeAt(2, "  # mine");
    await until("unsaved", () => window.dirty("hidden.py"));
    await alice.read("hidden.py");
    assert.equal((await alice.edit("hidden.py", "hidden_9 = 9", "hidden_9 = 90")).outcome, "done");
    await until("marked", async () => (await window.squiggles("warning")) > 0);
    fs.writeFileSync(settings, JSON.stringify({ "noclobber.diagnostics": false }));
    await until("no mark", async () => (await window.squiggles("warning")) === 0);
    await window.status(/1 open file apart from disk/);
    assert.ok(await window.offers("noclobber: Take Disk Version"));
    fs.writeFileSync(settings, "{}");
    await until("marked again", async () => (await window.squiggles("warning")) > 0);
    await window.command("noclobber: Merge Disk Changes into Buffer");
    await window.shows("hidden_9 = 90");
    await window.shows("# mine");
    await window.status(/0 open files apart from disk/);
  }, window);

  await step("the status bar's menu pauses for an hour and resumes", async () => {
    const item = window.page.locator(".statusbar-item[id*='noclobber.status']").first();
    const menu = async (link) => {
      const found = window.page.locator(".workbench-hover a", { hasText: link }).first();
      await until("the menu", async () => {
        await window.page.mouse.move(640, 300);
        await item.hover();
        return found.waitFor({ timeout: 2500 }).then(() => true, () => false);
      }, 15_000);
      return found;
    };
    const pause = await menu("Pause for an hour");
    await window.shot("status-menu");
    await pause.click();
    await window.status(/paused/);
    await window.page.mouse.move(640, 300);
    await window.shot("status-paused");
    assert.equal((await alice.write("look.py", "alone\n")).outcome, "observed");
    await (await menu("Resume")).click();
    await window.status(/noclobber is guarding/);
    await window.page.mouse.move(640, 300);
  }, window);

  await step("hooks of another version guard with other rules: not guarding, and the menu says what to do", async () => {
    const stub = path.join(bench.programs, "noclobber");
    fs.writeFileSync(stub, "#!/bin/sh\necho noclobber 0.0.9\n", { mode: 0o755 });
    const file = path.join(root, ".claude/settings.local.json");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const command = `sh -c 'command -v ${stub} >/dev/null 2>&1 || exit 0; exec ${stub} hook claude-code'`;
    fs.writeFileSync(file, JSON.stringify({ hooks: { PreToolUse: [{ matcher: "Edit|Write", hooks: [{ type: "command", command }] }] } }));
    await alice.read("look.py");
    await window.status(/not guarding/);
    await window.says(/run noclobber 0\.0\.9[\s\S]*Upgrade the older one[\s\S]*Set up agents/, "not-guarding-version");
    fs.writeFileSync(stub, "#!/bin/sh\necho noclobber 0.1.0\n", { mode: 0o755 });
    await alice.read("look.py");
    await window.status(/noclobber is guarding/);
  }, window);

  await window.page.context().close();
}
