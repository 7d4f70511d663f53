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
