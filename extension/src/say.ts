// Commands end in a clear sentence when something goes wrong, never in a stack.
import * as vscode from "vscode";

export type Run = (...args: never[]) => unknown;

/** Registers a command whose failure is shown in words. */
export function command(output: vscode.LogOutputChannel, id: string, run: Run): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (...args: unknown[]) => {
    try {
      return await (run as (...args: unknown[]) => unknown)(...args);
    } catch (error) {
      const message = words(error);
      output.error(`${id}: ${error instanceof Error ? (error.stack ?? message) : message}`);
      void vscode.window.showErrorMessage(message);
      return undefined;
    }
  });
}

/** The sentence of an error, without the name of its class. */
export function words(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^Error: /, "");
}

/** A short line in the status bar: done, nothing to decide. */
export function done(message: string): void {
  vscode.window.setStatusBarMessage(`$(check) ${message}`, 5000);
}

/** The file of the active editor; says what to do where there is none. */
export function activeFile(): vscode.TextEditor {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== "file") throw new Error("Open a file of the workspace first.");
  return editor;
}

/** The folder that is meant: the only one, or the one picked. */
export async function pickFolder(placeHolder: string): Promise<vscode.WorkspaceFolder | undefined> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.length <= 1 ? folders[0] : vscode.window.showWorkspaceFolderPick({ placeHolder });
}

/** What runs programs of the folder's choice waits until the folder is trusted. */
export async function whereTrusted(run: () => Promise<void>): Promise<void> {
  if (vscode.workspace.isTrusted) return run();
  const manage = "Manage Workspace Trust";
  const answer = await vscode.window.showWarningMessage("This runs programs that this folder names, so the folder has to be trusted first.", manage);
  if (answer) await vscode.commands.executeCommand("workbench.trust.manage");
}
