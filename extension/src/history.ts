// Who changed what: a file's history, a line's author, a turn's revert, a version's return.
import * as vscode from "vscode";
import type { Panel } from "./panel";
import type { Server } from "./server";
import { activeFile, done } from "./say";
import { showDiff, showPage } from "./versions";
import { ago, counts, several } from "./views/tree";
import { PANEL, type ChangedFile, type Done, type HistoryEntry, type LineAuthor, type RefusedWrite, type RevertedTurn, type Turn } from "./wire";

export class History {
  constructor(private readonly server: Server, private readonly panel: Panel) {}

  /** Show File History: pick an event of the file, see its diff. */
  async ofFile(): Promise<void> {
    const entry = await this.pick("File history: pick a change to see it", (found) => found.kind !== "read");
    if (entry) await this.show(entry);
  }

  /** Restore Version: pick a kept version; the present one is kept before it goes. */
  async restoreVersion(): Promise<void> {
    const { document } = activeFile();
    const entry = await this.pick("Restore Version: the present text is kept and can be restored, too", (found) => found.kept);
    if (!entry?.afterHash) return;
    if (document.isDirty) throw new Error("This file has unsaved edits. Save it, or take the disk's version first; then restore.");
    await this.restore(entry.root, entry.filePath, entry.afterHash);
  }

  async restore(root: string, filePath: string, hash: string): Promise<void> {
    const answer = await this.server.call<Done>(PANEL.restore, { root, filePath, hash });
    if (!answer.done) throw new Error(answer.message);
    done(answer.message);
    this.panel.soon();
  }

  /** The version before a change of a turn, back on disk. */
  async restoreBefore(file: ChangedFile): Promise<void> {
    if (!file.beforeHash) throw new Error(`${file.filePath} did not exist before this change.`);
    await this.restore(file.root, file.filePath, file.beforeHash);
  }

  /** Who Wrote This Line. */
  async line(): Promise<void> {
    const { document, selection } = activeFile();
    const author = await this.server.call<LineAuthor>(PANEL.line, { uri: document.uri.toString(), line: selection.active.line });
    const { event } = author;
    if (author.line === null) {
      void vscode.window.showInformationMessage(`Line ${selection.active.line + 1} is not on disk: it is unsaved, or was changed there meanwhile.`);
      return;
    }
    if (!event) {
      void vscode.window.showInformationMessage(`Line ${selection.active.line + 1} is older than the history.`);
      return;
    }
    const doing = [event.turnId, event.intentId].filter(Boolean).join(", ");
    const show = await vscode.window.showInformationMessage(`Line ${selection.active.line + 1}: ${event.name}${doing ? ` (${doing})` : ""}, ${ago(event.timestamp)}`, "Show the Change");
    if (show) await this.show(event);
  }

  /** Revert a Turn: pick one of those shown, or of the last day. */
  async pickTurn(): Promise<void> {
    const earlier = await this.server.call<{ turns: Turn[] }>(PANEL.overview, { earlier: true });
    const items = earlier.turns.filter((turn) => turn.revertible && turn.files.length > 0)
      .map((turn) => ({ turn, label: `$(discard) ${turn.name}: ${turn.turnId ?? ""}`, description: `${turn.intentId ?? ""} ${counts(turn.added, turn.removed)}  ${ago(turn.last)}`, detail: turn.files.map((file) => file.filePath).join(", ") }));
    if (items.length === 0) throw new Error("No turn of the last day changed a file.");
    const chosen = await vscode.window.showQuickPick(items, { title: "Revert a Turn", placeHolder: "What came later is kept", matchOnDetail: true });
    if (chosen) await this.revert(chosen.turn);
  }

  /** Takes back what a turn did to all its files; what others wrote later stays. */
  async revert(turn: Turn): Promise<void> {
    if (!turn.turnId) throw new Error("These changes carry no turn; restore the files one by one.");
    const { files = [] } = await this.takeBack(turn, true); // all of the turn's: it may have had another intent in others
    const detail = `${files.join("\n")}\n\nWhat others wrote later stays. The revert can itself be reverted.`;
    const sure = await vscode.window.showWarningMessage(`Revert ${turn.turnId} of ${turn.name} in ${several(files.length, "file")}?`, { modal: true, detail }, "Revert This Turn");
    if (!sure) return;
    done((await this.takeBack(turn, false)).message);
    await this.panel.refresh();
  }

  private async takeBack(turn: Turn, dryRun: boolean): Promise<RevertedTurn> {
    const title = dryRun ? `What ${turn.turnId ?? "it"} changed` : `Reverting ${turn.turnId ?? "it"}`;
    const answer = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title },
      () => this.server.call<RevertedTurn>(PANEL.revert, { root: turn.root, turnId: turn.turnId, agentId: turn.agentId, dryRun }));
    if (!answer.done) throw new Error(answer.message);
    return answer;
  }

  async show(entry: HistoryEntry): Promise<void> {
    if (entry.outcome === "refused" || entry.outcome === "observed") { await this.why({ ...entry, type: entry.refusal ?? "", changedBy: "" }); return; }
    await showDiff(entry.root, entry.filePath, entry.beforeHash, entry.afterHash, `${entry.name}${entry.turnId ? `, ${entry.turnId}` : ""}`);
  }

  /** The event with this number, as a diff. */
  async open(root: string, seq: number): Promise<void> {
    const entry = await this.server.call<HistoryEntry | null>(PANEL.event, { root, seq });
    if (!entry?.filePath) return;
    if (entry.kind === "read") await vscode.window.showTextDocument(vscode.Uri.joinPath(vscode.Uri.file(root), entry.filePath), { preview: true });
    else await this.show(entry);
  }

  /** Why a write was refused, in words and with its diff. */
  async why(refused: RefusedWrite): Promise<void> {
    await showPage(`${refused.filePath}, why.diff`, { root: refused.root, why: refused.seq });
  }

  private async pick(title: string, wanted: (entry: HistoryEntry) => boolean): Promise<HistoryEntry | undefined> {
    const { document } = activeFile();
    const { entries } = await this.server.call<{ entries: HistoryEntry[] }>(PANEL.history, { uri: document.uri.toString() });
    const items = entries.filter(wanted).reverse().map((entry) => ({
      entry, label: `$(${ICONS[entry.outcome] ?? "git-commit"}) ${entry.name}`,
      description: [entry.turnId, entry.intentId, entry.outcome === "done" ? entry.kind : entry.outcome, counts(entry.added, entry.removed)].filter(Boolean).join("  "),
      detail: `${new Date(entry.timestamp).toLocaleString()}  (${ago(entry.timestamp)})`,
    }));
    if (items.length === 0) throw new Error("The history has nothing about this file yet.");
    return (await vscode.window.showQuickPick(items, { title, matchOnDescription: true }))?.entry;
  }
}

const ICONS: Record<string, string> = { merged: "git-merge", refused: "circle-slash", observed: "eye", overridden: "warning" };
