// The filter of the panel: by writer, turn, intent or file, from what is there now.
import * as vscode from "vscode";
import type { Filter, Panel } from "./panel";

type Choice = vscode.QuickPickItem & { filter?: Filter };

/** Asks what to show, and shows only that. */
export async function filterPanel(panel: Panel): Promise<void> {
  const turns = panel.overview.turns;
  const held = panel.writers.flatMap((writer) => writer.files.map((file) => file.filePath));
  const sections: [string, string, keyof Filter, (string | null)[]][] = [
    ["Writers", "robot", "agentId", [...turns.map((turn) => turn.agentId), ...panel.writers.map((writer) => writer.agentId)]],
    ["Turns", "git-commit", "turnId", turns.map((turn) => turn.turnId)],
    ["Intents", "target", "intentId", turns.map((turn) => turn.intentId)],
    ["Files", "file", "filePath", [...turns.flatMap((turn) => [...turn.files, ...turn.refused].map((file) => file.filePath)), ...held]],
  ];
  const items: Choice[] = sections.flatMap(([label, icon, key, values]) => {
    const distinct = [...new Set(values.filter((value): value is string => Boolean(value)))].sort();
    const found: Choice[] = distinct.map((value) => ({ label: `$(${icon}) ${value}`, filter: { [key]: value } }));
    return found.length ? [{ label, kind: vscode.QuickPickItemKind.Separator }, ...found] : [];
  });
  if (items.length === 0) throw new Error("There is nothing to filter yet.");
  const chosen = await vscode.window.showQuickPick(items, { title: "Filter the Agent Panel", placeHolder: "Show only one writer, turn, intent or file" });
  if (chosen?.filter) panel.setFilter(chosen.filter);
}

/** The filter in words, for the view's title. */
export function filterWords(filter: Filter): string {
  return Object.values(filter).join(", ");
}
