// What the language server answers: its commands by name, and the shapes of their results. Nothing is decided here.

export type GuardMode = "guarding" | "observing" | "paused" | "notGuarding" | "off";

/** One workspace the server guards. */
export interface Root {
  root: string;
  name: string;
  mode: GuardMode;
  /** What to do about it, empty where all is well. */
  reason: string;
  pausedUntil: string | null;
}

export interface ChangedFile {
  root: string;
  filePath: string;
  kind: string;
  outcome: string;
  added: number | null;
  removed: number | null;
  beforeHash: string | null;
  afterHash: string | null;
  seq: number;
  timestamp: string;
}

export interface RefusedWrite {
  root: string;
  filePath: string;
  seq: number;
  type: string;
  outcome: string;
  changedBy: string;
  timestamp: string;
}

export interface Turn {
  root: string;
  agentId: string;
  name: string;
  turnId: string | null;
  intentId: string | null;
  first: string;
  last: string;
  added: number;
  removed: number;
  revertible: boolean;
  reverted: boolean;
  files: ChangedFile[];
  refused: RefusedWrite[];
}

/** An agent that cannot write because of the person's unsaved edits. */
export interface Blocked {
  root: string;
  filePath: string;
  agentId: string;
  name: string;
  turnId: string | null;
  intentId: string | null;
  /** The editor that holds the unsaved edits, empty where it is this one. */
  elsewhere: string;
  count: number;
  seq: number;
  timestamp: string;
}

/** A version that a save overwrote, or an unsaved text that was given up; `afterHash` is it, `standsHash` what took its place. */
export interface Displaced {
  root: string;
  filePath: string;
  agentId: string;
  turnId: string | null;
  intentId: string | null;
  kind: string;
  afterHash: string;
  standsHash: string | null;
  seq: number;
  timestamp: string;
}

/** Something only a person can decide. `id` names the occasion, `kind` the sort that can be silenced. */
export interface Decision {
  id: string;
  kind: "overwrote" | "blocked" | "refusedAgain";
  root: string;
  filePath: string;
  agentId: string;
  message: string;
  /** The version that was overwritten, and the one that overwrote it. */
  hash: string | null;
  savedHash: string | null;
  seq: number;
}

export interface Overview {
  roots: Root[];
  turns: Turn[];
  blocked: Blocked[];
  displaced: Displaced[];
  decisions: Decision[];
  refusals: number;
  lastSeq: Record<string, number>;
}

export interface HeldFile {
  root: string;
  filePath: string;
  state: "fresh" | "stale" | "deleted";
  staleBy: string;
  timestamp: string;
}

export interface Writer {
  root: string;
  agentId: string;
  name: string;
  kind: "agent" | "editor" | "person";
  turnId: string | null;
  intentId: string | null;
  last: string;
  files: HeldFile[];
}

export interface Lesson {
  root: string;
  id: string;
  state: "draft" | "live" | "archived";
  title: string;
  context: string;
  failure: string;
  resolution: string;
  timestamp: string;
  count: number;
  note: string;
  uri: string;
  line: number;
}

export interface HistoryEntry {
  root: string;
  filePath: string;
  seq: number;
  timestamp: string;
  kind: string;
  outcome: string;
  refusal: string | null;
  agentId: string;
  name: string;
  turnId: string | null;
  intentId: string | null;
  beforeHash: string | null;
  afterHash: string | null;
  added: number | null;
  removed: number | null;
  /** The version after this event is kept and can be brought back. */
  kept: boolean;
}

/** Who last wrote a line; `event` is null where it is older than the history. */
export interface LineAuthor {
  /** On disk, from 0; null for a line that is unsaved or was changed there meanwhile. */
  line: number | null;
  event: HistoryEntry | null;
}

export interface Version {
  /** Null: this version is not (or no longer) kept. */
  text: string | null;
  message: string;
}

/** A buffer against the disk, as the server sees it, and what merging would make. */
export interface Merging {
  /** `fresh`: nothing to merge; `gone`: deleted on disk. */
  state: "fresh" | "merged" | "gone";
  text: string;
  disk: string;
  message: string;
}

export interface Done {
  done: boolean;
  message: string;
}

/** A turn taken back, or what taking it back would touch. */
export interface RevertedTurn extends Done {
  files?: string[];
}

export interface Lessons {
  lessons: Lesson[];
  /** What could not be read, in words; the same of writers. */
  problems: string[];
}

export interface Writers {
  writers: Writer[];
  problems: string[];
}

export const PANEL = {
  overview: "noclobber.panel.overview",
  writers: "noclobber.panel.writers",
  lessons: "noclobber.panel.lessons",
  lesson: "noclobber.panel.lesson",
  looked: "noclobber.panel.looked",
  timeline: "noclobber.panel.timeline",
  version: "noclobber.panel.version",
  history: "noclobber.panel.history",
  event: "noclobber.panel.event",
  line: "noclobber.panel.line",
  why: "noclobber.panel.why",
  restore: "noclobber.panel.restore",
  revert: "noclobber.panel.revert",
  pause: "noclobber.panel.pause",
  letLand: "noclobber.panel.letLand",
  merging: "noclobber.panel.merging",
  putBack: "noclobber.panel.putBack",
} as const;
