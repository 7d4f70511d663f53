// What the three views and the status bar show, kept up to date: one place that asks the server and tells who listens.
import * as vscode from "vscode";
import { words } from "./say";
import type { Server } from "./server";
import { PANEL, type Blocked, type Lesson, type Lessons, type Overview, type Turn, type Writer, type Writers } from "./wire";

const GATHER_MS = 80; // events come in bursts; the panel is asked to follow within a second
const BETWEEN_MS = 300; // under a constant stream the server has other work than to count for the panel

/** Only what matches; an empty one shows everything. */
export interface Filter {
  agentId?: string;
  turnId?: string;
  intentId?: string;
  filePath?: string;
}

/** Where clients keep their hooks in a project: whether they still stand there is looked at when something changes. */
const HOOK_FOLDERS = [".claude", ".codex", ".cursor", ".gemini", ".github", ".github/hooks", ".opencode", ".opencode/plugins", ".clinerules", ".clinerules/hooks"];
const HOOK_FILES = `**/{${HOOK_FOLDERS.flatMap((folder) => [folder, `${folder}/*`]).join(",")}}`; // of a folder that goes no file in it is told

const NOTHING: Overview = { roots: [], turns: [], blocked: [], displaced: [], decisions: [], refusals: 0, lastSeq: {} };

export class Panel implements vscode.Disposable {
  overview: Overview = NOTHING;
  writers: Writer[] = [];
  lessons: Lesson[] = [];
  /** What cannot be read of each view, in words, empty where all is well; what was last read still stands there. */
  problems = { changes: "", writers: "", lessons: "" };
  filter: Filter = {};
  /** Also what was already looked at. */
  earlier = false;
  private timer: NodeJS.Timeout | undefined;
  private asking: Promise<void> | undefined;
  private again = false;
  private shownAt = 0;
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;
  private readonly subscriptions: { dispose(): unknown }[];

  constructor(private readonly server: Server, private readonly output: vscode.LogOutputChannel) {
    const hooks = vscode.workspace.createFileSystemWatcher(HOOK_FILES);
    this.subscriptions = [
      this.changed, hooks,
      ...[hooks.onDidCreate, hooks.onDidChange, hooks.onDidDelete].map((happens) => happens(() => { this.soon(); })),
      server.onActivity(() => { this.soon(); }),
      vscode.workspace.onDidChangeWorkspaceFolders(() => { this.soon(); }),
      server.onState((state) => { if (state === "running") this.soon(); else this.clear(); }),
    ];
  }

  /** Ask the server anew, soon and once. */
  soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (this.asking || Date.now() < this.shownAt + BETWEEN_MS) this.soon();
      else void this.refresh();
    }, Math.max(GATHER_MS, this.shownAt + BETWEEN_MS - Date.now()));
  }

  /** Ask the server anew, now; returns when what is shown is at least as new as this call. */
  async refresh(): Promise<void> {
    if (this.asking) {
      this.again = true;
      await this.asking;
      return;
    }
    this.asking = this.ask().finally(() => { this.asking = undefined; });
    await this.asking;
  }

  setFilter(filter: Filter): void {
    this.filter = filter;
    void vscode.commands.executeCommand("setContext", "noclobber.filtered", Object.keys(filter).length > 0);
    this.changed.fire();
  }

  /** The turns to show. */
  turns(): Turn[] {
    const { agentId, turnId, intentId, filePath } = this.filter;
    return this.overview.turns
      .filter((turn) => (!agentId || turn.agentId === agentId) && (!turnId || turn.turnId === turnId) && (!intentId || turn.intentId === intentId))
      .map((turn) => filePath ? { ...turn, files: turn.files.filter((file) => file.filePath === filePath), refused: turn.refused.filter((file) => file.filePath === filePath) } : turn)
      .filter((turn) => turn.files.length + turn.refused.length > 0);
  }

  /** Of such rows, those to show. */
  only<T extends Pick<Blocked, keyof Filter>>(rows: T[]): T[] {
    return rows.filter((row) => Object.entries(this.filter).every(([key, value]) => row[key as keyof Filter] === value));
  }

  /** The writers to show. */
  shownWriters(): Writer[] {
    const { agentId, turnId, intentId, filePath } = this.filter;
    return this.writers.filter((writer) => (!agentId || writer.agentId === agentId) && (!turnId || writer.turnId === turnId)
      && (!intentId || writer.intentId === intentId) && (!filePath || writer.files.some((file) => file.filePath === filePath)));
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private clear(): void {
    this.overview = NOTHING;
    this.writers = [];
    this.lessons = [];
    this.problems = { changes: "", writers: "", lessons: "" };
    this.changed.fire();
  }

  private say(problems: Panel["problems"]): void {
    for (const [view, problem] of Object.entries(problems)) {
      if (problem && problem !== this.problems[view as keyof Panel["problems"]]) this.output.error(problem);
    }
    this.problems = problems;
  }

  private async ask(): Promise<void> {
    do {
      this.again = false;
      const [overview, writers, lessons] = await Promise.allSettled([
        this.server.call<Overview>(PANEL.overview, { earlier: this.earlier }),
        this.server.call<Writers>(PANEL.writers),
        this.server.call<Lessons>(PANEL.lessons, {}),
      ]);
      if (this.server.state !== "running") return; // its end has emptied the views
      if (overview.status === "fulfilled") this.overview = overview.value;
      if (writers.status === "fulfilled") this.writers = writers.value.writers;
      if (lessons.status === "fulfilled") this.lessons = lessons.value.lessons;
      this.say({ changes: unread("The changes", overview), writers: unread("Writers", writers), lessons: unread("Lessons", lessons) });
      this.shownAt = Date.now();
      this.changed.fire();
    } while (this.again as boolean);
  }
}

function unread(what: string, answer: PromiseSettledResult<Overview | Writers | Lessons>): string {
  const problems = answer.status === "rejected" ? [words(answer.reason)] : "problems" in answer.value ? answer.value.problems : [];
  return problems.length ? `${what} cannot be read: ${problems.join(" ")}` : "";
}
