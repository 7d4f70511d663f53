// The view container: three trees over one panel, and what "looked at" means.
import * as vscode from "vscode";
import { filterWords } from "../filtering";
import type { Panel } from "../panel";
import { words } from "../say";
import type { Server } from "../server";
import { PANEL } from "../wire";
import { changes } from "./changes";
import { lessons } from "./lessons";
import { several, Tree, type Node } from "./tree";
import { writers } from "./writers";

/** What Restricted Mode leaves on and what it turns off. */
export const RESTRICTED = "Restricted Mode: writes are guarded and shown; no check is run, no agent set up, and no program started that this folder names.";

const AGES_MS = 30_000; // "2 min ago", who is still at work, and whether the hooks' program is there change without an event

export class Views implements vscode.Disposable {
  private readonly trees = { changes: new Tree(), writers: new Tree(), lessons: new Tree() };
  private readonly views: Record<keyof Views["trees"], vscode.TreeView<Node>>;
  private readonly view: vscode.TreeView<Node>;
  private readonly subscriptions: vscode.Disposable[];
  /** What stood in the view when it was last put away; it goes only when something newer has come. */
  private seen: Record<string, number> | undefined;

  constructor(private readonly server: Server, private readonly panel: Panel, output: vscode.LogOutputChannel) {
    const make = (name: keyof typeof this.trees): vscode.TreeView<Node> => vscode.window.createTreeView(`noclobber.${name}`, { treeDataProvider: this.trees[name], showCollapseAll: true });
    this.views = { changes: make("changes"), writers: make("writers"), lessons: make("lessons") };
    this.view = this.views.changes;
    this.subscriptions = [
      ...Object.values(this.views), ...Object.values(this.trees),
      panel.onChange(() => { this.show(); }),
      every(AGES_MS, () => { if (this.isVisible()) panel.soon(); }),
      vscode.window.onDidChangeWindowState(({ focused }) => { if (focused) panel.soon(); }), // back from a shell, perhaps
      this.view.onDidChangeVisibility(({ visible }) => { if (visible) void this.opened().catch((error: unknown) => { output.error(`What was looked at could not be put away: ${words(error)}`); }); else this.seen = { ...panel.overview.lastSeq }; }),
    ];
  }

  /** Mark All as Seen. */
  async markSeen(lastSeq: Record<string, number> = this.panel.overview.lastSeq): Promise<void> {
    this.panel.earlier = false;
    for (const [root, seq] of Object.entries(lastSeq)) await this.server.call(PANEL.looked, { root, seq });
    await this.panel.refresh();
  }

  async showEarlier(): Promise<void> {
    this.panel.earlier = true;
    await this.panel.refresh();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async opened(): Promise<void> {
    const { seen, panel } = this;
    this.seen = undefined;
    if (!seen || this.server.state !== "running") return;
    const newer = Object.entries(panel.overview.lastSeq).some(([root, seq]) => seq > (seen[root] ?? 0));
    const shown = panel.overview.turns.length + panel.overview.blocked.length + panel.overview.displaced.length > 0;
    if (newer && shown) await this.markSeen(seen);
  }

  private isVisible(): boolean {
    return Object.values(this.views).some((view) => view.visible);
  }

  private show(): void {
    const { panel, trees, view } = this;
    trees.changes.show(changes(panel));
    trees.writers.show(writers(panel));
    trees.lessons.show(lessons(panel));
    const filtered = Object.keys(panel.filter).length > 0 ? `Only ${filterWords(panel.filter)}` : "";
    say(view, vscode.workspace.isTrusted ? "" : RESTRICTED, filtered, panel.problems.changes);
    say(this.views.writers, panel.problems.writers);
    say(this.views.lessons, panel.problems.lessons);
    view.description = panel.earlier ? "last day" : undefined;
    const { refusals, blocked } = panel.overview;
    const count = Math.max(refusals, blocked.length); // whoever waits was refused, if not since the last look
    view.badge = count > 0 ? { value: count, tooltip: `${several(refusals, "refusal")} since you last looked, ${several(blocked.length, "writer")} waiting for you` } : undefined;
    const paused = panel.overview.roots.some((root) => root.mode === "paused");
    void vscode.commands.executeCommand("setContext", "noclobber.paused", paused);
  }
}

function say(view: vscode.TreeView<Node>, ...sentences: string[]): void {
  const message = sentences.filter(Boolean).join(" ") || undefined;
  if (view.message !== message) view.message = message; // to set it announces a change of the whole tree
}

function every(ms: number, run: () => void): vscode.Disposable {
  const timer = setInterval(run, ms);
  return new vscode.Disposable(() => { clearInterval(timer); });
}
