// Puts the parts together. Nothing here waits for the server: activation must stay cheap.
import * as path from "node:path";
import * as vscode from "vscode";
import type { Middleware } from "vscode-languageclient/node";
import { offerMcpServer, setUpAgents } from "./agents";
import { Buffers, compareWithDisk } from "./buffers";
import { Checks } from "./checks";
import { filterPanel } from "./filtering";
import { History } from "./history";
import { chooseInterpreter, onEnvironmentChange } from "./interpreter";
import { Marks } from "./marks";
import { Notifications } from "./notifications";
import { Panel } from "./panel";
import { Recorder, type ProblemLesson } from "./record";
import { command, done, whereTrusted, words, type Run } from "./say";
import { Server } from "./server";
import { StatusBar } from "./statusBar";
import { TimelinePanel } from "./timelinePanel";
import { SCHEME, showDiff, Versions } from "./versions";
import { uriOf } from "./views/changes";
import type { Node } from "./views/tree";
import { Views } from "./views/views";
import { PANEL, type Blocked, type ChangedFile, type Displaced, type Done, type Lesson, type RefusedWrite, type Turn } from "./wire";

let server: Server | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const output = vscode.window.createOutputChannel("noclobber", { log: true });
  const parts = build(context, output);
  server = parts.server;
  context.subscriptions.push(output, parts.server, parts.marks, parts.panel, parts.views, parts.statusBar, parts.checks, parts.timeline, parts.notifications);
  for (const [id, run] of Object.entries(commands(parts, output))) context.subscriptions.push(command(output, id, run));
  context.subscriptions.push(vscode.workspace.registerTextDocumentContentProvider(SCHEME, new Versions(parts.server)));
  watch(context, parts, output);
  void parts.server.restart();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}

interface Parts {
  server: Server;
  marks: Marks;
  buffers: Buffers;
  recorder: Recorder;
  panel: Panel;
  history: History;
  views: Views;
  statusBar: StatusBar;
  checks: Checks;
  timeline: TimelinePanel;
  notifications: Notifications;
}

function build(context: vscode.ExtensionContext, output: vscode.LogOutputChannel): Parts {
  const made: Partial<Parts> = {};
  const server = new Server(context.extensionPath, output, middleware(made, output));
  const marks = new Marks(server);
  const panel = new Panel(server, output);
  const history = new History(server, panel);
  const media = vscode.Uri.joinPath(context.extensionUri, "media");
  const assets = vscode.Uri.file(path.join(context.extensionPath, "bundled", "noclobber_server", "timeline"));
  return Object.assign(made, {
    server, marks, panel, history,
    buffers: new Buffers(server),
    recorder: new Recorder(server, panel),
    views: new Views(server, panel, output),
    statusBar: new StatusBar(server, panel, marks),
    checks: new Checks(context.extensionPath, server, panel, context.workspaceState),
    timeline: new TimelinePanel(assets, media, server, history, output),
    notifications: new Notifications(panel, history, context.globalState, context.workspaceState, output),
  });
}

/** The server's quick fixes name its own commands; those that need VS Code's help are carried out here. */
function middleware(parts: Partial<Parts>, output: vscode.LogOutputChannel): Middleware {
  const uriIn = (args: unknown[]): vscode.Uri | undefined => {
    const uri = (args[0] as { uri?: string } | undefined)?.uri;
    return uri ? vscode.Uri.parse(uri) : undefined;
  };
  const ours: Record<string, (args: unknown[]) => Promise<void> | undefined> = {
    "noclobber.buffer.merge": (args) => parts.buffers?.resolve("merge", uriIn(args)),
    "noclobber.buffer.takeDisk": (args) => parts.buffers?.resolve("takeDisk", uriIn(args)),
    "noclobber.buffer.keepMine": (args) => parts.buffers?.resolve("keepMine", uriIn(args)),
    "noclobber.lesson.append": (args) => parts.recorder?.fromProblem(args[0] as ProblemLesson),
  };
  return {
    executeCommand: async (name: string, args: unknown[], next: (name: string, args: unknown[]) => unknown) => {
      const run = ours[name];
      if (!run) return next(name, args);
      try {
        return await run(args);
      } catch (error) {
        output.error(`${name}: ${words(error)}`);
        return vscode.window.showErrorMessage(words(error)).then(() => undefined);
      }
    },
    handleDiagnostics: (uri, diagnostics, next) => {
      parts.marks?.take(uri, diagnostics, next);
    },
  };
}

