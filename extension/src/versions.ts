// What only we know as documents nobody can edit: kept versions, for VS Code's own diff editor, and pages to read.
import * as path from "node:path";
import * as vscode from "vscode";
import type { Server } from "./server";
import { PANEL, type Version } from "./wire";

export const SCHEME = "noclobber";

/** What a document says: a version by its hash (null: no file), why an event was refused, or a text of ours. */
type Asked = { root: string; hash: string | null } | { root: string; why: number } | { text: string };

export class Versions implements vscode.TextDocumentContentProvider {
  constructor(private readonly server: Server) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const asked = JSON.parse(uri.query) as Asked;
    if ("text" in asked) return asked.text;
    if ("why" in asked) return (await this.server.call<{ text: string }>(PANEL.why, { root: asked.root, seq: asked.why })).text;
    if (!asked.hash) return "";
    const version = await this.server.call<Version>(PANEL.version, asked);
    return version.text ?? version.message;
  }
}

/** The address of one version of a file; a null hash is the empty document of a file that did not exist. */
export function versionUri(root: string, filePath: string, hash: string | null): vscode.Uri {
  return uriOf(filePath, { root, hash });
}

/** A page to read; how it is coloured follows from the ending of its name. */
export async function showPage(name: string, asked: { root: string; why: number } | { text: string }): Promise<void> {
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uriOf(name, asked)), { preview: true });
}

function uriOf(name: string, asked: Asked): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/${name}`, query: JSON.stringify(asked) });
}

/** Opens the difference between two versions of one file. */
export async function showDiff(root: string, filePath: string, before: string | null, after: string | null, what: string): Promise<void> {
  const title = `${path.posix.basename(filePath)} (${what})`;
  await vscode.commands.executeCommand("vscode.diff", versionUri(root, filePath, before), versionUri(root, filePath, after), title, { preview: true });
}
