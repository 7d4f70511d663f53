// What the timeline is given: columns instead of objects, since there may be tens of thousands of events.

/** One writer's lane, from top to bottom. */
export interface Lane {
  id: string;
  label: string;
  kind: "agent" | "editor" | "person" | "outside";
}

/** Each column has one entry for each event, in order of time. */
export interface Columns {
  seq: number[];
  /** Milliseconds since 1970, UTC. */
  time: number[];
  lane: number[];
  /** Index into `marks`. */
  mark: number[];
  /** Index into `files`; -1 where the event belongs to no file. */
  file: number[];
  /** Index into `turns`; -1 for none. */
  turn: number[];
  /** Index into `notes`; -1 for none. */
  note: number[];
}

export interface Timeline {
  title: string;
  from: number;
  to: number;
  /** The timeline ends now and follows what happens. */
  live: boolean;
  lanes: Lane[];
  marks: Mark[];
  files: string[];
  /** "turn-1 · INT-1": the turn and the intent as they are shown. */
  turns: string[];
  notes: string[];
  events: Columns;
  /** Pairs, flattened: the index of the write, and of the event where the writer it made stale met it; -1 less its lane where it has not yet. */
  arrows: number[];
  /** How many older events there are that are not in here. */
  left: number;
}

export const MARKS = ["read", "write", "merged", "refused", "outside", "undone", "lesson", "check", "other"] as const;
export type Mark = (typeof MARKS)[number];

export const MARK_NAMES: Record<Mark, string> = {
  read: "read",
  write: "write",
  merged: "merged",
  refused: "refused",
  outside: "outside change",
  undone: "reverted or restored",
  lesson: "lesson",
  check: "check",
  other: "other",
};

/** The event in words, for the tooltip and for screen readers. */
export function describe(data: Timeline, index: number): string[] {
  const { events } = data;
  const mark = data.marks[events.mark[index] ?? -1] ?? "other";
  const lane = data.lanes[events.lane[index] ?? -1]?.label ?? "?";
  const lines = [`${lane}: ${MARK_NAMES[mark]}${at(data.files, events.file[index], " ")}`];
  const time = new Date(events.time[index] ?? 0);
  lines.push(`${time.toLocaleTimeString(undefined, { hour12: false, fractionalSecondDigits: 3, hour: "2-digit", minute: "2-digit", second: "2-digit" })}${at(data.turns, events.turn[index], "  ·  ")}`);
  const note = at(data.notes, events.note[index], "");
  if (note && note !== MARK_NAMES[mark]) lines.push(note);
  return lines;
}

function at(table: string[], index: number | undefined, before: string): string {
  const found = index === undefined || index < 0 ? undefined : table[index];
  return found ? before + found : "";
}
