// Draws lanes, marks and arrows on a canvas. All marks of one kind are one path: 20,000 events stay smooth.
import type { ScaleTime } from "d3-scale";
import type { Mark, Timeline } from "./model";
import type { Theme } from "./theme";

export interface Frame {
  data: Timeline;
  theme: Theme;
  width: number;
  height: number;
  /** Width of the lane names on the left. */
  gutter: number;
  x: ScaleTime<number, number>;
  laneHeight: number;
  /** How far the lanes are scrolled down, in pixels. */
  scroll: number;
  hidden: ReadonlySet<Mark>;
  /** The event under the pointer or under the keyboard's cursor, else -1. */
  current: number;
  /** Pixels between the rows of two kinds within a lane; 0 where there is room for whole marks. */
  row: number;
}

export const AXIS = 26;
const RADIUS = 5;
/** With more marks in view than this, each kind gets a row of its own within its lane, and a tick for a mark. */
export const CROWD = 1500;

/** The middle of a lane in canvas coordinates. */
export function laneY(frame: Frame, lane: number): number {
  return AXIS + (lane + 0.5) * frame.laneHeight - frame.scroll;
}

/** Draws everything anew. */
export function draw(context: CanvasRenderingContext2D, frame: Frame): void {
  context.fillStyle = frame.theme.background;
  context.fillRect(0, 0, frame.width, frame.height);
  drawLanes(context, frame);
  context.save();
  context.beginPath();
  context.rect(frame.gutter, AXIS, frame.width - frame.gutter, frame.height - AXIS);
  context.clip();
  drawArrows(context, frame);
  drawMarks(context, frame);
  drawCurrent(context, frame);
  context.restore();
  drawAxis(context, frame);
}

function drawLanes(context: CanvasRenderingContext2D, frame: Frame): void {
  const { theme, data, gutter, width, laneHeight } = frame;
  context.font = `12px ${theme.font}`;
  context.textBaseline = "middle";
  context.textAlign = "left";
  data.lanes.forEach((lane, index) => {
    const y = laneY(frame, index);
    if (y < AXIS - laneHeight || y > frame.height + laneHeight) return;
    if (index % 2 === 1) {
      context.fillStyle = theme.stripe;
      context.fillRect(0, y - laneHeight / 2, width, laneHeight);
    }
    context.strokeStyle = theme.grid;
    context.lineWidth = 1;
    line(context, gutter, y, width, y);
    context.fillStyle = theme.text;
    context.fillText(fitted(context, lane.label, gutter - 20), 12, y);
  });
}

/** A tick's time, as exact as the ticks are apart (milliseconds); all ticks in one form. */
export function clock(time: Date, step: number): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  if (step >= 86_400_000) return time.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  const minutes = `${two(time.getHours())}:${two(time.getMinutes())}`;
  if (step >= 60_000) return minutes;
  const seconds = `${minutes}:${two(time.getSeconds())}`;
  return step >= 1000 ? seconds : `${seconds}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

function drawAxis(context: CanvasRenderingContext2D, frame: Frame): void {
  const { theme, x, gutter, width, height } = frame;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, AXIS);
  context.strokeStyle = theme.grid;
  context.fillStyle = theme.faint;
  context.font = `11px ${theme.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const ticks = x.ticks(Math.max(2, Math.floor((width - gutter) / 110)));
  const step = Number(ticks[1] ?? x.domain()[1]) - Number(ticks[0] ?? x.domain()[0]);
  for (const tick of ticks) {
    const at = Math.round(x(tick)) + 0.5;
    if (at < gutter + 4) continue;
    context.globalAlpha = 0.5;
    line(context, at, AXIS, at, height);
    context.globalAlpha = 1;
    context.fillText(clock(tick, step), Math.min(at, width - 34), AXIS / 2);
  }
  line(context, 0, AXIS - 0.5, width, AXIS - 0.5);
  line(context, gutter - 0.5, AXIS, gutter - 0.5, height);
}

function drawArrows(context: CanvasRenderingContext2D, frame: Frame): void {
  const { data, theme } = frame;
  const { arrows, events } = data;
  const [from, to] = visibleTimes(frame);
  context.strokeStyle = theme.arrow;
  context.fillStyle = theme.arrow;
  const visible: number[] = [];
  for (let i = 0; i + 1 < arrows.length; i += 2) {
    const start = arrows[i] ?? 0;
    const end = arrows[i + 1] ?? 0;
    if ((events.time[end < 0 ? start : end] ?? 0) >= from && (events.time[start] ?? 0) <= to) visible.push(i);
  }
  // Thousands of arrows are a grey cloud that says nothing and costs a frame: then only the current event's are drawn.
  const crowded = visible.length > 600;
  const alpha = Math.max(0.15, Math.min(0.55, 40 / visible.length));
  for (const i of visible) {
    const start = arrows[i] ?? 0;
    const end = arrows[i + 1] ?? 0;
    const mine = frame.current >= 0 && (start === frame.current || end === frame.current);
    if (crowded && !mine) continue;
    context.globalAlpha = mine ? 1 : theme.highContrast ? Math.max(alpha, 0.5) : alpha;
    context.lineWidth = mine ? 2 : 1.2;
    arrow(context, frame, start, end);
  }
  context.globalAlpha = 1;
}

