// The timeline as an editor tab: the drawing code is the server's static file, the data what the server answers.
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import type { History } from "./history";
import type { Server } from "./server";
import { PANEL, type Turn } from "./wire";

const GATHER_MS = 250; // a picture of thousands of events is not asked for more often than this

interface Picture {
  root: string;
  data: object;
}

export class TimelinePanel implements vscode.Disposable {
  private tab: vscode.WebviewPanel | undefined;
  private turn: Turn | undefined;
  private root = "";
  /** A file of the workspace to show, where there are several. */
  private near: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private asked = 0;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly assets: vscode.Uri,
    private readonly media: vscode.Uri,
    private readonly server: Server,
    private readonly history: History,
    private readonly output: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      server.onActivity(() => { this.soon(); }),
      server.onState(() => { this.soon(); }),
      vscode.workspace.onDidChangeConfiguration((event) => { if (event.affectsConfiguration("noclobber.timeline.minutes")) this.soon(); }),
    ];
  }

  /** Opens the tab: the last minutes, or one turn. */
  open(turn?: Turn): void {
    this.turn = turn;
    const active = vscode.window.activeTextEditor?.document.uri;
    if (active?.scheme === "file") this.near = active.toString();
    if (this.tab) {
      this.tab.reveal();
      this.soon();
      return;
    }
    const tab = vscode.window.createWebviewPanel("noclobber.timeline", "Timeline", vscode.ViewColumn.Active, { enableScripts: true, localResourceRoots: [this.assets], retainContextWhenHidden: false });
    tab.iconPath = { light: vscode.Uri.joinPath(this.media, "panel-light.svg"), dark: vscode.Uri.joinPath(this.media, "panel-dark.svg") };
    this.tab = tab;
    tab.webview.onDidReceiveMessage((message: { type: string; seq?: number }) => { this.received(message); });
    tab.onDidDispose(() => { this.tab = undefined; });
    tab.onDidChangeViewState(() => { if (tab.visible) this.soon(); });
    tab.webview.html = this.html(tab.webview);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.tab?.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private received(message: { type: string; seq?: number }): void {
    if (message.type === "ready") void this.send();
    if (message.type === "open" && message.seq !== undefined) {
      this.history.open(this.root, message.seq).catch((error: unknown) => { void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error)); });
    }
  }

  private soon(): void {
    if (!this.tab?.visible) return;
    this.timer ??= setTimeout(() => { this.timer = undefined; void this.send(); }, GATHER_MS);
  }

  private async send(): Promise<void> {
    if (this.server.state !== "running") return;
    const minutes = vscode.workspace.getConfiguration("noclobber").get("timeline.minutes", 15);
    const which = this.turn ? { root: this.turn.root, turnId: this.turn.turnId, agentId: this.turn.agentId } : { minutes, ...(this.near ? { uri: this.near } : {}) };
    const number = ++this.asked;
    try {
      const picture = await this.server.call<Picture>(PANEL.timeline, which);
      if (number !== this.asked) return; // a newer one is on its way
      this.root = picture.root;
      await this.tab?.webview.postMessage({ type: "data", data: picture.data });
    } catch (error) {
      this.output.error(`The timeline could not be brought up to date: ${String(error)}`);
    }
  }

  private html(webview: vscode.Webview): string {
    const nonce = randomBytes(18).toString("base64");
    const asset = (name: string): string => webview.asWebviewUri(vscode.Uri.joinPath(this.assets, name)).toString();
    return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Timeline</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource} 'nonce-${nonce}'; script-src 'nonce-${nonce}'">
<link rel="stylesheet" href="${asset("timeline.css")}"></head>
<body><div id="timeline"></div><script nonce="${nonce}" src="${asset("timeline.js")}"></script></body></html>`;
  }
}
