// Which Python runs the language server: the setting, else the Python extension's environment, else python3 from the PATH.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as vscode from "vscode";

const OLDEST: readonly [number, number] = [3, 11];
const ASK_VERSION = "import sqlite3, sys; print('%d.%d.%d' % sys.version_info[:3])";
const PATIENCE_MS = 15_000;

export interface Interpreter {
  path: string;
  version: string;
  from: string;
}

/** No Python that will do; the message says what was tried and what was wrong with each. */
export class NoInterpreterError extends Error {}

interface Candidate {
  path: string;
  from: string;
}

interface PythonExtension {
  environments: {
    getActiveEnvironmentPath(resource?: vscode.Uri): { path: string };
    resolveEnvironment(environment: { path: string }): Promise<{ executable: { uri?: vscode.Uri } } | undefined>;
    onDidChangeActiveEnvironmentPath: vscode.Event<unknown>;
  };
}

/** The first usable interpreter. Throws NoInterpreterError. */
export async function findInterpreter(resource: vscode.Uri | undefined): Promise<Interpreter> {
  const setting = vscode.workspace.getConfiguration("noclobber", resource).get<string>("interpreter", "").trim();
  const candidates = setting ? [{ path: expanded(setting), from: "the setting noclobber.interpreter" }] : await defaults(resource);
  const problems: string[] = [];
  for (const candidate of candidates) {
    const checked = await check(candidate);
    if (typeof checked !== "string") return checked;
    problems.push(checked);
  }
  throw new NoInterpreterError(`noclobber needs Python ${OLDEST.join(".")} or newer. ${problems.join(" ")}`);
}

/**
 * Asks for an interpreter until one will do, and puts it into the setting, where the setting was made already or for this machine.
 * Answers whether there is nothing to put there: what was chosen is what the setting says.
 */
export async function chooseInterpreter(): Promise<boolean> {
  const settings = vscode.workspace.getConfiguration("noclobber", vscode.workspace.workspaceFolders?.[0]?.uri);
  const { workspaceFolderValue, workspaceValue } = settings.inspect<string>("interpreter") ?? {};
  const before = settings.get<string>("interpreter", "");
  let value = before;
  let problem = "";
  for (;;) {
    const prompt = `The path of Python ${OLDEST.join(".")} or newer; empty: the Python extension's environment, else python3. ${problem}`;
    const given = await vscode.window.showInputBox({ title: "Choose Interpreter", prompt, value, ignoreFocusOut: true, placeHolder: "/usr/bin/python3" });
    if (given === undefined) return false;
    value = given.trim();
    const checked = value ? await check({ path: expanded(value), from: "given" }) : undefined;
    if (typeof checked === "string") { problem = checked; continue; }
    if (value === before) return true;
    const { Global, Workspace, WorkspaceFolder } = vscode.ConfigurationTarget;
    const target = workspaceFolderValue !== undefined ? WorkspaceFolder : workspaceValue !== undefined ? Workspace : Global;
    await settings.update("interpreter", value || undefined, target);
    return false;
  }
}

/** Calls back when the Python extension's active environment changes, if that extension is there. */
export async function onEnvironmentChange(changed: () => void): Promise<vscode.Disposable | undefined> {
  const python = await pythonExtension();
  return python?.environments.onDidChangeActiveEnvironmentPath(changed);
}

async function defaults(resource: vscode.Uri | undefined): Promise<Candidate[]> {
  const active = await activeEnvironment(resource);
  const fromPath = process.platform === "win32" ? ["python3", "python", "py"] : ["python3"];
  return [
    ...(active ? [{ path: active, from: "the Python extension's active environment" }] : []),
    ...fromPath.map((path) => ({ path, from: "the PATH" })),
  ];
}

async function activeEnvironment(resource: vscode.Uri | undefined): Promise<string | undefined> {
  const python = await pythonExtension();
  if (!python) return undefined;
  let environment;
  try {
    environment = await python.environments.resolveEnvironment(python.environments.getActiveEnvironmentPath(resource));
  } catch {
    return undefined; // its own failure is reported by itself; python3 from the PATH is tried next
  }
  const { uri } = environment?.executable ?? {};
  if (uri && !vscode.workspace.isTrusted && vscode.workspace.getWorkspaceFolder(uri)) return undefined; // it may be anything
  return uri?.fsPath;
}

async function pythonExtension(): Promise<PythonExtension | undefined> {
  const extension = vscode.extensions.getExtension<Partial<PythonExtension>>("ms-python.python");
  if (!extension) return undefined;
  try {
    const exported = extension.isActive ? extension.exports : await extension.activate();
    return exported.environments ? (exported as PythonExtension) : undefined;
  } catch {
    return undefined; // its own failure is reported by itself; python3 from the PATH is tried next
  }
}

async function check(candidate: Candidate): Promise<Interpreter | string> {
  const { path, from } = candidate;
  try {
    const version = await versionOf(path);
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return { path, version, from };
    return `${path} (${from}) is Python ${version}.`;
  } catch (error) {
    return `${path} (${from}) does not run: ${reason(error)}.`;
  }
}

function reason(error: unknown): string {
  const { code, message } = error as { code?: unknown; message: string };
  if (code === "ENOENT") return "it was not found";
  if (code === "EACCES") return "it is not executable";
  return (message.trim().split("\n").pop() ?? message).replace(/\.$/, "");
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)(path, ["-I", "-c", ASK_VERSION], { timeout: PATIENCE_MS });
  const version = /^(\d+\.\d+\.\d+)\s*$/m.exec(stdout)?.[1];
  if (!version) throw new Error("it does not answer like a Python");
  return version;
}

function expanded(path: string): string {
  const home = process.env["HOME"] ?? process.env["USERPROFILE"] ?? "~";
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? "";
  return path.replace(/^~(?=[/\\])/, home).replaceAll("${workspaceFolder}", folder);
}
