// Set Up Agents, and the MCP server for the editor's own agent: both need noclobber installed in a Python, not only bundled here.
import { execFile } from "node:child_process";
import * as vscode from "vscode";
import type { Server } from "./server";

const PATIENCE_MS = 20_000;
const NEEDS = "import noclobber, noclobber_server, mcp";

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
  const python = await pythonWithAgents(server);
  if (!python) return;
  const terminal = vscode.window.createTerminal({ name: "noclobber init", cwd: vscode.workspace.workspaceFolders?.[0]?.uri });
  terminal.show();
  terminal.sendText(`${quoted(python)} -m noclobber_server.main init`);
}

async function pythonWithAgents(server: Server): Promise<string | undefined> {
  const python = server.interpreter || "python3";
  if (await runs(python, ["-c", NEEDS])) return python;
  const answer = await vscode.window.showWarningMessage(
    "Setting up agents needs noclobber installed in the Python they will use.",
    { modal: true, detail: `The editor's side is inside the extension and needs nothing.\n\nInstall it into ${python}?` }, "Install", "Choose Interpreter",
  );
  if (answer === "Choose Interpreter") await vscode.commands.executeCommand("noclobber.chooseInterpreter");
  if (answer === "Install") {
    const terminal = vscode.window.createTerminal({ name: "install noclobber" });
    terminal.show();
    terminal.sendText(`${quoted(python)} -m pip install "noclobber[mcp]" && ${quoted(python)} -m noclobber_server.main init`);
  }
  return undefined;
}

/** Offers the MCP server to the editor's own agent mode, where the engine can take it and nothing else registers it. */
export function offerMcpServer(server: Server): vscode.Disposable | undefined {
  const api = (vscode as unknown as { lm?: McpApi }).lm;
  const definition = (vscode as unknown as { McpStdioServerDefinition?: StdioDefinition }).McpStdioServerDefinition;
  if (!api?.registerMcpServerDefinitionProvider || !definition) return undefined;
  const changed = new vscode.EventEmitter<void>();
  const provider = api.registerMcpServerDefinitionProvider("noclobber", {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: async () => {
      const folder = vscode.workspace.workspaceFolders?.[0];
      const python = server.interpreter;
      if (!folder || !python || !vscode.workspace.isTrusted) return [];
      if (await registeredElsewhere() || !await runs(python, ["-c", NEEDS])) return [];
      const found = new definition("noclobber", python, ["-m", "noclobber_server.main", "mcp"]);
      found.cwd = folder.uri;
      return [found];
    },
  });
  return vscode.Disposable.from(provider, changed, server.onState((state) => { if (state === "running") changed.fire(); }));
}

const REGISTRATIONS = [".mcp.json", ".vscode/mcp.json"];

async function registeredElsewhere(): Promise<boolean> {
  for (const folder of vscode.workspace.workspaceFolders ?? []) {
    for (const name of REGISTRATIONS) {
      try {
        const bytes = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(folder.uri, name));
        if (new TextDecoder().decode(bytes).includes("noclobber")) return true;
      } catch {
        continue; // no such file: nothing is registered there
      }
    }
  }
  return false;
}

function runs(command: string, args: string[]): Promise<boolean> {
  return new Promise((resolve) => { execFile(command, args, { timeout: PATIENCE_MS }, (error) => { resolve(!error); }); });
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `"${path}"`;
}
