// The page around the picture: title, legend, buttons. The same code in an editor tab and in a page of its own.
import { shape } from "./draw";
import { MARK_NAMES, MARKS, type Mark, type Timeline } from "./model";
import { currentTheme, onThemeChange } from "./theme";
import { View, type Span } from "./view";

interface Host {
  postMessage(message: unknown): void;
  getState(): State | undefined;
  setState(state: State): void;
}
/** What outlives the page while another tab is in front. */
interface State {
  hidden: Mark[];
  span?: Span | undefined;
}
declare function acquireVsCodeApi(): Host;

const host = typeof acquireVsCodeApi === "function" ? acquireVsCodeApi() : undefined;
const root = document.getElementById("timeline") ?? document.body;
const before = host?.getState();
const hidden = new Set<Mark>(before?.hidden ?? []);
let span = before?.span;
let view: View | undefined;

function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, string>, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const title = element("h1", {});
const facts = element("span", { class: "facts" });
const legend = element("div", { class: "legend", role: "group", "aria-label": "Shown marks" });
const canvas = element("canvas", {
  tabindex: "0", role: "application", "aria-label": "Timeline of what each writer did. Left and right: events of one writer. Up and down: another writer. Enter: open. Plus, minus, zero: zoom.",
});
const tip = element("div", { class: "tip" });
const spoken = element("div", { class: "spoken", "aria-live": "polite" });
const empty = element("p", { class: "empty" });

function icon(mark: Mark): HTMLCanvasElement {
  const small = element("canvas", { width: "32", height: "32", "aria-hidden": "true" });
  const context = small.getContext("2d");
  const theme = currentTheme();
  if (!context) return small;
  const path = new Path2D();
  context.scale(2, 2);
  shape(path, mark, 8, 8);
  context.strokeStyle = theme.marks[mark];
  context.fillStyle = mark === "read" ? theme.background : theme.marks[mark];
  context.lineWidth = mark === "refused" ? 2.2 : 1.5;
  if (mark !== "refused") context.fill(path);
  context.stroke(path);
  return small;
}

function drawLegend(data: Timeline): void {
  const counts = new Map<Mark, number>();
  for (const mark of data.events.mark) {
    const name = data.marks[mark] ?? "other";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const focused = legend.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["mark"] : undefined;
  legend.replaceChildren(...MARKS.filter((mark) => counts.has(mark)).map((mark) => {
    const button = element("button", { type: "button", "aria-pressed": String(!hidden.has(mark)), "data-mark": mark }, icon(mark), `${MARK_NAMES[mark]} `, element("small", {}, String(counts.get(mark))));
    button.addEventListener("click", () => { toggle(mark, data); });
    return button;
  }));
  if (focused) legend.querySelector<HTMLElement>(`[data-mark="${focused}"]`)?.focus();
}

function toggle(mark: Mark, data: Timeline): void {
  if (!hidden.delete(mark)) hidden.add(mark);
  remember();
  view?.hide(new Set(hidden));
  drawLegend(data);
}

function remember(): void {
  host?.setState({ hidden: [...hidden], span });
}

function moved(to: Span | undefined): void {
  span = to;
  remember();
}

function tool(label: string, text: string, action: () => void): HTMLButtonElement {
  const button = element("button", { type: "button", "aria-label": label, title: label, class: "tool" }, text);
  button.addEventListener("click", action);
  return button;
}

function several(count: number, one: string): string {
  return `${count.toLocaleString()} ${one}${count === 1 ? "" : "s"}`;
}

function opened(seq: number): void {
  if (host) host.postMessage({ type: "open", seq });
  else spoken.textContent = `Event ${seq}: noclobber why ${seq}`;
}

function show(data: Timeline): void {
  title.textContent = data.title;
  const count = data.events.seq.length;
  facts.textContent = `${several(count, "event")}, ${several(data.lanes.length, "writer")}${data.left > 0 ? `; ${data.left.toLocaleString()} older ones are not shown` : ""}`;
  empty.textContent = count > 0 ? "" : "Nothing happened in this time. What agents, editors and tools read and write appears here as it happens.";
  empty.hidden = count > 0;
  drawLegend(data);
  if (view) view.show(data);
  else {
    const shown = span;
    view = new View(canvas, tip, spoken, opened, moved, data);
    if (shown) view.zoomTo(...shown);
  }
  view.hide(new Set(hidden));
  onLegendTheme = () => { drawLegend(data); };
}

let onLegendTheme = (): void => undefined;
onThemeChange(() => { onLegendTheme(); });

function flipTheme(): void {
  const dark = document.body.dataset["theme"] ? document.body.dataset["theme"] === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.body.dataset["theme"] = dark ? "light" : "dark";
}

tip.hidden = true;
const tools = element("div", { class: "tools" }, tool("Zoom in", "+", () => view?.zoomBy(1.5)), tool("Zoom out", "−", () => view?.zoomBy(1 / 1.5)), tool("Show all", "Fit", () => view?.fit()));
if (!host) tools.append(tool("Light or dark", "◐", flipTheme));
root.append(
  element("header", {}, element("div", {}, title, facts), tools),
  legend,
  element("main", {}, canvas, tip, empty),
  spoken,
);

const given = document.getElementById("timeline-data")?.textContent;
if (given) show(JSON.parse(given) as Timeline);
addEventListener("message", (event: MessageEvent<{ type?: string; data?: Timeline }>) => {
  if (event.data.type === "data" && event.data.data) show(event.data.data);
});
host?.postMessage({ type: "ready" });