function commands(parts: Parts, output: vscode.LogOutputChannel): Record<string, Run> {
  return { ...paletteCommands(parts, output), ...itemCommands(parts) };
}

function paletteCommands(parts: Parts, output: vscode.LogOutputChannel): Record<string, Run> {
  const { buffers, recorder, history, views, panel, timeline, checks, server: lsp } = parts;
  return {
    "noclobber.recordLesson": (from?: Parameters<Recorder["record"]>[0]) => recorder.record(from),
    "noclobber.revertTurn": () => history.pickTurn(),
    "noclobber.showFileHistory": () => history.ofFile(),
    "noclobber.whoWroteThisLine": () => history.line(),
    "noclobber.compareWithDisk": compareWithDisk,
    "noclobber.mergeDisk": () => buffers.resolve("merge"),
    "noclobber.takeDisk": () => buffers.resolve("takeDisk"),
    "noclobber.keepMine": () => buffers.resolve("keepMine"),
    "noclobber.restoreVersion": () => history.restoreVersion(),
    "noclobber.searchLessons": () => recorder.search(),
    "noclobber.runCheck": () => whereTrusted(() => checks.run()),
    "noclobber.setUpAgents": () => whereTrusted(() => setUpAgents(lsp)),
    "noclobber.pause": () => pause(parts, 3600),
    "noclobber.resume": () => pause(parts, 0),
    "noclobber.restartServer": () => lsp.restart(),
    "noclobber.showOutput": () => { output.show(); },
    "noclobber.chooseInterpreter": async () => { if (await chooseInterpreter()) await lsp.restart(); }, // a changed setting restarts it by itself
    "noclobber.openTimeline": () => { timeline.open(); },
    "noclobber.openPanel": () => vscode.commands.executeCommand("workbench.view.extension.noclobber"),
    "noclobber.markSeen": () => views.markSeen(),
    "noclobber.showEarlier": () => views.showEarlier(),
    "noclobber.filter": () => filterPanel(panel),
    "noclobber.clearFilter": () => { panel.setFilter({}); },
    "noclobber.askAgain": () => parts.notifications.askAgain(),
  };
}

