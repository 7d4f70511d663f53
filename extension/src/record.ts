// Lessons from the editor: record one in three steps, search, accept, drop, edit, remove.
import * as vscode from "vscode";
import type { Panel } from "./panel";
import type { Server } from "./server";
import { done, words } from "./say";
import { showPage } from "./versions";
import { PANEL, type Done, type Lesson, type Lessons as Found } from "./wire";

interface Draft {
  context: string;
  failure: string;
  resolution: string;
}

/** What the server's quick fix hands over. */
export interface ProblemLesson {
  uri?: string;
  diagnostic?: { message: string; source?: string; code?: string | number; line?: number };
}

interface Recorded {
  success: boolean;
  message: string;
  /** The file that holds the lesson now. */
  uri: string;
}

const LINE_END = " \u23ce "; // ⏎, since a box takes one line
const STEPS: { key: keyof Draft; title: string; prompt: string }[] = [
  { key: "context", title: "Context", prompt: "What was being done, and where?" },
  { key: "failure", title: "Failure", prompt: "What went wrong? The message, if there was one." },
  { key: "resolution", title: "Resolution", prompt: "What should be done instead, next time?" },
];

export class Recorder {
  constructor(private readonly server: Server, private readonly panel: Panel) {}

  /** Record Lesson: three steps, prefilled from a problem or from the selection. */
  async record(from?: Partial<Draft> & { uri?: string }): Promise<void> {
    const uri = from?.uri ?? vscode.window.activeTextEditor?.document.uri.toString();
    const draft = await ask("Record Lesson", from?.failure === undefined ? prefilled() : { context: "", resolution: "", failure: "", ...from });
    if (!draft) return;
    const inFolder = uri !== undefined && vscode.workspace.getWorkspaceFolder(vscode.Uri.parse(uri)) !== undefined;
    let answer: Recorded;
    try {
      answer = await this.server.call<Recorded>("noclobber.lesson.append", { ...draft, ...(inFolder ? { uri } : {}) });
      if (!answer.success) throw new Error(answer.message);
    } catch (error) {
      const again = await vscode.window.showErrorMessage(`The lesson was not recorded: ${words(error)}`, "Edit and Try Again");
      if (again) await this.record({ ...draft, uri });
      return;
    }
    this.panel.soon();
    const open = await vscode.window.showInformationMessage(answer.message, "Open");
    if (open) await vscode.window.showTextDocument(vscode.Uri.parse(answer.uri), { preview: true });
  }

  /** The server's quick fix on a problem: the same three steps, prefilled from it. */
  async fromProblem({ uri, diagnostic }: ProblemLesson): Promise<void> {
    const place = uri ? `${vscode.workspace.asRelativePath(vscode.Uri.parse(uri))}:${diagnostic?.line ?? 1}` : "";
    await this.record({ context: place ? `Working on ${place}` : "", failure: diagnostic ? fromProblem(diagnostic) : "", uri });
  }

  /** Search Lessons: full text over live, drafted and archived ones, ranked by the server. */
  async search(): Promise<void> {
    const pick = vscode.window.createQuickPick<vscode.QuickPickItem & { lesson: Lesson }>();
    pick.title = "Search Lessons";
    pick.placeholder = "Words of a lesson";
    let newest = 0;
    const find = async (query: string): Promise<void> => {
      const mine = ++newest;
      pick.busy = true;
      const found = await this.server.call<Found>(PANEL.lessons, { query }).finally(() => { if (mine === newest) pick.busy = false; });
      if (mine !== newest) return;
      pick.items = found.lessons.map((lesson) => ({
        lesson, alwaysShow: true, label: `$(lightbulb) ${firstLine(lesson.failure) || lesson.title}`,
        description: lesson.state === "live" ? "" : lesson.state, detail: firstLine(lesson.resolution) || firstLine(lesson.context),
      }));
    };
    pick.onDidChangeValue((value) => { said(find(value)); });
    pick.onDidAccept(() => {
      const chosen = pick.selectedItems[0];
      pick.hide();
      if (chosen) said(this.open(chosen.lesson));
    });
    pick.onDidHide(() => { pick.dispose(); });
    pick.show();
    await find("");
  }

