// A real VS Code workbench (code-server) with the extension installed, in throw-away folders, and a headless Chromium that drives it.
import { spawn, execFileSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";
import { Window } from "./window.mjs";
import { sleep, until } from "./steps.mjs";

const HERE = path.resolve(import.meta.dirname, "..");
export const ROOT = path.resolve(HERE, "../../..");
export const TOOLS = path.join(ROOT, ".tools");
const NODE = path.join(TOOLS, "bin/node");
const ENTRY = path.join(TOOLS, "code-server/node_modules/code-server/out/node/entry.js");
const VSIX = path.join(ROOT, "extension/noclobber.vsix");
const VSCE = path.join(ROOT, "extension/node_modules/@vscode/vsce/vsce");
const BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"];

const SETTINGS = {
  "telemetry.telemetryLevel": "off", "update.mode": "none", "update.showReleaseNotes": false, "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false, "extensions.ignoreRecommendations": true, "security.workspace.trust.startupPrompt": "never",
  "workbench.startupEditor": "none", "workbench.editor.enablePreview": false, "workbench.editor.enablePreviewFromQuickOpen": false, "workbench.tips.enabled": false, "workbench.enableExperiments": false, "workbench.reduceMotion": "on",
  "workbench.welcomePage.walkthroughs.openOnInstall": false, "workbench.secondarySideBar.defaultVisibility": "hidden",
  "chat.disableAIFeatures": true, "chat.commandCenter.enabled": false, "files.autoSave": "off", "files.hotExit": "off",
  "git.enabled": false, "editor.minimap.enabled": false, "json.schemaDownload.enable": false, "npm.fetchOnlinePackageInfo": false,
  "typescript.disableAutomaticTypeAcquisition": true, "terminal.integrated.enablePersistentSessions": false,
  "workbench.colorTheme": "Default Light Modern", "window.autoDetectColorScheme": false, "breadcrumbs.enabled": false,
  "editor.wordBasedSuggestions": "off", "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.autoClosingBrackets": "never", "editor.autoIndent": "none",
};

/** One code-server and one browser; windows on any number of folders. */
export class Workbench {
  constructor(artefacts) {
    this.artefacts = artefacts;
    this.tmp = fs.mkdtempSync(path.join(os.tmpdir(), "noclobber-vscode-"));
    this.userData = this.#folder("user-data/User") && path.join(this.tmp, "user-data");
    this.extensions = this.#folder("extensions");
    this.home = this.#folder("home");
    fs.writeFileSync(path.join(this.tmp, "config.yaml"), "");
    this.agents = [];
  }

  #folder(name) {
    const made = path.join(this.tmp, name);
    fs.mkdirSync(made, { recursive: true });
    return made;
  }

  /** A workspace folder with these files; a git repository, as a real one is. */
  workspace(name, files, settings = {}) {
    const root = this.#folder(`work/${name}`);
    for (const [file, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      fs.writeFileSync(path.join(root, file), text);
    }
    if (Object.keys(settings).length) {
      fs.mkdirSync(path.join(root, ".vscode"), { recursive: true });
      fs.writeFileSync(path.join(root, ".vscode/settings.json"), JSON.stringify(settings));
    }
    git(root, "init", "-q", "-b", "main");
    git(root, "add", "-A");
    git(root, "commit", "-q", "-m", "start");
    return root;
  }

  /**
   * `bare`: VS Code alone, without the extension. `trust`: folders are opened in Restricted Mode until they are trusted.
   * `also`: sources of further extensions. `programs`: scripts by name that stand first on the PATH.
   */
  async start(settings = {}, { bare = false, trust = false, also = [], programs = {} } = {}) {
    this.bare = bare;
    this.programs = this.#folder("programs");
    for (const [name, script] of Object.entries(programs)) fs.writeFileSync(path.join(this.programs, name), script, { mode: 0o755 });
    fs.writeFileSync(path.join(this.home, ".profile"), `PATH="${this.programs}:$PATH"\n`); // the workbench asks a login shell for its environment
    this.settings = { ...SETTINGS, ...settings, "security.workspace.trust.enabled": trust };
    fs.writeFileSync(path.join(this.userData, "User/settings.json"), JSON.stringify(this.settings, null, 1));
    const base = [ENTRY, "--config", path.join(this.tmp, "config.yaml"), "--user-data-dir", this.userData, "--extensions-dir", this.extensions];
    const env = this.env();
    const packages = [...(bare ? [] : [VSIX]), ...also.map((source) => this.#packed(source))];
    if (packages.length) execFileSync(NODE, [...base, ...packages.flatMap((file) => ["--install-extension", file])], { env, stdio: "pipe" });
    this.port = await freePort();
    const log = fs.openSync(path.join(this.artefacts, "code-server.log"), "a");
    this.server = spawn(NODE, [...base, "--bind-addr", `127.0.0.1:${this.port}`, "--auth", "none", "--disable-telemetry", "--disable-update-check",
      ...(trust ? [] : ["--disable-workspace-trust"]), "--disable-getting-started-override", "--disable-proxy", "--ignore-last-opened", "--reconnection-grace-time", "5"],
      { env, stdio: ["ignore", log, log] });
    await until("code-server answers", async () => {
      if (this.server.exitCode !== null) throw new Error("code-server ended; see code-server.log");
      return (await fetch(`http://127.0.0.1:${this.port}/healthz`)).ok;
    }, 30_000);
    this.browser = await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: BROWSER });
    return this.browser.version();
  }

  /** An extension of the tests' own, as a package. */
  #packed(source) {
    const folder = path.join(this.#folder("also"), path.basename(source));
    fs.cpSync(source, folder, { recursive: true });
    execFileSync(NODE, [VSCE, "package", "--no-dependencies", "--allow-missing-repository", "--skip-license", "-o", `${folder}.vsix`], { cwd: folder, stdio: "pipe" });
    return `${folder}.vsix`;
  }

  env() {
    const home = this.home;
    return {
      PATH: `${path.join(TOOLS, "bin")}:${process.env.PATH}`, HOME: home, LANG: "C.UTF-8", TMPDIR: this.#folder("t"),
      XDG_CONFIG_HOME: path.join(home, ".config"), XDG_DATA_HOME: path.join(home, ".local"), XDG_CACHE_HOME: path.join(home, ".cache"),
      EXTENSIONS_GALLERY: JSON.stringify({ serviceUrl: "http://127.0.0.1:9/none" }), // keeps the workbench off its extension gallery
    };
  }

  /** A window on a folder, on a .code-workspace file, or on none. `context`: one of an earlier window, so that both share the browser's storage. */
  async open(folder, { context, width = 1280, height = 800 } = {}) {
    const used = context ?? (await this.browser.newContext({ viewport: { width, height } }));
    const page = await used.newPage();
    page.setDefaultTimeout(20_000);
    page.on("console", (message) => fs.appendFileSync(path.join(this.artefacts, "console.log"), `${message.type()}: ${message.text()}\n`));
    await page.goto(`http://127.0.0.1:${this.port}/${folder ? `?${folder.endsWith(".code-workspace") ? "workspace" : "folder"}=${encodeURIComponent(folder)}` : "?ew=true"}`);
    await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
    const window = new Window(page, this.artefacts);
    if (folder) await window.ready(this.bare);
    return window;
  }

  /** The language servers that run now. */
  servers() { return tree(this.server.pid).filter((pid) => alive(pid) && /launch\.py lsp/.test(commandLine(pid))); }

  /** An agent's own process, under the guard of the working tree's sources. */
  agent(root, agentId) {
    const agent = new Agent(root, agentId);
    this.agents.push(agent);
    return agent;
  }

  async stop() {
    for (const agent of this.agents) agent.end();
    if (this.browser) await this.browser.close();
    if (this.server) {
      const all = tree(this.server.pid);
      this.server.kill("SIGTERM");
      await Promise.race([new Promise((resolve) => this.server.once("exit", resolve)), sleep(6000)]);
      await sleep(500);
      for (const pid of all.filter(alive)) { try { process.kill(pid, "SIGKILL"); } catch { /* gone meanwhile */ } }
    }
    fs.rmSync(this.tmp, { recursive: true, force: true });
  }
}

/** Talks to agent.py: one order at a time, answers in order. */
class Agent {
  constructor(root, agentId) {
    this.id = agentId;
    const env = { ...process.env, PYTHONPATH: [path.join(ROOT, "core"), path.join(ROOT, "server")].join(":"), NOCLOBBER: "" };
    this.process = spawn("python3", [path.join(HERE, "agent.py"), root, agentId], { env, stdio: ["pipe", "pipe", "inherit"] });
    this.waiting = [];
    let rest = "";
    this.process.stdout.on("data", (chunk) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop();
      for (const line of lines) this.waiting.shift()?.resolve(JSON.parse(line));
    });
    this.process.stdin.on("error", () => undefined); // it has ended: said below
    this.process.on("exit", (status) => { this.ended = `the agent process ended with ${status}`; for (const { reject } of this.waiting) reject(new Error(this.ended)); });
  }

  do(order) {
    return new Promise((resolve, reject) => {
      if (this.ended) throw new Error(this.ended);
      this.waiting.push({ resolve, reject });
      this.process.stdin.write(`${JSON.stringify(order)}\n`);
    });
  }

  read(file, more = {}) { return this.do({ do: "read", path: file, ...more }); }
  write(file, content, more = {}) { return this.do({ do: "write", path: file, content, ...more }); }
  edit(file, old, text, more = {}) { return this.do({ do: "edit", path: file, old, new: text, ...more }); }

  async events(file) { return (await this.do({ do: "events", path: file })).events; }

  end() {
    this.process.stdin.end();
    this.process.kill();
  }
}

export function git(root, ...args) {
  return execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", "-C", root, ...args], { encoding: "utf8" });
}

/** The noclobber command line of the working tree; an object before its arguments: variables of its own. */
export function noclobber(root, ...words) {
  const own = typeof words[0] === "object" ? words[0] : {};
  const args = words.filter((word) => word !== own);
  const env = { ...process.env, ...own, PYTHONPATH: [path.join(ROOT, "core"), path.join(ROOT, "server")].join(":") };
  return execFileSync("python3", ["-c", "import sys; from noclobber_server.main import main; sys.exit(main())", ...args], { cwd: root, env, encoding: "utf8" });
}

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

/** A process and all that it started. */
export function tree(pid) {
  const children = {};
  for (const name of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, "utf8");
      (children[+stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]] ??= []).push(+name);
    } catch { /* ended meanwhile */ }
  }
  const found = [], queue = [pid];
  while (queue.length) { const next = queue.pop(); found.push(next); queue.push(...(children[next] ?? [])); }
  return found;
}

export const commandLine = (pid) => { try { return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "); } catch { return ""; } };
export const alive = (pid) => { try { const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8"); return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z"; } catch { return false; } };