function itemCommands({ history, timeline, recorder, panel, server: lsp }: Parts): Record<string, Run> {
  const place = (item: { root: string; filePath: string }): vscode.Uri => uriOf(item.root, item.filePath);
  return {
    "noclobber.item.diff": (file: ChangedFile | Node, turn?: Turn) => {
      const { root, filePath, beforeHash, afterHash } = of<ChangedFile>(file);
      return showDiff(root, filePath, beforeHash, afterHash, turn ? [turn.agentId, turn.turnId].filter(Boolean).join(", ") : "change");
    },
    "noclobber.item.openFile": (item: HeldPlace | Node) => vscode.window.showTextDocument(place(of<HeldPlace>(item)), { preview: true }),
    "noclobber.item.why": (item: RefusedWrite | Node) => history.why(of<RefusedWrite>(item)),
    "noclobber.item.revertTurn": (item: Turn | Node) => history.revert(of<Turn>(item)),
    "noclobber.item.timeline": (item: Turn | Node) => { timeline.open(of<Turn>(item)); },
    "noclobber.item.restore": (item: ChangedFile | Node) => history.restoreBefore(of<ChangedFile>(item)),
    "noclobber.item.restoreThis": (item: ChangedFile | Displaced | Node) => {
      const { root, filePath, afterHash } = of<ChangedFile | Displaced>(item);
      if (!afterHash) throw new Error(`${filePath} was deleted by this change: there is no version of it to restore.`);
      return history.restore(root, filePath, afterHash);
    },
    "noclobber.item.displaced": ({ root, filePath, afterHash, standsHash, kind }: Displaced) => showDiff(root, filePath, afterHash, standsHash, kind),
    "noclobber.item.saveMine": async (item: Blocked | Node) => {
      const document = await vscode.workspace.openTextDocument(place(of<Blocked>(item)));
      if (!document.isDirty) throw new Error(`${document.uri.fsPath} has no unsaved edits in this window; save it where it was edited.`);
      if (!await document.save()) throw new Error("The editor did not save the file; its own message says why.");
      panel.soon();
    },
    "noclobber.item.letLand": async (item: Blocked | Node) => {
      const blocked = of<Blocked>(item);
      const answer = await lsp.call<Done>(PANEL.letLand, { root: blocked.root, filePath: blocked.filePath, seq: blocked.seq });
      if (!answer.done) throw new Error(answer.message);
      done(answer.message);
      panel.soon();
    },
    "noclobber.item.acceptDraft": (item: Lesson | Node) => recorder.accept(of<Lesson>(item)),
    "noclobber.item.dropDraft": (item: Lesson | Node) => recorder.drop(of<Lesson>(item)),
    "noclobber.item.openLesson": (item: Lesson | Node) => recorder.open(of<Lesson>(item)),
    "noclobber.item.editLesson": (item: Lesson | Node) => recorder.edit(of<Lesson>(item)),
    "noclobber.item.removeLesson": (item: Lesson | Node) => recorder.remove(of<Lesson>(item)),
  };
}

interface HeldPlace {
  root: string;
  filePath: string;
}

/** A command of a tree's node gets the node; the same command from elsewhere gets the record itself. */
function of<T>(item: T | Node): T {
  return (item as Node).data === undefined ? (item as T) : ((item as Node).data as T);
}

async function pause({ server: lsp, panel }: Parts, seconds: number): Promise<void> {
  const answer = await lsp.call<Done>(PANEL.pause, { seconds });
  if (!answer.done) throw new Error(answer.message);
  done(answer.message);
  await panel.refresh();
}

/** What makes the server start anew, and what the palette's `when` clauses look at. */
function watch(context: vscode.ExtensionContext, { server: lsp, marks }: Parts, output: vscode.LogOutputChannel): void {
  const apart = (): void => {
    const uri = vscode.window.activeTextEditor?.document.uri;
    void vscode.commands.executeCommand("setContext", "noclobber.apart", uri !== undefined && marks.isApart(uri));
  };
  const shared = vscode.workspace.createFileSystemWatcher("**/noclobber.toml"); // the team's settings, which a server reads once
  const anew = (): void => { void lsp.restart(); };
  context.subscriptions.push(
    shared, shared.onDidCreate(anew), shared.onDidChange(anew), shared.onDidDelete(anew),
    vscode.workspace.onDidChangeConfiguration((event) => { if (event.affectsConfiguration("noclobber.interpreter")) void lsp.restart(); }),
    vscode.workspace.onDidChangeWorkspaceFolders(() => { if (lsp.state === "none") void lsp.restart(); }),
    vscode.workspace.onDidGrantWorkspaceTrust(anew),
    vscode.window.onDidChangeActiveTextEditor(apart),
    marks.onChange(apart),
  );
  void onEnvironmentChange(() => { if (!vscode.workspace.getConfiguration("noclobber").get("interpreter")) void lsp.restart(); })
    .then((subscription) => { if (subscription) context.subscriptions.push(subscription); });
  const mcp = offerMcpServer(lsp, context.globalStorageUri);
  if (mcp) context.subscriptions.push(mcp);
  output.debug(mcp ? "The MCP server is offered to the editor's agent." : "This VS Code cannot take an MCP server from an extension (1.101 can).");
}
