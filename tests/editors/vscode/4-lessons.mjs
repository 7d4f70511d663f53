// Lessons: from the palette, from a problem's quick fix, into an open and unsaved CLAUDE.md, from a check's draft; searched, removed.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { alive, commandLine, tree } from "./lib/workbench.mjs";
import { sleep, until } from "./lib/steps.mjs";

const LESSONS = "Lessons";

export async function run({ bench, step }) {
  const root = bench.workspace("lessons", {
    "settings.json": '{\n  "a": 1,\n  "a": 2\n}\n', "src/a.py": "def total(items):\n    return sum(items)\n",
    "CLAUDE.md": "# Shop\n\nUse tabs nowhere.\n", "immune.sh": "trap '' INT TERM\nsleep 60\nsleep 60\n", "status.sh": "exit $STATUS\n", "check.sh": "#!/bin/sh\ntest -e fixed && exit 0\necho 'src/a.py:2: error: total of an empty cart is not zero' >&2\nexit 1\n",
  });
  const claude = () => fs.readFileSync(path.join(root, "CLAUDE.md"), "utf8");
  const window = await bench.open(root);
  await window.panel();
  const alice = bench.agent(root, "claude/alice");
  const fromMenu = (row, action) => window.fromMenu(window.node(LESSONS, row), action);

  await step("Record Lesson from the palette: three steps, prefilled from the selection; the entry is in CLAUDE.md", async () => {
    await window.openFile("src/a.py");
    await window.goTo(2);
    await window.key("End", "Shift+Home");
    await window.command("noclobber: Record Lesson");
    await window.shot("lesson-step");
    assert.match(await window.answer("Record Lesson (1/3)"), /src\/a\.py:2/);
    assert.equal(await window.answer("Record Lesson (2/3)", "total() of an empty cart raised TypeError"), "return sum(items)");
    await window.answer("Record Lesson (3/3)", "Start sums from Decimal(0).");
    await until("the entry", () => claude().includes("total() of an empty cart raised TypeError"));
    assert.match(claude(), /## Lesson Learned \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)[\s\S]*\*\*Context\*\*[\s\S]*\*\*Failure\*\*[\s\S]*\*\*Resolution\*\*/);
    assert.ok(claude().startsWith("# Shop\n\nUse tabs nowhere.\n"));
    await window.toast("CLAUDE.md", "Open");
    await window.tab("CLAUDE.md").waitFor();
    await window.seesRow(LESSONS, /total\(\) of an empty cart/);
    await window.shot("lessons");
  }, window);

  await step("from a problem's quick fix, prefilled from the problem", async () => {
    await window.openFile("settings.json");
    await until("the problem", async () => (await window.squiggles("warning")) > 0);
    await window.quickFix("Record a lesson from this problem", 2, 4);
    assert.match(await window.answer("Record Lesson (1/3)"), /settings\.json:2/);
    assert.match(await window.answer("Record Lesson (2/3)"), /Duplicate object key/);
    await window.answer("Record Lesson (3/3)", "Keys of settings.json are unique.");
    await until("the entry", () => claude().includes("Duplicate object key"));
    await window.clearToasts();
  }, window);

  await step("Record Lesson from the palette is prefilled from the problem under the cursor", async () => {
    await window.goTo(2, 4);
    await window.command("noclobber: Record Lesson");
    assert.match(await window.answer("Record Lesson (1/3)"), /settings\.json:2/);
    assert.match(await window.answer("Record Lesson (2/3)"), /Duplicate object key/);
    const last = window.page.locator(".quick-input-widget").filter({ hasText: "Record Lesson (3/3)" });
    await last.waitFor({ state: "visible" });
    await window.key("Escape");
    await last.waitFor({ state: "hidden" });
  }, window);

  await step("with CLAUDE.md open and unsaved: both the person's text and the lesson are there after merge and save", async () => {
    await window.openFile("CLAUDE.md");
    await window.typeAt(1, " (ours)");
    await until("unsaved", () => window.dirty("CLAUDE.md"));
    await window.command("noclobber: Record Lesson");
    await window.answer("Record Lesson (1/3)", "Editing CLAUDE.md by hand");
    await window.answer("Record Lesson (2/3)", "a lesson came while I typed");
    await window.answer("Record Lesson (3/3)", "merge it");
    await until("the entry is on disk", () => claude().includes("a lesson came while I typed"));
    await until("the buffer is behind", async () => (await window.squiggles("warning")) > 0);
    await window.clearToasts();
    await window.focusEditor();
    await window.command("noclobber: Merge Disk Changes into Buffer");
    await until("merged", async () => (await window.squiggles("warning")) === 0 && (await window.dirty("CLAUDE.md")));
    await window.save();
    await until("saved", async () => claude().startsWith("# Shop (ours)\n") && !(await window.dirty("CLAUDE.md")));
    assert.ok(claude().includes("a lesson came while I typed"));
    assert.deepEqual(await window.toasts(), []);
  }, window);

  await step("Run Check: a failing command drafts a lesson, a draft is accepted from the panel", async () => {
    await window.command("noclobber: Run Check...");
    await window.answer("Run Check", "sh check.sh");
    await window.toast(/sh check\.sh ended with 1/, "Show Lessons");
    await window.seesRow(LESSONS, /Drafts/, 15_000);
    await window.shot("draft");
    const draft = (await window.rows(LESSONS)).find((row) => /empty cart is not zero|check\.sh/.test(row));
    assert.ok(draft, (await window.rows(LESSONS)).join(" | "));
    await window.node(LESSONS, /empty cart is not zero|check\.sh/).click();
    await window.shows("**Failure**");
    assert.equal(await window.page.locator(".tab.dirty").count(), 0, "a draft is shown, not copied into a file without a name");
    await window.inline(LESSONS, /empty cart is not zero|check\.sh/, "Accept");
    await until("the draft is in the file", () => claude().includes("empty cart is not zero"));
    await until("no draft is left", async () => !(await window.rows(LESSONS)).some((row) => /^Drafts/.test(row)));
  }, window);

  const stopped = (check) => until("stopped", async () => (await window.page.locator(".statusbar-item").allInnerTexts()).some((text) => text.includes(`${check} was stopped`)));
  await step("Run Check can be stopped, also where the check takes no notice of an interrupt", async () => {
    await window.command("noclobber: Run Check...");
    await window.answer("Run Check", "sleep 60");
    await window.toast("Checking: sleep 60", "Cancel");
    await stopped("sleep 60");
    await window.command("noclobber: Run Check...");
    await window.answer("Run Check", "sh immune.sh");
    await window.toast("Checking: sh immune.sh", "Cancel");
    await stopped("sh immune.sh");
    assert.deepEqual(tree(bench.server.pid).filter((pid) => alive(pid) && commandLine(pid).includes("immune.sh")), []);
  }, window);

  await step("Run Check takes an assignment in front of a command as a shell does, and says where a command could not be run at all", async () => {
    await window.command("noclobber: Run Check...");
    await window.answer("Run Check", "STATUS=3 sh status.sh");
    await window.toast(/status\.sh ended with 3/);
    await window.command("noclobber: Run Check...");
    await window.answer("Run Check", "nowhere-check");
    await window.toast(/nowhere-check could not be run \(127\); its output says why/);
    await window.clearToasts();
  }, window);

  await step("a draft is dropped from the panel; what is archived is shown apart and opens where it stands", async () => {
    const before = claude();
    await window.seesRow(LESSONS, /Drafts/);
    const draft = window.pane(LESSONS).locator(".monaco-list-row", { hasText: "exit status 3" }).first();
    await draft.hover();
    await draft.locator('.action-label[aria-label^="Drop"]').first().click();
    await until("dropped", async () => !(await window.rows(LESSONS)).some((row) => row.includes("exit status 3")));
    assert.equal(claude(), before);
    fs.mkdirSync(path.join(root, ".claude"), { recursive: true });
    fs.writeFileSync(path.join(root, ".claude/lessons-archive.md"), "# Lessons: archive\n\n## Lesson Learned (2026-01-02 03:04:05 UTC)\n**Context**: long ago\n**Failure**: an old failure\n**Resolution**: an old way on\n");
    await alice.read("src/a.py");
    await window.seesRow(LESSONS, /Archived ?1/);
    await window.node(LESSONS, "Archived").click();
    await window.node(LESSONS, "an old failure").click();
    await until("it is shown", async () => (await window.page.locator(".tab.active").getAttribute("data-resource-name")) === "lessons-archive.md");
    await window.shows("an old way on");
  }, window);

  await step("Search Lessons finds by a word and opens the entry", async () => {
    await window.command("noclobber: Search Lessons");
    await window.page.locator(".quick-input-widget").filter({ hasText: "Search Lessons" }).waitFor({ state: "visible" });
    await window.type("duplicate");
    await until("one found", async () => { const found = await window.picks(); return found.length === 1 && /Duplicate object key/.test(found[0]); });
    await window.shot("search");
    await window.key("Enter");
    await until("it is shown", async () => (await window.page.locator(".tab.active").getAttribute("data-resource-name")) === "CLAUDE.md");
    await window.shows("Duplicate object key");
  }, window);

  await step("Edit Lesson, one part of a lesson of several lines changed: the lines of the others stay", async () => {
    const of = (resolution) => `**Failure**: the first line\n  the second line\n**Resolution**: ${resolution}\n`;
    fs.appendFileSync(path.join(root, "CLAUDE.md"), `\n## Lesson Learned (2026-11-29 09:59:45 UTC)\n**Context**: of several lines\n${of("one\n  two")}`);
    await alice.read("src/a.py");
    await window.seesRow(LESSONS, /the first line/);
    await fromMenu("the first line", "Edit");
    await window.answer("Edit Lesson (1/3)");
    assert.equal(await window.answer("Edit Lesson (2/3)"), "the first line \u23ce the second line");
    await window.answer("Edit Lesson (3/3)", "one \u23ce three");
    await until("changed", () => claude().includes(of("one\n  three")));
  }, window);

  await step("Record Lesson with a file of no workspace active records it; where it cannot be recorded the typed text is offered again", async () => {
    const outside = path.join(bench.tmp, "outside.py");
    fs.writeFileSync(outside, "x = 1\n");
    await window.command("File: Open File...");
    const input = window.page.locator(".quick-input-widget input.input");
    await until("the path is taken", async () => { // the dialog puts its own folder there once it has read it
      await input.fill(outside);
      await sleep(300);
      return (await input.inputValue()) === outside;
    });
    await window.key("Enter");
    await window.tab("outside.py").waitFor();
    await window.command("noclobber: Record Lesson");
    await window.answer("Record Lesson (1/3)", "");
    await window.answer("Record Lesson (2/3)", `failed at length ${"x".repeat(20_000)}`);
    await window.answer("Record Lesson (3/3)", "shorten it");
    await window.toast(/was not recorded: [\s\S]*characters/, "Edit and Try Again");
    await window.answer("Record Lesson (1/3)");
    assert.match(await window.answer("Record Lesson (2/3)", "failed briefly"), /^failed at length x{1000}/);
    assert.equal(await window.answer("Record Lesson (3/3)"), "shorten it");
    await until("the entry", () => claude().includes("failed briefly"));
    await window.clearToasts();
  }, window);

  await step("removing a lesson from the panel asks first", async () => {
    await fromMenu("Duplicate object key", "Remove");
    await window.dialog("Remove");
    await until("it is gone", () => !claude().includes("Duplicate object key"));
    assert.ok(claude().includes("total() of an empty cart"));
  }, window);

  await step("a lesson recorded in a window on a subfolder goes to the file above it, and Open shows that one", async () => {
    const inner = await bench.open(path.join(root, "src"));
    await inner.openFile("a.py");
    await inner.command("noclobber: Record Lesson");
    await inner.answer("Record Lesson (1/3)");
    await inner.answer("Record Lesson (2/3)", "learned further down");
    await inner.answer("Record Lesson (3/3)", "look above");
    await until("the entry", () => claude().includes("learned further down"));
    await inner.toast("CLAUDE.md", "Open");
    await inner.tab("CLAUDE.md").waitFor();
    await inner.shows("Use tabs nowhere");
    assert.equal(fs.existsSync(path.join(root, "src/CLAUDE.md")), false);
    await inner.page.context().close();
  }, window);

  await window.page.context().close();
}
