// Which Python is used, the MCP server that is offered to the editor's own agent, and Set Up Agents. A stand-in takes the Python
// extension's place (python-extension/): the same id, the same exports, in the real extension host.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { commandLine, ROOT } from "./lib/workbench.mjs";
import { stays, until } from "./lib/steps.mjs";

const WITH_AGENTS = path.join(ROOT, ".venv/bin/python");
const OLD = (version) => `#!/bin/sh\necho ${version}\n`;

const NOT_OURS = "raise SystemExit('a file of the folder was taken for a module')\n";

export const settings = { "chat.disableAIFeatures": false, "terminal.integrated.gpuAcceleration": "off" }; // so that the page holds the terminal as text
export const also = [path.join(import.meta.dirname, "python-extension")];
export const programs = { python3: OLD("3.9.2") };

export async function run({ bench, step }) {
  const root = bench.workspace("python", { "a.py": "a = 1\n", ".claude/settings.json": "{}\n", "types.py": NOT_OURS, "mcp.py": NOT_OURS });
  const config = path.join(root, ".vscode/settings.json");
  const set = (values) => { fs.mkdirSync(path.dirname(config), { recursive: true }); fs.writeFileSync(config, JSON.stringify(values)); };
  const empty = path.join(bench.tmp, "empty/bin/python");
  execFileSync("python3", ["-m", "venv", "--without-pip", path.join(bench.tmp, "empty")]);
  const old = path.join(bench.tmp, "old-python");
  fs.writeFileSync(old, OLD("3.10.4"), { mode: 0o755 });
  const runsUnder = (python) => until(`one server under ${python}`, async () => {
    const lines = bench.servers().map(commandLine);
    if (lines.length !== 1 || !lines[0].startsWith(`${python} `)) throw new Error(lines.join(" | ") || "no server");
    return true;
  }, 20_000);
  const window = await bench.open(root);

  await step("no environment chosen and python3 too old: a message with what was tried and a button", async () => {
    const said = await window.toast(/noclobber needs Python 3\.11 or newer/);
    assert.match(said, /python3 \(the PATH\) is Python 3\.9\.2\./);
    assert.match(said, /Choose Interpreter[\s\S]*Show Output/);
    await window.status(/not guarding/);
    await window.shot("python-too-old");
    await window.clearToasts();
  }, window);

  await step("the Python extension's active environment (a stand-in) runs the server, without a reload", async () => {
    set({ "python.defaultInterpreterPath": empty });
    await runsUnder(empty);
    await window.status(/noclobber is guarding/, 20_000);
  }, window);

  await step("another environment is chosen there: the server is started anew under it", async () => {
    set({ "python.defaultInterpreterPath": WITH_AGENTS });
    await runsUnder(WITH_AGENTS);
    await window.status(/noclobber is guarding/, 20_000);
  }, window);

  await step("the setting noclobber.interpreter goes before the Python extension", async () => {
    set({ "python.defaultInterpreterPath": WITH_AGENTS, "noclobber.interpreter": empty });
    await runsUnder(empty);
    set({ "python.defaultInterpreterPath": WITH_AGENTS });
    await runsUnder(WITH_AGENTS);
  }, window);

  await step("the setting noclobber.trace.server alone shows the messages in the output", async () => {
    await window.command("noclobber: Show Output");
    set({ "python.defaultInterpreterPath": WITH_AGENTS, "noclobber.trace.server": "messages" });
    const output = window.page.locator(".panel .view-lines");
    await until("messages", async () => /Sending (request|notification)/.test((await output.innerText()).replaceAll("\u00a0", " ")), 15_000);
    set({ "python.defaultInterpreterPath": WITH_AGENTS });
    await window.command("View: Toggle Panel Visibility");
  }, window);

  await step("a server that ends at once is told of once; one that hangs at its start gives way to a good one", async () => {
    const wrapper = (name, asServer) => {
      const file = path.join(bench.tmp, name);
      fs.writeFileSync(file, `#!/bin/sh\ncase "$*" in *lsp*) ${asServer};; esac\nexec ${WITH_AGENTS} "$@"\n`, { mode: 0o755 });
      return file;
    };
    set({ "noclobber.interpreter": wrapper("ends", "exit 1") });
    await window.toast(/did not start: it ended at once; its output says why/);
    await stays("said once", async () => (await window.toasts()).length === 1, 1000);
    await window.clearToasts();
    set({ "noclobber.interpreter": wrapper("hangs", "sleep 300") }); // no exec: its output stays open when it is killed
    await window.status(/starting/);
    set({ "noclobber.interpreter": WITH_AGENTS });
    await runsUnder(WITH_AGENTS);
    await window.status(/noclobber is guarding/, 20_000);
    assert.deepEqual(await window.toasts(), []);
    set({ "python.defaultInterpreterPath": WITH_AGENTS });
    await window.status(/noclobber is guarding/, 20_000);
  }, window);

  await step("its environment is too old and so is python3: both are named; Choose Interpreter takes only one that will do", async () => {
    set({ "python.defaultInterpreterPath": old });
    const said = await window.toast(/the Python extension's active environment\) is Python 3\.10\.4\..*python3 \(the PATH\) is Python 3\.9\.2\./, "Choose Interpreter");
    assert.match(said, /noclobber needs Python 3\.11 or newer/);
    await window.answer("Choose Interpreter", old);
    await window.page.locator(".quick-input-widget").filter({ hasText: "(given) is Python 3.10.4" }).waitFor();
    await window.shot("choose-interpreter");
    await window.answer("(given) is Python 3.10.4", empty);
    await runsUnder(empty);
    await window.status(/noclobber is guarding/, 20_000);
    await window.command("noclobber: Choose Interpreter...");
    assert.equal(await window.answer("Choose Interpreter", ""), empty);
    set({ "python.defaultInterpreterPath": WITH_AGENTS });
    await runsUnder(WITH_AGENTS);
    await window.clearToasts();
  }, window);

  const servers = async () => {
    await window.palette("MCP: List Servers");
    await window.row("MCP: List Servers").click({ timeout: 3000 }); // the workbench closes the list when it takes the focus elsewhere
    await window.row("Add Server").waitFor({ timeout: 3000 });
    return (await window.picks()).map((row) => row.replace(/\s+/g, " ").trim()).filter((row) => !row.startsWith("Add Server"));
  };
  const lists = (what, wanted) => until(what, async () => {
    const found = await servers();
    if (!wanted(found)) { await window.key("Escape"); throw new Error(found.join(" | ") || "no server"); }
    return found;
  }, 30_000, 200);
  const offered = (found) => found.length === 1 && /^noclobber.*noclobber$/.test(found[0]); // under the provider's name
  const registration = JSON.stringify({ servers: { noclobber: { type: "stdio", command: "noclobber", args: ["mcp"] } } });

  await step("the MCP server is offered to the editor's own agent, and starts", async () => {
    await lists("it is offered", offered);
    await window.shot("mcp-offered");
    await window.pick(/^noclobber/);
    await window.pick("Start Server");
    const output = window.page.locator(".panel .view-lines");
    await until("its tools are known", async () => /Discovered [1-9]\d* tools/.test((await output.innerText()).replaceAll("\u00a0", " ")), 20_000);
    await window.shot("mcp-running");
    await window.command("View: Toggle Panel Visibility");
  }, window);

  await step("the offer is withdrawn while the workspace registers noclobber itself, and comes back", async () => {
    const file = path.join(root, ".vscode/mcp.json");
    fs.writeFileSync(file, registration);
    await lists("only the workspace's own", (found) => found.length === 1 && found[0].endsWith(".vscode/mcp.json"));
    await window.shot("mcp-of-the-workspace");
    await window.key("Escape");
    fs.rmSync(file);
    await lists("it is offered again", offered);
    await window.key("Escape");
  }, window);

  await step("the offer is withdrawn while the person registers noclobber", async () => {
    const file = path.join(bench.userData, "User/mcp.json");
    fs.writeFileSync(file, registration);
    await lists("not the offered one", (found) => !found.some((row) => row.endsWith("noclobber")));
    await window.key("Escape");
    fs.rmSync(file);
    await lists("it is offered again", offered);
    await window.key("Escape");
  }, window);

  const terminal = async () => (await window.page.locator(".terminal-wrapper.active .xterm-accessibility-tree, .terminal-wrapper.active .xterm-rows").first().innerText()).replaceAll("\u00a0", " ");
  await step("Set Up Agents shows what it will do, asks, and writes", async () => {
    const local = path.join(root, ".claude/settings.local.json");
    await window.command("noclobber: Set Up Agents in This Workspace");
    await until("the question", async () => /Do this\?/.test(await terminal()), 20_000);
    assert.match(await terminal(), /add to\s+\.claude\/settings\.local\.json \(claude-code, yours\)/);
    assert.ok(!fs.existsSync(local), "nothing is written before the answer");
    await window.shot("set-up-agents");
    await window.page.locator(".terminal-wrapper.active").click();
    await window.type("y");
    await window.key("Enter");
    await until("the hooks", () => fs.readFileSync(local, "utf8").includes("hook claude-code"));
  }, window);

  await step("Set Up Agents where noclobber is not installed offers to install it", async () => {
    set({ "python.defaultInterpreterPath": empty });
    await runsUnder(empty);
    await window.status(/guarding/, 20_000);
    await window.command("noclobber: Set Up Agents in This Workspace");
    await window.page.locator(".monaco-dialog-box").waitFor();
    await window.shot("offer-to-install");
    const said = await window.dialog("Install");
    assert.match(said, /needs noclobber installed/);
    assert.ok(said.includes(`Install noclobber[mcp] into ${empty} and go on?`), said);
    await until("the command in a terminal", async () => /-P -m pip install "noclobber\[mcp\]"/.test((await terminal()).replaceAll("\n", "")));
    await until("it says why it cannot", async () => /No module named pip/.test((await terminal()).replaceAll("\n", "")));
  }, window);

  await step("once it is installed in an environment of its own, as Install does it for a system's Python, that one is used", async () => {
    const own = path.join(bench.home, ".local/share/noclobber/bin/python");
    fs.mkdirSync(path.dirname(own), { recursive: true });
    fs.writeFileSync(own, `#!/bin/sh\nexec ${WITH_AGENTS} "$@"\n`, { mode: 0o755 });
    await window.command("noclobber: Set Up Agents in This Workspace");
    await until("it is set up already", async () => /already in\s+\.claude\/settings\.local\.json/.test(await terminal()), 20_000);
    await window.command("Terminal: Kill All Terminals");
    await lists("the server is offered from there", offered);
    await window.key("Escape");
  }, window);

  await window.page.context().close();
}
