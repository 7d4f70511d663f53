// The timeline in light, dark and both high contrasts, at 5, 500 and 20,000 events; and the same as one page of its own.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { noclobber, ROOT } from "./lib/workbench.mjs";
import { sleep, until } from "./lib/steps.mjs";

const THEMES = { light: "Default Light Modern", dark: "Default Dark Modern", contrast: "Default High Contrast", "contrast-light": "Default High Contrast Light" };
const COUNTS = [5, 500, 20_000];

export async function run({ bench, step, artefacts }) {
  for (const count of COUNTS) {
    const root = bench.workspace(`events-${count}`, { "a.txt": "text\n" });
    const env = { ...process.env, PYTHONPATH: `${path.join(ROOT, "core")}:${path.join(ROOT, "server")}` };
    execFileSync("python3", [path.join(import.meta.dirname, "history.py"), root, String(count)], { env });
    const window = await bench.open(root);

    for (const [name, theme] of Object.entries(THEMES)) {
      await step(`${count} events, ${name}: first paint under a second, then smooth`, async () => {
        fs.mkdirSync(path.join(root, ".vscode"), { recursive: true });
        fs.writeFileSync(path.join(root, ".vscode/settings.json"), JSON.stringify({ "workbench.colorTheme": theme, "noclobber.timeline.minutes": 10080 }));
        const wanted = { light: "vs", dark: "vs-dark", contrast: "hc-black", "contrast-light": "hc-light" }[name];
        await window.page.locator(`.monaco-workbench.${wanted}`).waitFor();
        const canvas = window.timeline().locator("main canvas");
        const tries = [];
        while (tries.length < 4 && !tries.some((ms) => ms < 1000)) { // the fastest counts: what others do on this machine is not ours
          if (tries.length > 0) await window.command("View: Close Editor");
          await window.command("noclobber: Open Timeline");
          await until("all events", async () => Number(await canvas.getAttribute("data-events")) >= count);
          tries.push(Number(await canvas.getAttribute("data-first-paint-ms")));
        }
        const painted = Math.min(...tries);
        assert.ok(painted < 1000, `first paint after ${tries.join(", ")} ms`);
        const frames = await canvas.evaluate(zoomInAndOut);
        assert.ok(frames.draw < 17, `drawing takes ${frames.draw} ms`);
        assert.ok(frames.median < 60, `a frame takes ${frames.median} ms`);
        if (count < 20_000) {
          await canvas.focus();
          await canvas.press("0");
          for (let i = 0; i < 3; i++) await canvas.press("ArrowRight");
          assert.notEqual(await window.timeline().locator(".spoken").innerText(), "");
        }
        await window.shot(`timeline-${count}-${name}`);
        await window.command("View: Close Editor");
        return { firstPaintMs: painted, drawMs: frames.draw, frameMs: frames.median, slowestFrameMs: frames.slowest };
      }, window);
    }

    if (count === 5) await step("zooming goes to the event that is pointed at, and stays while another tab is in front", async () => {
      await window.command("noclobber: Open Timeline");
      const canvas = window.timeline().locator("main canvas");
      const span = async () => (await canvas.getAttribute("data-span")).split(" ").map(Number);
      await until("all events", async () => Number(await canvas.getAttribute("data-events")) >= count);
      await canvas.focus();
      await canvas.press("ArrowRight"); // the first event, at the left end
      const whole = await span();
      for (let i = 0; i < 6; i++) await canvas.press("+");
      await until("zoomed in", async () => { const [from, to] = await span(); return to - from < (whole[1] - whole[0]) / 8; });
      const near = await span();
      assert.ok(near[0] - whole[0] < (whole[1] - whole[0]) / 8, `${near} of ${whole}`);
      assert.ok(await window.timeline().locator(".tip").isVisible(), "what is pointed at is still told");
      await window.openFile("a.txt");
      await window.page.locator(".tab", { hasText: "Timeline" }).click();
      await until("drawn again", async () => Number(await canvas.getAttribute("data-events")) >= count);
      await until("as it was", async () => { const [from, to] = await span(); return Math.abs(from - near[0]) + Math.abs(to - near[1]) < (near[1] - near[0]) / 50; });
      await window.command("View: Close All Editors");
    }, window);

    await step(`${count} events as one page: no request, the same picture`, async () => {
      const file = path.join(bench.tmp, `timeline-${count}.html`);
      noclobber(root, "timeline", "--html", file);
      const page = await bench.browser.newPage({ viewport: { width: 1200, height: 600 }, colorScheme: "dark" });
      const asked = [];
      const errors = [];
      page.on("request", (request) => asked.push(request.url()));
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
      await page.goto(`file://${file}`);
      await page.locator("main canvas[data-first-paint-ms]").waitFor();
      assert.ok(Number(await page.locator("main canvas").getAttribute("data-events")) >= count);
      const painted = Number(await page.locator("main canvas").getAttribute("data-first-paint-ms"));
      assert.ok(painted < 1000, `${painted} ms`);
      assert.deepEqual(asked.map((url) => url.split(":")[0]), ["file"]);
      assert.deepEqual(errors, []);
      await page.locator(".legend button").first().click();
      assert.equal(await page.locator(".legend button").first().getAttribute("aria-pressed"), "false");
      await sleep(200);
      await page.screenshot({ path: path.join(artefacts, `timeline-page-${count}.png`) });
      await page.close();
      return `${(fs.statSync(file).size / 1024).toFixed(0)} kB, first paint ${painted} ms`;
    }, window);

    await window.page.context().close();
  }
}

/** Runs in the page: zooms in and out, a step a frame; how long a frame and its drawing took (the median). */
async function zoomInAndOut(canvas) {
  const times = [];
  const draws = [];
  const box = canvas.getBoundingClientRect();
  for (let i = 0; i < 40; i++) {
    canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: i < 20 ? -60 : 60, clientX: box.left + box.width * 0.6, clientY: box.top + box.height / 2, bubbles: true, cancelable: true }));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    await new Promise((resolve) => requestAnimationFrame(resolve));
    times.push(performance.now());
    draws.push(Number(canvas.dataset.drawMs));
  }
  const spans = times.slice(1).map((time, i) => (time - times[i]) / 2).sort((a, b) => a - b);
  const draw = draws.sort((a, b) => a - b)[draws.length >> 1];
  return { draw, median: Math.round(spans[spans.length >> 1]), slowest: Math.round(spans.at(-1)) };
}
