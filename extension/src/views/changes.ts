// "Since you last looked": by agent and turn, what was changed, refused or merged, and who waits for the person.
import * as path from "node:path";
import * as vscode from "vscode";
import type { Panel } from "../panel";
import type { Blocked, ChangedFile, Displaced, RefusedWrite, Turn } from "../wire";
import { ago, counts, icon, several, type Node } from "./tree";

/** The view's nodes as things stand. */
export function changes(panel: Panel): Node[] {
  const blocked = panel.only(panel.overview.blocked).map(blockedNode);
  const byAgent = new Map<string, Turn[]>();
  for (const turn of panel.turns()) byAgent.set(turn.agentId, [...(byAgent.get(turn.agentId) ?? []), turn]);
  return [...blocked, ...panel.only(panel.overview.displaced).map(displacedNode), ...[...byAgent].map(([agentId, turns]) => agentNode(agentId, turns, placeOf(panel)))];
}

type Place = (root: string) => string;

/** The name of a workspace where there are several, nothing where there is one. */
export function placeOf(panel: Panel): Place {
  const names = new Map(panel.overview.roots.map((root) => [root.root, root.name]));
  return (root) => (names.size > 1 ? names.get(root) ?? "" : "");
}

function agentNode(agentId: string, turns: Turn[], placed: Place): Node {
  const files = new Set(turns.flatMap((turn) => turn.files.map((file) => `${turn.root}/${file.filePath}`))).size;
  const refused = turns.reduce((sum, turn) => sum + turn.refused.length, 0);
  const added = turns.reduce((sum, turn) => sum + turn.added, 0);
  const removed = turns.reduce((sum, turn) => sum + turn.removed, 0);
  const name = turns[0]?.name ?? agentId;
  const facts = [files ? several(files, "file") : "", files ? counts(added, removed) : "", refused ? `${refused} refused` : ""].filter(Boolean).join(", ");
  return {
    id: `agent:${agentId}`, label: name, description: facts, icon: agentIcon(agentId), context: "agent",
    tooltip: `${agentId}: ${facts}`, spoken: `${name}, ${facts}`, children: turns.map((turn) => turnNode(turn, placed(turn.root))),
  };
}

/** Who it is, at a glance. */
export function agentIcon(agentId: string): vscode.ThemeIcon {
  if (agentId.startsWith("editor:")) return icon("edit");
  if (agentId.startsWith("cli:")) return icon("terminal");
  if (agentId === "outside") return icon("question");
  return icon("robot");
}

function turnNode(turn: Turn, place: string): Node {
  const name = turn.turnId ?? "no turn named";
  const intent = turn.intentId ? ` · ${turn.intentId}` : "";
  return {
    id: `turn:${turn.root}:${turn.agentId}:${turn.turnId ?? ""}:${turn.intentId ?? ""}`, label: `${name}${intent}`,
    description: [place, turn.reverted ? "reverted" : turn.files.length ? counts(turn.added, turn.removed) : "", ago(turn.last)].filter(Boolean).join("  "), icon: icon(turn.reverted ? "discard" : "git-commit"),
    context: [turn.turnId ? "turn" : "unnamed", turn.revertible ? "revertible" : ""].join(" "), data: turn,
    tooltip: new vscode.MarkdownString(`**${turn.agentId}**, turn ${name}${intent}\n\n${several(turn.files.length, "file")}, ${counts(turn.added, turn.removed)}\n\n${turn.first} to ${turn.last}`),
    spoken: `turn ${name}${intent}, ${place ? `in ${place}, ` : ""}${several(turn.files.length, "file")}, ${several(turn.added, "line")} added, ${turn.removed} removed, ${several(turn.refused.length, "refusal")}, ${ago(turn.last)}`,
    children: [...turn.refused.map((refused) => refusedNode(refused)), ...turn.files.map((file) => fileNode(file, turn))],
  };
}

