// Open files and what agents, git and the person do to them: reload, merge, conflict, keep mine, take disk, and the same-length hole.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { git } from "./lib/workbench.mjs";
import { sleep, stays, until } from "./lib/steps.mjs";

const lines = (name, count = 14) => Array.from({ length: count }, (_, i) => `${name}_${i} = ${i}\n`).join("");
const CHANGES = "Since You Last Looked";
const NEWER = "The content of the file is newer";

export async function run({ bench, step }) {
  const files = Object.fromEntries(["clean", "apart", "auto", "same", "mine", "disk", "hole", "land", "itself", "race"].map((name) => [`${name}.py`, lines(name)]));
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`tabs/t${i}.txt`, `tab ${i}\nfirst\n`]));
  const root = bench.workspace("buffers", { ...files, ...many, "off.txt": "plain\n" });
  const text = (file) => fs.readFileSync(path.join(root, file), "utf8");
  const window = await bench.open(root);
  const alice = bench.agent(root, "claude/alice");
  const edits = async (file, old, now) => { await alice.read(file, { turn: "t-1", intent: "INT-1" }); return alice.edit(file, old, now, { turn: "t-1", intent: "INT-1" }); };
  const marks = async () => (await window.squiggles("warning")) + (await window.squiggles("error")) + (await window.squiggles("info"));

  await step("clean buffer: an agent writes, the editor reloads, no diagnostic flashes", async () => {
    await window.openFile("clean.py");
    await edits("clean.py", "clean_3 = 3", "clean_3 = 333");
    await window.shows("clean_3 = 333", 4000);
    await stays("nothing is marked", async () => (await marks()) === 0, 1500);
    assert.equal(await window.dirty("clean.py"), false);
  }, window);

  await step("unsaved edits, an agent writes elsewhere: a warning at the changed lines, and the quick fix merges", async () => {
    await window.openFile("apart.py");
    await window.typeAt(2, "  # mine");
    await until("unsaved", () => window.dirty("apart.py"));
    await edits("apart.py", "apart_9 = 9", "apart_9 = 99  # alice");
    await until("the warning", async () => (await window.squiggles("warning")) > 0);
    await window.status(/1 open file apart/);
    await window.goTo(10);
    await window.command("Go to Next Problem (Error, Warning, Info)");
    await window.page.locator(".zone-widget, .marker-widget").first().waitFor();
    const told = (await window.page.locator(".marker-widget").first().innerText()).replaceAll("\u00a0", " ");
    assert.match(told, /claude\/alice/);
    assert.match(told, /INT-1/);
    await window.shot("stale-warning");
    await window.key("Escape");
    await window.quickFix("Merge the disk's changes into this buffer", 10);
    await window.shows("apart_9 = 99  # alice");
    await window.shows("apart_1 = 1  # mine");
    await until("no mark is left", async () => (await marks()) === 0);
    assert.equal(await window.dirty("apart.py"), true);
  }, window);

  await step("undo leads back, through the disk's version, to the person's own text; redo to the merge", async () => {
    await window.focusEditor();
    await window.key("Control+Z");
    await until("the disk's version", async () => { const now = await window.text(); return now.includes("99  # alice") && !now.includes("# mine"); });
    await window.key("Control+Z");
    await until("the person's own text", async () => { const now = await window.text(); return now.includes("# mine") && !now.includes("# alice"); });
    await window.key("Control+Shift+Z", "Control+Shift+Z");
    await until("merged again", async () => { const now = await window.text(); return now.includes("# mine") && now.includes("# alice"); });
  }, window);

  await step("after the merge Ctrl+S saves without a toast and keeps both", async () => {
    await window.save();
    await until("saved", async () => !(await window.dirty("apart.py")));
    assert.equal(text("apart.py"), lines("apart").replace("apart_1 = 1", "apart_1 = 1  # mine").replace("apart_9 = 9\n", "apart_9 = 99  # alice\n"));
    assert.deepEqual(await window.toasts(), []);
  }, window);

  await step("with auto-save on, too: merged from the palette, saved by itself", async () => {
    await window.openFile("auto.py");
    await window.typeAt(2, "  # mine");
    await edits("auto.py", "auto_9 = 9", "auto_9 = 99  # alice");
    await until("the warning", async () => (await window.squiggles("warning")) > 0);
    fs.mkdirSync(path.join(root, ".vscode"), { recursive: true });
    fs.writeFileSync(path.join(root, ".vscode/settings.json"), JSON.stringify({ "files.autoSave": "afterDelay", "files.autoSaveDelay": 300 }));
    await sleep(1800);
    assert.equal(await window.dirty("auto.py"), true, "VS Code does not save by itself over a newer file");
    await window.clearToasts();
    await window.focusEditor();
    await window.command("noclobber: Merge Disk Changes into Buffer");
    const both = lines("auto").replace("auto_1 = 1\n", "auto_1 = 1  # mine\n").replace("auto_9 = 9\n", "auto_9 = 99  # alice\n");
    await until("saved by itself", async () => text("auto.py") === both && !(await window.dirty("auto.py")), 6000);
    assert.deepEqual(await window.toasts(), []);
    fs.rmSync(path.join(root, ".vscode"), { recursive: true });
    await sleep(1500);
  }, window);

  await step("a merge while another writer goes on writing the same line: the person's text stays, and is marked as long as it is not merged", async () => {
    await window.openFile("race.py");
    await window.typeAt(4, "  # mine");
    await until("unsaved", () => window.dirty("race.py"));
    let over = false, clashes = false;
    const writing = (async () => {
      for (let n = 0; !over; n++) {
        clashes ||= !(await window.dirty("race.py")); // reverted for the merge: what follows cannot be merged
        const now = lines("race").replace("race_9 = 9", `race_9 = 9${n}`);
        fs.writeFileSync(path.join(root, "race.py"), clashes ? now.replace("race_3 = 3", "race_3 = 30") : now);
        await sleep(10);
      }
    })();
    try {
      for (let press = 0; press < 2; press++) {
        clashes = false;
        await window.palette("noclobber: Merge Disk Changes into Buffer");
        await window.key("Enter");
        await sleep(700);
        await window.shows("race_3 = 3  # mine", 2000);
      }
    } finally {
      over = true;
      await writing;
    }
    fs.writeFileSync(path.join(root, "race.py"), lines("race").replace("race_3 = 3", "race_3 = 30"));
    await until("marked as a conflict", async () => (await window.squiggles("error")) > 0);
    assert.match(await window.text(), /race_3 = 3  # mine/);
    assert.equal(await window.dirty("race.py"), true);
    await window.focusEditor();
    await window.command("File: Revert File");
    await window.clearToasts();
  }, window);

  await step("unsaved edits, an agent wants the same lines: it is refused, shown as waiting, and asked about at the second time", async () => {
    await window.openFile("same.py");
    await alice.read("same.py", { turn: "t-2" });
    await window.typeAt(4, "  # mine");
    await until("unsaved", () => window.dirty("same.py"));
    await until("the agents know", async () => (await alice.read("same.py", { turn: "t-2" })).notices.length > 0);
    const first = await alice.edit("same.py", "same_3 = 3", "same_3 = 30", { turn: "t-2" });
    assert.equal(first.refused?.type, "UNSAVED_EDITS");
    await window.panel();
    await window.seesRow(CHANGES, /claude\/alice waits for same\.py/);
    assert.deepEqual(await window.toasts(), [], "one refusal is no reason to interrupt");
    const second = await alice.edit("same.py", "same_3 = 3", "same_3 = 30", { turn: "t-2" });
    assert.equal(second.refused?.type, "UNSAVED_EDITS");
    await window.toast(/cannot write same\.py: your unsaved edits are in the way/);
    await window.shot("blocked");
  }, window);

  await step("Save Mine lets the agent go on with the person's text", async () => {
    await window.toast(/cannot write same\.py/, "Save Mine");
    await until("saved", async () => text("same.py").includes("same_3 = 3  # mine") && !(await window.dirty("same.py")));
    await until("nobody waits", async () => !(await window.rows(CHANGES)).some((row) => row.includes("waits")));
    const again = await alice.edit("same.py", "same_3 = 3  # mine", "same_3 = 30  # mine", { turn: "t-2" });
    assert.ok(["done", "merged"].includes(again.outcome), JSON.stringify(again));
    await window.shows("same_3 = 30  # mine");
    await window.clearToasts();
  }, window);

  await step("Let It Land, Keep Mine: the agent's write is on disk, the person's text in the editor", async () => {
    await window.openFile("land.py");
    await alice.read("land.py", { turn: "t-3" });
    await window.typeAt(4, "  # mine");
    await until("the agents know", async () => (await alice.read("land.py", { turn: "t-3" })).notices.length > 0);
    const refused = await alice.write("land.py", lines("land").replace("land_3 = 3", "land_3 = 30"), { turn: "t-3" });
    assert.equal(refused.refused?.type, "UNSAVED_EDITS");
    await window.seesRow(CHANGES, /claude\/alice waits for land\.py/);
    await window.inline(CHANGES, "waits for land.py", "Let It Land, Keep Mine");
    await until("on disk", () => text("land.py").includes("land_3 = 30"));
    await window.shows("land_3 = 3  # mine");
    await until("a conflict, not silence", async () => (await window.squiggles("error")) > 0);
    await window.shot("conflict");
  }, window);

  await step("keep mine: saving passes without a toast, and the other version can be restored", async () => {
    await window.focusEditor();
    await window.command("noclobber: Keep Mine");
    await until("no mark is left", async () => (await marks()) === 0);
    await window.shows("land_3 = 3  # mine");
    await window.save();
    await until("saved", () => text("land.py").includes("land_3 = 3  # mine"));
    assert.deepEqual((await window.toasts()).filter((toast) => toast.includes(NEWER)), []);
    await window.command("noclobber: Restore Version...");
    await window.pick(/claude\/alice.*overridden/);
    await until("the agent's version is back", () => text("land.py").includes("land_3 = 30"));
  }, window);

  await step("take disk: the buffer is the disk's, and the person's text can be restored", async () => {
    await window.openFile("disk.py");
    await window.typeAt(4, "  # mine");
    await until("unsaved", () => window.dirty("disk.py"));
    fs.writeFileSync(path.join(root, "disk.py"), lines("disk").replace("disk_3 = 3", "disk_3 = 30"));
    await until("a conflict", async () => (await window.squiggles("error")) > 0);
    await window.quickFix("Take the disk's version", 4);
    await window.shows("disk_3 = 30");
    await until("saved and unmarked", async () => !(await window.dirty("disk.py")) && (await marks()) === 0);
    await window.command("noclobber: Restore Version...");
    await window.pick(/given up/);
    await until("the person's text is on disk", () => text("disk.py").includes("disk_3 = 3  # mine"));
    await window.shows("disk_3 = 3  # mine");
  }, window);

  await step("an agent that overwrites unsaved lines after a fresh read is refused, and the buffer keeps its text", async () => {
    await window.openFile("mine.py");
    await window.typeAt(4, "  # mine");
    await until("the agents know", async () => (await alice.read("mine.py", { turn: "t-4" })).notices.length > 0);
    const refused = await alice.write("mine.py", lines("mine").replace("mine_3 = 3", "mine_3 = 30"), { turn: "t-4" });
    assert.equal(refused.refused?.type, "UNSAVED_EDITS");
    assert.match(refused.refused.message + refused.refused.resolution, /unsaved/);
    assert.equal(text("mine.py"), lines("mine"));
    await window.shows("mine_3 = 3  # mine");
    await window.command("File: Revert File");
  }, window);

  await step("the same-length hole: VS Code alone would lose the agent's text; here it is merged before the save", async () => {
    await window.openFile("hole.py");
    await window.typeAt(2, "  # mine");
    await until("unsaved", () => window.dirty("hole.py"));
    const wrote = await edits("hole.py", "hole_9 = 9", "hole_9 = 8");
    assert.equal(wrote.outcome, "done");
    await window.save();
    await until("saved", async () => !(await window.dirty("hole.py")));
    assert.equal(text("hole.py"), lines("hole").replace("hole_1 = 1\n", "hole_1 = 1  # mine\n").replace("hole_9 = 9", "hole_9 = 8"));
    assert.deepEqual((await window.toasts()).filter((toast) => toast.includes(NEWER)), []);
  }, window);

  await step("the same-length hole on the same line: what was overwritten is kept and offered", async () => {
    await window.typeAt(4, "7");
    await until("unsaved", () => window.dirty("hole.py"));
    const now = text("hole.py");
    fs.writeFileSync(path.join(root, "hole.py"), now.replace("hole_3 = 3", "hole_3 = 5"));
    await until("a conflict", async () => (await window.squiggles("error")) > 0);
    await window.save();
    await until("saved", async () => !(await window.dirty("hole.py")));
    assert.match(text("hole.py"), /hole_3 = 37/);
    await window.toast(/hole\.py/, "Restore It");
    await until("the overwritten version is back", () => text("hole.py").includes("hole_3 = 5"));
  }, window);

  await step("the same-length hole while the editor saves by itself: what was overwritten is kept and offered, or it is merged", async () => {
    fs.mkdirSync(path.join(root, ".vscode"), { recursive: true });
    fs.writeFileSync(path.join(root, ".vscode/settings.json"), JSON.stringify({ "files.autoSave": "afterDelay", "files.autoSaveDelay": 1500 }));
    await sleep(1500);
    await window.openFile("itself.py");
    await window.typeAt(2, "  # mine");
    await until("unsaved", () => window.dirty("itself.py"));
    assert.equal((await edits("itself.py", "itself_9 = 9", "itself_9 = 8")).outcome, "done");
    await until("saved by itself", async () => text("itself.py").includes("# mine"));
    if (!text("itself.py").includes("itself_9 = 8")) {
      await window.toast(/itself\.py/, "Restore It");
      await until("the overwritten version is back", () => text("itself.py").includes("itself_9 = 8"));
    }
    fs.rmSync(path.join(root, ".vscode"), { recursive: true });
    await sleep(1500);
    await window.clearToasts();
  }, window);

  await step("100 open tabs and git checkout: none flashes, and the editor stays responsive", async () => {
    git(root, "checkout", "-q", "--", ".");
    git(root, "checkout", "-q", "-b", "other");
    for (const name of Object.keys(many)) fs.writeFileSync(path.join(root, name), many[name].replace("first", "second"));
    git(root, "commit", "-q", "-a", "-m", "other");
    git(root, "checkout", "-q", "main");
    await window.command("View: Close All Editors");
    await window.key("Control+P");
    await window.page.locator(".quick-input-widget input.input").waitFor({ state: "visible" });
    await window.type("tabs/t");
    await window.row("t0.txt").waitFor({ state: "visible" });
    await sleep(700); // the list settles
    for (let i = 0; i < 100; i++) await window.key("ArrowRight", "ArrowDown"); // opens in the background and stays
    await window.key("Escape");
    const tabs = await until("100 tabs", async () => { const count = await window.page.locator(".tab").count(); return count >= 100 ? count : 0; }, 20_000);
    await sleep(1500);
    git(root, "checkout", "-q", "other");
    const start = Date.now();
    await stays("nothing is marked, nobody is told of an apart file", async () => {
      const label = await window.page.locator(".statusbar-item[id*='noclobber.status']").first().getAttribute("aria-label");
      assert.equal(await marks(), 0);
      assert.equal(await window.page.locator(".statusbar-item[id='status.problems']").first().getAttribute("aria-label"), "No Problems", "in all tabs");
      assert.match(label, /0 open files apart/);
      assert.deepEqual(await window.toasts(), []);
      return true;
    }, 4000);
    await window.shows("second");
    const asked = Date.now();
    await window.palette("noclobber: Open Agent Panel");
    await window.key("Escape");
    const took = Date.now() - asked;
    assert.ok(took < 2000, `the palette took ${took} ms`);
    return `${tabs} tabs, watched for ${Date.now() - start} ms, the palette answers in ${took} ms`;
  }, window);

  await window.page.context().close();
}
