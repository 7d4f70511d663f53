// Merge, take the disk's version, keep mine. VS Code refuses to save over a newer file even after a merge, so the buffer is
// reverted first and the text put in afterwards: then saving passes, and undo leads back through the disk's version.
import * as vscode from "vscode";
import type { Server } from "./server";
import { activeFile, done, words } from "./say";
import { PANEL, type Merging } from "./wire";

type Choice = "merge" | "takeDisk" | "keepMine";
const TRIES = 3; // an agent may write again between the server's answer and the revert, the person may type
const PUTTING_MS = 10_000;
const AGAIN_MS = 15;

export class Buffers {
  private readonly busy = new Set<string>();

  constructor(private readonly server: Server) {}

  /** What a quick fix or a palette command asks for; without a uri, for the active editor. */
  async resolve(choice: Choice, uri?: vscode.Uri): Promise<void> {
    const target = uri ?? activeFile().document.uri;
    const key = target.toString();
    if (this.busy.has(key)) return; // a second click while the first is under way
    this.busy.add(key);
    try {
      await this.settle(choice, target);
    } catch (error) {
      if (choice !== "merge") throw error;
      void declined(words(error));
    } finally {
      this.busy.delete(key);
    }
  }

  private async settle(choice: Choice, uri: vscode.Uri): Promise<void> {
    const document = await vscode.workspace.openTextDocument(uri);
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const asked = document.version;
      const mine = document.getText();
      const merging: Merging = await this.server.call<Merging>(PANEL.merging, { uri: uri.toString(), choice, mine });
      if (merging.state === "gone") throw new Error(merging.message);
      if (merging.state === "fresh") { done(merging.message); return; }
      const editor = await shown(document);
      if (document.version !== asked) continue; // a late keystroke
      const place = editor.selection;
      let kept = mine;
      try {
        kept = await reverted(document);
        if (kept === mine && (choice === "takeDisk" || await put(document, merging.text, merging.disk))) {
          if (choice === "keepMine") await this.server.call("noclobber.buffer.keepMine", { uri: uri.toString() }); // it may not have seen the moment of the revert
          editor.selection = moved(mine, document.getText(), place);
          done(merging.message);
          return;
        }
      } catch (error) {
        await this.putBack(document, kept);
        throw error;
      }
      await this.putBack(document, kept);
    }
    throw new Error("The file keeps changing on disk; your text is unchanged. Try again when the other writer has finished.");
  }

  /** The person's text as it was before the revert, and the server knows that what the disk says is not in it. */
  private async putBack(document: vscode.TextDocument, mine: string): Promise<void> {
    await put(document, mine);
    await this.server.call(PANEL.putBack, { uri: document.uri.toString() });
  }
}

/** The buffer beside the disk's present version, in VS Code's own diff. */
export async function compareWithDisk(): Promise<void> {
  activeFile();
  await vscode.commands.executeCommand("workbench.files.action.compareWithSaved");
}

/** Why it was not merged, and the way to see both sides and decide. */
async function declined(why: string): Promise<void> {
  const compare = "Compare with Disk";
  if (await vscode.window.showErrorMessage(why, compare) === compare) await compareWithDisk();
}

async function shown(document: vscode.TextDocument): Promise<vscode.TextEditor> {
  const active = vscode.window.activeTextEditor;
  if (active?.document === document) return active;
  const visible = vscode.window.visibleTextEditors.find((editor) => editor.document === document);
  return vscode.window.showTextDocument(document, { viewColumn: visible?.viewColumn, preview: false, preserveFocus: false });
}

/** Takes the buffer to the disk's version; what it held at the last moment before, for a keystroke may come until then. */
async function reverted(document: vscode.TextDocument): Promise<string> {
  let mine = document.getText();
  let taken = false; // what comes after the revert is a reload, or typed into the disk's version
  const following = vscode.workspace.onDidChangeTextDocument((event) => {
    if (event.document !== document || event.contentChanges.length === 0) return;
    taken ||= !document.isDirty;
    if (!taken) mine = document.getText();
  });
  try {
    await vscode.commands.executeCommand("workbench.action.files.revert");
  } finally {
    following.dispose();
  }
  return mine;
}

/**
 * Replaces what differs, in one step that one undo takes back; as long as the editor goes on reloading the file, again and again.
 * False where the buffer is not, or no longer, what the text is to go `over`.
 */
async function put(document: vscode.TextDocument, text: string, over?: string): Promise<boolean> {
  const until = Date.now() + PUTTING_MS;
  while (Date.now() < until) {
    const now = document.getText();
    if (over !== undefined && lines(now) !== lines(over)) return false;
    const wanted = document.eol === vscode.EndOfLine.CRLF ? lines(text).replaceAll("\n", "\r\n") : lines(text);
    if (now === wanted) return true;
    let start = 0;
    while (start < now.length && start < wanted.length && now[start] === wanted[start]) start++;
    let end = 0;
    while (end < now.length - start && end < wanted.length - start && now[now.length - 1 - end] === wanted[wanted.length - 1 - end]) end++;
    const edit = new vscode.WorkspaceEdit();
    edit.replace(document.uri, new vscode.Range(document.positionAt(start), document.positionAt(now.length - end)), wanted.slice(start, wanted.length - end));
    if (await vscode.workspace.applyEdit(edit)) return true;
    await pause(AGAIN_MS);
  }
  throw new Error("The editor did not take the text; undo brings your own back.");
}

/** The selection after the merge: on the same text where it is still there, else on the same line. */
function moved(before: string, after: string, selection: vscode.Selection): vscode.Selection {
  const line = lines(before).split("\n")[selection.active.line];
  const now = lines(after).split("\n");
  const candidates = now.flatMap((text, index) => (text === line ? [index] : []));
  const nearest = candidates.sort((a, b) => Math.abs(a - selection.active.line) - Math.abs(b - selection.active.line))[0];
  const position = new vscode.Position(Math.min(nearest ?? selection.active.line, now.length - 1), selection.active.character);
  return new vscode.Selection(position, position);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

function lines(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
}

