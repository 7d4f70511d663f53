// The panel and the timeline follow two agents; a turn is taken back over three files and the other agent's later lines stay.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { until } from "./lib/steps.mjs";
import { noclobber } from "./lib/workbench.mjs";

const FILES = Object.fromEntries(["cart", "price", "stock"].map((name) => [`src/${name}.py`, `"""${name}"""\n\n${Array.from({ length: 12 }, (_, i) => `${name}_${i} = ${i}`).join("\n")}\n`]));
const CHANGES = "Since You Last Looked";

export async function run({ bench, step }) {
  const root = bench.workspace("panel", { ...FILES, "README.md": "# shop\n" });
  const text = (file) => fs.readFileSync(path.join(root, file), "utf8");
  const window = await bench.open(root);
  const alice = bench.agent(root, "claude/alice"), bob = bench.agent(root, "codex/bob");

  await step("an empty panel says what to do next", async () => {
    await window.panel();
    await until("the welcome text", async () => /Nothing changed since you last looked/.test(await window.pane(CHANGES).innerText()));
    await window.shot("panel-empty");
    return window.status(/guarding/);
  }, window);

  await step("the panel follows an agent's write within a second", async () => {
    await window.openFile("src/cart.py");
    await alice.read("src/cart.py", { turn: "turn-7", intent: "SHOP-12" });
    const start = Date.now();
    await alice.edit("src/cart.py", "cart_3 = 3", "cart_3 = 33  # rounded", { turn: "turn-7", intent: "SHOP-12" });
    await window.seesRow(CHANGES, /turn-7 · SHOP-12/, 3000);
    const took = Date.now() - start;
    assert.ok(took < 1000, `${took} ms`);
    await window.seesRow(CHANGES, /cart\.py.*\+1 −1/);
    await window.seesRow("Writers", /claude\/alice/);
    return `${took} ms`;
  }, window);

  await step("two agents work on three files; a stale write is refused and shown with who made it stale", async () => {
    for (const name of ["price", "stock"]) {
      await alice.read(`src/${name}.py`, { turn: "turn-7", intent: "SHOP-12" });
      await alice.edit(`src/${name}.py`, `${name}_2 = 2`, `${name}_2 = 22\n${name}_more = True`, { turn: "turn-7", intent: "SHOP-12" });
    }
    await bob.read("src/price.py", { turn: "b-1", intent: "SHOP-20" });
    await alice.read("src/price.py", { turn: "turn-7" });
    await bob.edit("src/price.py", "price_9 = 9", "price_9 = 99  # bob", { turn: "b-1", intent: "SHOP-20" });
    const start = Date.now();
    const refused = await alice.write("src/price.py", "mine alone\n", { turn: "turn-7", intent: "SHOP-12" });
    assert.equal(refused.refused?.type, "STALE_FILE");
    await window.seesRow(CHANGES, /price\.py.*refused: stale, changed by codex\/bob/, 3000);
    const took = Date.now() - start;
    assert.ok(took < 1000, `${took} ms`);
    await window.seesRow("Writers", /price\.py.*stale by codex\/bob/);
    await window.status(/1 refusal/);
    await window.shot("panel-two-agents");
    return `the refusal was shown after ${took} ms`;
  }, window);

  await step("one click on a file shows the diff of the turn", async () => {
    await window.node(CHANGES, "stock.py").click();
    await window.page.locator(".monaco-diff-editor").waitFor();
    await until("both sides", async () => { const shown = await window.page.locator(".monaco-diff-editor").innerText(); return shown.includes("stock_2") && shown.replaceAll("\u00a0", " ").includes("stock_more = True"); });
    await window.shot("panel-diff");
  }, window);

  await step("the timeline shows both lanes and follows within a second", async () => {
    await window.command("noclobber: Open Timeline");
    const canvas = window.timeline().locator("main canvas");
    await canvas.waitFor();
    await until("both lanes", async () => { const lanes = (await canvas.getAttribute("data-lanes")) ?? ""; return lanes.includes("claude/alice") && lanes.includes("codex/bob"); });
    const before = Number(await canvas.getAttribute("data-events"));
    const start = Date.now();
    await bob.edit("src/stock.py", "stock_9 = 9", "stock_9 = 99  # bob", { turn: "b-1", intent: "SHOP-20" });
    await until("the new event", async () => Number(await canvas.getAttribute("data-events")) > before, 3000, 20);
    const took = Date.now() - start;
    assert.ok(took < 1000, `${took} ms`);
    await window.shot("timeline-light");
    return `${took} ms`;
  }, window);

  await step("a mark of the timeline leads to its diff, by keyboard", async () => {
    const canvas = window.timeline().locator("main canvas");
    await canvas.focus();
    const isWrite = async () => /: write/.test(await window.timeline().locator(".spoken").innerText());
    for (const lane of ["ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp"]) { // along each writer's lane, then to the next writer's
      await canvas.press(lane);
      for (let i = 0; i < 12 && !(await isWrite()); i++) await canvas.press("ArrowRight");
      if (await isWrite()) break;
    }
    assert.match(await window.timeline().locator(".spoken").innerText(), /: write src\//);
    await window.shot("timeline-hover");
    await canvas.press("Enter");
    await window.page.locator(".monaco-diff-editor").waitFor();
  }, window);

  await step("Show in Timeline shows the chosen turn, and Open Timeline everything again", async () => {
    const canvas = window.timeline().locator("main canvas");
    const lanes = async () => (await canvas.getAttribute("data-lanes")) ?? "";
    await window.command("View: Close All Editors");
    await bob.read("README.md", { turn: "b-0" });
    await bob.edit("README.md", "# shop", "# a shop", { turn: "b-0" });
    await window.seesRow(CHANGES, /b-0/);
    await window.inline(CHANGES, "b-0", "Show in Timeline");
    await until("bob's turn alone", async () => (await lanes()).includes("codex/bob") && !(await lanes()).includes("claude/alice"));
    assert.match(await window.timeline().locator("body").innerText(), /b-0 of codex\/bob/);
    await window.shot("timeline-turn");
    await window.inline(CHANGES, "turn-7 · SHOP-12", "Show in Timeline");
    await until("alice's turn, and what bob did to her files", async () => (await lanes()).includes("claude/alice") && (await lanes()).includes("codex/bob"));
    assert.doesNotMatch(await window.timeline().locator("body").innerText(), /b-0 of/);
    const ofTurn = Number(await canvas.getAttribute("data-events"));
    await window.command("noclobber: Open Timeline");
    await until("everything", async () => Number(await canvas.getAttribute("data-events")) > ofTurn);
    await bob.write("README.md", "# shop\n", { turn: "b-0" });
    await window.command("View: Close All Editors");
  }, window);

  await step("Revert This Turn takes back one agent's turn over three files and keeps the other's later lines", async () => {
    await window.inline(CHANGES, "turn-7 · SHOP-12", "Revert This Turn");
    const asked = await window.dialog("Cancel");
    assert.match(asked, /Revert turn-7 of claude\/alice in 3 files\?\s+src\/cart\.py\s+src\/price\.py\s+src\/stock\.py\s+What others wrote later stays/);
    assert.match(text("src/cart.py"), /cart_3 = 33/, "nothing was taken back");
    await window.inline(CHANGES, "turn-7 · SHOP-12", "Revert This Turn");
    await window.dialog("Revert This Turn");
    await until("the files are back", () => Object.keys(FILES).every((file) => !/33|22|more/.test(text(file))));
    assert.equal(text("src/cart.py"), FILES["src/cart.py"]);
    assert.equal(text("src/price.py"), FILES["src/price.py"].replace("price_9 = 9\n", "price_9 = 99  # bob\n"));
    assert.equal(text("src/stock.py"), FILES["src/stock.py"].replace("stock_9 = 9\n", "stock_9 = 99  # bob\n"));
    await window.shot("panel-reverted");
  }, window);

  await step("the filter shows one writer only, and clearing it shows all", async () => {
    await window.command("noclobber: Filter...");
    await window.pick("codex/bob");
    await until("only bob", async () => { const rows = await window.rows(CHANGES); return rows.some((row) => row.includes("codex/bob")) && !rows.some((row) => row.includes("claude/alice")); });
    await until("the filter in words", async () => /Only codex\/bob/.test((await window.pane(CHANGES).innerText()).replaceAll("\u00a0", " ")));
    await window.shot("panel-filtered");
    await window.command("noclobber: Clear Filter");
    await window.seesRow(CHANGES, /claude\/alice/);
  }, window);

  await step("what was looked at goes with Mark All as Seen and comes back with Show Earlier Changes", async () => {
    await window.command("noclobber: Mark All as Seen");
    await until("an empty view", async () => (await window.rows(CHANGES)).length === 0);
    await window.status(/0 refusals/);
    await window.command("noclobber: Show Earlier Changes");
    await window.seesRow(CHANGES, /turn-7/);
  }, window);

  await step("file history, the author of a line, and restoring a version from the palette", async () => {
    await window.openFile("src/price.py");
    await window.goTo(12);
    await window.command("noclobber: Who Wrote This Line");
    assert.match(await window.toast("Line 12"), /codex\/bob/);
    await window.clearToasts();
    await window.command("noclobber: Show File History");
    await until("the history", async () => (await window.picks()).some((row) => row.includes("claude/alice")));
    await window.shot("history");
    await window.key("Escape");
    await window.command("noclobber: Restore Version...");
    await window.pick(/claude\/alice.*edit/);
    await until("the version is back", () => text("src/price.py").includes("price_more"));
    await window.shows("price_more");
  }, window);

  await step("lessons that lie outside the folder are said in their view, and the panel follows on", async () => {
    const shared = path.join(bench.tmp, "shared.md");
    fs.writeFileSync(shared, "# shared\n");
    fs.symlinkSync(shared, path.join(root, "CLAUDE.md"));
    await bob.read("README.md", { turn: "b-3" });
    await bob.edit("README.md", "# shop", "# the shop", { turn: "b-3" });
    await window.seesRow(CHANGES, /b-3/);
    await until("the words", async () => /Lessons cannot be read: .*leads out of the workspace/.test((await window.pane("Lessons").innerText()).replaceAll("\u00a0", " ")));
    await window.shot("lessons-unreadable");
    fs.rmSync(path.join(root, "CLAUDE.md"));
    await bob.read("README.md", { turn: "b-3" });
    await until("no such words any more", async () => !/cannot be read/.test(await window.pane("Lessons").innerText()));
  }, window);

  await step("pausing for an hour and resuming show in the status bar", async () => {
    await window.command("noclobber: Pause for an Hour");
    await window.status(/paused/);
    await window.shot("paused");
    assert.equal((await bob.write("src/price.py", "bob alone\n", { turn: "b-2" })).outcome, "observed");
    await window.command("noclobber: Resume Guarding");
    await window.status(/guarding/);
    assert.ok(await window.offers("noclobber: Pause for an Hour"));
    assert.ok(!(await window.offers("noclobber: Resume Guarding")), "Resume is offered only while paused");
  }, window);

  await step("a pause that a shell makes shows at once, and so does its end", async () => {
    noclobber(root, "pause", "4s");
    await window.status(/paused/, 2000);
    await window.status(/noclobber is guarding/, 6000);
  }, window);

  await window.page.context().close();
}
