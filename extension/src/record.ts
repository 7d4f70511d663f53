// Lessons from the editor: record one in three steps, search, accept, drop, edit, remove.
import * as path from "node:path";
import * as vscode from "vscode";
import type { Panel } from "./panel";
import type { Server } from "./server";
import { done } from "./say";
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

const STEPS: { key: keyof Draft; title: string; prompt: string }[] = [
  { key: "context", title: "Context", prompt: "What was being done, and where?" },
  { key: "failure", title: "Failure", prompt: "What went wrong? The message, if there was one." },
  { key: "resolution", title: "Resolution", prompt: "What should be done instead, next time?" },
];

export class Recorder {
  constructor(private readonly server: Server, private readonly panel: Panel) {}

  /** Record Lesson: three steps, prefilled from a problem or from the selection. */
  async record(from?: Partial<Draft> & { uri?: string }): Promise<void> {
    const draft = await ask(from?.failure === undefined ? prefilled() : { context: "", resolution: "", failure: "", ...from });
    if (!draft) return;
    const uri = from?.uri ?? vscode.window.activeTextEditor?.document.uri.toString();
    const answer = await this.server.call<{ success: boolean; path: string; message: string }>("noclobber.lesson.append", { ...draft, ...(uri?.startsWith("file:") ? { uri } : {}) });
    if (!answer.success) throw new Error(answer.message);
    this.panel.soon();
    const open = await vscode.window.showInformationMessage(answer.message, "Open");
    if (open) await vscode.window.showTextDocument(inWorkspace(answer.path, uri), { preview: true });
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
      const found = await this.server.call<Found>(PANEL.lessons, { query });
      if (mine !== newest) return;
      pick.items = found.lessons.map((lesson) => ({
        lesson, alwaysShow: true, label: `$(lightbulb) ${firstLine(lesson.failure) || lesson.title}`,
        description: lesson.state === "live" ? "" : lesson.state, detail: firstLine(lesson.resolution) || firstLine(lesson.context),
      }));
      pick.busy = false;
    };
    pick.onDidChangeValue((value) => { void find(value); });
    pick.onDidAccept(() => {
      const chosen = pick.selectedItems[0];
      pick.hide();
      if (chosen) void this.open(chosen.lesson);
    });
    pick.onDidHide(() => { pick.dispose(); });
    pick.show();
    await find("");
  }

  /** Shows a lesson where it stands; a draft, which stands nowhere yet, in a page of its own. */
  async open(lesson: Lesson): Promise<void> {
    if (lesson.state === "draft" || !lesson.uri) {
      const content = STEPS.map(({ key, title }) => `**${title}**: ${lesson[key] || "(not known yet)"}`).join("\n\n");
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "markdown", content }), { preview: true });
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
    const draft = await ask({ context: lesson.context, failure: lesson.failure, resolution: lesson.resolution });
    if (draft) await this.change(lesson, "edit", draft);
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

/** The server names the file relative to the workspace's root. */
function inWorkspace(filePath: string, near: string | undefined): vscode.Uri {
  if (path.isAbsolute(filePath)) return vscode.Uri.file(filePath);
  const folder = (near ? vscode.workspace.getWorkspaceFolder(vscode.Uri.parse(near)) : undefined) ?? vscode.workspace.workspaceFolders?.[0];
  if (!folder) throw new Error(`${filePath} is in no open folder.`);
  return vscode.Uri.joinPath(folder.uri, filePath);
}

async function ask(from: Draft): Promise<Draft | undefined> {
  const draft = { ...from };
  for (const [index, step] of STEPS.entries()) {
    const value = await vscode.window.showInputBox({
      title: `Record Lesson (${index + 1}/${STEPS.length}): ${step.title}`, prompt: step.prompt, value: draft[step.key], ignoreFocusOut: true,
      validateInput: (text) => (step.key === "failure" && !text.trim() ? "A lesson needs to say what went wrong." : undefined),
    });
    if (value === undefined) return undefined;
    draft[step.key] = value.trim();
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
