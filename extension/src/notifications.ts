// Asks only where a person must decide, once for each occasion, and never again where the person said so.
import * as vscode from "vscode";
import type { History } from "./history";
import type { Panel } from "./panel";
import { done } from "./say";
import type { Decision } from "./wire";
import { showDiff } from "./versions";
import { uriOf } from "./views/changes";

const NEVER = "Don't Show Again";
const SILENCED = "noclobber.silenced";
const ANSWERED = "noclobber.answered"; // or put away; one that was still open when its window was closed is asked again
const REMEMBERED = 200; // the server asks for what happened in the last ten minutes

const BUTTONS: Record<Decision["kind"], string[]> = {
  overwrote: ["Show What Was Overwritten", "Restore It"],
  blocked: ["Save Mine", "Let It Land, Keep Mine"],
  refusedAgain: ["Open File", "Why"],
};

export class Notifications implements vscode.Disposable {
  private readonly asked: Set<string>;
  private readonly subscription: vscode.Disposable;

  constructor(panel: Panel, private readonly history: History, private readonly memory: vscode.Memento, private readonly here: vscode.Memento, private readonly output: vscode.LogOutputChannel) {
    this.asked = new Set(here.get<string[]>(ANSWERED, []));
    this.subscription = panel.onChange(() => { for (const decision of panel.overview.decisions) this.consider(decision); });
    this.showSilenced();
  }

  /** Takes back every Don't Show Again. */
  async askAgain(): Promise<void> {
    await this.silence([]);
    done("noclobber asks again");
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private consider(decision: Decision): void {
    if (this.asked.has(decision.id)) return;
    this.asked.add(decision.id);
    if (this.silenced().includes(decision.kind)) {
      this.remember(decision);
      return;
    }
    if (!vscode.workspace.getConfiguration("noclobber").get<boolean>("notifications", true)) return;
    void this.ask(decision).catch((error: unknown) => {
      this.output.error(String(error));
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    });
  }

  private silenced(): string[] {
    return this.memory.get<string[]>(SILENCED, []);
  }

  private async silence(kinds: string[]): Promise<void> {
    await this.memory.update(SILENCED, kinds);
    this.showSilenced();
  }

  private showSilenced(): void {
    void vscode.commands.executeCommand("setContext", "noclobber.silenced", this.silenced().length > 0);
  }

  private remember({ id }: Decision): void {
    void this.here.update(ANSWERED, [...this.here.get<string[]>(ANSWERED, []), id].slice(-REMEMBERED));
  }

  private async ask(decision: Decision): Promise<void> {
    const answer = await vscode.window.showWarningMessage(decision.message, ...BUTTONS[decision.kind], NEVER);
    this.remember(decision);
    const { root, filePath, hash } = decision;
    switch (answer) {
      case NEVER: await this.silence([...this.silenced(), decision.kind]); break;
      case "Show What Was Overwritten": await showDiff(root, filePath, hash, decision.savedHash, "overwritten, then saved"); break;
      case "Restore It": if (hash) await this.history.restore(root, filePath, hash); break;
      case "Save Mine": await vscode.commands.executeCommand("noclobber.item.saveMine", decision); break;
      case "Let It Land, Keep Mine": await vscode.commands.executeCommand("noclobber.item.letLand", decision); break;
      case "Open File": await vscode.window.showTextDocument(uriOf(root, filePath), { preview: true }); break;
      case "Why": await vscode.commands.executeCommand("noclobber.item.why", decision); break;
      default: break;
    }
  }
}
