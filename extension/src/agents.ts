// Set Up Agents, and the MCP server for the editor's own agent: both need noclobber installed in a Python, not only bundled here.
import { execFile } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { pickFolder } from "./say";
import type { Server } from "./server";

const PATIENCE_MS = 20_000;
const NEEDED = ["noclobber", "noclobber_server", "mcp"];
const OWN = "~/.local/share/noclobber"; // where the Python is the system's own, which takes no packages
const INSTALLING = "install noclobber";

// Answers what is there, whether packages may be put there, and where its programs are.
const ASK = `import importlib.util as u, json, os, sys, sysconfig as s
programs = [os.path.join(s.get_path("scripts", scheme), "noclobber") for scheme in (s.get_default_scheme(), s.get_preferred_scheme("user"))]
print(json.dumps({
  "agents": all(u.find_spec(name) for name in ${JSON.stringify(NEEDED)}),
  "closed": sys.prefix == sys.base_prefix and os.path.exists(os.path.join(s.get_path("stdlib"), "EXTERNALLY-MANAGED")),
  "program": next(filter(os.path.exists, programs), programs[0])}))`;

interface Python {
  path: string;
  agents: boolean;
  closed: boolean;
  program: string;
}

// lm.registerMcpServerDefinitionProvider is there from VS Code 1.101 on; this extension runs from 1.91 on.
interface McpApi {
  registerMcpServerDefinitionProvider?(id: string, provider: McpProvider): vscode.Disposable;
}
interface McpProvider {
  onDidChangeMcpServerDefinitions: vscode.Event<void>;
  provideMcpServerDefinitions(): Promise<unknown[]>;
}
type StdioDefinition = new (label: string, command: string, args?: string[], env?: Record<string, string>, version?: string) => { cwd?: vscode.Uri };

/** Set Up Agents in This Workspace: `noclobber init` in a terminal, where it shows what it will do and asks. */
export async function setUpAgents(server: Server): Promise<void> {
  const folder = await pickFolder("Which folder's agents to set up");
  if (!folder) return;
  const python = await withAgents(server.interpreter || "python3");
  if (python?.agents) inTerminal("noclobber init", folder, `${quoted(python.program)} init`);
  else await offerToInstall(folder, python);
}

/** That Python, or the one that Install made beside it where that one has what the agents need. */
async function withAgents(interpreter: string): Promise<Python | undefined> {
  const python = await asked(interpreter);
  if (python?.agents) return python;
  const own = await asked(path.join(OWN.replace("~", os.homedir()), "bin", "python"));
  return own?.agents ? own : python;
}

async function offerToInstall(folder: vscode.WorkspaceFolder, python: Python | undefined): Promise<void> {
  const into = python && !python.closed ? python.path : OWN;
  const install = python ? ["Install"] : [];
  const answer = await vscode.window.showWarningMessage(
    "Setting up agents needs noclobber installed in the Python they will use.",
    { modal: true, detail: `The editor's side is inside the extension and needs nothing.\n\n${python ? `Install noclobber[mcp] into ${into} and go on?` : "No usable Python was found."}` },
    ...install, "Choose Interpreter",
  );
  if (answer === "Choose Interpreter") await vscode.commands.executeCommand("noclobber.chooseInterpreter");
  if (answer !== "Install" || !python) return;
  const pip = python.closed ? `${quoted(python.path)} -P -m venv ${OWN} && ${OWN}/bin/python` : quoted(python.path);
  const program = python.closed ? `${OWN}/bin/noclobber` : quoted(python.program);
  inTerminal(INSTALLING, folder, `${pip} -P -m pip install "noclobber[mcp]" && ${program} init`);
}

function inTerminal(name: string, folder: vscode.WorkspaceFolder, line: string): void {
  const terminal = vscode.window.createTerminal({ name, cwd: folder.uri });
  terminal.show();
  terminal.sendText(line);
}

/** Offers the MCP server to the editor's own agent mode, where the engine can take it and neither the person nor the folder registers it. */
export function offerMcpServer(server: Server, storage: vscode.Uri): vscode.Disposable | undefined {
  const api = (vscode as unknown as { lm?: McpApi }).lm;
  const definition = (vscode as unknown as { McpStdioServerDefinition?: StdioDefinition }).McpStdioServerDefinition;
  if (!api?.registerMcpServerDefinitionProvider || !definition) return undefined;
  const changed = new vscode.EventEmitter<void>();
  const person = vscode.Uri.joinPath(storage, "../.."); // the person's own mcp.json lies beside globalStorage
  const watches = [`**/{${REGISTRATIONS.join(",")}}`, new vscode.RelativePattern(person, "mcp.json")].map((files) => vscode.workspace.createFileSystemWatcher(files));
  const again = (): void => { changed.fire(); };
  const provider = api.registerMcpServerDefinitionProvider("noclobber", {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: () => definitions(server, definition, person),
  });
  return vscode.Disposable.from(
    provider, changed, ...watches.flatMap((watch) => [watch, watch.onDidCreate(again), watch.onDidChange(again), watch.onDidDelete(again)]),
    server.onState((state) => { if (state === "running") changed.fire(); }), vscode.workspace.onDidChangeWorkspaceFolders(again),
    vscode.window.onDidCloseTerminal((terminal) => { if (terminal.name === INSTALLING) changed.fire(); }),
  );
}

/** One server a folder, since a server guards the folder it is started in. */
async function definitions(server: Server, definition: StdioDefinition, person: vscode.Uri): Promise<unknown[]> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (!server.interpreter || !vscode.workspace.isTrusted) return [];
  const python = await withAgents(server.interpreter);
  if (!python?.agents) return [];
  if (await registered(person, ["mcp.json"])) return [];
  const byItself = await Promise.all(folders.map((folder) => registered(folder.uri, REGISTRATIONS)));
  return folders.filter((_, index) => !byItself[index]).map((folder) => {
    const found = new definition(folders.length > 1 ? `noclobber (${folder.name})` : "noclobber", python.path, RUN);
    found.cwd = folder.uri;
    return found;
  });
}

const RUN = ["-P", "-m", "noclobber_server.main", "mcp"]; // -P: a file of the folder must not be taken for a module of ours
const REGISTRATIONS = [".mcp.json", ".vscode/mcp.json"];
const OURS = /"noclobber"\s*:\s*\{/; // the name that `noclobber init` registers the server under; these files may hold comments

async function registered(folder: vscode.Uri, names: string[]): Promise<boolean> {
  for (const name of names) {
    try {
      const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(folder, name));
      if (OURS.test(new TextDecoder().decode(bytes))) return true;
    } catch {
      continue; // no such file: nothing is registered there
    }
  }
  return false;
}

/** What a Python says of itself; undefined where it does not run. */
function asked(path: string): Promise<Python | undefined> {
  return new Promise((resolve) => {
    execFile(path, ["-P", "-c", ASK], { timeout: PATIENCE_MS }, (error, stdout) => { resolve(error ? undefined : answered(path, stdout)); });
  });
}

/** The last line is the answer: a Python may be set up to print something before. */
function answered(path: string, stdout: string): Python | undefined {
  try {
    return { path, ...JSON.parse(stdout.trim().split("\n").pop() ?? "") as Omit<Python, "path"> };
  } catch {
    return undefined; // no Python of the usual kind
  }
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `"${path}"`;
}