function arrow(context: CanvasRenderingContext2D, frame: Frame, start: number, end: number): void {
  const x1 = eventX(frame, start);
  const y1 = eventY(frame, start);
  const x2 = end < 0 ? x1 : eventX(frame, end);
  const y2 = end < 0 ? laneY(frame, -1 - end) : eventY(frame, end);
  const down = y2 > y1 ? 1 : -1;
  const tip = y2 - down * (RADIUS + 1);
  const bend = Math.min(Math.abs(y2 - y1) * 0.6, 60) * down;
  context.beginPath();
  context.moveTo(x1, y1 + down * RADIUS);
  context.bezierCurveTo(x1, y1 + bend, x2, tip - bend, x2, tip - down * 5);
  context.stroke();
  context.beginPath();
  context.moveTo(x2, tip);
  context.lineTo(x2 - 4, tip - down * 7);
  context.lineTo(x2 + 4, tip - down * 7);
  context.closePath();
  context.fill();
}

function drawMarks(context: CanvasRenderingContext2D, frame: Frame): void {
  const { data, theme } = frame;
  const { events } = data;
  const [first, last] = visibleRange(frame);
  const paths = new Map<number, Path2D>();
  const taken = new Set<number>();
  for (let i = first; i < last; i++) {
    const mark = events.mark[i] ?? 0;
    const name = data.marks[mark] ?? "other";
    if (frame.hidden.has(name)) continue;
    const x = eventX(frame, i);
    const y = eventY(frame, i);
    if (y < AXIS - RADIUS || y > frame.height + RADIUS) continue;
    // Marks of one kind on one pixel look like one mark.
    const pixel = (Math.round(frame.row > 0 ? x : x * 2) * 1024 + (events.lane[i] ?? 0)) * 16 + mark;
    if (taken.has(pixel)) continue;
    taken.add(pixel);
    let path = paths.get(mark);
    if (!path) paths.set(mark, (path = new Path2D()));
    if (frame.row > 0) path.rect(Math.round(x) - 0.5, y - frame.row / 2 + 0.5, 1.5, frame.row - 1);
    else shape(path, name, x, y);
  }
  for (const [mark, path] of [...paths].sort(([a], [b]) => a - b)) {
    const name = data.marks[mark] ?? "other";
    context.fillStyle = theme.marks[name];
    if (frame.row > 0) context.fill(path);
    else paint(context, theme, name, path);
  }
}

function paint(context: CanvasRenderingContext2D, theme: Theme, mark: Mark, path: Path2D): void {
  const colour = theme.marks[mark];
  context.lineWidth = mark === "refused" ? 2.4 : 1.6;
  context.strokeStyle = colour;
  context.fillStyle = mark === "read" ? theme.background : colour;
  if (mark !== "refused") context.fill(path);
  context.stroke(path);
}

/** Each kind has a shape of its own, so that nothing depends on colour alone. */
export function shape(path: Path2D, mark: Mark, x: number, y: number): void {
  const r = RADIUS;
  switch (mark) {
    case "read": circle(path, x, y, r - 1.5); break;
    case "write": circle(path, x, y, r - 0.5); break;
    case "merged": polygon(path, x, y, [[0, -r - 1], [r + 1, 0], [0, r + 1], [-r - 1, 0]]); break;
    case "refused":
      path.moveTo(x - r, y - r);
      path.lineTo(x + r, y + r);
      path.moveTo(x + r, y - r);
      path.lineTo(x - r, y + r);
      break;
    case "outside": path.rect(x - r + 1, y - r + 1, 2 * r - 2, 2 * r - 2); break;
    case "undone": polygon(path, x, y, [[-r, 0], [r - 1, -r], [r - 1, r]]); break;
    case "lesson": polygon(path, x, y, star(r + 1)); break;
    case "check": polygon(path, x, y, [[0, -r], [r, r - 1], [-r, r - 1]]); break;
    case "other": circle(path, x, y, 1.5); break;
  }
}

function star(r: number): [number, number][] {
  return Array.from({ length: 10 }, (_, i): [number, number] => {
    const radius = i % 2 === 0 ? r : r * 0.45;
    const angle = (i * Math.PI) / 5 - Math.PI / 2;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

function circle(path: Path2D, x: number, y: number, r: number): void {
  path.moveTo(x + r, y);
  path.arc(x, y, r, 0, 2 * Math.PI);
}

function polygon(path: Path2D, x: number, y: number, points: [number, number][]): void {
  points.forEach(([dx, dy], i) => { if (i === 0) path.moveTo(x + dx, y + dy); else path.lineTo(x + dx, y + dy); });
  path.closePath();
}

function drawCurrent(context: CanvasRenderingContext2D, frame: Frame): void {
  if (frame.current < 0) return;
  context.strokeStyle = frame.theme.focus;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(eventX(frame, frame.current), eventY(frame, frame.current), RADIUS + 5, 0, 2 * Math.PI);
  context.stroke();
}

export function eventX(frame: Frame, index: number): number {
  return frame.x(frame.data.events.time[index] ?? 0);
}

export function eventY(frame: Frame, index: number): number {
  const middle = laneY(frame, frame.data.events.lane[index] ?? 0);
  return middle + ((frame.data.events.mark[index] ?? 0) - (frame.data.marks.length - 1) / 2) * frame.row;
}

function visibleTimes(frame: Frame): [number, number] {
  return [frame.x.invert(frame.gutter - 8).getTime(), frame.x.invert(frame.width + 8).getTime()];
}

/** First and one past the last event whose time is in view; events are in order of time. */
export function visibleRange(frame: Frame): [number, number] {
  const [from, to] = visibleTimes(frame);
  const { time } = frame.data.events;
  return [firstAtLeast(time, from), firstAtLeast(time, to + 1)];
}

export function firstAtLeast(time: number[], value: number): number {
  let low = 0;
  let high = time.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((time[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let cut = text;
  while (cut.length > 1 && context.measureText(`${cut}…`).width > width) cut = cut.slice(0, -1);
  return `${cut}…`;
}

function line(context: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}
