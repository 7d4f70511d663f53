// One item: guarding, observing, paused or not guarding; stale buffers and refusals since last looked at. A click opens the panel.
import * as vscode from "vscode";
import type { Marks } from "./marks";
import type { Panel } from "./panel";
import type { Server } from "./server";
import type { GuardMode, Root } from "./wire";
import { several } from "./views/tree";
import { RESTRICTED } from "./views/views";

const LOOKS: Record<GuardMode, { icon: string; word: string }> = {
  guarding: { icon: "shield", word: "guarding" },
  observing: { icon: "eye", word: "observing" },
  paused: { icon: "debug-pause", word: "paused" },
  notGuarding: { icon: "warning", word: "not guarding" },
  off: { icon: "circle-slash", word: "off" },
};
const WORST: GuardMode[] = ["notGuarding", "off", "paused", "observing", "guarding"];

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("noclobber.status", vscode.StatusBarAlignment.Left, 50);
  private readonly subscriptions: { dispose(): unknown }[];

  constructor(private readonly server: Server, private readonly panel: Panel, private readonly marks: Marks) {
    this.item.name = "noclobber";
    this.item.command = "noclobber.openPanel";
    this.subscriptions = [this.item, server.onState(() => { this.show(); }), panel.onChange(() => { this.show(); }), marks.onChange(() => { this.show(); })];
    this.show();
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private show(): void {
    if (this.server.state === "none") { this.item.hide(); return; }
    if (this.server.state === "running") this.showGuard();
    else this.showServer();
    this.item.show();
  }

  private showServer(): void {
    const starting = this.server.state === "starting";
    this.item.text = starting ? "$(sync~spin) noclobber" : "$(warning) not guarding";
    this.item.tooltip = starting ? "noclobber: the language server is starting" : `noclobber: ${this.server.problem || "the language server is not running"}`;
    this.item.backgroundColor = starting ? undefined : new vscode.ThemeColor("statusBarItem.warningBackground");
    this.item.accessibilityInformation = { label: starting ? "noclobber is starting" : "noclobber is not guarding" };
  }

  private showGuard(): void {
    const root = worst(this.panel.overview.roots);
    const { icon, word } = LOOKS[root?.mode ?? "guarding"];
    const stale = this.marks.apart;
    const { refusals } = this.panel.overview;
    this.item.text = [`$(${icon}) ${word}`, stale ? `$(files) ${stale}` : "", refusals ? `$(circle-slash) ${refusals}` : ""].filter(Boolean).join("  ");
    const warn = root?.mode === "notGuarding" || root?.mode === "off";
    this.item.backgroundColor = warn ? new vscode.ThemeColor("statusBarItem.warningBackground") : undefined;
    const facts = [`noclobber is ${word}`, `${several(stale, "open file")} apart from disk`, `${several(refusals, "refusal")} since you last looked`];
    this.item.accessibilityInformation = { label: facts.join(", "), role: "button" };
    this.item.tooltip = this.menu(facts, root);
  }

  private menu(facts: string[], root: Root | undefined): vscode.MarkdownString {
    const text = new vscode.MarkdownString("", true);
    text.isTrusted = { enabledCommands: ["noclobber.openPanel", "noclobber.pause", "noclobber.resume", "noclobber.openTimeline", "noclobber.setUpAgents", "noclobber.restartServer"] };
    text.appendMarkdown(`**${facts[0] ?? ""}**\n\n`);
    if (!vscode.workspace.isTrusted) text.appendMarkdown(`${literal(RESTRICTED)}\n\n`);
    if (root?.reason) text.appendMarkdown(`${literal(root.reason)}\n\n`);
    text.appendMarkdown(`${facts.slice(1).join("  \n")}\n\n---\n\n[$(list-tree) Agent panel](command:noclobber.openPanel) &nbsp; [$(graph-scatter) Timeline](command:noclobber.openTimeline) &nbsp; `);
    text.appendMarkdown(root?.mode === "paused" ? "[$(debug-start) Resume](command:noclobber.resume)" : "[$(debug-pause) Pause for an hour](command:noclobber.pause)");
    if (root?.mode === "notGuarding" && vscode.workspace.isTrusted) text.appendMarkdown(" &nbsp; [$(plug) Set up agents](command:noclobber.setUpAgents)");
    return text;
  }
}

/** Words that are no markup; VS Code's own appendText makes every space one that no line is broken at. */
function literal(words: string): string {
  return words.replace(/[\\`*_{}[\]()#+\-.!~<>|&$]/g, "\\$&");
}

/** The root that needs attention most. */
function worst(roots: Root[]): Root | undefined {
  return [...roots].sort((a, b) => WORST.indexOf(a.mode) - WORST.indexOf(b.mode))[0];
}
