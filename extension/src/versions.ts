// Kept versions as documents, so that VS Code's own diff editor shows them.
import * as path from "node:path";
import * as vscode from "vscode";
import type { Server } from "./server";
import { PANEL, type Version } from "./wire";

export const SCHEME = "noclobber";

export class Versions implements vscode.TextDocumentContentProvider {
  constructor(private readonly server: Server) {}

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { root, hash } = JSON.parse(uri.query) as { root: string; hash: string | null };
    if (!hash) return "";
    const version = await this.server.call<Version>(PANEL.version, { root, hash });
    return version.text ?? version.message;
  }
}

/** The address of one version of a file; a null hash is the empty document of a file that did not exist. */
export function versionUri(root: string, filePath: string, hash: string | null): vscode.Uri {
  return vscode.Uri.from({ scheme: SCHEME, path: `/${filePath}`, query: JSON.stringify({ root, hash }) });
}

/** Opens the difference between two versions of one file. */
export async function showDiff(root: string, filePath: string, before: string | null, after: string | null, what: string): Promise<void> {
  const title = `${path.posix.basename(filePath)} (${what})`;
  await vscode.commands.executeCommand("vscode.diff", versionUri(root, filePath, before), versionUri(root, filePath, after), title, { preview: true });
}
