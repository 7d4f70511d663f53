// What the server marks in open files. Kept also where the setting hides the marks: that they are apart stays so, and so does the way out.
import * as vscode from "vscode";
import type { Server } from "./server";

type Show = (uri: vscode.Uri, diagnostics: vscode.Diagnostic[]) => void;

const APART = ["stale-buffer", "stale-conflict", "deleted-on-disk"];

export class Marks implements vscode.Disposable {
  private readonly found = new Map<string, { uri: vscode.Uri; diagnostics: vscode.Diagnostic[]; show: Show }>();
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;
  private readonly subscriptions: { dispose(): unknown }[];

  constructor(server: Server) {
    this.subscriptions = [
      this.changed,
      server.onState((state) => { if (state !== "running") this.clear(); }),
      vscode.workspace.onDidChangeConfiguration((event) => { if (event.affectsConfiguration("noclobber.diagnostics")) this.showAll(); }),
    ];
  }

  /** The server marks a file anew. */
  take(uri: vscode.Uri, diagnostics: vscode.Diagnostic[], show: Show): void {
    if (diagnostics.length) this.found.set(uri.toString(), { uri, diagnostics, show });
    else this.found.delete(uri.toString());
    show(uri, areShown() ? diagnostics : []);
    this.changed.fire();
  }

  /** Whether a file's text in the editor and on disk have gone apart. */
  isApart(uri: vscode.Uri): boolean {
    return this.found.get(uri.toString())?.diagnostics.some((diagnostic) => APART.includes(codeOf(diagnostic))) ?? false;
  }

  /** How many open files have. */
  get apart(): number {
    return [...this.found.values()].filter(({ uri }) => this.isApart(uri)).length;
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private showAll(): void {
    for (const { uri, diagnostics, show } of this.found.values()) show(uri, areShown() ? diagnostics : []);
  }

  private clear(): void {
    this.found.clear();
    this.changed.fire();
  }
}

function areShown(): boolean {
  return vscode.workspace.getConfiguration("noclobber").get<boolean>("diagnostics", true);
}

function codeOf({ code }: vscode.Diagnostic): string {
  return typeof code === "object" ? String(code.value) : String(code ?? "");
}