  /** Shows a lesson where it stands; a draft, which stands nowhere yet, in a page of its own. */
  async open(lesson: Lesson): Promise<void> {
    if (lesson.state === "draft" || !lesson.uri) {
      const text = STEPS.map(({ key, title }) => `**${title}**: ${lesson[key] || "(not known yet)"}`).join("\n\n");
      await showPage(`draft ${lesson.id}.md`, { text });
      return;
    }
    const line = Math.max(0, lesson.line - 1);
    await vscode.window.showTextDocument(vscode.Uri.parse(lesson.uri), { preview: true, selection: new vscode.Range(line, 0, line, 0) });
  }

  accept(lesson: Lesson): Promise<void> {
    return this.change(lesson, "accept");
  }

  async drop(lesson: Lesson): Promise<void> {
    await this.change(lesson, "drop");
  }

  async edit(lesson: Lesson): Promise<void> {
    const draft = await ask("Edit Lesson", lesson);
    if (!draft) return;
    const changed: Partial<Draft> = {};
    for (const { key } of STEPS) if (draft[key] !== lesson[key]) changed[key] = draft[key];
    if (Object.keys(changed).length > 0) await this.change(lesson, "edit", changed);
  }

  async remove(lesson: Lesson): Promise<void> {
    const sure = await vscode.window.showWarningMessage(`Remove this lesson?`, { modal: true, detail: firstLine(lesson.failure) || lesson.title }, "Remove");
    if (sure) await this.change(lesson, "remove");
  }

  private async change(lesson: Lesson, action: string, text: Partial<Draft> = {}): Promise<void> {
    const answer = await this.server.call<Done>(PANEL.lesson, { root: lesson.root, id: lesson.id, action, ...text });
    if (!answer.done) throw new Error(answer.message);
    done(answer.message);
    await this.panel.refresh();
  }
}

/** Nobody waits for it, so its failure is said here. */
function said(work: Promise<void>): void {
  work.catch((error: unknown) => { void vscode.window.showErrorMessage(words(error)); });
}

/** The three parts in three boxes of one line each; undefined where the person gives up. A box that was left as it was changes nothing. */
async function ask(what: string, from: Draft): Promise<Draft | undefined> {
  const draft: Draft = { context: from.context, failure: from.failure, resolution: from.resolution };
  for (const [index, step] of STEPS.entries()) {
    const shown = draft[step.key].replaceAll("\n", LINE_END);
    const value = await vscode.window.showInputBox({
      title: `${what} (${index + 1}/${STEPS.length}): ${step.title}`, prompt: `${step.prompt}${shown === draft[step.key] ? "" : ` ${LINE_END.trim()} is the end of a line.`}`, value: shown, ignoreFocusOut: true,
      validateInput: (text) => (step.key === "failure" && !text.trim() ? "A lesson needs to say what went wrong." : undefined),
    });
    if (value === undefined) return undefined;
    if (value !== shown) draft[step.key] = value.replaceAll(LINE_END, "\n").trim();
  }
  return draft;
}

function prefilled(): Draft {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== "file") return { context: "", failure: "", resolution: "" };
  const { document, selection } = editor;
  const place = `${vscode.workspace.asRelativePath(document.uri)}:${selection.active.line + 1}`;
  const problem = vscode.languages.getDiagnostics(document.uri).find((found) => found.range.contains(selection.active));
  if (problem) return { context: `Working on ${place}`, failure: fromProblem(problem), resolution: "" };
  return { context: `Working on ${place}`, failure: firstLine(document.getText(selection).trim()), resolution: "" };
}

/** A problem in one line: who says it, its code, its message. */
function fromProblem(problem: Pick<vscode.Diagnostic, "message" | "source" | "code">): string {
  const code = typeof problem.code === "object" ? problem.code.value : problem.code;
  const who = [problem.source, code].filter((part) => part !== undefined && part !== "").join(" ");
  return `${who ? `${who}: ` : ""}${problem.message}`;
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim()) ?? "";
}
