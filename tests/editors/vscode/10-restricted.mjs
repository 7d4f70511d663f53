// Restricted Mode: what a folder's own files name is not run, the rest works; trusting the folder turns the rest on.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { until } from "./lib/steps.mjs";

const CHANGES = "Since You Last Looked";
const LINES = Array.from({ length: 12 }, (_, i) => `line_${i} = ${i}\n`).join("");

export const trust = true;
export const also = [path.join(import.meta.dirname, "python-extension")];

export async function run({ bench, step }) {
  const root = bench.workspace("strange", { "a.py": LINES });
  const ran = (name) => path.join(root, `${name}.ran`);
  const trap = (name, script = "") => {
    const file = path.join(root, `${name}/noclobber`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, `#!/bin/sh\necho "$0 $@" >>${ran(name)}\n${script}`, { mode: 0o755 });
    return file;
  };
  const hook = `sh -c 'command -v ${trap("hook")} >/dev/null 2>&1 || exit 0; exec ${trap("hook")} hook claude-code'`;
  for (const [file, content] of Object.entries({
    ".vscode/settings.json": { "noclobber.interpreter": trap("setting", "echo 3.8.1\n"), "python.defaultInterpreterPath": trap("environment", "echo 3.8.2\n") },
    ".claude/settings.local.json": { hooks: { PreToolUse: [{ matcher: "Edit", hooks: [{ type: "command", command: hook }] }] } },
  })) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), JSON.stringify(content));
  }
  const window = await bench.open(root);
  const alice = bench.agent(root, "claude/alice");

  await step("a folder nobody has trusted is guarded and shown, and it is said what is off", async () => {
    await window.status(/noclobber is guarding/);
    await window.panel();
    await until("the words", async () => /Restricted Mode: writes are guarded and shown; no check is run, no agent set up/.test((await window.pane(CHANGES).innerText()).replaceAll("\u00a0", " ")));
    await window.openFile("a.py");
    await alice.read("a.py", { turn: "t-1" });
    await window.typeAt(2, "  # mine");
    await until("unsaved", () => window.dirty("a.py"));
    assert.equal((await alice.edit("a.py", "line_9 = 9", "line_9 = 99", { turn: "t-1" })).outcome, "done");
    await window.seesRow(CHANGES, /t-1/);
    await until("the warning", async () => (await window.squiggles("warning")) > 0);
    await window.quickFix("Merge the disk's changes into this buffer", 10);
    await window.shows("line_9 = 99");
    await window.save();
    await until("both are saved", () => fs.readFileSync(path.join(root, "a.py"), "utf8") === LINES.replace("line_1 = 1\n", "line_1 = 1  # mine\n").replace("line_9 = 9\n", "line_9 = 99\n"));
    await window.shot("restricted");
  }, window);

  await step("nothing that the folder names was run, and what would run something is not offered", async () => {
    for (const name of ["setting", "environment", "hook"]) assert.ok(!fs.existsSync(ran(name)), `${name} was run: ${fs.existsSync(ran(name)) && fs.readFileSync(ran(name), "utf8")}`);
    for (const title of ["noclobber: Run Check...", "noclobber: Set Up Agents in This Workspace"]) assert.equal(await window.offers(title), false, title);
    await window.pane("Lessons").locator(".monaco-button", { hasText: "Run a Check" }).click();
    await window.toast("the folder has to be trusted first");
    await window.clearToasts();
    for (const title of ["noclobber: Record Lesson", "noclobber: Revert a Turn...", "noclobber: Restart Server"]) assert.equal(await window.offers(title), true, title);
  }, window);

  await step("the folder is trusted: what was off is on, without a reload", async () => {
    await window.command("Workspaces: Manage Workspace Trust");
    await window.page.locator(".workspace-trust-editor .monaco-button", { hasText: "Trust" }).first().click();
    await window.toast(/noclobber needs Python 3\.11 or newer\..*setting\/noclobber \(the setting noclobber\.interpreter\) is Python 3\.8\.1/);
    fs.writeFileSync(path.join(root, ".vscode/settings.json"), "{}");
    await window.status(/noclobber (is|can)/, 20_000);
    await until("the version of the hooks is asked", () => fs.existsSync(ran("hook")));
    await window.command("View: Close All Editors");
    await window.panel();
    await until("the words are gone", async () => !/Restricted Mode/.test(await window.pane(CHANGES).innerText()));
    assert.equal(await window.offers("noclobber: Run Check..."), true);
    await window.shot("trusted");
  }, window);

  await window.page.context().close();
}
