// The picture and how one moves in it: zoom, pan, hover, keyboard, follow what happens now.
import { scaleTime, type ScaleTime } from "d3-scale";
import { select } from "d3-selection";
import { zoom, zoomIdentity, zoomTransform, type D3ZoomEvent } from "d3-zoom";
import { AXIS, CROWD, draw, eventX, eventY, firstAtLeast, visibleRange, type Frame } from "./draw";
import { describe, type Mark, type Timeline } from "./model";
import { currentTheme, onThemeChange } from "./theme";

const REACH = 12; // pixels between the pointer and a mark that still counts as on it
const LANE = 34;
const EDGE = 14;

/** From and to, in milliseconds since 1970. */
export type Span = [number, number];

export class View {
  private frame: Frame;
  private base: ScaleTime<number, number>;
  private asked = false;
  private readonly context: CanvasRenderingContext2D;
  private readonly zoom = zoom<HTMLCanvasElement, unknown>();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly tip: HTMLElement,
    private readonly spoken: HTMLElement,
    private readonly opened: (seq: number) => void,
    private readonly moved: (span: Span | undefined) => void,
    data: Timeline,
  ) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no canvas.");
    this.context = context;
    this.base = scaleTime();
    this.frame = { data, theme: currentTheme(), width: 0, height: 0, gutter: 0, x: this.base, laneHeight: LANE, scroll: 0, hidden: new Set(), current: -1, row: 0 };
    this.listen();
    this.show(data);
    new ResizeObserver(() => { this.resize(); }).observe(canvas.parentElement ?? canvas);
    onThemeChange(() => { this.frame.theme = currentTheme(); this.redraw(); });
  }

  /** Takes new data; what is zoomed into stays in view, and an unzoomed picture follows the time. */
  show(data: Timeline): void {
    const kept = this.zoomed() ? (this.frame.x.domain() as [Date, Date]) : undefined;
    const current = this.frame.data.events.seq[this.frame.current];
    this.frame.data = data;
    this.frame.current = current === undefined ? -1 : data.events.seq.indexOf(current);
    this.measure();
    if (kept) this.zoomTo(kept[0], kept[1]);
    this.apply();
  }

  hide(hidden: ReadonlySet<Mark>): void {
    this.frame.hidden = hidden;
    this.redraw();
  }

  /** Nearer to or further from the event that is pointed at, else the middle. */
  zoomBy(factor: number): void {
    const { frame } = this;
    const x = frame.current < 0 ? -1 : eventX(frame, frame.current);
    this.zoom.scaleBy(select(this.canvas), factor, x < frame.gutter || x > frame.width ? undefined : [x, 0]);
  }

  fit(): void {
    this.zoom.transform(select(this.canvas), zoomIdentity);
  }

  /** Shows this span, in milliseconds since 1970. */
  zoomTo(from: Date | number, to: Date | number): void {
    const [start, end] = this.base.domain().map(Number) as [number, number];
    const k = Math.max(1, (end - start) / Math.max(1, Number(to) - Number(from)));
    const left = this.base.range()[0] ?? 0;
    this.zoom.transform(select(this.canvas), zoomIdentity.translate(left - k * this.base(from), 0).scale(k));
  }

  private zoomed(): boolean {
    return zoomTransform(this.canvas).k > 1.0001;
  }

  private measure(): void {
    const { frame, canvas } = this;
    const box = (canvas.parentElement ?? canvas).getBoundingClientRect();
    frame.width = Math.max(300, box.width);
    frame.height = Math.max(120, box.height);
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(frame.width * ratio);
    canvas.height = Math.round(frame.height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.font = `12px ${frame.theme.font}`;
    const widest = Math.max(60, ...frame.data.lanes.map((lane) => this.context.measureText(lane.label).width));
    frame.gutter = Math.min(widest + 26, 220, frame.width / 3);
    frame.laneHeight = Math.max(24, Math.min(64, (frame.height - AXIS) / Math.max(1, frame.data.lanes.length)));
    this.scrollBy(0);
    const span = Math.max(1000, frame.data.to - frame.data.from);
    this.base = scaleTime([frame.data.from, frame.data.from + span], [frame.gutter + EDGE, frame.width - EDGE]);
    const area: [[number, number], [number, number]] = [[frame.gutter, 0], [frame.width, frame.height]];
    this.zoom.extent(area).translateExtent(area).scaleExtent([1, Math.max(10, span / 20)]);
  }

  private apply(): void {
    const { frame } = this;
    frame.x = zoomTransform(this.canvas).rescaleX(this.base);
    const [first, last] = visibleRange(frame);
    frame.row = last - first > CROWD ? (frame.laneHeight - 8) / frame.data.marks.length : 0;
    if (!this.tip.hidden) this.placeTip(frame.current);
    this.redraw();
  }

  private resize(): void {
    this.measure();
    this.apply();
  }

  private scrollBy(pixels: number): void {
    const { frame } = this;
    const most = Math.max(0, frame.data.lanes.length * frame.laneHeight - (frame.height - AXIS));
    frame.scroll = Math.min(most, Math.max(0, frame.scroll + pixels));
  }

  private redraw(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      const start = performance.now();
      draw(this.context, this.frame);
      const { dataset } = this.canvas;
      dataset["drawMs"] = (performance.now() - start).toFixed(1);
      dataset["events"] = String(this.frame.data.events.seq.length);
      dataset["lanes"] = this.frame.data.lanes.map((lane) => lane.label).join("\n");
      dataset["span"] = this.frame.x.domain().map(Number).join(" ");
      dataset["firstPaintMs"] ??= performance.now().toFixed(0);
    });
  }

  private listen(): void {
    const { canvas } = this;
    this.zoom.on("zoom", (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
      const moved = event.sourceEvent instanceof MouseEvent && event.sourceEvent.type === "mousemove" ? event.sourceEvent.movementY : 0;
      this.scrollBy(-moved);
      this.apply();
    }).on("end", () => { this.moved(this.zoomed() ? this.frame.x.domain().map(Number) as Span : undefined); });
    this.zoom.filter((event: MouseEvent) => event.button === 0 && !(event instanceof WheelEvent && (event.shiftKey || event.altKey)));
    select(canvas).call(this.zoom).on("dblclick.zoom", null);
    canvas.addEventListener("wheel", (event) => { this.wheel(event); }, { passive: false });
    canvas.addEventListener("mousemove", (event) => { this.point(this.nearest(event.offsetX, event.offsetY)); });
    canvas.addEventListener("mouseleave", () => { this.point(-1); });
    canvas.addEventListener("click", (event) => { this.open(this.nearest(event.offsetX, event.offsetY)); });
    canvas.addEventListener("keydown", (event) => { if (this.key(event.key)) event.preventDefault(); });
    canvas.addEventListener("blur", () => { this.tip.hidden = true; });
  }

  private wheel(event: WheelEvent): void {
    if (event.altKey) this.scrollBy(event.deltaY);
    else if (event.shiftKey) this.zoom.translateBy(select(this.canvas), -(event.deltaY || event.deltaX) / zoomTransform(this.canvas).k, 0);
    else return;
    event.preventDefault();
    this.redraw();
  }

  /** The index of the mark closest to a point, -1 where none is in reach. */
  private nearest(x: number, y: number): number {
    const { frame } = this;
    if (x < frame.gutter || y < AXIS) return -1;
    const { time, mark } = frame.data.events;
    const end = firstAtLeast(time, frame.x.invert(x + REACH).getTime());
    let best = -1;
    let least = REACH * REACH;
    for (let i = firstAtLeast(time, frame.x.invert(x - REACH).getTime()); i < end; i++) {
      if (frame.hidden.has(frame.data.marks[mark[i] ?? 0] ?? "other")) continue;
      const distance = (eventX(frame, i) - x) ** 2 + (eventY(frame, i) - y) ** 2;
      if (distance <= least) { least = distance; best = i; }
    }
    return best;
  }

  private point(index: number): void {
    const { frame, tip, canvas } = this;
    canvas.style.cursor = index < 0 ? "grab" : "pointer";
    if (index !== frame.current) {
      frame.current = index;
      this.redraw();
    }
    tip.hidden = index < 0;
    if (index < 0) return;
    tip.replaceChildren(...describe(frame.data, index).map((text, i) => Object.assign(document.createElement(i === 0 ? "strong" : "div"), { textContent: text })));
    this.placeTip(index);
  }

  private placeTip(index: number): void {
    const { frame, tip } = this;
    const x = eventX(frame, index);
    tip.hidden = index < 0 || x < frame.gutter || x > frame.width;
    if (tip.hidden) return;
    tip.style.left = `${Math.max(4, Math.min(x + 14, frame.width - tip.offsetWidth - 8))}px`;
    const y = eventY(frame, index);
    tip.style.top = `${y + 14 + tip.offsetHeight > frame.height ? y - 14 - tip.offsetHeight : y + 14}px`;
  }

  private open(index: number): void {
    const seq = this.frame.data.events.seq[index];
    if (seq !== undefined) this.opened(seq);
  }

  private key(key: string): boolean {
    switch (key) {
      case "ArrowRight": this.step(1); return true;
      case "ArrowLeft": this.step(-1); return true;
      case "ArrowDown": this.stepLane(1); return true;
      case "ArrowUp": this.stepLane(-1); return true;
      case "+": case "=": this.zoomBy(1.5); return true;
      case "-": this.zoomBy(1 / 1.5); return true;
      case "0": this.fit(); return true;
      case "Enter": case " ": this.open(this.frame.current); return true;
      case "Escape": this.point(-1); return true;
      default: return false;
    }
  }

  private step(by: number): void {
    const { events } = this.frame.data;
    const lane = this.frame.current < 0 ? undefined : events.lane[this.frame.current];
    this.go(this.frame.current < 0 ? visibleRange(this.frame)[0] : this.frame.current + by, by, (i) => lane === undefined || events.lane[i] === lane);
  }

  private stepLane(by: number): void {
    const { events } = this.frame.data;
    const from = this.frame.current < 0 ? 0 : this.frame.current;
    const wanted = (events.lane[from] ?? 0) + by;
    if (!this.go(from, 1, (i) => events.lane[i] === wanted)) this.go(from, -1, (i) => events.lane[i] === wanted);
  }

  private go(start: number, by: number, wanted: (index: number) => boolean): boolean {
    const { frame } = this;
    const { seq, mark } = frame.data.events;
    for (let i = start; i >= 0 && i < seq.length; i += by) {
      if (!wanted(i) || frame.hidden.has(frame.data.marks[mark[i] ?? 0] ?? "other")) continue;
      this.reveal(i);
      this.point(i);
      this.spoken.textContent = describe(frame.data, i).join(", ");
      return true;
    }
    return false;
  }

  private reveal(index: number): void {
    const { frame } = this;
    const x = eventX(frame, index);
    if (x < frame.gutter || x > frame.width) this.zoom.translateTo(select(this.canvas), this.base(frame.data.events.time[index] ?? 0), 0);
    const y = eventY(frame, index);
    if (y < AXIS + frame.laneHeight / 2) this.scrollBy(y - AXIS - frame.laneHeight / 2);
    if (y > frame.height - frame.laneHeight / 2) this.scrollBy(y - frame.height + frame.laneHeight / 2);
    this.apply();
  }
}
