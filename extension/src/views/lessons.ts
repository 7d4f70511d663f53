// "Lessons": drafts to accept or drop, then the ones in the file, then the archive.
import * as vscode from "vscode";
import type { Panel } from "../panel";
import type { Lesson } from "../wire";
import { placeOf } from "./changes";
import { icon, several, type Node } from "./tree";

/** The view's nodes as things stand. */
export function lessons(panel: Panel): Node[] {
  const placed = placeOf(panel);
  const of = (state: Lesson["state"]): [Lesson, string][] => panel.lessons.filter((lesson) => lesson.state === state).map((lesson) => [lesson, placed(lesson.root)]);
  return [
    group("drafts", "Drafts", "draft", of("draft"), true),
    group("live", "In the file", "lesson", of("live"), true),
    group("archived", "Archived", "lesson", of("archived"), false),
  ].flat();
}

function group(id: string, label: string, context: string, found: [Lesson, string][], open: boolean): Node[] {
  if (found.length === 0) return [];
  return [{ id: `lessons:${id}`, label, description: String(found.length), spoken: `${label}, ${several(found.length, "lesson")}`, open, children: found.map(([lesson, place]) => node(lesson, context, place)) }];
}

function node(lesson: Lesson, context: string, place: string): Node {
  return {
    id: `lesson:${lesson.root}:${lesson.state}:${lesson.id}`, label: lesson.title || lesson.failure.split("\n")[0] || lesson.id,
    description: [place, lesson.count > 1 ? `seen ${lesson.count} times` : ""].filter(Boolean).join("  "), context, data: lesson, tooltip: tooltip(lesson),
    icon: context === "draft" ? icon("lightbulb", "charts.yellow") : icon(lesson.state === "archived" ? "archive" : "lightbulb"),
    spoken: `${context}: ${lesson.failure || lesson.title}`,
    command: { command: "noclobber.item.openLesson", title: "Open", arguments: [lesson] },
  };
}

function tooltip(lesson: Lesson): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const parts: [string, string][] = [["Context", lesson.context], ["Failure", lesson.failure], ["Resolution", lesson.resolution]];
  for (const [name, value] of parts) {
    if (!value) continue;
    text.appendMarkdown(`**${name}** `);
    text.appendText(`${value}\n\n`);
  }
  return text;
}
