// "Writers": who is alive now, in which turn and for what, and which of the files they hold have gone stale.
import * as path from "node:path";
import type { Panel } from "../panel";
import type { HeldFile, Writer } from "../wire";
import { agentIcon, folderOf, placeOf, uriOf } from "./changes";
import { ago, icon, several, type Node } from "./tree";

/** The view's nodes as things stand. */
export function writers(panel: Panel): Node[] {
  const placed = placeOf(panel);
  return panel.shownWriters().map((writer) => writerNode(writer, placed(writer.root)));
}

function writerNode(writer: Writer, place: string): Node {
  const stale = writer.files.filter((file) => file.state !== "fresh").length;
  const doing = [writer.turnId, writer.intentId].filter(Boolean).join(" · ");
  const facts = [place, doing, several(writer.files.length, "file"), stale ? `${stale} stale` : ""].filter(Boolean).join(", ");
  return {
    id: `writer:${writer.root}:${writer.agentId}`, label: writer.name, description: `${facts}  ${ago(writer.last)}`, icon: agentIcon(writer.agentId),
    context: "writer", data: writer, tooltip: `${writer.agentId}: ${facts}, last seen ${ago(writer.last)}`, spoken: `${writer.name}, ${facts}`,
    open: stale > 0 || writer.files.length <= 5, children: writer.files.map((file) => heldNode(writer, file)),
  };
}

function heldNode(writer: Writer, file: HeldFile): Node {
  const fresh = file.state === "fresh";
  const state = fresh ? "fresh" : `${file.state}${file.staleBy ? `: changed by ${file.staleBy}` : ""}`;
  return {
    id: `held:${writer.root}:${writer.agentId}:${file.filePath}`, label: path.posix.basename(file.filePath),
    description: [fresh || !file.staleBy ? file.state : `${file.state} by ${file.staleBy}`, folderOf(file.filePath)].filter(Boolean).join("  "), resource: uriOf(file.root, file.filePath),
    icon: fresh ? icon("pass", "charts.green") : icon("warning", "list.warningForeground"),
    context: "held", data: file, tooltip: `${file.filePath}: ${state}; read ${ago(file.timestamp)}`, spoken: `${file.filePath}, ${state}`,
    command: { command: "noclobber.item.openFile", title: "Open File", arguments: [file] },
  };
}
