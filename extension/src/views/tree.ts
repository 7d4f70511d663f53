// A tree view over plain nodes that are made anew at each change; ids keep what is open and selected.
import * as vscode from "vscode";

export interface Node {
  id: string;
  label: string;
  description?: string;
  tooltip?: string | vscode.MarkdownString;
  icon?: vscode.ThemeIcon;
  resource?: vscode.Uri;
  context?: string;
  command?: vscode.Command;
  /** What a screen reader says. */
  spoken?: string;
  /** The record the node stands for; commands of the node get it. */
  data?: unknown;
  open?: boolean;
  children?: Node[];
}

// VS Code draws a tree only once no change of it was announced for 200 ms: announced faster it is never drawn, under a constant stream.
const ANNOUNCED_AGAIN_MS = 2000;

export class Tree implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private nodes: Node[] = [];
  private readonly parents = new Map<Node, Node>();
  /** When a change was announced that VS Code has not come for yet. */
  private announced: number | undefined;
  private readonly changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.changed.event;

  show(nodes: Node[]): void {
    this.nodes = nodes;
    this.parents.clear();
    const walk = (node: Node): void => {
      for (const child of node.children ?? []) {
        this.parents.set(child, node);
        walk(child);
      }
    };
    nodes.forEach(walk);
    if (this.announced !== undefined && Date.now() - this.announced < ANNOUNCED_AGAIN_MS) return; // it comes for these nodes, then
    this.announced = Date.now();
    this.changed.fire(undefined);
  }

  getChildren(node?: Node): Node[] {
    if (node) return node.children ?? [];
    this.announced = undefined;
    return this.nodes;
  }

  getParent(node: Node): Node | undefined {
    return this.parents.get(node);
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const state = !node.children?.length ? vscode.TreeItemCollapsibleState.None
      : node.open === false ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.Expanded;
    const item = new vscode.TreeItem(node.label, state);
    item.id = node.id;
    item.description = node.description;
    item.tooltip = node.tooltip;
    item.iconPath = node.icon;
    item.resourceUri = node.resource;
    item.contextValue = node.context;
    item.command = node.command;
    if (node.spoken) item.accessibilityInformation = { label: node.spoken };
    return item;
  }

  dispose(): void {
    this.changed.dispose();
  }
}

/** A theme's icon in a theme's colour. */
export function icon(name: string, colour?: string): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name, colour ? new vscode.ThemeColor(colour) : undefined);
}

/** "+3 −1", and nothing where it is not known. */
export function counts(added: number | null, removed: number | null): string {
  return added === null || removed === null ? "" : `+${added} −${removed}`;
}

/** "2 min ago", for a time stamp in UTC. */
export function ago(timestamp: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(timestamp)) / 1000));
  if (seconds < 60) return seconds < 5 ? "just now" : `${seconds} s ago`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  return hours < 36 ? `${hours} h ago` : `${Math.round(hours / 24)} d ago`;
}

export function several(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