function fileNode(file: ChangedFile, turn: Turn): Node {
  const how = file.outcome === "done" ? file.kind : file.outcome;
  const unusual = !["write", "edit"].includes(how);
  return {
    id: `file:${turn.root}:${turn.agentId}:${turn.turnId ?? ""}:${turn.intentId ?? ""}:${file.filePath}`, label: path.posix.basename(file.filePath),
    description: [folderOf(file.filePath), counts(file.added, file.removed), unusual ? how : ""].filter(Boolean).join("  "),
    resource: uriOf(file.root, file.filePath), icon: file.outcome === "merged" ? icon("git-merge", "charts.green") : vscode.ThemeIcon.File,
    context: `file${file.beforeHash ? " before" : ""}${file.afterHash ? " after" : ""}`, data: file,
    tooltip: `${file.filePath}: ${how} by ${turn.agentId}, ${counts(file.added, file.removed)}, ${ago(file.timestamp)}`,
    spoken: `${file.filePath}, ${how}, ${several(file.added ?? 0, "line")} added, ${file.removed ?? 0} removed`,
    command: { command: "noclobber.item.diff", title: "Open Changes", arguments: [file, turn] },
  };
}

const REASONS: Record<string, string> = {
  STALE_FILE: "stale", UNREAD_FILE: "never read", EXISTS: "already there", UNSAVED_EDITS: "your unsaved edits", LEASED: "being written",
  MERGE_CONFLICT: "conflict", EDIT_NOT_FOUND: "text not found", EDIT_AMBIGUOUS: "text found more than once", OUTSIDE_WORKSPACE: "outside the workspace",
};

function refusedNode(refused: RefusedWrite): Node {
  const reason = REASONS[refused.type] ?? refused.type;
  const word = refused.outcome === "observed" ? "would have been refused" : refused.outcome === "overridden" ? "let pass" : "refused";
  return {
    id: `refused:${refused.root}:${refused.seq}`, label: path.posix.basename(refused.filePath),
    description: `${word}: ${reason}${refused.changedBy ? `, changed by ${refused.changedBy}` : ""}`,
    icon: icon("circle-slash", "errorForeground"), context: "refused", data: refused,
    tooltip: `${refused.filePath} ${word} ${ago(refused.timestamp)}: ${reason}`,
    spoken: `${refused.filePath} ${word}, ${reason}${refused.changedBy ? `, changed by ${refused.changedBy}` : ""}`,
    command: { command: "noclobber.item.why", title: "Why Was This Refused", arguments: [refused] },
  };
}

function blockedNode(blocked: Blocked): Node {
  const file = path.posix.basename(blocked.filePath);
  const { elsewhere } = blocked;
  const way = elsewhere ? `Save them there, in another window: ${elsewhere}.`
    : "Save Mine: your edits go to disk, and the agent reads them.\nLet It Land, Keep Mine: the agent may write now; your text stays in the editor.";
  return {
    id: `blocked:${blocked.root}:${blocked.agentId}:${blocked.filePath}`, label: `${blocked.name} waits for ${file}`,
    description: [elsewhere ? `unsaved in another window: ${elsewhere}` : "", blocked.count > 1 ? `refused ${blocked.count} times` : "", ago(blocked.timestamp)].filter(Boolean).join(", "), icon: icon("warning", "list.warningForeground"),
    context: elsewhere ? "elsewhere" : "blocked", data: blocked,
    tooltip: `${blocked.name} may not write ${blocked.filePath}: you have unsaved edits on the same lines.\n${way}`,
    spoken: `${blocked.name} waits for ${blocked.filePath}, blocked by your unsaved edits`,
    command: { command: "noclobber.item.openFile", title: "Open File", arguments: [blocked] },
  };
}

function displacedNode(displaced: Displaced): Node {
  const file = path.posix.basename(displaced.filePath);
  return {
    id: `displaced:${displaced.root}:${displaced.filePath}:${displaced.afterHash}`, label: file,
    description: [folderOf(displaced.filePath), displaced.kind, ago(displaced.timestamp)].filter(Boolean).join("  "), icon: icon("archive"),
    context: "displaced", data: displaced,
    tooltip: `${displaced.filePath}: ${displaced.kind} ${ago(displaced.timestamp)}. It is kept: Restore This Version puts it back, and what stands there now is kept in its turn.`,
    spoken: `${displaced.filePath}, ${displaced.kind}, kept`,
    command: { command: "noclobber.item.displaced", title: "Open Changes", arguments: [displaced] },
  };
}

export function folderOf(filePath: string): string {
  const folder = path.posix.dirname(filePath);
  return folder === "." ? "" : folder;
}

export function uriOf(root: string, filePath: string): vscode.Uri {
  return vscode.Uri.joinPath(vscode.Uri.file(root), filePath);
}
