// Run Check: a command under `noclobber verify`, with progress, its output in a channel, and a way to stop it.
import { spawn, type ChildProcess } from "node:child_process";
import * as path from "node:path";
import * as vscode from "vscode";
import type { Panel } from "./panel";
import type { Server } from "./server";
import { done, pickFolder } from "./say";

const LAST = "noclobber.lastCheck";
const NOT_RUN = [126, 127]; // as a shell says that a program may not be run, or is not there
const PATIENCE_MS = 1500; // between asking a check to end and insisting

export class Checks implements vscode.Disposable {
  private readonly output = vscode.window.createOutputChannel("noclobber: Check");
  private readonly running = new Set<ChildProcess>();

  constructor(private readonly extensionPath: string, private readonly server: Server, private readonly panel: Panel, private readonly memory: vscode.Memento) {}

  dispose(): void {
    for (const child of this.running) endAfterUs(child);
    this.output.dispose();
  }

  /** Asks which command, runs it, and shows the drafts it leaves. */
  async run(): Promise<void> {
    const folder = await pickFolder("Where to run the check");
    if (!folder) return;
    const line = await vscode.window.showInputBox({ title: "Run Check", prompt: "A command; where it fails, each distinct failure becomes a draft of a lesson", value: this.memory.get(LAST, ""), placeHolder: "pytest -q" });
    if (!line?.trim()) return;
    await this.memory.update(LAST, line);
    this.output.clear();
    this.output.show(true);
    const status = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: `Checking: ${line}`, cancellable: true },
      (progress, token) => this.verify(line, folder, progress, token));
    this.panel.soon();
    if (status === 0) done(`${line} passed`);
    else if (status === undefined) done(`${line} was stopped`);
    else await this.failed(line, status);
  }

  private async failed(line: string, status: number): Promise<void> {
    if (NOT_RUN.includes(status)) throw new Error(`${line} could not be run (${status}); its output says why.`);
    const show = await vscode.window.showWarningMessage(`${line} ended with ${status}. Its failures are drafted as lessons.`, "Show Lessons");
    if (show) await vscode.commands.executeCommand("noclobber.lessons.focus");
  }

  private verify(line: string, folder: vscode.WorkspaceFolder, progress: vscode.Progress<{ message: string }>, token: vscode.CancellationToken): Promise<number | undefined> {
    const launcher = path.join(this.extensionPath, "bundled", "launch.py");
    const child = spawn(this.server.interpreter, ["-I", launcher, "verify", "--", ...argumentsOf(line.trim())], { cwd: folder.uri.fsPath, stdio: ["ignore", "pipe", "pipe"], detached: process.platform !== "win32" });
    this.running.add(child);
    let stopped = false;
    const stop = token.onCancellationRequested(() => { stopped = true; end(child, ["SIGINT", "SIGTERM", "SIGKILL"]); });
    const take = (chunk: string): void => {
      const text = plain(chunk);
      this.output.append(text);
      const last = text.trim().split("\n").pop();
      if (last) progress.report({ message: last.slice(0, 80) });
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    return new Promise<number | undefined>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => { resolve(stopped ? undefined : (code ?? 1)); });
    }).finally(() => { stop.dispose(); this.running.delete(child); });
  }
}

/** Plain words are run as they are, so that the tool is known by its name and can be asked for a report; anything else by a shell. */
function argumentsOf(line: string): string[] {
  const words = line.split(/ +/);
  if (/^[\w@%+=:,./ -]+$/.test(line) && !words[0]?.includes("=")) return words;
  return process.platform === "win32" ? ["cmd", "/c", line] : ["sh", "-c", line];
}

/** Ends the check and what it started: asks by the first signal, and by the next ones while it goes on. */
function end(child: ChildProcess, [signal, ...harder]: NodeJS.Signals[]): void {
  if (child.pid === undefined || signal === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    if (process.platform === "win32") child.kill();
    else process.kill(-child.pid, signal);
  } catch {
    child.kill(); // its group is gone already
  }
  setTimeout(() => { end(child, harder); }, PATIENCE_MS);
}

/** Ends the check though nobody here may live long enough to insist: the window is closing. */
function endAfterUs(child: ChildProcess): void {
  if (child.pid === undefined || process.platform === "win32") { child.kill(); return; }
  const script = `kill -s TERM -- -$1; sleep ${PATIENCE_MS / 1000}; kill -s KILL -- -$1`;
  spawn("sh", ["-c", script, "sh", String(child.pid)], { detached: true, stdio: "ignore" }).unref();
}

function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- an output channel shows no colours
  return text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r\n", "\n");
}
